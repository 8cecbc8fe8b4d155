"""Schedules seen before training: `plot` for a figure, `draw` for a terminal.

Drawing is the work of `keras_lr.watch`, which is imported when something is drawn.
"""

from typing import Any

from keras_lr.lazy import call


def plot(
    schedules: Any,
    steps: int | None = None,
    *,
    steps_per_epoch: float | None = None,
    batch_size: float | None = None,
    base_rate: float | None = None,
) -> Any:
    """One or several schedules over a run, as a figure.

    Args:
        schedules: A plan, or whatever `as_schedule` takes; a list of them; or a mapping of names
            to them.
        steps: Updates in the run. Plans know theirs (the longest is drawn whole), and so do
            schedules that end, with all lengths in steps.
        steps_per_epoch: Updates in an epoch: for lengths in epochs, and an axis of epochs.
        batch_size: Samples in one update, where a length is in samples.
        base_rate: The optimizer's rate; with it the rate is drawn, without it the factor.

    Returns:
        A `plotly.graph_objects.Figure`, with warmups, cooldowns, cycles and boundaries marked.

    Raises:
        InvalidInput: The run isn't known, or a schedule doesn't fit into it.
    """
    return call(
        "keras_lr.watch.figures.schedule:schedule_figure",
        schedules,
        steps,
        steps_per_epoch=steps_per_epoch,
        batch_size=batch_size,
        base_rate=base_rate,
    )


def draw(
    schedules: Any,
    steps: int | None = None,
    *,
    steps_per_epoch: float | None = None,
    batch_size: float | None = None,
    base_rate: float | None = None,
) -> str:
    """One or several schedules over a run, as text for a terminal.

    Args:
        schedules: As in `plot`.
        steps: As in `plot`.
        steps_per_epoch: Updates in an epoch: for lengths in epochs, and to list epochs.
        batch_size: Samples in one update, where a length is in samples.
        base_rate: The optimizer's rate; with it the rate is drawn, without it the factor.

    Returns:
        The picture, and below it the moments at which the schedules turn.

    Raises:
        InvalidInput: The run isn't known, or a schedule doesn't fit into it.
    """
    return call(
        "keras_lr.watch.terminal:schedule_curve",
        schedules,
        steps,
        steps_per_epoch=steps_per_epoch,
        batch_size=batch_size,
        base_rate=base_rate,
    )
