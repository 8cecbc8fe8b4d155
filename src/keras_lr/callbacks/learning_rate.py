"""The callback that ties schedules and rules to a model: rate = base × schedule × reduction."""

import weakref
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, NoReturn

import keras

from keras_lr.callbacks.advice import (
    is_numeric,
    warn_doubled,
    warn_misfit,
    warn_unknown,
    warn_unseen,
)
from keras_lr.callbacks.arguments import checked_rules, checked_schedule, checked_size
from keras_lr.callbacks.layout import Layout, check_values
from keras_lr.callbacks.record import Explanation, RateEvent, RunRecord
from keras_lr.callbacks.snapshot import Snapshot, is_finite
from keras_lr.callbacks.story import Story
from keras_lr.callbacks.warning import warn
from keras_lr.errors import InvalidInput, TrainingDiverged
from keras_lr.rate import SETTINGS, Control, left
from keras_lr.rules import Decision, Observation, Rule, RuleStates
from keras_lr.schedules import Plan, Schedule, as_schedule, end_report


class LearningRate(keras.callbacks.Callback):
    """Control the learning rate of a `fit`: base × schedule × reduction; and other settings.

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
            factor of the base. Lengths in epochs, samples or shares are resolved when `fit`
            begins; the schedule starts with each `fit`, at the position that `initial_epoch` says.
        rules: Rules such as `rules.Plateau()` and `rules.Divergence()`. Used again in a later
            `fit` of the same model, this callback's rules go on where they stood.
        momentum: A schedule whose values are the optimizer's `momentum` (SGD, RMSprop, Muon) or
            `beta_1` (Adam and its relatives) itself, at least 0 and below 1; for the length of
            the fit. `OneCycle(0, 0).between(0.95, 0.85)` is one-cycle's.
        weight_decay: A schedule whose values are the optimizer's `weight_decay`, at least 0; for
            the length of the fit. It must have been compiled with one.
        batch_size: Samples in a batch, for lengths in samples, where the data doesn't say
            (generators, some datasets) or should be counted differently.
        verbose: 1 prints each reduction.

    Attributes:
        record: What happened to the rate, and why (`RunRecord`).
        expects_early_end: Set it to `True` where a run is stopped on purpose: that it didn't
            reach its schedule's end is then only in the record, and not warned of.

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
    # needs no waiting; this one only counts, and looks at the first batch.
    async_safe = True

    def __init__(
        self,
        schedule: Schedule | Callable[..., Any] | str | None = None,
        rules: Rule | Iterable[Rule] = (),
        *,
        momentum: Schedule | Callable[..., Any] | str | float | None = None,
        weight_decay: Schedule | Callable[..., Any] | str | float | None = None,
        batch_size: float | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__()
        self.schedule = None if schedule is None else checked_schedule(schedule)
        given = dict(zip(SETTINGS, (momentum, weight_decay), strict=True))
        self.settings = {name: as_schedule(s) for name, s in given.items() if s is not None}
        self.batch_size = checked_size(batch_size)
        self.expects_early_end = False
        self.rules = checked_rules(rules)
        self.verbose = verbose
        self.record = RunRecord(schedule=None if self.schedule is None else str(self.schedule))
        self._states = RuleStates.start(self.rules)
        self._control: Control | None = None
        self._resolved: list[Plan] = []
        self._plans: dict[str, list[Plan]] = {}
        self._first_has: dict[str, bool] = {}
        self._good: Snapshot | None = None
        self._restores = any(rule.restores for rule in self.rules)
        self._left: tuple[weakref.ref[Any], list[float | None]] | None = None
        self._story: Story | None = None

    # -- fit ------------------------------------------------------------------------------------

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Resolve the schedule against this run; refuse what can't work before it starts."""
        model = self.model
        self._go_on(model)
        self._good = None
        self._first_batch: dict[str, float] | None = None
        self._per_execution = int(getattr(model, "steps_per_execution", 1))
        self.record.fits += 1
        self.record.ending = None
        warn_unknown(self.rules, model)
        control = Control.join(model, self, factor=self._states.reduction)
        try:
            self._resolve(control)
            if self._resolved and self._resolved[0].absolute:
                control.claim(f"LearningRate({self.schedule})")
                _check_bases(control.bases)
        except BaseException:
            control.leave(self)
            raise
        self._control = control
        self._placed = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Place the schedule, when the epoch at which the run starts is known."""
        control = self._running()
        if epoch and not self._placed and not self._batches and (self._resolved or self._plans):
            self._refuse_later_start(epoch)
        control.place.start(epoch * self._batches)
        self._epoch_began = control.place.done
        if self._placed:
            self._done += self._in_epoch
            self._in_epoch = 0
            return
        self._placed = True
        self._done, self._in_epoch = epoch * self._batches, 0
        if self._resolved and self._resolved[0].absolute:
            control.replace_own()
        if self.schedule is not None or (self.rules and control.needs_following()):
            control.follow(self, self._factors(control))
        for name, plans in self._plans.items():
            control.follow_setting(name, plans)  # type: ignore[arg-type]
        control.mark()
        carried = dict(zip(self.rules, self._states.factors, strict=True))
        settings = {name: plans[0] for name, plans in self._plans.items() if self._first_has[name]}
        self._story = Story(self, control, self._resolved, carried, self.record, settings)
        if self._restores:
            self._good = Snapshot.take(self.model, epoch)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Count, and keep the first batch's loss, by which `Divergence` judges the first epoch."""
        self._in_epoch = max(self._in_epoch, min(batch + 1, self._batches))
        # Batch hooks may run late and in any order, so it is the number that tells the first.
        if self._restores and batch < self._per_execution and self._first_batch is None:
            self._first_batch = {
                rule.monitor: float(logs[rule.monitor])
                for rule in self.rules
                if rule.restores and logs and rule.monitor in logs
            }

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Log the epoch's rate, show the epoch to the rules, and do what they decide."""
        logs = {} if logs is None else logs
        model, control = self.model, self._running()
        step = self._updates(control.place.done)
        self._look_for_assignments(epoch)
        for key, rate in zip(control.log_keys, control.read(updates_ago=1), strict=True):
            logs.setdefault(key, rate)
        if self._plans:
            for key, value in control.settings.logs().items():
                logs.setdefault(key, value)
        if not self.rules:
            return
        finite = is_finite(model) if self._restores else True
        values = {key: float(value) for key, value in logs.items() if is_numeric(value)}
        if self._first_batch:
            first = Observation(0, -1, self._first_batch, control.settable(1))
            self._states = self._states.begin(first)
        self._first_batch = {}
        seen = Observation(step, epoch, values, control.settable(1), finite)
        self._states, decisions = self._states.update(seen)
        for rule, decision in decisions:
            self._apply(rule, decision, step, epoch)
        if self._restores and not any(d.rollback for _, d in decisions):
            self._good = Snapshot.take(model, epoch + 1)
        if epoch + 1 == self.record.epochs:
            warn_unseen(self._states, values)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Leave the model as plain Keras, with base × reduction as its rate."""
        control = self._running()
        model = self.model  # on JAX this syncs the training state
        control.adopt()
        done = control.place.done
        control.leave(self)
        self._left = (weakref.ref(model), control.left())
        if self._placed and self._layout.batches:
            seen = self._done + self._in_epoch
            # A run that saw all its batches ended as planned, also if a loss scale skipped some.
            # (TensorFlow may count a step that then finds no data.)
            planned = seen >= self._layout.batches * self._layout.epochs
            self._tell_ending(self._updates(seen if planned else min(seen, done)))
        self._control = None
        self._good = None

    @property
    def plan(self) -> Plan | None:
        """The schedule as it is laid out over the running fit, or was over the last one.

        What a second `fit` goes on with: `plan.cooldown("2 epochs", start="4 epochs")` ends a run
        that was stopped after four epochs, without a jump. (The schedule itself would be laid out
        over the second run's epochs anew.) Of a `MultiOptimizer` it is the first member's; `None`
        without a schedule.

        Raises:
            InvalidInput: Before the callback has seen a `fit`.
        """
        if self.schedule is not None and not self._resolved:
            raise InvalidInput(
                "The plan is the schedule laid out over a run: pass this callback to "
                "model.fit(callbacks=[...]) first, or write schedule.resolve(steps=1000)."
            )
        return self._resolved[0] if self._resolved else None

    # -- what the rate is made of ---------------------------------------------------------------

    def explain(self, step: int) -> Explanation:
        """What makes up the rate of one step of the run.

        Args:
            step: The update, counted from the start of the run (the first is 0). A step in the
                future is explained with the reductions so far.

        Returns:
            An `Explanation` of the last fit; `print` it: below its first line is which part of the
            schedule gave what. For a `MultiOptimizer` it is the first member's.

        Raises:
            InvalidInput: Before the callback has seen a `fit`.
        """
        if self._story is None:
            raise InvalidInput(
                "explain() needs a run: pass this callback to model.fit(callbacks=[...]) first."
            )
        return self._story.explain(step)

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
            self.record.fits = 0
        elif self._left[1] != left(model):
            # The user has set a new rate since: it is a new base, with nothing cut from it yet.
            self._states = replace(self._states, factors=(1.0,) * len(self.rules))

    def _resolve(self, control: Control) -> None:
        layout = self._layout = Layout.of(control, self.params, self.batch_size)
        self._batches = layout.batches
        self.record.steps_per_epoch = layout.steps_per_epoch
        self.record.epochs = layout.epochs
        self._resolved = layout.resolve(self.schedule)
        for leaf, plan in zip(control.leaves, self._resolved, strict=False):
            warn_doubled(leaf, plan)
            if layout.batches:
                warn_misfit(self.schedule, plan)  # type: ignore[arg-type]
        self._plans, self._first_has = {}, {}
        for name, schedule in self.settings.items():
            self._first_has[name] = control.settings.claim(name)[0] is not None
            self._plans[name] = layout.resolve(schedule)
            for plan in self._plans[name]:
                check_values(name, plan)
            if layout.batches:
                warn_misfit(schedule, self._plans[name][0], name)

    def _updates(self, batches: int) -> int:
        return batches // self._layout.accumulations[0]

    def _look_for_assignments(self, epoch: int) -> None:
        control = self._running()
        # Whoever did it did it in this epoch; from its start on is as near as one can say.
        began = self._updates(self._epoch_began)
        if control.adopt(self._epoch_began):
            self._note(began, epoch, "set", 1.0, "the rate was assigned from outside")
        for name in self._plans:
            if control.settings.assigned(name):
                reason = (
                    f"{name} was assigned from outside: its schedule decides until the fit ends, "
                    "and what was assigned holds after it"
                )
                self._note(began, epoch, "set", 1.0, reason)
                warn(
                    f"In epoch {epoch + 1} {reason}. For another {name} in this fit, put it into "
                    f"the schedule: LearningRate({name}=...).",
                )

    def _tell_ending(self, done: int) -> None:
        found = [end_report(plan, done) for plan in self._resolved[:1]]
        found += [
            end_report(plans[0], done, name)
            for name, plans in self._plans.items()
            if self._first_has[name]
        ]
        told = [problem for problem in found if problem]
        self.record.ending = " ".join(told) or None
        if not self.expects_early_end:
            for problem in told:
                warn(problem)

    def _refuse_later_start(self, epoch: int) -> NoReturn:
        control, self._control = self._running(), None
        control.leave(self)
        raise InvalidInput(
            "The data has no length, so where in the schedule the first epoch begins isn't known. "
            f"Write model.fit(..., steps_per_epoch=N). Received: initial_epoch={epoch}."
        )

    def _factors(self, control: Control) -> list[Callable[[Any], Any]] | None:
        if not self._resolved:
            return None
        return [
            _divided(schedule, base) if schedule.absolute else schedule
            for schedule, base in zip(self._resolved, control.bases, strict=True)
        ]

    def _apply(self, rule: Rule, decision: Decision, step: int, epoch: int) -> None:
        control = self._running()
        if decision.rollback or decision.give_up:
            if self._good is None or decision.give_up:
                self._note(step, epoch, rule.name, 1.0, decision.reason)
                self._give_up(decision, epoch)
            with control.keeping_place():
                self._good.restore(self.model)
        if decision.factor != 1.0:
            control.multiply(self, decision.factor)
        self._note(step, epoch, rule.name, decision.factor, decision.reason)
        if self.verbose:
            done = "rolled back and reduced" if decision.rollback else "reduced"
            print(
                f"\nEpoch {epoch + 1}: {rule.name}: {decision.reason}: {done} the rate to "
                f"{control.settable():.4g}."
            )

    def _give_up(self, decision: Decision, epoch: int) -> NoReturn:
        control, good = self._running(), self._good
        if good is not None:
            good.restore(self.model)
            state = f"The weights and the optimizer are those of the end of epoch {good.epoch}. "
        else:
            state = (
                "The model wasn't built before fit, so there are no first weights to return to: "
                "begin it with keras.Input(shape), or call model.build(). "
            )
        rate = control.moments[0].bases[0]
        control.leave(self)
        self._control = None
        raise TrainingDiverged(
            f"Epoch {epoch + 1}: {decision.reason}. {state}Start again with a lower rate than "
            f"{rate:g}; keras_lr.find(model, x, y) finds one."
        )

    def _note(self, step: int, epoch: int, cause: str, factor: float, reason: str) -> None:
        rate = self._running().settable()
        event = RateEvent(step, epoch, cause, factor, rate, reason, fit=self.record.fits - 1)
        self.record.events.append(event)


def _check_bases(bases: Iterable[float]) -> None:
    """Refuse a rate of 0, which no factor makes into the rates that a schedule gives."""
    if any(base == 0 for base in bases):
        raise InvalidInput(
            "The schedule gives the rates themselves, as factors of the optimizer's rate, which "
            "is 0. Any other number will do: write model.optimizer.learning_rate = 1.0 before "
            "fit. Received: learning_rate=0.0."
        )


def _divided(schedule: Schedule, base: float) -> Callable[[Any], Any]:
    return lambda step: schedule(step) / base
