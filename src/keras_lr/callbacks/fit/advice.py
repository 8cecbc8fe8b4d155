"""Warnings of a run that will not do what its author meant."""

from typing import Any

from keras_lr.callbacks.warning import warn
from keras_lr.errors import nearest
from keras_lr.rate import own_schedule
from keras_lr.rules import Rule
from keras_lr.rules.rule import is_in_graph
from keras_lr.rules.states import RuleStates
from keras_lr.schedules import Plan, Schedule, fit_report


def warn_misfit(schedule: Schedule, plan: Plan, setting: str = "") -> None:
    """Warn of a schedule that is longer or shorter than the run.

    Args:
        schedule: The schedule, as it was written.
        plan: The same, laid out over the run.
        setting: What it is a schedule of, if not of the rate.
    """
    problem = fit_report(schedule, plan.horizon, setting)
    if problem:
        warn(problem)


def warn_doubled(leaf: Any, schedule: Schedule) -> None:
    """Warn of a schedule for an optimizer that was built with one."""
    if own_schedule(leaf) is not None:
        own = type(own_schedule(leaf)).__name__
        effect = "replaces it" if schedule.absolute else f"multiplies it: the rate is {own} × it"
        warn(
            f"The optimizer was built with {own}; {schedule} {effect}. If the latter alone is "
            "meant, compile the optimizer with a number.",
        )


def warn_unknown(rules: tuple[Rule, ...], model: Any) -> None:
    """Warn, before training, of a rule whose metric the model doesn't have."""
    if not rules:
        return
    try:
        known = set(model.get_metrics_result())
    except Exception:
        # TensorFlow builds the metrics in the first step, and a metric of the user's may not like
        # to be asked before it has seen anything: then nothing is known yet.
        return
    known |= {f"val_{name}" for name in known}
    for rule in rules:
        if rule.monitor not in known and not is_in_graph(rule):
            warn(
                f"{type(rule).__name__} watches {rule.monitor!r}, which is none of the model's "
                f"metrics; it waits for a callback that logs it. {nearest(rule.monitor, known)}",
            )


def warn_unseen(states: RuleStates, values: dict[str, float]) -> None:
    """Warn, after training, of a rule that never saw its metric."""
    for rule, state in zip(states.rules, states.states, strict=True):
        if is_in_graph(rule):
            continue
        if rule.monitor not in values and state == rule.start():
            warn(
                f"{type(rule).__name__} never saw {rule.monitor!r}. Logged were: "
                f"{', '.join(sorted(values))}. For a val_ metric write "
                "model.fit(..., validation_data=(x_val, y_val)).",
            )
