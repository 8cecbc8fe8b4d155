"""An unused plateau: the loss lay flat at a rate that nobody cut."""

import numpy as np

from keras_lr.rules import Plateau, Slope, replay
from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.lower import COOLDOWN
from keras_lr.watch.diagnosis.symptom import NOT_FOUND, Symptom, Verdict
from keras_lr.watch.diagnosis.trend import line_through
from keras_lr.watch.style import number

NAME = "unused plateau"
LEAST = 12
"""Places of the loss to judge by; the second half of them is what may be flat."""
CUT = 0.7
"""The share of its rate that a stretch ends with at most, if the rate was cut in it."""
SURE = 2.0
"""Standard errors that the slope is below 0 by, of a loss that still falls."""
LOWER = 0.01
"""The share that the last quarter is lower by than the quarter before, of one that still falls."""
LEFT = 0.02
"""The share of its first value that the loss has left; below it there is nothing to gain."""
WINDOW = 10
"""Places that the replayed `Slope` looks at."""


def unused_plateau(evidence: Evidence) -> Verdict:
    """Whether the second half of the run is flat at an uncut rate, and when rules would have cut."""
    half = len(evidence.at) // 2
    loss, rates = evidence.loss[half:], evidence.rated
    middle = len(loss) // 2
    if rates[-1] < CUT * rates[half] or rates[-1] < CUT * rates.max():
        return NOT_FOUND
    if line_through(np.arange(len(loss)), loss).falls > SURE:
        return NOT_FOUND
    third, fourth = float(np.mean(loss[:middle])), float(np.mean(loss[middle:]))
    if third - fourth > LOWER * abs(third) or fourth <= LEFT * float(evidence.loss[0]):
        return NOT_FOUND
    cuts = _first_cuts(evidence)
    if not cuts:
        return NOT_FOUND
    rule, index = min(cuts.items(), key=lambda item: item[1])
    others = ", ".join(f"{name} at {evidence.place(i)}" for name, i in cuts.items())
    low = float(loss.min())
    return Symptom(
        name=NAME,
        title="Unused plateau",
        evidence=(
            f"{evidence.name} doesn't fall in the second half (mean {number(third)}, then "
            f"{number(fourth)}, best {number(low)}), at a rate of {number(float(rates[-1]))} that "
            f"nothing cut. First cuts would have been: {others}."
        ),
        advice=(
            "Let a rule cut the rate there, or let it fall to 0 over the last fifth of the run; if "
            "the loss stays as flat after a cut, it is as low as this net brings it: stop there."
        ),
        code=(f"{COOLDOWN[:-1]}, rules=[{rule}])\nprint(keras_lr.replay({rule}, history))"),
        numbers={"before": third, "after": fourth, "rate": float(rates[-1])},
        **evidence.location(half, len(evidence.at) - 1, index),
        curves=(evidence.name,),
    )


def _first_cuts(evidence: Evidence) -> dict[str, int]:
    """When each rule would have cut first, by the code that makes it."""
    name = evidence.name
    shown = {name: evidence.loss.tolist(), "learning_rate": evidence.rated.tolist()}
    rules = {
        f"rules.Plateau({name!r})": Plateau(name, mode="min"),
        f"rules.Slope({name!r}, every=None, window={WINDOW})": Slope(
            name, every=None, window=WINDOW, mode="min"
        ),
    }
    validated = evidence.validation
    validation = evidence.curve(validated)
    if validation is not None:
        shown[validated] = [v if np.isfinite(v) else None for v in validation.tolist()]
        rules[f"rules.Plateau({validated!r})"] = Plateau(validated, mode="min")
    found = {code: replay(rule, shown, rows="epoch").cuts for code, rule in rules.items()}
    return {f"keras_lr.{code}": cuts[0].epoch for code, cuts in found.items() if cuts}
