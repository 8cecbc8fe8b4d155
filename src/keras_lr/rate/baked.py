"""What a compiled training step holds as constants, and when it has to be compiled anew.

On JAX and TensorFlow Keras reads an optimizer's settings once, when the step is traced: `momentum`,
`beta_1`, `weight_decay`, clipping, the schedule in the rate's slot, and what a function there
answers. A change afterwards is reported everywhere and does nothing. So what a step was traced with
is noted, from one fit of a model to the next on the model itself.
"""

import weakref
from collections.abc import Collection
from typing import Any

from keras_lr.rate.leaves import chain, leaves, own_schedule

_NOTE = "_keras_lr_baked"
_NOT_TRACED = ("built", "lr", "decay")


class Baked:
    """What the training step of one `fit` holds.

    Args:
        optimizer: The model's.
    """

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer
        self._holds: list[dict[str, Any]] = []

    @property
    def constant(self) -> bool:
        """Whether the step holds settings at all: not on torch, which reads them at each step."""
        return not _runs_in_python()

    def begin(self, model: Any, but: Collection[str] = ()) -> None:
        """Let the step be compiled anew if it holds something else.

        What a step holds that was compiled without keras-lr isn't known. It is made anew where a
        schedule or a function stands in the rate's slot, which may be another one by now.

        Args:
            model: The model, whose fit begins.
            but: Attributes that the step doesn't hold, because they follow a schedule.
        """
        if _runs_in_python():
            return
        step, self._holds = vars(model).get(_NOTE, (None, []))
        known = step is not None and step() is _step(model)
        changed = self._look(but)
        stale = bool(changed) if known else any("learning_rate" in each for each in self._holds)
        if stale and _has_trained(self._optimizer):
            model.make_train_function(force=True)
        self._note(model)

    def look(self, model: Any, but: Collection[str] = ()) -> list[str]:
        """Let the step be compiled anew if a setting was assigned since the last look.

        Returns:
            The names of those settings.
        """
        if _runs_in_python():
            return []
        changed = self._look(but)
        if changed:
            model.make_train_function(force=True)
            self._note(model)
        return changed

    def value(self, leaf: Any, name: str) -> float | None:
        """A setting of a leaf as the step has it; `None` where that is no number."""
        index = next(i for i, found in enumerate(chain(self._optimizer)) if found is leaf)
        held = self._holds[index] if self._holds else {}
        value: Any = held.get(name, getattr(leaf, name, None))
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if is_number else None

    def _note(self, model: Any) -> None:
        # Weakly: JAX finds the trace of an equal function again for as long as one is kept.
        step = _step(model)
        vars(model)[_NOTE] = (None if step is None else weakref.ref(step), self._holds)

    def _look(self, but: Collection[str]) -> list[str]:
        before = self._holds
        self._holds = now = [_settings(found, but) for found in chain(self._optimizer)]
        names = [
            name
            for old, new in zip(before, now, strict=False)  # nothing is held before the first
            for name in {**old, **new}
            if name not in but and not (name in old and name in new and old[name] == new[name])
        ]
        return list(dict.fromkeys(names))


class _Answer:
    """What a function in the rate's slot answers now; equal while it answers the same."""

    def __init__(self, function: Any) -> None:
        import keras

        self.function = function
        self.value = float(keras.ops.convert_to_numpy(function()))

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, _Answer) and self.function is other.function
        return same and self.value == other.value  # type: ignore[union-attr]

    __hash__ = None  # type: ignore[assignment]


class _Object:
    """A schedule, equal to itself alone."""

    def __init__(self, schedule: Any) -> None:
        self.schedule = schedule

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Object) and self.schedule is other.schedule

    __hash__ = None  # type: ignore[assignment]


def _settings(optimizer: Any, but: Collection[str]) -> dict[str, Any]:
    """What is traced as a constant: numbers, and what stands in the rate's slot."""
    import keras

    found: dict[str, Any] = {
        name: value
        for name, value in vars(optimizer).items()
        if not name.startswith("_") and name not in _NOT_TRACED and name not in but
        if value is None or isinstance(value, bool | int | float)
    }
    own = own_schedule(optimizer)
    if own is not None:
        is_schedule = isinstance(own, keras.optimizers.schedules.LearningRateSchedule)
        found["learning_rate"] = _Object(own) if is_schedule else _Answer(own)
    return found


def _step(model: Any) -> Any:
    """Keras's own training function, without what stands before it."""
    return getattr(model.train_function, "inner", model.train_function)


def _has_trained(optimizer: Any) -> bool:
    """Whether the optimizer has been at work, so that a step may have been compiled."""
    return optimizer.built and any(int(leaf._iterations.numpy()) for leaf in leaves(optimizer))


def _runs_in_python() -> bool:
    """Whether optimizers read their settings at each step: on torch."""
    import keras

    return keras.backend.backend() == "torch"
