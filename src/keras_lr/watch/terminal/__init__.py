"""Results in the terminal, as text."""

from keras_lr.watch.terminal.curves import curve, finding_curve
from keras_lr.watch.terminal.schedules import drawn, schedule_curve
from keras_lr.watch.terminal.tables import comparison_table, table, trials_table

__all__ = [
    "comparison_table",
    "curve",
    "drawn",
    "finding_curve",
    "schedule_curve",
    "table",
    "trials_table",
]
