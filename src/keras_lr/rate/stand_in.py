"""What stands in an optimizer's setting whose value is only known when the step runs.

Update rules read `momentum` and its like as Python numbers: they ask whether there is any, cast
them and compute with them. An `Input` answers like a number and is converted to the tensor that it
holds, so that a compiled step has the tensor in it and not today's number. On torch, which runs the
rules in Python at each step and wants numbers, it is a `Number`.
"""

from collections.abc import Callable
from typing import Any

from keras_lr.errors import KerasLRError


class NotAnInput(KerasLRError, TypeError):
    """An update rule asked a setting something that only a constant can answer."""


class Input:
    """A setting whose value is known when the step runs.

    Args:
        value: Scalar tensor of JAX or TensorFlow.
        complement: Scalar tensor of 1 - value. (Keras computes it in double precision from a
            number; in single precision 1 - 0.999 has only four good digits.)
        dtype: Says what it is where a rule converts it and names no type: that of the weights,
            which are known once the rule runs.
    """

    def __init__(
        self, value: Any, complement: Any, *, dtype: Callable[[], Any] = lambda: "float32"
    ) -> None:
        self.value = value
        self.complement = complement
        self._dtype = dtype

    def __jax_array__(self) -> Any:
        return _cast(self.value, self._dtype())

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return _cast(self.value, self._dtype() if dtype is None else dtype)

    def _against_zero(self, other: Any, answer: bool) -> bool:
        # "Is there any momentum?": yes, the slots are built for it, and with momentum 0 the rule
        # computes the same as without it.
        if isinstance(other, int | float) and other == 0:
            return answer
        raise NotAnInput(f"compared with {other!r} while tracing")

    def __bool__(self) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return self._against_zero(other, True)

    def __eq__(self, other: object) -> bool:
        return self._against_zero(other, False)

    def __gt__(self, other: Any) -> bool:
        return self._against_zero(other, True)

    def __le__(self, other: Any) -> bool:
        return self._against_zero(other, False)

    __hash__ = None  # type: ignore[assignment]

    def __float__(self) -> float:
        raise NotAnInput("read as a Python number while tracing")

    def __add__(self, other: Any) -> Any:
        return _beside(self.value, other) + other

    __radd__ = __add__

    def __mul__(self, other: Any) -> Any:
        return _beside(self.value, other) * other

    __rmul__ = __mul__

    def __sub__(self, other: Any) -> Any:
        return -self.complement if _is_one(other) else _beside(self.value, other) - other

    def __rsub__(self, other: Any) -> Any:
        return self.complement if _is_one(other) else other - _beside(self.value, other)

    def __neg__(self) -> Any:
        return -self.value

    def __truediv__(self, other: Any) -> Any:
        return _beside(self.value, other) / other

    def __rtruediv__(self, other: Any) -> Any:
        return other / _beside(self.value, other)

    def __pow__(self, other: Any) -> Any:
        return _beside(self.value, other) ** other

    def __rpow__(self, other: Any) -> Any:
        return other ** _beside(self.value, other)


class Number(float):
    """A number that is never zero to those who ask whether there is any momentum.

    A rule that left the momentum slots alone at a step with momentum 0 would go on from an old
    direction at the next.
    """

    def __bool__(self) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return True if other == 0 else super().__ne__(other)

    def __eq__(self, other: object) -> bool:
        return False if other == 0 else super().__eq__(other)

    def __gt__(self, other: Any) -> bool:
        return True if other == 0 else super().__gt__(other)

    def __le__(self, other: Any) -> bool:
        return False if other == 0 else super().__le__(other)

    __hash__ = float.__hash__


def _is_one(other: Any) -> bool:
    return isinstance(other, int | float) and other == 1


def _beside(value: Any, other: Any) -> Any:
    """`value` in the type of a tensor of floats that it meets, as a Python number would be."""
    import keras

    if not (keras.ops.is_tensor(other) or isinstance(other, keras.Variable)):
        return value
    dtype = keras.backend.standardize_dtype(other.dtype)
    return _cast(value, dtype) if "float" in dtype else value


def _cast(value: Any, dtype: Any) -> Any:
    import keras

    return keras.ops.cast(value, keras.backend.standardize_dtype(dtype))
