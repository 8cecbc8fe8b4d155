"""What made the rate of any step of a fit: for `LearningRate.explain`."""

from collections.abc import Mapping

from keras_lr.callbacks.record import Explanation, RunRecord
from keras_lr.optimizers.groups import GROUPS
from keras_lr.rate import Control, leaf_names, own_schedule
from keras_lr.rate.followed import own_rate
from keras_lr.rate.leaves import batches_per_update
from keras_lr.schedules import Schedule


class Story:
    """The parts of one leaf's rate over one fit, as they came to be.

    Args:
        owner: The callback that asks.
        control: What the callbacks of the fit share.
        carried: What each rule, by its label, had multiplied the rate by before this fit.
        record: The callback's record, whose events of this fit are told.
        index: Which leaf.
        plan: The callback's schedule, resolved, if it has one.
        group: The schedule of the leaf's group in `per_layer`, resolved, if it has one.
        settings: The schedules of momentum and weight decay, resolved.
    """

    def __init__(
        self,
        owner: object,
        control: Control,
        carried: Mapping[str, float],
        record: RunRecord,
        index: int,
        *,
        plan: Schedule | None,
        group: Schedule | None,
        settings: Mapping[str, Schedule],
    ) -> None:
        self._owner = owner
        self._moments = control.moments
        self._schedules = control.schedules
        self._index = index
        self._plan = plan
        self._group = group
        self._divisor = control.bases[index] if plan is not None and plan.absolute else 1.0
        self._carried = carried
        self._record = record
        self._settings = settings
        self._fit = record.fits - 1
        leaf = control.leaves[index]
        self._name = leaf_names(control.optimizer)[index]
        self._accumulated = batches_per_update(leaf)
        self._own = own_schedule(leaf)
        self._keeps_own = control.rates is not None and control.rates[index].use_own
        # Where the optimizer's own schedule stands at the run's first step.
        self._own_offset = -control.place.offsets[index]

    def explain(self, step: int) -> Explanation:
        """The parts at one step."""
        batch = step * self._accumulated
        moment = self._moments[0]
        for later in self._moments:
            if later.batch < batch + self._accumulated:  # the update is done after the last of them
                moment = later
        base = moment.bases[self._index]
        if self._keeps_own:
            base *= own_rate(self._own, max(0, (batch + self._own_offset) // self._accumulated))
        factor = 1.0 if self._plan is None else float(self._plan(step)) / self._divisor
        parts = None if self._plan is None else self._plan.explain(step)
        settings = {name: float(plan(step)) for name, plan in self._settings.items()}
        reductions = self._reductions(step, moment.factors)
        group = {} if self._group is None else {self._name: float(self._group(step))}
        return Explanation(step, base, factor, reductions, settings, parts, group)

    def _reductions(
        self, step: int, factors: Mapping[object, tuple[float, ...]]
    ) -> dict[str, float]:
        reductions = {label: factor for label, factor in self._carried.items() if factor != 1.0}
        for event in self._record.events:
            mine = event.fit == self._fit and event.member in ("", self._name)
            if mine and event.step <= step and event.cause != "set":
                reductions[event.cause] = reductions.get(event.cause, 1.0) * event.factor
        for owner, each in factors.items():
            factor = each[self._index]
            if owner is not self._owner and factor != 1.0:
                name = type(owner).__name__
                reductions[name] = reductions.get(name, 1.0) * factor
        for owner, schedules in self._schedules.items():
            schedule = schedules[self._index]
            if owner is not self._owner and owner != GROUPS and schedule is not None:
                name = f"{type(owner).__name__}({getattr(owner, 'schedule', '')})"
                reductions[name] = reductions.get(name, 1.0) * float(schedule(step))
        return reductions
