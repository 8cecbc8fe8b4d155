"""What a replay found: the cuts, and the path of the rate."""

from dataclasses import dataclass
from typing import Literal


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

    def __str__(self) -> str:
        looks = f"{len(self.at)} {'epoch' if self.unit == 'epoch' else 'look'}"
        looks += "" if len(self.at) == 1 else "s"
        if not self.cuts:
            return f"No cut in {looks} of {self.source}."
        heads = (["epoch"] if self._has_epochs else []) + (["step"] if self._has_steps else [])
        table = [[*heads, "rule", "rate", "why"], *(self._row(cut) for cut in self.cuts)]
        widths = [max(len(row[i]) for row in table) for i in range(len(table[0]) - 1)]
        lines = [
            f"{len(self.cuts)} cut{'s' if len(self.cuts) > 1 else ''} in {looks} of {self.source}:"
        ]
        for row in table:
            cells = [
                cell.rjust(width) if i < len(heads) else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=False))
            ]
            lines.append("  ".join([*cells, row[-1]]))
        if not self.rates_known:
            lines.append("Rates are shares of the first one; learning_rate= says which it was.")
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
