"""Diverged: the loss is no number any more, or has lost what it had gained."""

import math
from dataclasses import replace

import numpy as np

from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.symptom import NOT_THERE, Symptom, Unjudged, Verdict
from keras_lr.watch.style import number

NAME = "diverged"
LOST = 0.5
"""The share of its progress that a run has lost at its end, to have diverged."""
ROSE = 0.1
"""And the share of its highest value that it rose by."""
TAIL = 0.1
"""The share of the run at its end that is looked at for that."""
AWAY = 8
"""A rate that diverges is about so many times the best one, or more (157 curves of language models
of Schaipp et al. 2025)."""


def diverged(evidence: Evidence) -> Verdict:
    """Whether the training loss became NaN or infinite, or went up and stayed there."""
    bad = np.flatnonzero(~np.isfinite(evidence.loss))
    if len(bad):
        return _not_finite(evidence, bad)
    if len(evidence.at) < 3:
        return Unjudged(NAME, f"3 {evidence.unit}s; this run has {len(evidence.at)}")
    return _lost(evidence)


def _not_finite(evidence: Evidence, bad: np.ndarray) -> Symptom:
    first = int(bad[0])
    value = evidence.loss[first]
    back = bool(np.isfinite(evidence.loss[-1]))
    best = np.min(evidence.loss[:first]) if first else math.nan
    before = f", after {number(float(best))} at best" if first else ""
    update = _first_update(evidence)
    place = evidence.place(first) if update is None else f"step {update}"
    evidence_text = (
        f"{evidence.name} is {'NaN' if math.isnan(value) else number(float(value))} at "
        f"{place}{_at_rate(evidence, first)}{before}."
    )
    if back:
        rolled = [e for e in evidence.run.events if e.cause.startswith("divergence")]
        how = "was rolled back" if rolled else "came back"
        return _symptom(
            evidence,
            first,
            int(bad[-1]),
            f"Diverged, and {how}",
            f"{evidence_text} It {how}: at the end it is {number(float(evidence.loss[-1]))}.",
            severity="note",
        )
    if first == 0:
        evidence_text += " It was so from the start, which NaN in the data does too."
    found = _symptom(evidence, first, len(evidence.at) - 1, "Diverged", evidence_text)
    return found if update is None else replace(found, where=f"from {place} on", step=update)


def _first_update(evidence: Evidence) -> int | None:
    """The first recorded update whose loss is no number."""
    curve = evidence.run.steps.get(evidence.name)
    if curve is None:
        return None
    pairs = zip(curve.steps, curve.values, strict=True)
    return next((int(step) for step, value in pairs if not math.isfinite(value)), None)


def _lost(evidence: Evidence) -> Verdict:
    loss = evidence.loss
    tail = max(2, round(TAIL * len(loss)))
    best = int(np.argmin(loss))
    end, progress = float(np.median(loss[-tail:])), evidence.progress
    size = float(np.abs(loss).max()) or 1.0
    # A run that went up from its very first epoch on has no progress to lose.
    rose = end - float(loss[best])
    if best >= len(loss) - tail or rose <= max(LOST * progress, ROSE * size):
        return NOT_THERE
    norm = evidence.curve("weight_norm")
    if norm is not None and norm[-1] < norm[best]:  # shrinking weights took it back
        return NOT_THERE
    level = loss[best] + LOST * rose
    first = int(best + np.argmax(loss[best:] > level))
    share = "" if progress == 0 else f", {rose / progress:.0%} of its progress lost"
    text = (
        f"{evidence.name} went up from {number(float(loss[best]))} ({evidence.place(best)}) to "
        f"{number(end)} and stayed there{share}; it left at {evidence.place(first)}"
        f"{_at_rate(evidence, first)}."
    )
    return _symptom(evidence, first, len(loss) - 1, "Diverged", text)


def _symptom(
    evidence: Evidence, first: int, last: int, title: str, text: str, severity: str = "bad"
) -> Symptom:
    rate = None if evidence.rates is None else float(evidence.rates[: first + 1].max())
    lower = None if rate is None else float(f"{rate / AWAY:.2g}")
    advice = (
        "Train at a lower rate (one that diverges is about 8 times the best one, or more), measure "
        "the best with keras_lr.find(model, x, y), and let Divergence go back and cut if it "
        "happens again."
    )
    line = "" if lower is None else f"keras_lr.set_learning_rate(model, {lower:g})\n"
    code = f"{line}keras_lr.LearningRate(rules=[keras_lr.rules.Divergence({evidence.name!r})])"
    numbers = {"loss": float(evidence.loss[first])}
    numbers |= {} if rate is None or lower is None else {"rate": rate, "lower_rate": lower}
    return Symptom(
        name=NAME,
        title=title,
        where=f"from {evidence.place(first)} on" if severity == "bad" else evidence.place(first),
        evidence=text,
        advice=advice if severity == "bad" else "Nothing, unless it happens in every run.",
        severity=severity,  # type: ignore[arg-type]
        code=code if severity == "bad" else "",
        epoch=evidence.epoch(first),
        step=evidence.step(first),
        numbers=numbers,
        span=evidence.span(first, last),
        curves=(evidence.name,),
    )


def _at_rate(evidence: Evidence, index: int) -> str:
    if evidence.rates is None:
        return ""
    return f", at a learning rate of {number(float(evidence.rates[index]))}"
