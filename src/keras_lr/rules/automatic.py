"""What `rules="auto"` stands for, laid out over the run as a schedule is."""

from keras_lr.rules.divergence import Divergence
from keras_lr.rules.rule import Rule
from keras_lr.rules.slope import Slope

LOOKS = 150
"""Looks at the loss in a run."""
WINDOW = 20
"""Looks that the line is laid through: the last eighth of the run."""
LEAST = 16
"""Updates between two looks, at least: the loss of fewer batches is noise."""


def auto(steps: int | None = None, until: int | None = None) -> tuple[Rule, ...]:
    """A gentle rule whose patience is a share of the run, and a way back from divergence.

    `Slope` halves the rate when a line through the training loss of the run's last eighth doesn't
    fall. docs/reducers.md has why it is this rule, what it gains, and where it loses.

    Args:
        steps: Updates of the run; `None` takes the rule's own defaults.
        until: The update from which the rule no longer looks, where a schedule falls to its end.

    >>> slope, divergence = auto(steps=30_000)
    >>> slope.every, slope.window, divergence.name
    (200, 20, 'divergence')
    """
    if steps is None:
        return Slope("loss", until=until), Divergence()
    every = max(LEAST, round(steps / LOOKS))
    return Slope("loss", window=WINDOW, every=every, until=until), Divergence()
