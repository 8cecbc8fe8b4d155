"""The rules of a `LearningRate` that are decided inside the training step: placed, and heard."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_lr.callbacks.fit.phases import Phases, Standing
from keras_lr.callbacks.record import RateEvent, RunRecord, rule_labels
from keras_lr.callbacks.warning import warn
from keras_lr.rate import Control, leaf_names, own_schedule
from keras_lr.rate.detection.detector import Cut, Watch
from keras_lr.rate.detection.detectors import Detectors
from keras_lr.rate.followed import own_rate
from keras_lr.rules import InGraphRule, Rule
from keras_lr.rules.rule import is_in_graph
from keras_lr.schedules import Plan

_LOOKS = 100
"""Steps at which an optimizer's own schedule is looked at; each is a call of Keras."""
_FEW = 0.1
"""A share of the run, below which detection before a fall isn't worth the name."""


class Detection:
    """What the in-graph rules of one callback do in one `fit`.

    (What watches the steps for them is `rate.detection.Detectors`.)

    Args:
        control: What the callbacks of the fit share.
        owner: The callback.
        rules: All its rules; those that are decided elsewhere are left alone.
        plans: For each leaf the schedules laid out over the run that multiply its rate.
        steps: Updates of each leaf in the run; 0 if unknown.
        cut: `factors` of the fits before; empty for none.
        before: Where the rules stood when the last fit ended, if they may go on.

    Attributes:
        factors: What each in-graph rule has multiplied the rate of each leaf by, in all fits.
    """

    def __init__(
        self,
        control: Control,
        owner: object,
        rules: Sequence[Rule],
        plans: Sequence[Sequence[Plan]],
        steps: Sequence[int],
        cut: Sequence[Sequence[float]] = (),
        before: Phases | None = None,
    ) -> None:
        self.rules = tuple(rule for rule in rules if is_in_graph(rule))
        labels = zip(rule_labels(rules), rules, strict=True)
        self._labels = [label for label, rule in labels if is_in_graph(rule)]
        self.factors = [list(each) for each in cut]
        if len(cut) != len(self.rules):
            self.factors = [[1.0] * len(control.leaves) for _ in self.rules]
        self._control = control
        self._owner = owner
        self._detectors: Detectors | None = None
        self._stored: Mapping[str, Any] | None = None
        self._before = before
        self._standing: Standing | None = None
        if not self.rules:
            return
        self._stops = [
            detection_stops(plans[index], leaf, steps[index])
            for index, leaf in enumerate(control.leaves)
        ]
        for rule in self.rules:
            warn_idle(rule, self._stops[0], steps[0], plans[0])

    def place(self) -> None:
        """Watch the steps from here on; when schedules are in place."""
        if not self.rules:
            return
        watches = [[_watch(rule, stop) for rule in self.rules] for stop in self._stops]
        self._detectors = self._control.detect(self._owner, watches)
        if self._stored is not None:
            self._detectors.set_state(self._stored)
        elif self._before is not None and self._before.hold(self.rules, self._control):
            self._detectors.go_on(self._before.state)
        self._stored = self._before = None

    def collect(
        self, record: RunRecord, epoch: int, verbose: int = 0
    ) -> list[tuple[Rule, RateEvent]]:
        """Write down what was cut since the last time.

        Args:
            record: Where to.
            epoch: The epoch that is running or has just ended.
            verbose: 1 prints each cut.
        """
        if self._detectors is None:
            return []
        self._control.adopt()
        found = []
        for cut in self._detectors.take():
            rule = self.rules[cut.watch]
            event = self._event(rule, self._labels[cut.watch], cut, record, epoch)
            self.factors[cut.watch][cut.leaf] *= event.factor
            record.events.append(event)
            found.append((rule, event))
            if verbose:
                member = f" of {event.member}" if event.member else ""
                print(
                    f"\nEpoch {epoch + 1}: {event.cause}: {event.reason}: reduced the rate{member} "
                    f"to {event.rate:.4g} at step {event.step}."
                )
        record.events.sort(key=lambda event: (event.fit, event.step))
        return found

    def end_epoch(self) -> None:
        """Remember what the phases rest on, before anyone changes it when the fit ends."""
        if self._detectors is not None:
            self._standing = Standing.of(self._control, updates_ago=1)

    def end(self) -> Phases | None:
        """Where the phases stand, for the next fit; `None` if there are none."""
        if self._detectors is None or self._standing is None:
            return None
        return Phases(self.rules, self._standing, self._detectors.get_state())

    def carried(self) -> list[list[float]]:
        """For each leaf, what each in-graph rule has multiplied its rate by so far."""
        leaves = range(len(self._control.leaves))
        return [[each[leaf] for each in self.factors] for leaf in leaves]

    def restart(self) -> None:
        """Begin anew with the weights as they are: training was rolled back."""
        if self._detectors is not None:
            self._control.adopt()
            self._detectors.restart()

    def get_state(self) -> dict[str, Any]:
        """Where detection stands, as JSON values and NumPy arrays."""
        stored = None if self._detectors is None else self._detectors.get_state()
        return {"factors": [list(each) for each in self.factors], "detectors": stored}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` gave; before `place`."""
        self.factors = [list(each) for each in state["factors"]]
        self._stored = state["detectors"]

    def _event(
        self, rule: InGraphRule, label: str, cut: Cut, record: RunRecord, epoch: int
    ) -> RateEvent:
        names = leaf_names(self._control.optimizer)
        return RateEvent(
            cut.step,
            epoch,
            label,
            cut.after / cut.before,
            self._control.with_own(cut.leaf, cut.after, cut.step),
            rule.told(cut.evidence),
            fit=record.fits - 1,
            member=names[cut.leaf] if len(names) > 1 else "",
        )


def _watch(rule: InGraphRule, stop: int | None) -> Watch:
    return Watch(
        rule.tested,
        rule.monitor,
        factor=rule.factor,
        min_rate=rule.min_rate,
        stride=rule.stride,
        stop=stop,
        needs=rule.needs,
    )


def detection_stops(plans: Sequence[Plan], leaf: Any, steps: int) -> int | None:
    """The update at which the rate's final fall begins; `None` if it doesn't end falling.

    Args:
        plans: The schedules that multiply the leaf's rate, laid out over the run.
        leaf: A stock optimizer, perhaps built with a schedule of its own.
        steps: Updates of the run; 0 if unknown.
    """
    found = []
    for plan in plans:
        every = np.arange(plan.horizon.steps)
        found.append(_fall(every, np.asarray(plan(every), np.float64)))
    own = own_schedule(leaf)
    followed = isinstance(own, keras.optimizers.schedules.LearningRateSchedule)
    if followed and steps and not any(plan.absolute for plan in plans):
        every = np.unique(np.linspace(0, steps - 1, _LOOKS).astype(np.int64))
        found.append(_fall(every, np.array([own_rate(own, int(step)) for step in every])))
    falls = [each for each in found if each is not None]
    return min(falls) if falls else None


def _fall(steps: np.ndarray, values: np.ndarray) -> int | None:
    """Where the last stretch begins that falls at every step to the end; `None` if none does."""
    rises = np.flatnonzero(np.diff(values) >= 0)
    begins = 0 if len(rises) == 0 else int(rises[-1]) + 1
    return int(steps[begins]) if begins < len(steps) - 1 else None


def warn_idle(rule: InGraphRule, stop: int | None, steps: int, plans: Sequence[Plan]) -> None:
    """Warn, before training, of an in-graph rule that has no time to decide anything."""
    needed = rule.needs
    name = f'{type(rule).__name__}("{rule.monitor}")'
    if stop is not None and (stop < needed or (steps and stop < _FEW * steps)):
        what = str(plans[0]) if plans else "the optimizer's own schedule"
        warn(
            f"{name} does nothing beside {what}, which falls from step {stop} to the end: weights "
            "under a falling rate come to rest, which looks like oscillation, so the rule is idle "
            "there. Leave it out, or fall at the end only: "
            f'LearningRate(schedules.Constant().cooldown("20%"), rules=[rules.{name}]).',
        )
    elif steps and (steps if stop is None else stop) < needed:
        where = "the run has" if stop is None else "before the schedule's fall there are"
        warn(
            f"{name} decides nothing in this fit: it needs {needed} updates, and {where} "
            f"{steps if stop is None else stop}. Train for more epochs, or leave it out.",
        )
