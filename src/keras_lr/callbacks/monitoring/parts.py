"""What a rate is made of at the last update: the base, the schedule, and each rule's factor."""

import math
from typing import Any

from keras_lr.callbacks.monitoring.assigned import assigned
from keras_lr.callbacks.record import RateEvent, RunRecord, rule_labels
from keras_lr.rate import Control, leaf_names
from keras_lr.rate.running import callbacks_of


def rate_parts(control: Control) -> dict[str, float]:
    """`rate/base`, `rate/schedule` and `rate/CAUSE` of the last update; their product is the rate.

    Of the members of a `MultiOptimizer` each has its own: `rate/base/NAME`. A cause is a rule by
    the name that its events have, or the class of another callback that changed the rate.
    """
    names = leaf_names(control.optimizer)
    owner = next(iter(_controllers(control.model)), None)
    found: dict[str, float] = {}
    for index, name in enumerate(names):
        end = f"/{name}" if len(names) > 1 else ""
        parts = _alone(control, index) if owner is None else _explained(control, owner, name)
        found.update({f"rate/{part}{end}": value for part, value in parts.items()})
    return found


def records(model: Any) -> list[RunRecord]:
    """The records of the callbacks in the running fit that control the rate."""
    return [each.record for each in _controllers(model)]


def schedule_text(model: Any) -> str | None:
    """The schedule of the fit, as it is written."""
    return next((each.schedule for each in records(model) if each.schedule), None)


class Events:
    """What happens to the rate in a fit, each told once.

    Args:
        control: What the callbacks of the fit share.
        batches: Of an epoch; 0 where nobody knows.
        accumulated: Batches of one update.
    """

    def __init__(self, control: Control, batches: int = 0, accumulated: int = 1) -> None:
        self._control = control
        self._batches, self._accumulated = batches, accumulated
        self._told: set[tuple[int, RateEvent]] = set()
        self._before = {
            (index, event)
            for index, record in enumerate(records(control.model))
            for event in record.events
            if event.fit != record.fits - 1
        }

    def collect(self, epoch: int) -> None:
        """Let what was cut inside the steps be written down now, and not at the epoch's end."""
        for each in _controllers(self._control.model):
            run = each._run
            if run is not None:
                run.detection.collect(each.record, epoch, each.verbose)

    def new(self, over: int | None = None) -> list[RateEvent]:
        """Those that weren't told yet, in order.

        Args:
            over: The number of the last epoch that is over; `None` when the fit is. What others
                assign is told when it is known to be no schedule (see `assigned`).
        """
        told = [record.events for record in records(self._control.model)]
        if not told:
            found = self._control.assignments
            told = [assigned(found, self._batches, self._accumulated, over=over)]
        found = [
            (index, event)
            for index, events in enumerate(told)
            for event in events
            if (index, event) not in self._told and (index, event) not in self._before
        ]
        self._told.update(found)
        return sorted((event for _, event in found), key=lambda event: event.step)


def _controllers(model: Any) -> list[Any]:
    """The `LearningRate` callbacks, and the faces of it, in the running fit."""
    return [
        each for each in callbacks_of(model) if isinstance(getattr(each, "record", None), RunRecord)
    ]


def _explained(control: Control, owner: Any, name: str) -> dict[str, float]:
    told = owner.explain(_last_update(control), member=name)
    schedule = told.schedule * math.prod(told.group.values())
    idle = dict.fromkeys(rule_labels(owner.rules), 1.0)
    return {"base": told.base, "schedule": schedule, **idle, **told.reductions}


def _alone(control: Control, index: int) -> dict[str, float]:
    """Without a `LearningRate`: the optimizer's own rate, which others may have multiplied."""
    factors = {
        type(owner).__name__: each[index]
        for owner, each in control.factors.items()
        if each[index] != 1.0
    }
    rate = control.read(updates_ago=1)[index]
    return {"base": rate / (math.prod(factors.values()) or 1.0), "schedule": 1.0, **factors}


def _last_update(control: Control) -> int:
    return max(0, control.place.done // (control.leaves[0].gradient_accumulation_steps or 1) - 1)
