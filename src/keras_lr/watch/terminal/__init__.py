"""Results in the terminal, as text."""

from keras_lr.watch.terminal.results import (
    comparison_table,
    curve,
    drawn,
    finding_curve,
    schedule_curve,
    table,
    trials_table,
)

__all__ = [
    "comparison_table",
    "curve",
    "drawn",
    "finding_curve",
    "schedule_curve",
    "table",
    "trials_table",
]
