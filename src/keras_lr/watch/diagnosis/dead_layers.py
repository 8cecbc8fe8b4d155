"""Dead layers: some stopped learning, while others went on at the same rate."""

import numpy as np

from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.lower import FIND, MEASURE
from keras_lr.watch.diagnosis.symptom import NOT_FOUND, Symptom, Verdict
from keras_lr.watch.style import number

NAME = "dead layers"
RATIO = "update_ratio/"
"""What the names begin with of ‖Δw‖/‖w‖ of each layer."""
STOPPED = 1e-7
"""The ratio up to which an update is none: the weights' own resolution, in single precision."""
ALIVE = 1e-5
"""The ratio above which a layer moves: one that died did so before, and a frozen one never; others
still do, and at the end of a schedule none."""
PLACES = 3
"""Places in a row at the end."""


def dead_layers(evidence: Evidence) -> Verdict:
    """Whether a layer that once moved has stopped for good, and another hasn't."""
    ratios = layer_ratios(evidence)
    most = np.max([np.nan_to_num(each) for each in ratios.values()], axis=0)
    since = {name: _dead_from(each, most) for name, each in ratios.items()}
    dead = {name: place for name, place in since.items() if place is not None}
    if not dead:
        return NOT_FOUND
    first, last = min(dead.values()), len(evidence.at) - 1
    names = ", ".join(f"{name} (from {evidence.place(dead[name])} on)" for name in dead)
    alive = max(ratios, key=lambda name: float(np.nan_to_num(ratios[name][-1])))
    return Symptom(
        name=NAME,
        title="Dead layers",
        evidence=(
            f"{names}: ‖update‖/‖weights‖ came down to {number(STOPPED)} or less and stayed there, "
            f"while that of {alive} is {number(float(ratios[alive][-1]))} at the end."
        ),
        advice=(
            f"ReLU units that no input reaches get no gradient, mostly since an update was too large. "
            f"{MEASURE} A warmup, clipnorm, or an activation that is nowhere flat helps too."
        ),
        code=f"{FIND}\nkeras_lr.LearningRate(schedule='constant | warmup(5%)')",
        numbers={"layers": float(len(dead)), "of": float(len(ratios))},
        curves=tuple(f"{RATIO}{name}" for name in dead),
        **evidence.location(first, last),
    )


def layer_ratios(evidence: Evidence) -> dict[str, np.ndarray]:
    """‖Δw‖/‖w‖ at the places of the loss, of each layer of which it was recorded."""
    found = {}
    for name in evidence.run.names:
        curve = evidence.curve(name) if name.startswith(RATIO) else None
        if curve is not None:
            found[name.removeprefix(RATIO)] = curve
    return found


def _dead_from(ratio: np.ndarray, most: np.ndarray) -> int | None:
    """The place from which on a layer doesn't move any more; `None` for one that does."""
    still = (ratio <= STOPPED) & (most > ALIVE)
    moves = np.flatnonzero(~still)
    first = int(moves[-1]) + 1 if len(moves) else 0
    if len(ratio) - first < PLACES or not np.nan_to_num(ratio[:first]).max(initial=0) > ALIVE:
        return None
    return first
