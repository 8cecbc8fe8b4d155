"""What a replay found: the cuts, and the path of the rate."""

from dataclasses import dataclass
from typing import Any, Literal

from keras_lr.lazy import call

_SHARES = "Rates are shares of the first one; learning_rate= says which it was."


@dataclass(frozen=True)
class Cut:
    """One decision of a rule.

    Args:
        rule: Its name.
        epoch: The epoch in which it came, or at whose end (the first is 0).
        step: Updates done by then, or `None` where the log doesn't say.
        factor: What it multiplies the rate by.
        rate_before: The rate before it; a share of the first one where rates aren't known.
        rate_after: The rate after it.
        reason: The evidence, in words.
        action: `"cut"`; `"restore best"` or `"roll back"` and cut; or `"give up"`.
    """

    rule: str
    epoch: int
    step: int | None
    factor: float
    rate_before: float
    rate_after: float
    reason: str
    action: Literal["cut", "restore best", "roll back", "give up"] = "cut"


@dataclass(frozen=True)
class Replay:
    """When rules would have cut on a finished run. `print` it for a table.

    Args:
        cuts: Each decision, in order.
        unit: What `at` counts: `"epoch"` (the first is 0) or `"step"` (updates done).
        at: The looks.
        rates: The rate up to each of them: what the run had, times what the rules cut.
        rates_known: Whether rates are rates; else they are shares of the first one.
        source: What was replayed.
    """

    cuts: tuple[Cut, ...]
    unit: Literal["epoch", "step"]
    at: tuple[int, ...]
    rates: tuple[float, ...]
    rates_known: bool
    source: str

    @property
    def answer(self) -> str:
        """How many cuts there would have been, in a sentence."""
        looks = f"{len(self.at)} {'epoch' if self.unit == 'epoch' else 'look'}"
        looks += "" if len(self.at) == 1 else "s"
        if not self.cuts:
            return f"No cut in {looks} of {self.source}."
        return f"{len(self.cuts)} cut{'s' * (len(self.cuts) > 1)} in {looks} of {self.source}."

    @property
    def table(self) -> list[list[str]]:
        """The cuts as rows of text, below their header."""
        heads = (["epoch"] if self._has_epochs else []) + (["step"] if self._has_steps else [])
        return [[*heads, "rule", "rate", "why"], *(self._row(cut) for cut in self.cuts)]

    def plot(self) -> Any:
        """A plotly figure of the rate, with the cuts and their causes."""
        return call("keras_lr.watch.figures:replay_figure", self)

    def __repr__(self) -> str:
        """The answer; the looks and rates would fill a page."""
        return f"Replay({self.answer.rstrip('.')!r})"

    def _repr_html_(self) -> str:
        return call("keras_lr.watch.notebook:as_html", self)

    def __str__(self) -> str:
        if not self.cuts:
            return self.answer
        table = self.table
        heads = int(self._has_epochs) + int(self._has_steps)
        widths = [max(len(row[i]) for row in table) for i in range(len(table[0]) - 1)]
        lines = [self.answer.rstrip(".") + ":"]
        for row in table:
            cells = [
                cell.rjust(width) if i < heads else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=False))
            ]
            lines.append("  ".join([*cells, row[-1]]))
        if not self.rates_known:
            lines.append(_SHARES)
        return "\n".join(lines)

    @property
    def _has_steps(self) -> bool:
        return any(cut.step is not None for cut in self.cuts)

    @property
    def _has_epochs(self) -> bool:
        return self.unit == "epoch" or any(cut.epoch for cut in self.cuts)

    def _row(self, cut: Cut) -> list[str]:
        row = [str(cut.epoch + 1)] if self._has_epochs else []
        row += [str("" if cut.step is None else cut.step)] if self._has_steps else []
        did = "" if cut.action == "cut" else f"{cut.action}: "
        rate = f"{cut.rate_before:.4g} → {cut.rate_after:.4g}"
        return [*row, cut.rule, rate, did + cut.reason]
