"""The control of a rate carried over from a fit that was cut off to the one that goes on.

In two parts. `set_state` goes before the first epoch, once everyone has joined: it says where the run
stands. `set_placed` goes after everyone has placed what belongs into the training step.
"""

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from keras_lr.rate.assigning import assign_quietly
from keras_lr.rate.control import Control
from keras_lr.rate.controlled import controls
from keras_lr.rate.moment import Assignment, Moment


def control_of(model: Any) -> Control | None:
    """The control of the running fit of `model`; `None` if nobody controls its rate."""
    return next((each for each in controls(model.optimizer) if each.model is model), None)


def get_state(control: Control, names: Mapping[object, str]) -> dict[str, Any]:
    """Where a control stands, as JSON values.

    Args:
        control: Of a running fit.
        names: A name for each owner, by which it will be known again.
    """
    return {
        "bases": list(control.bases),
        "assigned": control.assigned,
        "factors": _named(control.factors, names),
        "offsets": list(control.place.offsets),
        "followed": [float(rate.variable.numpy()) for rate in control.rates or []],
        "moments": [
            [each.batch, list(each.bases), _named(each.factors, names)] for each in control.moments
        ],
        "assignments": [list(astuple(each)) for each in control.assignments],
    }


def set_state(
    control: Control,
    state: Mapping[str, Any],
    owners: Mapping[str, object],
    *,
    batches: int | None = None,
) -> None:
    """Let a control go on where another one stood.

    Args:
        control: Of a fit whose owners have joined, and whose optimizer has its variables back.
        state: What `get_state` gave.
        owners: Who has which name now.
        batches: Batches of the run that are done, where they are counted anew; by default the
            run's own count goes on.
    """
    control.carry(state["bases"], state["assigned"], state["offsets"])
    if batches is not None:
        control.place.move_to(batches)
    for name, factors in state["factors"].items():
        if owners.get(name) in control.factors:
            control.factors[owners[name]] = tuple(factors)
    control.moments[:] = [
        Moment(
            batch,
            tuple(bases),
            {owners[name]: tuple(factors[name]) for name in factors if name in owners},
        )
        for batch, bases, factors in state["moments"]
    ]
    control.assignments[:] = [Assignment(*each) for each in state["assignments"]]


def set_placed(control: Control, state: Mapping[str, Any]) -> None:
    """Give what is placed in the training step its value back."""
    if control.rates is not None and len(control.rates) == len(state["followed"]):
        for rate, value in zip(control.rates, state["followed"], strict=True):
            if not rate.settable:  # the others are the optimizer's own variables
                assign_quietly(rate.variable, value)


def _named(
    factors: Mapping[object, tuple[float, ...]], names: Mapping[object, str]
) -> dict[str, list[float]]:
    return {names[owner]: list(each) for owner, each in factors.items() if owner in names}
