"""Whether a schedule ends where the run does, in one sentence."""

from keras_lr.schedules.horizon import Horizon
from keras_lr.schedules.schedule import Plan, Schedule


def fit_report(schedule: Schedule, horizon: Horizon) -> str | None:
    """By how much a schedule with an end of its own is longer or shorter than the run.

    A difference of one step is rounding, and not reported.

    Args:
        schedule: A schedule or a plan.
        horizon: The run.

    Returns:
        A sentence for a warning; `None` if the schedule never ends, or ends with the run.

    >>> from keras_lr.schedules import Cosine
    >>> fit_report(Cosine(length=80), Horizon(100))
    'The schedule cosine(length=80) ends at step 80, 20 steps before the run of 100 does: its last factor, 0, stays, so nothing is learned in them.'
    """
    plan = schedule if isinstance(schedule, Plan) else schedule.resolve(horizon)
    end, steps = plan.end, horizon.steps
    if end is None or abs(end - steps) <= 1:
        return None
    kind = "rate" if plan.absolute else "factor"
    last = plan(end)
    if end > steps:
        cut = plan(steps - 1)
        return (
            f"The schedule {schedule} ends at step {end}, but the run at {steps}: it is cut off "
            f"{end - steps} steps early, at a {kind} of {cut:.3g} instead of {last:.3g}."
        )
    idle = ", so nothing is learned in them" if last == 0 else ""
    return (
        f"The schedule {schedule} ends at step {end}, {steps - end} steps before the run of "
        f"{steps} does: its last {kind}, {last:.3g}, stays{idle}."
    )
