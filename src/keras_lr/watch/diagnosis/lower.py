"""A lower rate as advice: the finder measures one, a share of this run's is no more than a guess."""

from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.style import number

FIND = "keras_lr.find(model, x, y)"
"""The line that measures a rate."""
FINDS = f"measure the rate: {FIND} tries many on the same batches."
"""What to do, from the middle of a sentence on."""
COOLDOWN = "keras_lr.LearningRate(schedule='constant | cooldown(20%)')"
"""The line that lets the rate fall over the last fifth of the run."""
MEASURE = f"{FINDS[0].upper()}{FINDS[1:]}"
"""The same as a sentence."""
_SHARES = {2: "half", 4: "a quarter", 8: "an eighth"}


def lower_rate(rate: float | None, divisor: int) -> float | None:
    """A share of a rate, in two digits; `None` where the rate isn't known.

    >>> lower_rate(0.1, 8)
    0.013
    """
    return None if not rate else float(f"{rate / divisor:.2g}")


def find_it(rate: float | None, divisor: int) -> str:
    """What to do about a rate that was too high.

    Args:
        rate: The run's highest; `None` where it isn't known.
        divisor: Of it, for the guess: 2, 4 or 8.

    >>> print(find_it(0.1, 4))
    Measure the rate: keras_lr.find(model, x, y) tries many on the same batches. A guess is a quarter of this run's, 0.025; whether it is low enough only the next run tells.
    """
    lower = lower_rate(rate, divisor)
    if lower is None:
        return f"{MEASURE} A guess is {_SHARES[divisor]} of this run's."
    return (
        f"{MEASURE} A guess is {_SHARES[divisor]} of this run's, {lower:g}; whether it is low enough "
        "only the next run tells."
    )


def find_line(rate: float | None, divisor: int) -> str:
    """The line that measures a rate, with the guess beside it.

    >>> find_line(0.1, 8)
    'keras_lr.find(model, x, y)  # or guess: keras_lr.set_learning_rate(model, 0.013)'
    """
    return line_with(lower_rate(rate, divisor))


def line_with(guess: float | None) -> str:
    """The line that measures a rate, with a guess beside it, where there is one."""
    told = "" if guess is None else f"  # or guess: keras_lr.set_learning_rate(model, {guess:g})"
    return f"{FIND}{told}"


def guessed(rate: float | None, divisor: int) -> dict[str, float]:
    """The rate and the guess, as `numbers` of a symptom; nothing where the rate isn't known."""
    lower = lower_rate(rate, divisor)
    return {} if rate is None or lower is None else {"rate": rate, "lower_rate": lower}


def at_rate(evidence: Evidence, index: int) -> str:
    """The rate at a place in words; nothing where it isn't known."""
    if evidence.rates is None:
        return ""
    return f", at a learning rate of {number(float(evidence.rates[index]))}"
