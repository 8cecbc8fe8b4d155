"""Weight decay dominating: the weights shrink faster than the gradients make them grow."""

import numpy as np

from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.needs import NORMS, rated
from keras_lr.watch.diagnosis.symptom import NOT_FOUND, Missing, Symptom, Verdict
from keras_lr.watch.diagnosis.trend import line_through
from keras_lr.watch.style import number

NAME = "weight decay dominates"
LEAST = 5
"""Epochs to judge by."""
MEMORY = 0.01
"""The share of the run that the weights remember, below which they forget what they learn. Best
values found for AdamW are a share of the run of 0.03 and more."""
SHRUNK = 0.5
"""The share of its highest value that ‖w‖ has come down to."""
AT_REST = -4.0
"""Standard errors of the trend of ‖w‖² (`norm_equilibrium`) below which the weights shrink."""
NO_GAIN = 0.02
"""The share of the loss that was won while they shrank, at most."""
LOST = 0.05
"""Or the share that it is above its best at the end, which it had when the weights were larger."""


def weight_decay(evidence: Evidence) -> Verdict:
    """Whether the decay outweighs the gradients, by its time scale or by the norm of the weights.

    Each update takes the share rate × decay of the weights away, so that they are a mean of the
    updates before over 1/(rate × decay) of them.

    Source: Wang and Aitchison (2024), "How to set AdamW's weight decay as you scale model and dataset
    size"; Bergsma et al. (2025), "Power lines", for the best shares of a run.
    """
    decay = _decay(evidence)
    if decay is not None and not np.nanmax(decay) > 0:
        return NOT_FOUND
    by_scale = _by_time_scale(evidence, decay)
    by_norm = _by_norm(evidence, decay)
    for verdict in (by_norm, by_scale):
        if isinstance(verdict, Symptom):
            return verdict
    if by_scale is None and by_norm is None:
        if decay is None or evidence.rates is None:
            return rated(evidence) or NORMS
        return Missing("the updates of an epoch: diagnose(..., steps_per_epoch=N)")
    return NOT_FOUND


def _decay(evidence: Evidence) -> np.ndarray | None:
    found = evidence.curve("weight_decay")
    if found is not None and np.isfinite(found).any():
        return found
    setting = evidence.run.settings.get("weight_decay")
    if isinstance(setting, int | float):
        return np.full(len(evidence.at), float(setting))
    return np.zeros(len(evidence.at)) if _has_none(evidence) else None


def _has_none(evidence: Evidence) -> bool:
    """Whether the run is known to have no decay: what tells of its optimizer tells of none."""
    names = evidence.run.names
    # `LearningRateMonitor` logs these, and the decay if there is one.
    monitored = "batch_size" in names and "learning_rate" in names
    told = monitored or "optimizer" in evidence.run.settings
    return told and not any(name.startswith("weight_decay") for name in names)


def _by_time_scale(evidence: Evidence, decay: np.ndarray | None) -> Verdict | None:
    rates, per_epoch = evidence.rates, evidence.steps_per_epoch
    if decay is None or rates is None or (per_epoch is None and evidence.unit == "epoch"):
        return None
    steps = np.diff(np.concatenate([[0.0], evidence.at]))
    if evidence.unit == "epoch":
        steps = np.full(len(rates), float(per_epoch or 0.0))
    product = float(np.nansum(rates * decay * steps) / steps.sum())
    if product <= 0:
        return NOT_FOUND
    scale, run = 1 / product, float(steps.sum())
    if scale > MEMORY * run:
        return NOT_FOUND
    highest = float(np.nanmax(decay))
    lower = float(f"{highest * scale / (10 * MEMORY * run):.2g}")
    return _symptom(
        evidence,
        0,
        f"1/(rate × weight decay) is {number(scale)} updates on average, {scale / run:.2%} of the "
        f"run's {number(run)}: the weights are a mean over so few updates, and forget the rest.",
        f"Lower the weight decay to {lower:g}, so that they remember a tenth of the run, or lower the rate.",
        {"time_scale": scale, "steps": run, "weight_decay": highest, "lower": lower},
        (
            *(["weight_decay"] if evidence.curve("weight_decay") is not None else []),
            *evidence.rate_names,
        ),
        f"weight_decay={lower:g}",
    )


def _by_norm(evidence: Evidence, decay: np.ndarray | None) -> Verdict | None:
    norm = evidence.curve("weight_norm")
    if norm is None or np.isfinite(norm).sum() < LEAST:
        return None
    there = np.flatnonzero(np.isfinite(norm))
    top = int(there[np.argmax(norm[there])])
    shrinking = there[there >= top]
    if norm[there[-1]] > SHRUNK * norm[top] or len(shrinking) < 3:
        return NOT_FOUND
    loss, end = evidence.loss, float(np.median(evidence.loss[-3:]))
    best = top + int(np.argmin(loss[top:]))
    late = shrinking[len(shrinking) // 2 :]
    undone = (
        end > float(loss[best]) + LOST * abs(float(loss[best])) and norm[best] > norm[there[-1]]
    )
    gained = float(np.median(loss[late][:3])) - end
    if not undone and (gained > NO_GAIN * abs(end) or not _shrinks(evidence, norm, late)):
        return NOT_FOUND
    did = "took back what it had won" if undone else "gained nothing by it"
    return _symptom(
        evidence,
        top,
        f"‖w‖ came down from {number(float(norm[top]))} ({evidence.place(top)}) to "
        f"{number(float(norm[there[-1]]))}, while {evidence.name} {did} "
        f"({number(float(loss[top]))} there, {number(float(loss[best]))} at best, {number(end)} at "
        "the end).",
        "Lower the weight decay tenfold, or leave biases and normalisation out of it.",
        {"norm_before": float(norm[top]), "norm_after": float(norm[there[-1]])},
        ("weight_norm", evidence.name),
        _code(decay),
    )


def _code(decay: np.ndarray | None) -> str:
    """The line to write, with a tenth of the decay where it is known."""
    left_out = (
        "optimizer.exclude_from_weight_decay(var_names=['bias', 'gamma', 'beta'])  # before compile"
    )
    if decay is None:
        return left_out
    return f"weight_decay={float(np.nanmax(decay)) / 10:.2g}\n{left_out}"


def _shrinks(evidence: Evidence, norm: np.ndarray, late: np.ndarray) -> bool:
    """Whether the weights are still shrinking: by their trend where it was logged."""
    trend = evidence.curve("norm_equilibrium")
    if trend is not None and np.isfinite(trend[late]).any():
        return float(np.nanmedian(trend[late])) < AT_REST
    return len(late) < 4 or line_through(late, norm[late]).falls > -AT_REST


def _symptom(
    evidence: Evidence,
    first: int,
    text: str,
    advice: str,
    numbers: dict[str, float],
    curves: tuple[str, ...],
    code: str,
) -> Symptom:
    return Symptom(
        name=NAME,
        title="Weight decay dominates",
        evidence=text,
        advice=advice,
        code=code,
        numbers=numbers,
        **evidence.location(first, len(evidence.at) - 1),
        curves=curves,
    )
