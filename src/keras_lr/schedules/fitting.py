"""Whether a schedule ends where the run does, before and after it, in a sentence or two."""

from dataclasses import fields, replace

from keras_lr.errors import InvalidInput
from keras_lr.schedules.horizon import Horizon
from keras_lr.schedules.plan import Plan
from keras_lr.schedules.schedule import Schedule


def fit_report(schedule: Schedule, horizon: Horizon, value: str = "") -> str | None:
    """By how much a schedule with an end of its own is longer or shorter than the run.

    A difference of one step is rounding, and not reported.

    Args:
        schedule: A schedule or a plan.
        horizon: The run.
        value: What its values are, such as "momentum", if not factors (or rates).

    Returns:
        Sentences for a warning, with what to write; `None` if the schedule has no end, or ends with
        the run.

    >>> from keras_lr.schedules import Cosine
    >>> fit_report(Cosine(length=80), Horizon(100))
    'The schedule cosine(length=80) ends at step 80, 20 steps before the run of 100 does: its last factor, 0, stays, so nothing is learned in them. Leave length out to fill the run, cosine(), or train for 80 steps.'
    """
    plan = schedule if isinstance(schedule, Plan) else schedule.resolve(horizon)
    end, steps = plan.goal(), horizon.steps
    if end is None or abs(end - steps) <= 1:
        return None
    kind = value or _kind(plan)
    last = plan(end)
    if end > steps:
        cut = plan(steps - 1)
        return (
            f"The schedule {schedule} ends at step {end}, but the run at {steps}: it is cut off "
            f"{end - steps} steps early, at a {kind} of {cut:.3g} instead of {last:.3g}. "
            f"{_cure(schedule, horizon, end, value)}"
        )
    idle = ", so nothing is learned in them" if last == 0 and not value else ""
    later = plan(steps - 1)
    after = f"{last:.3g}, stays{idle}" if later == last else f"{last:.3g}, goes on to {later:.3g}"
    return (
        f"The schedule {schedule} ends at step {end}, {steps - end} steps before the run of "
        f"{steps} does: its last {kind}, {after}. {_cure(schedule, horizon, end, value)}"
    )


def end_report(plan: Plan, steps_done: int, value: str = "") -> str | None:
    """What a run that stopped before its plan ended, or went on after it, did to the rate.

    A difference of one step is rounding, and not reported.

    Args:
        plan: A schedule laid out over the run as it was planned.
        steps_done: Updates that were done, counted from the start of the run.
        value: What its values are, such as "momentum", if not factors (or rates).

    Returns:
        A sentence for a warning; `None` if the run ended as planned, if it lost nothing of the
        plan, or if the plan has no end.

    >>> from keras_lr.schedules import Cosine
    >>> plan = Cosine(end=0.03).resolve(steps=1000)
    >>> end_report(plan, 400)
    'The run stopped at step 400 of 1000 (40 %): the last factor of cosine(end=0.03, length=1000) was 0.666, 22.2 times its final 0.03.'
    >>> end_report(plan, 1200)
    'The run went on for 200 steps after its plan of 1000 ended: the last factor of cosine(end=0.03, length=1000), 0.03, stayed in them.'
    """
    goal = plan.goal()
    if goal is None or steps_done < 1:
        return None
    steps, kind = plan.horizon.steps, value or _kind(plan)
    final_step = min(goal, steps)
    if steps_done > steps + 1:
        first, last = plan(steps), plan(steps_done - 1)
        idle = ", so nothing was learned" if last == 0 and not value else ""
        stayed = f"the last {kind} of {plan}, {last:.3g}, stayed in them{idle}"
        went = f"in them the {kind} of {plan} went from {first:.3g} to {last:.3g}"
        return (
            f"The run went on for {steps_done - steps} steps after its plan of {steps} ended: "
            f"{stayed if first == last else went}."
        )
    if steps_done >= final_step - 1:
        return None
    last = plan(steps_done - 1)
    final = plan(goal) if goal <= steps else plan(steps - 1)
    if abs(last - final) <= 1e-3 * max(last, final):
        return None
    against = (
        f"{last / final:.3g} times its final {final:.3g}"
        if 0 < final < last
        else f"not yet its final {final:.3g}"
    )
    return (
        f"The run stopped at step {steps_done} of {steps} ({100 * steps_done / steps:.3g} %): the "
        f"last {kind} of {plan} was {last:.3g}, {against}."
    )


def _kind(plan: Plan) -> str:
    return "rate" if plan.absolute else "factor"


def _cure(schedule: Schedule, horizon: Horizon, end: int, value: str) -> str:
    """What to write for a schedule that ends with the run, and how long a run ends with it."""
    epochs = end / (horizon.steps_per_epoch or end)
    whole = horizon.steps_per_epoch is not None and abs(epochs - round(epochs)) < 1e-6
    count, unit = (round(epochs), "epoch") if whole else (end, "step")
    train = f"train for {count} {unit}{'' if count == 1 else 's'}."
    try:
        filling = _filling(schedule)
        if filling is not None and fit_report(filling, horizon, value) is None:
            return f"Leave length out to fill the run, {filling}, or {train}"
    except InvalidInput:  # it doesn't fit
        pass
    return f"To end with it, {train}"


def _filling(schedule: Schedule) -> Schedule | None:
    """`schedule` with the length of its only shape left out; `None` if there is none to leave out."""
    if isinstance(schedule, Plan):
        return _filling(schedule.schedule)
    inner = getattr(schedule, "schedule", None)
    if isinstance(inner, Schedule):
        filling = _filling(inner)
        return filling and replace(schedule, schedule=filling)  # type: ignore[call-arg]
    optional = any(item.name == "length" and item.default is None for item in fields(schedule))
    if not optional or schedule.fills():
        return None
    return replace(schedule, length=None)  # type: ignore[call-arg]
