"""The callback that ties schedules and rules to a model: rate = base × schedule × reduction."""

import math
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import keras

from keras_lr.callbacks.advice import is_numeric, warn_misfit, warn_unknown, warn_unseen
from keras_lr.callbacks.record import Explanation, RateEvent, RunRecord
from keras_lr.callbacks.snapshot import Snapshot, is_finite
from keras_lr.errors import InvalidInput, TrainingDiverged
from keras_lr.rate import Control
from keras_lr.rules import Decision, Observation, Rule, RuleStates
from keras_lr.schedules import Horizon, Schedule, as_schedule


class LearningRate(keras.callbacks.Callback):
    """Control the learning rate of a `fit`: base × schedule × reduction.

    The base is the optimizer's own rate. The schedule is traced into the compiled training step
    and counts updates (not batches: under gradient accumulation several batches make one update).
    The rules look at each epoch's logs and reduce the rate. After `fit` the model is a plain Keras
    model, whose optimizer holds base × reduction, as after Keras's own `ReduceLROnPlateau`.

    Works with any stock optimizer, built with a number or a schedule, inside `LossScaleOptimizer`,
    and on each member of a `MultiOptimizer`. Several callbacks of keras-lr in one `fit` share the
    product.

    Args:
        schedule: A `keras_lr.schedules` object, its text form, a Keras `LearningRateSchedule`
            (its values are rates and replace the base), or a function from the update count to a
            factor of the base. Lengths in epochs or shares are resolved when `fit` begins; the
            schedule starts with each `fit`, at the position that `initial_epoch` says.
        rules: Rules such as `rules.Plateau()` and `rules.Divergence()`. Used again in a later
            `fit` of the same model, this callback's rules go on where they stood.
        verbose: 1 prints each reduction.

    Attributes:
        record: What happened to the rate, and why (`RunRecord`).

    Raises:
        InvalidInput: Before training starts, when the schedule doesn't fit the run.
        TrainingDiverged: When a `Divergence` rule gives up; the last good state was restored.

    Example:

    ```python
    model.fit(x, y, epochs=30, callbacks=[
        keras_lr.LearningRate(
            schedule=schedules.Cosine().warmup("5%"),
            rules=[rules.Plateau("val_loss"), rules.Divergence()],
        ),
    ])
    ```
    """

    # Keras waits for each step before it calls a batch hook, unless the callback says that it
    # needs no waiting; this one looks at the first batch only.
    async_safe = True

    def __init__(
        self,
        schedule: Schedule | Callable[..., Any] | str | float | None = None,
        rules: Rule | Iterable[Rule] = (),
        *,
        verbose: int = 0,
    ) -> None:
        super().__init__()
        self.schedule = None if schedule is None else as_schedule(schedule)
        self.rules = _checked(rules)
        self.verbose = verbose
        self.record = RunRecord(schedule=None if self.schedule is None else str(self.schedule))
        self._states = RuleStates.start(self.rules)
        self._control: Control | None = None
        self._resolved: list[Schedule] = []
        self._good: Snapshot | None = None
        self._left: tuple[weakref.ref[Any], list[float]] | None = None
        self._first_bases: list[float] = []

    # -- fit ------------------------------------------------------------------------------------

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Resolve the schedule against this run; refuse what can't work before it starts."""
        model = self.model
        self._go_on(model)
        self._good = None
        self._first_batch: dict[str, float] | None = None
        self._per_execution = int(getattr(model, "steps_per_execution", 1))
        self.record.epochs = int(self.params.get("epochs") or 1)
        warn_unknown(self.rules, model)
        control = Control.join(model, self, factor=self._states.reduction)
        try:
            self._resolved = self._resolve(control)
        except BaseException:
            control.leave(self)
            raise
        self._control = control
        self._placed = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Place the schedule, when the epoch at which the run starts is known."""
        control = self._running()
        if not self._placed:
            self._placed = True
            self._first_bases = list(control.bases)
            if self.schedule is not None or (self.rules and control.needs_following()):
                control.follow(self, self._factors(control), epoch * self._batches)
            if any(rule.restores for rule in self.rules):
                self._good = Snapshot.take(self.model, epoch)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the first batch's loss, by which `Divergence` judges the first epoch."""
        # Batch hooks may run late and in any order, so it is the number that tells the first.
        if batch < self._per_execution and self._first_batch is None and self._good is not None:
            self._first_batch = {
                rule.monitor: float(logs[rule.monitor])
                for rule in self.rules
                if rule.restores and logs and rule.monitor in logs
            }

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Log the epoch's rate, show the epoch to the rules, and do what they decide."""
        logs = {} if logs is None else logs
        model, control = self.model, self._running()
        step = int((epoch + 1) * self.record.steps_per_epoch)
        if control.adopt():
            # Whoever did it did it in this epoch; from its start on is as near as one can say.
            started = int(epoch * self.record.steps_per_epoch)
            self._note(started, epoch, "set", 1.0, "the rate was assigned from outside")
        for key, rate in zip(control.log_keys, control.read(updates_ago=1), strict=True):
            logs.setdefault(key, rate)
        if not self.rules:
            return
        restores = self._good is not None
        finite = is_finite(model) if restores else True
        values = {key: float(value) for key, value in logs.items() if is_numeric(value)}
        if self._first_batch:
            first = Observation(0, -1, self._first_batch, control.settable)
            self._states = self._states.begin(first)
        self._first_batch = {}
        seen = Observation(step, epoch, values, control.settable, finite)
        self._states, decisions = self._states.update(seen)
        for rule, decision in decisions:
            self._apply(rule, decision, step, epoch)
        if restores and not any(d.rollback for _, d in decisions):
            self._good = Snapshot.take(model, epoch + 1)
        if epoch + 1 == self.record.epochs:
            warn_unseen(self._states, values)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Leave the model as plain Keras, with base × reduction as its rate."""
        control = self._running()
        control.adopt()
        control.leave(self)
        self._left = (weakref.ref(self.model), list(control.assigned))
        self._control = None
        self._good = None

    # -- what the rate is made of ---------------------------------------------------------------

    def explain(self, step: int) -> Explanation:
        """What makes up the rate of one step of the run.

        Args:
            step: The update, counted from the start of the run (the first is 0). A step in the
                future is explained with the reductions so far.

        Returns:
            An `Explanation`; `print` it for one line. For a `MultiOptimizer` it is the first
            member's.

        Raises:
            InvalidInput: Before the callback has seen a `fit`.
        """
        if not self._first_bases:
            raise InvalidInput(
                "explain() needs a run: pass this callback to model.fit(callbacks=[...]) first."
            )
        reductions: dict[str, float] = {}
        base = self._first_bases[0]
        for event in self.record.events:
            if event.step > step:
                continue
            if event.cause == "set":
                base = event.rate / math.prod(reductions.values())
            else:
                reductions[event.cause] = reductions.get(event.cause, 1.0) * event.factor
        factor = 1.0
        if self._resolved:
            schedule = self._resolved[0]
            factor = float(schedule(step)) / (self._first_bases[0] if schedule.absolute else 1.0)
        return Explanation(step, base, factor, reductions)

    # -- parts ----------------------------------------------------------------------------------

    def _running(self) -> Control:
        if self._control is None:
            raise InvalidInput("LearningRate works inside model.fit(callbacks=[...]) only.")
        return self._control

    def _go_on(self, model: Any) -> None:
        """Go on from the last fit if this is the same model; start anew if it is another."""
        if self._left is None or self._left[0]() is not model:
            self._states = RuleStates.start(self.rules)
            self.record.events.clear()
        elif self._left[1] != Control.settable_values(model):
            # The user has set a new rate since: it is a new base, with nothing cut from it yet.
            self._states = replace(self._states, factors=(1.0,) * len(self.rules))

    def _resolve(self, control: Control) -> list[Schedule]:
        batches = self.params.get("steps")
        accumulations = [leaf.gradient_accumulation_steps or 1 for leaf in control.leaves]
        self._batches = int(batches) if batches else 0
        self.record.steps_per_epoch = self._batches / accumulations[0]
        if self.schedule is None:
            return []
        if not batches:
            raise InvalidInput(
                "The data has no length, so the steps of the run aren't known. Write "
                "model.fit(..., steps_per_epoch=N)."
            )
        resolved = []
        for leaf, accumulated in zip(control.leaves, accumulations, strict=True):
            updates = self._batches * self.record.epochs // accumulated
            horizon = Horizon(max(1, updates), self._batches / accumulated)
            resolved.append(self.schedule.resolve(horizon))
            warn_misfit(leaf, resolved[-1], horizon)
        return resolved

    def _factors(self, control: Control) -> list[Callable[[Any], Any]] | None:
        if not self._resolved:
            return None
        return [
            _divided(schedule, base) if schedule.absolute else schedule
            for schedule, base in zip(self._resolved, control.bases, strict=True)
        ]

    def _apply(self, rule: Rule, decision: Decision, step: int, epoch: int) -> None:
        control = self._running()
        if (decision.rollback or decision.give_up) and self._good is not None:
            self._good.restore(self.model)
            control.move((epoch + 1) * self._batches)
        if decision.give_up:
            control.leave(self)
            self._control = None
            raise TrainingDiverged(
                f"Epoch {epoch + 1}: {decision.reason}. The weights and the optimizer are those of "
                f"the end of epoch {self._good.epoch if self._good else 0}. Start again with a "
                f"lower rate than {self._first_bases[0]:g}; keras_lr.find(model, x, y) finds one."
            )
        if decision.factor != 1.0:
            control.multiply(self, decision.factor)
        self._note(step, epoch, rule.name, decision.factor, decision.reason)
        if self.verbose:
            done = "rolled back and reduced" if decision.rollback else "reduced"
            print(
                f"\nEpoch {epoch + 1}: {rule.name}: {decision.reason}: {done} the rate to "
                f"{control.settable:.4g}."
            )

    def _note(self, step: int, epoch: int, cause: str, factor: float, reason: str) -> None:
        event = RateEvent(step, epoch, cause, factor, self._running().settable, reason)
        self.record.events.append(event)


def _checked(rules: Rule | Iterable[Rule]) -> tuple[Rule, ...]:
    found: Sequence[Any] = (rules,) if isinstance(rules, Rule) else tuple(rules)
    for rule in found:
        if not isinstance(rule, Rule) or isinstance(rule, type):
            raise InvalidInput(
                f"rules must be rule objects. Received: {rule!r}. Write e.g. "
                'rules=[keras_lr.rules.Plateau("val_loss")].'
            )
    return tuple(found)


def _divided(schedule: Schedule, base: float) -> Callable[[Any], Any]:
    return lambda step: schedule(step) / base
