"""What `rules="auto"` stands for: the rules that need to know nothing of the run."""

from keras_lr.rules.divergence import Divergence
from keras_lr.rules.oscillation import Oscillation
from keras_lr.rules.rule import Rule


def auto() -> tuple[Rule, ...]:
    """A gentle detector that costs next to nothing, and a way back from divergence.

    The distance test halves the rate when the weights have stopped making way. It needs no metric,
    no validation data and no length of an epoch, and doesn't look once the schedule falls to its
    end. docs/reducers.md has what that gains, and where it loses.

    >>> [rule.name for rule in auto()]
    ['oscillation', 'divergence']
    """
    return Oscillation("distance"), Divergence()
