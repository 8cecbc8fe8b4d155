"""Rates and settings of stock optimizers as inputs of a traced step, not constants in it.

Keras reads `optimizer.momentum` and its like as Python numbers, so a trace bakes them in. While a
step is traced, `given` puts an `Input` there: an object that JAX converts to a traced value, and
which answers the few questions and does the arithmetic that update rules do with a number. The
rate needs no disguise: Keras calls a callable in the `_learning_rate` slot while it traces.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from keras_lr.errors import KerasLRError


class NotAnInput(KerasLRError, TypeError):
    """An update rule asked a setting something that only a constant can answer."""


class Input:
    """A setting whose value is known when the step runs.

    Args:
        value: Scalar tracer.
        complement: Scalar tracer of 1 - value, which the host computed in double precision as
            Keras does; in single precision 1 - 0.999 has only four good digits.
    """

    def __init__(self, value: Any, complement: Any) -> None:
        self.value = value
        self.complement = complement

    def __jax_array__(self) -> Any:
        return self.value

    def _against_zero(self, other: Any, answer: bool) -> bool:
        # "Is there any momentum?": yes, the program is built for it, and computes the same
        # with momentum 0 as the rule without it.
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
        return self.value + other

    __radd__ = __add__

    def __mul__(self, other: Any) -> Any:
        return self.value * other

    __rmul__ = __mul__

    def __sub__(self, other: Any) -> Any:
        return -self.complement if _is_one(other) else self.value - other

    def __rsub__(self, other: Any) -> Any:
        return self.complement if _is_one(other) else other - self.value

    def __neg__(self) -> Any:
        return -self.value

    def __truediv__(self, other: Any) -> Any:
        return self.value / other

    def __rtruediv__(self, other: Any) -> Any:
        return other / self.value

    def __pow__(self, other: Any) -> Any:
        return self.value**other

    def __rpow__(self, other: Any) -> Any:
        return other**self.value


def _is_one(other: Any) -> bool:
    return isinstance(other, int | float) and other == 1


def pair(value: float) -> tuple[float, float]:
    """A setting's value and its complement, as `given` takes them."""
    return float(value), 1.0 - float(value)


@contextlib.contextmanager
def given(leaves: list[Any], rates: Any, settings: Mapping[str, Any]) -> Iterator[None]:
    """Let stock optimizers use these values while a step is traced.

    Args:
        leaves: The stock optimizers (`keras_lr.rate.leaves`).
        rates: Traced, shape `(len(leaves),)`: the rate of each.
        settings: Name to a traced array of shape `(2,)`: value and complement (`pair`).
    """
    kept: list[tuple[Any, str, Any]] = []
    try:
        for index, leaf in enumerate(leaves):
            rate = rates[index]
            _put(kept, leaf, "_learning_rate", lambda rate=rate: rate)
            for name, value in settings.items():
                if hasattr(leaf, name):
                    _put(kept, leaf, name, Input(value[0], value[1]))
        yield
    finally:
        for leaf, name, value in reversed(kept):
            object.__setattr__(leaf, name, value)


def _put(kept: list[tuple[Any, str, Any]], leaf: Any, name: str, value: Any) -> None:
    kept.append((leaf, name, vars(leaf)[name]))
    # Past Keras's own __setattr__, whose tracker would take note of it.
    object.__setattr__(leaf, name, value)
