"""One `fit` of a `LearningRate`: laid out when it begins, followed to its end."""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NoReturn

from keras_lr.callbacks.fit.advice import warn_doubled, warn_misfit, warn_unknown
from keras_lr.callbacks.fit.detection import Detection
from keras_lr.callbacks.fit.groups import lay_out_groups, warn_levelled
from keras_lr.callbacks.fit.layout import Layout, check_values
from keras_lr.callbacks.fit.phases import Phases
from keras_lr.callbacks.fit.preflight import check_before_training, check_held, renew_step
from keras_lr.callbacks.fit.reductions import Reductions
from keras_lr.callbacks.fit.state import Resumed
from keras_lr.callbacks.fit.story import Story
from keras_lr.callbacks.record import rule_labels
from keras_lr.callbacks.warning import warn
from keras_lr.errors import InvalidInput
from keras_lr.optimizers.groups import GROUPS
from keras_lr.rate import Control, leaf_names
from keras_lr.rules.rule import is_in_graph
from keras_lr.rules.states import RuleStates
from keras_lr.schedules import Plan, Schedule, end_report

if TYPE_CHECKING:
    from keras_lr.callbacks.learning_rate import LearningRate


class Run:
    """A fit, from `on_train_begin` to `on_train_end`.

    Args:
        callback: Whose fit it is, with the model and the parameters that Keras gave it.
        states: Where its rules stand.
        resumed: The fit that goes on, if this isn't a new one.
        cut: What each of its in-graph rules has multiplied the rate of each leaf by before.
        phases: Where these rules stood when the last fit of the same model ended.

    Attributes:
        plans: The schedule laid out over the fit, for each leaf of the optimizer.
        told: Assignments of the rate that are in the record.
        groups: The same of `per_layer`'s groups; `None` for a leaf whose group has none.
        settings: The same of momentum and weight decay.
        stories: For each leaf, by its name, what made its rate at each step; empty before the first
            epoch.

    Raises:
        InvalidInput: What is wanted can't work in this fit.
    """

    def __init__(
        self,
        callback: "LearningRate",
        states: RuleStates,
        cut: Sequence[Sequence[float]] = (),
        resumed: Resumed | None = None,
        phases: Phases | None = None,
    ) -> None:
        model = callback.model
        self.record = callback.record
        self.plans: list[Plan] = []
        self.settings: dict[str, list[Plan]] = {}
        self.groups: list[Plan | None] = []
        self.stories: dict[str, Story] = {}
        self._callback = callback
        self._resumed = resumed
        self.divisors: list[float] = []
        self.carried = states.factors if resumed is None else resumed.carried
        self.cut = cut
        self._has: dict[str, list[bool]] = {}
        self._placed = False
        self.told = 0
        self.phases: Phases | None = None
        warn_unknown(callback.rules, model)
        factors: Any = states.reduction
        if cut:
            factors = [states.reduction * math.prod(each) for each in zip(*cut, strict=True)]
        control = self.control = Control.join(model, callback, factor=factors)
        try:
            self._lay_out()
            if resumed is not None:
                resumed.lay_out(self)
            check_before_training(control, callback, self.plans)
            if callback.independent_weight_decay:
                check_held(control, self.plans)
            if self.plans and self.plans[0].absolute:
                control.claim(f"LearningRate({callback.schedule})")
                _check_bases(control.bases)
            self.detection = self._lay_detection(cut, phases)
        except BaseException:
            control.leave(callback)
            raise
        self.reductions = Reductions(
            callback,
            control,
            states,
            self.record,
            batches=self.batches,
            accumulated=self.layout.accumulations[0],
            verbose=callback.verbose,
            restored=self.detection.restart,
        )

    def _lay_out(self) -> None:
        callback, control = self._callback, self.control
        layout = self.layout = Layout.of(control, callback.params, callback.batch_size)
        self.batches = layout.batches
        self.record.steps_per_epoch = layout.steps_per_epoch
        self.record.epochs = layout.epochs
        self.plans = layout.resolve(callback.schedule)
        for leaf, plan in zip(control.leaves, self.plans, strict=False):
            warn_doubled(leaf, plan)
            if layout.batches:
                warn_misfit(callback.schedule, plan)  # type: ignore[arg-type]
        warn_levelled(control, self.plans)
        self.groups = lay_out_groups(control, layout)
        for name, schedule in callback.settings.items():
            self._has[name] = [each is not None for each in control.settings.claim(name)]
            self.settings[name] = layout.resolve(schedule)
            for plan in self.settings[name]:
                check_values(name, plan)
            if layout.batches:
                warn_misfit(schedule, self.settings[name][0], name)

    def _lay_detection(self, cut: Sequence[Sequence[float]], phases: Phases | None) -> Detection:
        layout, control = self.layout, self.control
        plans = [
            [plan for plan in (*self.plans[index : index + 1], group) if plan is not None]
            for index, group in enumerate(self.groups)
        ]
        updates = [layout.batches * layout.epochs // each for each in layout.accumulations]
        return Detection(control, self._callback, self._callback.rules, plans, updates, cut, phases)

    def begin_epoch(self, epoch: int) -> None:
        """Place the schedule, when the epoch at which the run starts is known."""
        control = self.control
        laid_out = self.plans or self.settings or any(self.groups)
        if epoch and not self._placed and not self.batches and laid_out:
            self._refuse_later_start(epoch)
        control.place.start(epoch * self.batches)
        self.epoch_began = control.place.done
        if not self._placed:
            self._placed = True
            self._begin(epoch)
        else:
            self._done += min(control.between.done, self.batches)
            renew_step(control, epoch)
        control.between.begin_epoch(self.batches)
        self.reductions.begin_epoch(epoch)
        if self._resumed is not None:
            self._resumed.begin_epoch(self)
            self._resumed = None

    def _begin(self, epoch: int) -> None:
        control, callback = self.control, self._callback
        self._done = epoch * self.batches
        if self.plans and self.plans[0].absolute:
            control.replace_own()
        resumed = self._resumed
        self.divisors = list(control.bases) if resumed is None else resumed.divisors(self)
        if self.plans or (callback.rules and control.needs_following()):
            control.follow(callback, self._factors())
        if any(self.groups):
            control.follow(GROUPS, self.groups)
        for name, plans in self.settings.items():
            control.follow_setting(name, plans)  # type: ignore[arg-type]
        if callback.independent_weight_decay:
            control.hold_decay()
        self._inside = self.detection.carried()
        if resumed is not None:
            resumed.place(self)
        self.detection.place()
        control.baked.begin(control.model, control.settings.followed)
        control.mark()
        control.hear_assignments()
        self.stories = {
            name: Story(
                callback,
                control,
                self._carried(index),
                self.record,
                index,
                plan=self.plans[index] if self.plans else None,
                group=self.groups[index],
                settings={
                    setting: plans[index]
                    for setting, plans in self.settings.items()
                    if self._has[setting][index]
                },
            )
            for index, name in enumerate(leaf_names(control.optimizer))
        }
        self.reductions.begin(epoch)

    def _carried(self, leaf: int) -> dict[str, float]:
        """What each rule had multiplied the rate of a leaf by before this fit, by its label."""
        labels = rule_labels(self._callback.rules)
        carried = dict(zip(labels, self.carried, strict=True))
        inside = [
            label
            for label, rule in zip(labels, self._callback.rules, strict=True)
            if is_in_graph(rule)
        ]
        return {**carried, **dict(zip(inside, self._inside[leaf], strict=True))}

    def end_epoch(self, epoch: int, logs: dict[str, float]) -> None:
        """Log the rate of the epoch's last update, and show the epoch to the rules."""
        control = self.control
        step = self._updates(control.place.done)
        self._look_for_assignments(epoch)
        self.detection.collect(self.record, epoch, self._callback.verbose)
        control.log(logs)
        if self.settings:
            for key, value in control.settings.logs().items():
                logs.setdefault(key, value)
        self.reductions.end_epoch(epoch, logs, step)
        self.detection.end_epoch()

    def end(self) -> list[float | None]:
        """Leave the model as plain Keras; the rate that each leaf is left with."""
        control = self.control
        control.adopt()
        done, in_epoch = control.place.done, min(control.between.done, self.batches)
        self.phases = self.detection.end()
        control.leave(self._callback)
        if self._placed and self.batches:
            seen = self._done + in_epoch
            # A run that saw all its batches ended as planned, also if a loss scale skipped some.
            # (TensorFlow may count a step that then finds no data.)
            planned = seen >= self.batches * self.layout.epochs
            self._tell_ending(self._updates(seen if planned else min(seen, done)))
        return control.left()

    def _updates(self, batches: int) -> int:
        return batches // self.layout.accumulations[0]

    def _look_for_assignments(self, epoch: int) -> None:
        control = self.control
        # Whoever did it did it in this epoch; from its start on is as near as one can say.
        began = self._updates(self.epoch_began)
        control.adopt(self.epoch_began)
        self._tell_assignments(epoch)
        for name in self.settings:
            if control.settings.assigned(name):
                reason = (
                    f"{name} was assigned from outside: its schedule decides until the fit ends, "
                    "and what was assigned holds after it"
                )
                self.reductions.note(began, epoch, "set", 1.0, reason)
                warn(
                    f"In epoch {epoch + 1} {reason}. For another {name} in this fit, put it into "
                    f"the schedule: LearningRate({name}=...).",
                )
        renew_step(control, epoch + 1)

    def _tell_assignments(self, epoch: int) -> None:
        control, names = self.control, leaf_names(self.control.optimizer)
        new = control.assignments[self.told :]
        self.told = len(control.assignments)
        for batch, group in groupby(new, key=lambda each: each.batch):
            step = self._updates(batch)
            found = [(control.with_own(each.leaf, each.rate, step), each) for each in group]
            whole = len(found) == len(names)
            for rate, each in [min(found, key=lambda one: one[0])] if whole else found:
                member = "" if whole else names[each.leaf]
                self.reductions.note(
                    step, epoch, "set", each.factor, each.reason, rate=rate, member=member
                )

    def _tell_ending(self, done: int) -> None:
        found = [end_report(plan, done) for plan in self.plans[:1]]
        found += [
            end_report(plans[0], done, name)
            for name, plans in self.settings.items()
            if self._has[name][0]
        ]
        told = [problem for problem in found if problem]
        self.record.ending = " ".join(told) or None
        if not self._callback.expects_early_end:
            for problem in told:
                warn(problem)

    def _refuse_later_start(self, epoch: int) -> NoReturn:
        self.control.leave(self._callback)
        raise InvalidInput(
            "The data has no length, so where in the schedule the first epoch begins isn't known. "
            f"Write model.fit(..., steps_per_epoch=N). Received: initial_epoch={epoch}."
        )

    def _factors(self) -> list[Callable[[Any], Any]] | None:
        if not self.plans:
            return None
        return [
            _divided(schedule, base) if schedule.absolute else schedule
            for schedule, base in zip(self.plans, self.divisors, strict=True)
        ]


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
