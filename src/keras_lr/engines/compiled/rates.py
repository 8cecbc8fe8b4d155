"""The rate of every step of a trial as a table: base × schedule × reduction, on the host.

It says for one trial what `LearningRate` would trace into its training step, so both engines train
with the same rates: the settable part is rounded to single precision, as the variable that holds
it is, and schedules count updates.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_lr.rate import leaves, own_schedule, rate_variable
from keras_lr.rate.leaves import batches_per_update, log_keys
from keras_lr.schedules import Horizon, Schedule


class RateTable:
    """The rates of one trial.

    Args:
        optimizer: The optimizer as the trial starts with it: it gives the bases (or its own
            Keras schedules), and the accumulation of gradients.
        base: The trial's `learning_rate` setting, or `None` for the optimizer's own.
        schedule: The trial's schedule, or `None`.
        batches: Batches in an epoch; `None` when unknown, and then a schedule can't be resolved.
        epochs: Epochs of the trial.
        batch_size: Samples in a batch, the mean over an epoch; `None` if unknown.
        reduced: Whether the trial has rules (an optimizer's own schedule then counts updates
            instead of batches, as under `LearningRate`).
    """

    def __init__(
        self,
        optimizer: Any,
        base: float | None,
        schedule: Schedule | None,
        *,
        batches: int | None,
        epochs: int,
        batch_size: float | None = None,
        reduced: bool,
    ) -> None:
        import keras

        self.keys = log_keys(optimizer)
        self._parts: list[_Part] = []
        for leaf in leaves(optimizer):
            accumulated = batches_per_update(leaf)
            plan = None
            if schedule is not None:
                assert batches, "the caller refuses a schedule over data without length"
                horizon = Horizon(
                    max(1, batches * epochs // accumulated),
                    batches / accumulated,
                    None if batch_size is None else batch_size * accumulated,
                )
                plan = schedule.resolve(horizon)
            own = own_schedule(leaf)
            if base is None and own is not None:
                if plan is not None and plan.absolute:
                    # Its values replace those of the optimizer's own schedule.
                    start = float(evaluate(own, np.array([0]))[0])
                    part = _Part(start, None, plan, accumulated, True)
                else:
                    part = _Part(1.0, own, plan, accumulated, schedule is not None or reduced)
            else:
                rate = rate_variable(leaf) if base is None else base
                value = float(keras.ops.convert_to_numpy(rate))
                part = _Part(float(np.float32(value)), None, plan, accumulated, True)
            self._parts.append(part)
        self.accumulated = self._parts[0].accumulated

    def settable(self, done: int, reduction: float) -> float:
        """What rules see after `done` batches: the rate apart from the trial's schedule, of the
        lowest member of a `MultiOptimizer`, whom a floor meets first."""
        return min(part.base * part.own_rate(done) for part in self._parts) * reduction

    def rates(self, start: int, stop: int, reduction: float) -> np.ndarray:
        """float32, shape `(stop - start, leaves)`: the rate of each batch of the run."""
        return np.stack([part.rates(start, stop, reduction) for part in self._parts], axis=1)

    def logged(self, done: int, reduction: float) -> dict[str, float]:
        """What `LearningRate` logs after `done` batches: each leaf's rate at its last update."""
        values = [part.last(done, reduction) for part in self._parts]
        return dict(zip(self.keys, values, strict=True))


class _Part:
    """The rate of one stock optimizer."""

    def __init__(
        self, base: float, own: Any, plan: Schedule | None, accumulated: int, follows: bool
    ) -> None:
        self.base = base
        self.own = own
        self.plan = plan
        self.accumulated = accumulated
        self.own_counts_updates = follows

    def rates(self, start: int, stop: int, reduction: float) -> np.ndarray:
        batches = np.arange(start, stop)
        updates = batches // self.accumulated
        values = np.full(len(batches), np.float32(self.base * reduction), np.float32)
        if self.own is not None:
            counts = updates if self.own_counts_updates else batches
            values = values * evaluate(self.own, counts)
        if self.plan is not None:
            values = values * self._factor(updates).astype(np.float32)
        return values

    def last(self, done: int, reduction: float) -> float:
        value = float(np.float32(self.base * reduction)) * self.own_rate(done)
        if self.plan is not None:
            value *= float(self._factor(np.array([self._update(done)]))[0])
        return value

    def own_rate(self, done: int) -> float:
        """What the optimizer's own schedule gave at the last update; 1 without one."""
        if self.own is None:
            return 1.0
        count = self._update(done) if self.own_counts_updates else max(0, done - 1)
        return float(evaluate(self.own, np.array([count]))[0])

    def _update(self, done: int) -> int:
        return max(0, (done - self.accumulated) // self.accumulated)

    def _factor(self, updates: np.ndarray) -> np.ndarray:
        assert self.plan is not None
        if self.plan.absolute:
            return evaluate(self.plan, updates) / self.base
        return np.asarray(self.plan(updates), np.float64)


def evaluate(schedule: Any, steps: Sequence[int] | np.ndarray) -> np.ndarray:
    """A schedule of Keras's kind at many steps at once, traced as the training step traces it."""
    import jax
    import jax.numpy as jnp

    function = jax.vmap(lambda step: jnp.asarray(schedule(step), jnp.float32))
    return np.asarray(function(jnp.asarray(steps, jnp.int32)))
