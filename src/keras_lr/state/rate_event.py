"""One change of the rate, as data."""

from dataclasses import dataclass

_ASSIGNED = " assigned it"
"""What follows the class of a callback in the reason of what it assigned."""


@dataclass(frozen=True)
class RateEvent:
    """One change of the rate that a schedule didn't make.

    Args:
        step: Updates done in the run when it happened.
        epoch: The number of the epoch in which it happened, or at whose end. The first is 0, as for
            Keras's callbacks and `History.epoch`; in words (`line`) it is epoch 1.
        cause: Who did it: a rule's name (with its metric, `plateau(mae)`, where several have the
            name), or `"set"` for a rate assigned from outside.
        factor: What it multiplied the rate by.
        rate: base × reduction after it.
        reason: The evidence, in words.
        fit: The fit in which it happened (the first with this callback and model is 0).
        member: Which member of a `MultiOptimizer` it happened to; empty where it was all of it.
    """

    step: int
    epoch: int
    cause: str
    factor: float
    rate: float
    reason: str
    fit: int = 0
    member: str = ""

    @property
    def changed(self) -> bool:
        """Whether the rate was another after it: not so where something else was told of a rule, or
        nobody knows what it was before.
        """
        return self.factor != 1.0

    @property
    def who(self) -> str:
        """Who did it, for a reader: a rule, the callback that assigned the rate, or "set".

        >>> RateEvent(20, 1, "set", 0.5, 0.05, "ReduceLROnPlateau assigned it").who
        'ReduceLROnPlateau'
        """
        by, assigned, _ = self.reason.partition(_ASSIGNED)
        return by if self.cause == "set" and assigned and by.isidentifier() else self.cause

    def words(self) -> str:
        """Who did what, in two words; of one that left the rate where it was, who.

        >>> RateEvent(20, 1, "plateau", 0.5, 0.05, "loss has not improved").words()
        'plateau ×0.5'
        """
        return f"{self.who} ×{self.factor:.3g}" if self.changed else self.who

    def line(self, place: str | None = None) -> str:
        """All of it in a line: where, who did what, to which rate, and why.

        Args:
            place: Where, in words; by default the epoch, whose first has the number 1 here.

        >>> RateEvent(20, 1, "plateau", 0.5, 0.05, "loss has not improved").line()
        'epoch 2: plateau ×0.5 → 0.05: loss has not improved'
        >>> RateEvent(20, 1, "set", 0.5, 0.05, "Mine assigned it: loss has not improved").line()
        'epoch 2: Mine ×0.5 → 0.05: loss has not improved'
        """
        where = f"epoch {self.epoch + 1}" if place is None else place
        same = not self.changed and self.cause != "set"
        why = self.reason if self.who == self.cause else self.reason.partition(_ASSIGNED)[2][2:]
        return f"{where}: {self.words()}{'' if same else f' → {self.rate:.3g}'}{why and f': {why}'}"
