"""What a rate is made of at the last update: the base, the schedule, and each rule's factor."""

import math
from typing import Any

from keras_lr.callbacks.monitoring.clock import Clock
from keras_lr.callbacks.monitoring.controllers import controllers
from keras_lr.callbacks.record import rule_labels
from keras_lr.rate import Control, leaf_names


def rate_parts(control: Control, clock: Clock) -> dict[str, float]:
    """`rate/base`, `rate/schedule` and `rate/CAUSE` of the last update; their product is the rate.

    Of the members of a `MultiOptimizer` each has its own: `rate/base/NAME`. A cause is a rule by
    the name that its events have, or the class of another callback that changed the rate.
    """
    names = leaf_names(control.optimizer)
    owner = next(iter(controllers(control.model)), None)
    found: dict[str, float] = {}
    for index, name in enumerate(names):
        end = f"/{name}" if len(names) > 1 else ""
        parts = _alone(control, index) if owner is None else _explained(clock, owner, name)
        found.update({f"rate/{part}{end}": value for part, value in parts.items()})
    return found


def _explained(clock: Clock, owner: Any, name: str) -> dict[str, float]:
    told = owner.explain(max(0, clock.updates - 1), member=name)
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
