"""The run that a `fit` is, as schedules see it: counted in updates, epochs and samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.rate import Control, samples_per_batch
from keras_lr.rate.leaves import batches_per_update
from keras_lr.schedules import Horizon, Plan, Schedule

_LOOKS = 2000
"""Steps of a run at which a schedule's values are checked, at most (and its marks)."""


@dataclass(frozen=True)
class Layout:
    """A `fit` in numbers.

    Args:
        batches: Batches of an epoch; 0 where the data has no length.
        epochs: Epochs of the run.
        accumulations: Batches that make one update, for each leaf.
        batch_size: Samples in a batch; the mean where an epoch's last one is smaller. `None` if
            the data doesn't say.
    """

    batches: int
    epochs: int
    accumulations: tuple[int, ...]
    batch_size: float | None

    @classmethod
    def of(cls, control: Control, params: Mapping[str, Any], batch_size: float | None) -> "Layout":
        """Of the running fit.

        Args:
            control: Of the rate of the model.
            params: What Keras tells callbacks.
            batch_size: What the user says; `None` asks the data.
        """
        return cls(
            int(params.get("steps") or 0),
            int(params.get("epochs") or 1),
            tuple(batches_per_update(leaf) for leaf in control.leaves),
            batch_size or samples_per_batch(control.model),
        )

    @property
    def steps_per_epoch(self) -> float:
        """Updates of the first leaf in an epoch."""
        return self.batches / self.accumulations[0]

    def resolve(self, schedule: Schedule | None) -> list[Plan]:
        """`schedule` over the run, for each leaf; nothing without a schedule.

        Where the data has no length, a schedule whose lengths are all in steps is its own run.

        Raises:
            InvalidInput: It doesn't fit, or the length of the run or a batch's size isn't known.
        """
        if schedule is None:
            return []
        if not self.batches and schedule.missing() is None:
            alone = schedule.resolve(steps=schedule.span() or _LOOKS)
            return [alone for _ in self.accumulations]
        if not self.batches:
            raise InvalidInput(
                "The data has no length, so the steps of the run aren't known. Write "
                "model.fit(..., steps_per_epoch=N), or every length of the schedule in steps. "
                f"Received: {schedule}, whose {schedule.missing()} depends on the run."
            )
        return [schedule.resolve(self._horizon(each)) for each in self.accumulations]

    def _horizon(self, accumulated: int) -> Horizon:
        return Horizon(
            max(1, self.batches * self.epochs // accumulated),
            self.batches / accumulated,
            None if self.batch_size is None else self.batch_size * accumulated,
        )


def check_values(setting: str, plan: Plan) -> None:
    """Refuse a schedule of momentum or weight decay that leaves what an optimizer can use.

    Raises:
        InvalidInput: A momentum outside [0, 1), or a weight decay below 0, at some step.
    """
    last = plan.horizon.steps - 1
    turns = [mark.step + side for mark in plan.marks() for side in (-1, 0)]
    spread = np.linspace(0, last, min(last + 1, _LOOKS)).round()
    steps = np.unique(np.clip([*spread, *turns], 0, last)).astype(np.int64)
    values = plan(steps)
    momentum = setting == "momentum"
    wrong = ~(np.isfinite(values) & (values >= 0) & ((values < 1) | (not momentum)))
    if wrong.any():
        where = int(np.argmax(wrong))
        allowed = "at least 0 and below 1" if momentum else "at least 0"
        example = "OneCycle(0, 0).between(0.95, 0.85)" if momentum else "Cosine().between(0, 1e-4)"
        raise InvalidInput(
            f"{setting}= gives the setting itself, not a factor of it, and must be {allowed}. Write "
            f"e.g. {setting}={example}. Received: {plan}, which gives {values[where]:.4g} at step "
            f"{steps[where]}."
        )
