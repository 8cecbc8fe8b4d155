"""Schedules from elsewhere: Keras's own, plain callables, numbers and text."""

import inspect
import math
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.schedules.checks import shown
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule


def as_schedule(value: Any) -> Schedule:
    """`value` as a schedule.

    Args:
        value: A `Schedule` (given back as it is); Keras's `LearningRateSchedule` (its values are
            rates: `.absolute`; one of `to_keras` becomes what it was made of); a callable from the step to a factor, as torch's `LambdaLR` takes;
            a text such as "cosine() | warmup(5%)"; or a number, for a constant factor.

    Raises:
        InvalidInput: It is none of these.
    """
    from keras_lr.schedules.plan import Plan
    from keras_lr.schedules.shapes.constant import Constant

    if isinstance(value, Plan):
        return value.schedule
    if isinstance(value, Schedule):
        return value
    if isinstance(value, str):
        from keras_lr.schedules.parser import parse

        return parse(value)
    if isinstance(value, Real) and not isinstance(value, bool):
        return Constant(value)  # type: ignore[arg-type]
    if _is_keras_schedule(value):
        from keras_lr.schedules.keras_schedule import PlannedRate

        if type(value) is PlannedRate:  # ours already: what it is made of is known
            return value.schedule if value.base is None else value.schedule.rate(value.base)
        return Keras(value)
    if isinstance(value, type) and issubclass(value, Schedule):
        raise InvalidInput(f"A schedule, not its class: write {value.__name__}(...).")
    if callable(value):
        return Function(value)
    raise InvalidInput(
        "A schedule is a keras_lr schedule, a Keras LearningRateSchedule, a callable from the step "
        'to a factor, a text such as "cosine() | warmup(5%)", or a number. '
        f"Received: {value!r}."
    )


@register
@dataclass(frozen=True)
class Keras(Schedule):
    """One of Keras's own schedules; its values are rates, not factors.

    Args:
        schedule: A `keras.optimizers.schedules.LearningRateSchedule`.
    """

    schedule: Any

    def __post_init__(self) -> None:
        if not _is_keras_schedule(self.schedule):
            raise InvalidInput(
                "Keras(...) takes a keras.optimizers.schedules.LearningRateSchedule. "
                f"Received: {self.schedule!r}."
            )

    @property
    def absolute(self) -> bool:
        """Its values are rates."""
        return True

    def formula(self, step: Any, xp: Any) -> Any:
        """What Keras computes, in its float32."""
        if xp is not np:
            return _traced(self.schedule, step, lambda: self._number(0), self.label)
        steps = step.ravel().tolist()
        if len(steps) > 1 and (values := self._mapped(steps)) is not None:
            return values.reshape(step.shape)
        return np.array([self._number(value) for value in steps]).reshape(step.shape)

    def stretched(self, factor: float) -> Schedule:
        """Refused: its lengths are Keras's.

        Raises:
            InvalidInput: Always, with what to write.
        """
        raise InvalidInput(
            f"{self.label} holds its own lengths, so it can't be stretched. Translate it first: "
            f"stretch(peers.keras.from_keras(schedule), {factor:g}), with peers from "
            f"keras_lr.schedules. Received: {self}."
        )

    @property
    def label(self) -> str:
        """The class of the schedule."""
        return type(self.schedule).__name__

    def _number(self, step: float) -> float:
        from keras import ops

        return float(self.schedule(ops.convert_to_tensor(step)))

    def _mapped(self, steps: list[float]) -> np.ndarray | None:
        """All steps in one loop of the backend (eager `ops.cond` takes 50 ms a step on JAX)."""
        from keras import ops

        try:
            values = ops.map(self.schedule, ops.convert_to_tensor(steps))
            return np.asarray(ops.convert_to_numpy(values), dtype=np.float64)
        except Exception:  # it branches on the step, which only numbers allow
            return None

    def settings(self) -> dict[str, Any]:
        """Keras's own config of it."""
        import keras

        return {"config": keras.saving.serialize_keras_object(self.schedule)}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Keras":
        """From Keras's own config."""
        import keras

        config = settings["config"]
        try:
            schedule = keras.saving.deserialize_keras_object(config)
        except Exception as error:  # Keras raises what it comes upon: KeyError, TypeError, ...
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise InvalidInput(
                "Keras can't read this config of one of its schedules. Import the module that "
                "defines and registers the class first, and store it with "
                f"keras_lr.schedules.serialize. Received: {shown(config)} ({shown(reason)})."
            ) from error
        return cls(schedule)


@register
@dataclass(frozen=True)
class Function(Schedule):
    """A plain callable from the step to a factor.

    In the compiled step it is traced, so it must compute with operators and `keras.ops`, and not
    branch on the step. It gets the step as a float32 tensor there, and as a number elsewhere.

    Args:
        function: step -> factor.
    """

    function: Callable[[Any], Any]

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise InvalidInput(f"Function(...) takes a callable. Received: {self.function!r}.")
        if not _takes_one(self.function):
            raise InvalidInput(
                "A callable takes the step, and nothing else: write e.g. lambda step: 0.5. "
                f"Received: {self.label}{inspect.signature(self.function)}."
            )

    def formula(self, step: Any, xp: Any) -> Any:
        """What the callable answers."""
        if xp is np:
            values = [self._number(value) for value in step.ravel().tolist()]
            return np.array(values, dtype=np.float64).reshape(step.shape)
        steps = xp.cast(step, "float32")
        value = _traced(
            lambda traced: xp.cast(xp.convert_to_tensor(self.function(traced)), "float32"),
            steps,
            lambda: self._number(0),
            self.label,
        )
        return xp.ones_like(steps) * value  # a constant answer has no shape

    def stretched(self, factor: float) -> Schedule:
        """Refused: nobody knows a callable's lengths.

        Raises:
            InvalidInput: Always, with what to write.
        """
        raise InvalidInput(
            f"The lengths inside the callable {self.label} aren't known, so it can't be stretched. "
            f"Write a callable that takes its time: lambda step: schedule(step / {factor:g}). "
            f"Received: {self}."
        )

    @property
    def label(self) -> str:
        """The callable's name."""
        return getattr(self.function, "__qualname__", type(self.function).__name__)

    def settings(self) -> dict[str, Any]:
        """The name under which the callable is registered with Keras.

        Raises:
            InvalidInput: It isn't registered: code can't be stored as data.
        """
        import keras

        registered = keras.saving.get_registered_name(self.function)
        if keras.saving.get_registered_object(registered) is not self.function:
            raise InvalidInput(
                f"The callable {self.label} can't be stored. Compose the schedule of keras_lr's "
                "shapes, or give it a name: @keras.saving.register_keras_serializable() above a "
                "`def`."
            )
        return {"function": registered}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Function":
        """From the name under which the callable is registered with Keras."""
        import keras

        name = settings["function"]
        function = keras.saving.get_registered_object(name) if isinstance(name, str) else None
        if function is None:
            raise InvalidInput(
                f"No callable is registered with Keras as {shown(name)}. Import the "
                "module that defines it first."
            )
        return cls(function)

    def _number(self, step: float) -> float:
        value = self.function(step)
        try:
            plain = math.nan if isinstance(value, str) else float(value)  # eager tensors too
        except (TypeError, ValueError):
            plain = math.nan
        if math.isfinite(plain) and plain >= 0:
            return plain
        raise InvalidInput(
            f"The schedule {self.label} must answer with a finite number, 0 or above: a factor of "
            "the optimizer's rate (or, for momentum= and weight_decay=, the value). "
            f"Received: {value!r} at step {step}."
        )


def _takes_one(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(0)
    except TypeError:
        return False
    except ValueError:  # one of C's that doesn't tell
        return True
    return True


def _is_keras_schedule(value: Any) -> bool:
    if "keras" not in sys.modules:  # then nothing can be one
        return False
    from keras.optimizers.schedules import LearningRateSchedule

    return isinstance(value, LearningRateSchedule)


def _traced(call: Callable[[Any], Any], step: Any, number: Callable[[], float], label: str) -> Any:
    """`call(step)` for a tensor, with advice where it only works for numbers."""
    try:
        return call(step)
    except Exception as error:
        # The user's own mistake shows with a number too, and is raised as itself. A trace belongs
        # to its thread, so that another one computes with numbers.
        with ThreadPoolExecutor(1) as outside:
            outside.submit(number).result()
        reason = (str(error).strip().splitlines() or [""])[0]
        raise InvalidInput(
            f"The schedule {label} works on numbers but not inside the compiled training step, "
            "where the step is a traced tensor: it can't branch on it (`if step < n`) or give it "
            "to `math`. Use keras.ops (keras.ops.where(step < n, a, b)), or "
            f"schedules.Piecewise([n], [a, b]). Received: {type(error).__name__}: {reason}"
        ) from error
