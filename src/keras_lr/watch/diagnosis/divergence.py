"""What is said of every divergence: the rate it had, and what to do."""

from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.lower import find_line, guessed
from keras_lr.watch.diagnosis.symptom import Severity, Symptom

NAME = "diverged"
AWAY = 8
"""A rate that diverges is about so many times the best one, or more (157 curves of language models
of Schaipp et al. 2025)."""
ADVICE = (
    f"Train at a lower rate: one that diverges is about {AWAY} times the best one, or more. "
    "keras_lr.find(model, x, y) measures it; let Divergence go back and cut if it happens again."
)


def divergence(
    evidence: Evidence,
    first: int,
    last: int,
    title: str,
    text: str,
    *,
    severity: Severity = "bad",
    advice: str = ADVICE,
) -> Symptom:
    """The symptom of a run that diverged at a place, with the rate to take instead.

    Args:
        evidence: Of the run.
        first: The place where it diverged.
        last: The last place that shows it.
        title: What is wrong, in a few words.
        text: The numbers that show it.
        severity: A note is of a run that came back: nothing is to be done.
        advice: What to do.
    """
    # A rate of 0 didn't do it, and gives no lower one.
    rate = None if evidence.rates is None else float(evidence.rates[: first + 1].max()) or None
    rule = f"keras_lr.LearningRate(rules=[keras_lr.rules.Divergence({evidence.name!r})])"
    code = f"{find_line(rate, AWAY)}\n{rule}"
    return Symptom(
        name=NAME,
        title=title,
        where=f"from {evidence.place(first)} on" if severity != "note" else evidence.place(first),
        evidence=text,
        advice=advice
        if severity != "note"
        else "Nothing is to be done, unless it happens in every run.",
        severity=severity,
        code=code if severity != "note" else "",
        epoch=evidence.epoch(first),
        step=evidence.step(first),
        numbers={"loss": float(evidence.loss[first])} | guessed(rate, AWAY),
        span=evidence.span(first, last),
        unit=evidence.unit,
        curves=(evidence.name,),
        hides=severity != "note",  # a run that came back can be judged otherwise
    )
