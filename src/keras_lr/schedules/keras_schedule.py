"""A schedule as one of Keras's own, for an optimizer in a training loop of one's own.

Importing this module imports Keras, so nothing here does before it is asked to:
`schedules.PlannedRate` and `schedule.to_keras(...)` are what ask.
"""

from collections.abc import Mapping
from typing import Any

import keras

from keras_lr.errors import InvalidInput
from keras_lr.schedules.checks import positive, shown
from keras_lr.schedules.config import deserialize, serialize
from keras_lr.schedules.foreign import as_schedule
from keras_lr.schedules.steps import as_tensor


@keras.saving.register_keras_serializable(package="keras_lr")
class PlannedRate(keras.optimizers.schedules.LearningRateSchedule):
    """base × schedule(step), as Keras's optimizers take it: `SGD(plan.to_keras(0.1))`.

    It is saved with the model. A process that loads the model imports it first, as with every
    class that Keras doesn't have: `from keras_lr.schedules import PlannedRate`.

    Keras hands it the optimizer's `iterations`. Under gradient accumulation those are batches, not
    updates, so count a plan for such an optimizer in batches.

    Args:
        schedule: A schedule whose lengths are all in steps; a plan is one.
        base: The rate that its factors multiply, above 0; `None` where its values are rates.

    Raises:
        UnresolvedSchedule: A length isn't known in steps yet; call `resolve` first.
        InvalidInput: The base is missing, or isn't needed.

    >>> from keras_lr.schedules import Linear
    >>> float(PlannedRate(Linear(length=10), 0.5)(5))
    0.25
    """

    def __init__(self, schedule: Any, base: float | None = None) -> None:
        super().__init__()
        self.schedule = as_schedule(schedule)
        self.schedule(0)  # refuses lengths that aren't steps yet
        if self.schedule.absolute and base is not None:
            raise InvalidInput(
                f"The values of {self.schedule} are rates already. Write .to_keras() without a "
                f"base. Received: base={base!r}."
            )
        if not self.schedule.absolute and base is None:
            raise InvalidInput(
                f"{self.schedule} gives factors of a rate. Write .to_keras(0.1) with the rate that "
                "they multiply. Received: base=None."
            )
        self.base = None if base is None else positive(base, "to_keras", "base")

    def __call__(self, step: Any) -> Any:
        """The rate at `step`, a tensor (float32)."""
        value = self.schedule(as_tensor(step))
        return value if self.base is None else value * self.base

    def get_config(self) -> dict[str, Any]:
        """Plain data: the schedule's config and the base."""
        return {"schedule": serialize(self.schedule), "base": self.base}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "PlannedRate":
        """What `get_config` describes.

        Raises:
            InvalidInput: It describes none.
        """
        if not isinstance(config, Mapping) or "schedule" not in config:
            raise InvalidInput(
                "PlannedRate's config holds a schedule and a base, as get_config() gives them. "
                f"Received: {shown(config)}."
            )
        return cls(deserialize(config["schedule"]), config.get("base"))
