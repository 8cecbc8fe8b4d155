"""Ended early: the run stopped before its rate had come down."""

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.schedules import parse
from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.needs import places
from keras_lr.watch.diagnosis.symptom import NOT_FOUND, Symptom, Verdict
from keras_lr.watch.style import number

NAME = "schedule ended early"
LEAST = 6
"""Places of the rate to judge by."""
ABOVE = 2.0
"""How many times its planned end the rate has to be above at the end, to be early."""
HIGH = 0.25
"""The share of its highest value that a rate ends with at least, if it was cut off (no plan known).
A schedule that is meant to end higher than that is rare; one of 10 % isn't."""
STRAIGHT = 0.75
"""The pace of the last quarter's fall over that of the quarter before, from which on it wasn't
levelling out. Exponential and inverse decays, which end anywhere, stay below unless they are slow."""
REBOUND = 5.0
"""How many times its lowest value the rate is at the end, if a new cycle had begun."""


def ended_early(evidence: Evidence) -> Verdict:
    """Whether the run ended while its rate was on the way down, or up again."""
    planned = _planned(evidence)
    if planned is not None:
        return planned
    return places(LEAST)(evidence) or _by_the_curve(evidence, evidence.rated)


def _planned(evidence: Evidence) -> Verdict | None:
    """By the plan, where the run knows it; `None` where it doesn't."""
    run, rates = evidence.run, evidence.rates
    total, done = run.epochs_planned, run.first_epoch + run.epochs
    if rates is None or total is None or run.schedule is None or evidence.unit != "epoch":
        return None
    per_epoch = evidence.steps_per_epoch or 1000.0
    try:
        plan = parse(run.schedule).resolve(
            steps=round(total * per_epoch), steps_per_epoch=per_epoch
        )
    except (
        InvalidInput
    ):  # a function of the user's own, or one that another horizon was laid out for
        return None
    if done >= total:
        return NOT_FOUND
    now, last = float(plan(round(done * per_epoch) - 1)), float(plan(plan.horizon.steps))
    if now <= ABOVE * last or now <= 0:
        return NOT_FOUND
    floor = f"{now / last:.3g} times the end of its schedule" if last > 0 else "not yet 0"
    text = (
        f"The run stopped after {done} of {total} epochs ({done / total:.0%}), at a learning rate "
        f"of {number(float(rates[-1]))}: {floor} ({run.schedule})."
    )
    missing = {"share": done / total, "epochs_missing": float(total - done)}
    return _symptom(evidence, len(rates) - 1, text, missing)


def _by_the_curve(evidence: Evidence, rates: np.ndarray) -> Verdict:
    top, last = float(rates.max()), float(rates[-1])
    peak = int(np.flatnonzero(rates >= 0.999 * top)[-1])
    low = peak + int(np.argmin(rates[peak:]))
    if rates[low] <= 0.1 * top and last >= REBOUND * rates[low] and last >= 0.02 * top:
        text = (
            f"The rate was down to {number(float(rates[low]))} at {evidence.place(low)}, and is "
            f"{number(last)} at the end: the run ended within the next rise or cycle."
        )
        return _symptom(evidence, low, text, {})
    quarter = max(2, len(rates) // 4)
    falling = rates[-2 * quarter - 1 :]
    if len(falling) < 2 * quarter + 1 or peak > len(rates) - 2 * quarter - 1:
        return NOT_FOUND
    before = float(falling[0] - falling[quarter])
    after = float(falling[quarter] - falling[-1])
    steady = bool((np.diff(falling) < 0).all())
    if not steady or last < HIGH * top or after < STRAIGHT * before:
        return NOT_FOUND
    text = (
        f"The learning rate was still falling, by {number(after / quarter)} "
        f"{evidence.each}, when the run ended at "
        f"{number(last)}, {last / top:.0%} of its highest recorded."
    )
    return _symptom(evidence, peak, text, {})


def _symptom(evidence: Evidence, first: int, text: str, numbers: dict[str, float]) -> Symptom:
    final = float(evidence.rated[-1])
    return Symptom(
        name=NAME,
        title="Schedule ended early",
        evidence=text,
        advice=(
            "Most of what a decay gains comes at its end. Give the schedule the length of the run "
            "(one of Keras has it in decay_steps; one of keras-lr takes that of fit), or train the "
            "rest, without an EarlyStopping that ends it before; from here a cooldown of a fifth of "
            "the run makes up for it."
        ),
        code=(
            "# the optimizer's own rate a number, or this would multiply its schedule\n"
            "keras_lr.LearningRate(schedule='linear')  # from here on, in another fit"
        ),
        numbers={"final_rate": final, **numbers},
        **evidence.location(first, len(evidence.at) - 1, len(evidence.at) - 1),
        curves=evidence.rate_names,
    )
