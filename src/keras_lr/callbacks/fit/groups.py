"""The groups of `per_layer` in a fit: their schedules laid out over it, and what to warn of."""

import numpy as np

from keras_lr.callbacks.fit.advice import warn_misfit
from keras_lr.callbacks.fit.layout import Layout
from keras_lr.callbacks.warning import warn
from keras_lr.optimizers.groups import group_schedules
from keras_lr.rate import Control, leaf_names, own_schedule
from keras_lr.schedules import Plan

_LOOKS = 2000
"""Steps of a run at which a schedule's values are looked at, at most."""


def lay_out_groups(control: Control, layout: Layout) -> list[Plan | None]:
    """For each leaf its group's schedule over the run, `None` where there is none.

    Raises:
        InvalidInput: A schedule doesn't fit, or the length of the run isn't known.
    """
    plans: list[Plan | None] = []
    names = leaf_names(control.optimizer)
    for index, schedule in enumerate(group_schedules(control.optimizer)):
        plan = None if schedule is None else layout.resolve(schedule)[index]
        plans.append(plan)
        if schedule is None or plan is None or not layout.batches:
            continue
        warn_misfit(schedule, plan)
        last = plan.horizon.steps - 1
        if not np.any(plan(np.linspace(0, last, min(last + 1, _LOOKS)).round())):
            warn(
                f"The group {names[index]!r} doesn't train in this run: its factor {schedule} is 0 "
                f"at each of its {last + 1} steps. Unfreeze it earlier, or train for longer."
            )
    return plans


def warn_levelled(control: Control, plans: list[Plan]) -> None:
    """Warn of a schedule of rates, which gives members with rates of their own all the same."""
    rates = {
        name: f"{base:g}"
        for name, leaf, base in zip(
            leaf_names(control.optimizer), control.leaves, control.bases, strict=True
        )
        if own_schedule(leaf) is None
    }
    if plans and plans[0].absolute and len(set(rates.values())) > 1:
        each = ", ".join(f"{name} {rate}" for name, rate in rates.items())
        warn(
            f"{plans[0]} gives the rates themselves, so all members of the MultiOptimizer have the "
            f"same rate in this fit, though they were compiled with {each}. For rates in the same "
            "proportions give factors: LearningRate(schedule=schedules.Cosine())."
        )
