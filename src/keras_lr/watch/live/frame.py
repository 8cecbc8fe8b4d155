"""What the terminal shows of a running fit: where it stands, its losses, its rate."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras_lr.escaped import escaped
from keras_lr.state.curve_names import group_of
from keras_lr.watch.axes import LOSS, RATE, Axis
from keras_lr.watch.live.progress import Progress, latest
from keras_lr.watch.run import Run
from keras_lr.watch.run.axis import event_place, line, x_name
from keras_lr.watch.style import number
from keras_lr.watch.terminal.axes import named_rows

if TYPE_CHECKING:
    from rich.console import RenderableType

SIDE_BY_SIDE = 90
"""Columns from which on the pictures stand beside each other."""
LOWEST, HIGHEST = 4, 12
"""Lines of a picture's plot area."""
AROUND = 5
"""Lines that a picture takes beside it: title, frame, axis, names."""
LABELS = 8
"""Columns at its right for the values."""
MARKS = 8
"""Cuts that are marked by a line, the last ones."""
COLOURS = ("blue", "magenta", "green", "yellow")
CODES = (34, 35, 32, 33)
"""The same colours, as terminals know them."""


@dataclass(frozen=True)
class Panel:
    """One picture.

    Args:
        names: The curves in it.
        title: Above it.
        spread: From which spread on its axis is logarithmic.
        from_zero: Whether it begins at 0 otherwise.
    """

    names: Sequence[str]
    title: str
    spread: float
    from_zero: bool = False


def frame(
    run: Run,
    progress: Progress,
    *,
    width: int,
    height: int,
    colours: bool = True,
    pictures: bool = True,
) -> "RenderableType":
    """What is shown now, no higher than the terminal.

    Args:
        run: What there is so far.
        progress: Where the fit stands.
        width: Columns of the terminal.
        height: Its lines.
        colours: Whether it takes colours; without them each curve has a picture of its own.
        pictures: Whether it can show block characters.

    Returns:
        Something that rich prints.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    told = " · ".join([progress.words(), *latest(run, progress.state)])
    head = Text(escaped(told), style="bold" if progress.state == "running" else "")
    lines = len(textwrap.wrap(told, width))
    panels = [panel for panel in panels_of(run, colours) if _drawable(run, panel)]
    beside = width >= SIDE_BY_SIDE and len(panels) > 1
    # One line stays free: a frame that fills the terminal scrolls it.
    free = height - lines - 1
    if beside:
        panels = panels[:3]
        rows, columns = free - AROUND, width // len(panels)
    else:
        panels = panels[: max(0, free // (LOWEST + AROUND))]
        rows, columns = free // max(1, len(panels)) - AROUND, min(width, SIDE_BY_SIDE)
    if not pictures or rows < LOWEST or columns < 30:
        return head
    drawn = [
        Text.from_ansi(
            picture(run, each, columns - 1, min(HIGHEST, rows), colours=colours),
            no_wrap=True,
            overflow="crop",
        )
        for each in panels
    ]
    if not beside:
        return Group(head, *drawn)
    grid = Table.grid(padding=0)
    for _ in drawn:
        grid.add_column(width=columns)
    grid.add_row(*drawn)
    return Group(head, grid)


def panels_of(run: Run, colours: bool) -> list[Panel]:
    """Losses in one picture and rates in another; without colours each curve in its own.

    A rate that never changed needs no picture.
    """
    losses, rates = run.losses[: len(COLOURS)], run.rates[: len(COLOURS)]
    if not losses:
        losses = [name for name in run.history if name not in rates][:1]
    if colours:
        found = [Panel(losses, ", ".join(losses), LOSS), _rates(rates)]
    else:
        found = [*(Panel([name], name, LOSS) for name in losses[:2]), _rates(rates[:1])]
    found = [panel for panel in found if panel.names]
    if len(found) > 1 and all(_flat(run, name) for name in found[-1].names):
        return found[:-1]  # the line above says it
    return found


def _rates(names: Sequence[str]) -> Panel:
    title = "learning rate"
    if len(names) > 1:
        title += ": " + ", ".join(group_of(name) or "all" for name in names)
    return Panel(names, title, RATE, from_zero=True)


def picture(run: Run, panel: Panel, width: int, height: int, *, colours: bool) -> str:
    """Curves as text, with a line at each of the last cuts.

    Args:
        run: Whose.
        panel: Which.
        width: Columns that it may take.
        height: Lines of the plot area.
        colours: Whether it may use colours.
    """
    from uniplot import plot_to_string

    shown = {name: found for name in panel.names if (found := _finite(run, name))}
    curves = list(shown.values())
    places = [x for found in curves for x, _ in found]
    values = [y for found in curves for _, y in found]
    up = Axis.around(values, spread=panel.spread, from_zero=panel.from_zero, margin=0.04)
    counted = x_name(run)
    left = min(run.first_epoch if counted == "epoch" else 0, min(places))
    right = max(*places, left + 1e-9)
    told = [event for event in run.events if event.factor != 1.0 or event.cause == "set"]
    cuts = [event_place(run, event) for event in told][-MARKS:]
    marked = [x for x in cuts if left < x < right]
    inside = width - 2 - LABELS
    title = escaped(panel.title) + " (logarithmic)" * up.log
    title = title if len(title) <= inside else f"{title[: inside - 1]}…"
    options: dict[str, Any] = {"color": list(COLOURS[: len(curves)])} if colours else {}
    text = plot_to_string(
        xs=[[x for x, _ in found] for found in curves],
        ys=[[y for _, y in found] for found in curves],
        lines=True,
        width=inside,
        height=height,
        title=title,
        x_min=left,
        x_max=right,
        y_min=up.low,
        y_max=up.high,
        y_as_log=up.log,
        x_gridlines=marked,
        y_gridlines=[],
        x_labels=False,
        y_labels=False,
        **options,
    )
    lines = text.splitlines() if isinstance(text, str) else list(text)
    top = next(i for i, each in enumerate(lines) if each.startswith("┌")) + 1
    for row, value in named_rows(up, values, height).items():
        below = row == height - 1 and min(values) < up.low  # the curve goes on below the edge
        lines[top + row] += f" <{number(value, 2)}" if below else f" {number(value)}"
    mark = "" if not marked else "│ the last cuts" if len(told) > MARKS else "│ a cut"
    lines[top + height + 1 :] = [_below(number(left), mark, f"{counted} {number(right)}", inside)]
    return "\n".join([*lines, *_legend(list(shown), colours)])


def _below(left: str, mark: str, right: str, width: int) -> str:
    """The line of the places, with what the lines in the picture are if there is room."""
    free = width - len(left) - len(right)
    return f" {left}{(mark if len(mark) + 4 <= free else '').center(free)}{right}"


def _legend(names: Sequence[str], colours: bool) -> list[str]:
    if not colours or len(names) < 2:
        return []
    return [
        " "
        + "  ".join(
            f"\x1b[{code}m██\x1b[0m {escaped(name)}"
            for code, name in zip(CODES, names, strict=False)
        )
    ]


def event_line(run: Run, event: Any) -> str:
    """What changed the rate, when, and why, in a line."""
    return escaped(event.line(f"{x_name(run)} {number(event_place(run, event), 4)}"))


def _finite(run: Run, name: str) -> list[tuple[float, float]]:
    xs, ys = line(run, name)
    return [(x, y) for x, y in zip(xs, ys, strict=True) if y is not None and math.isfinite(y)]


def _flat(run: Run, name: str) -> bool:
    return len({y for _, y in _finite(run, name)}) < 2


def _drawable(run: Run, panel: Panel) -> bool:
    return any(len(_finite(run, name)) > 1 for name in panel.names)
