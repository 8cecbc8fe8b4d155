"""The measures as a Markdown table."""

from collections.abc import Iterable

from benchmarks.reducers.measures import Interval, Row

HEAD = (
    "| policy | recovery | worst cell | robustness | time to target | reached "
    "| false drops | cuts a run | diverged |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def table(rows: Iterable[Row]) -> str:
    """One line a policy."""
    return "\n".join([HEAD, *(_line(row) for row in rows)])


def _line(row: Row) -> str:
    false = "–" if row.false_drops is None else f"{row.false_drops:.0%} of {row.judged}"
    return (
        f"| {row.policy} | {_shown(row.recovery, 2)} | {_number(row.worst, '.2f')} "
        f"| {_shown(row.robustness, 3, sign='+')} | {_shown(row.time, 2)} | {row.reached:.0%} "
        f"| {false} | {row.cuts:.1f} | {row.diverged:.0%} |"
    )


def _shown(found: Interval | None, digits: int, sign: str = "") -> str:
    if found is None:
        return "–"
    value, low, high = (
        _number(number, f"{sign}.{digits}f") for number in (found.value, found.low, found.high)
    )
    return f"{value} ({low} to {high})"


def _number(number: float | None, form: str) -> str:
    return "–" if number is None else format(number, form).replace("-", "−")
