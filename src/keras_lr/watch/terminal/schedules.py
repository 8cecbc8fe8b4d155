"""Schedules in the terminal: their curves over a run, and the moments at which they turn."""

import shutil
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_lr.watch.style import number
from keras_lr.watch.terminal.axes import framed
from keras_lr.watch.terminal.colour import coloured
from keras_lr.watch.terminal.curves import WIDTH, curve

if TYPE_CHECKING:
    from keras_lr.watch.schedule_curves import ScheduleCurve

FLAT = 4
"""Lines of a picture in which nothing ever changes."""

COLOURS = 6
"""Curves that one picture tells apart."""


def schedule_curve(schedules: Any, steps: int | None = None, **run: Any) -> str:
    """One or several schedules over a run, as text, and the moments at which they turn.

    Args:
        schedules: As in `keras_lr.schedules.draw`.
        steps: As there.
        run: Its other arguments.
    """
    from keras_lr.watch.schedule_curves import schedule_curves

    return drawn(schedule_curves(schedules, steps, **run))


def drawn(curves: Sequence["ScheduleCurve"]) -> str:
    """Schedules as text: in one picture where colours tell them apart, else one below the other."""
    from keras_lr.watch.schedule_curves import value_name

    run = curves[0].plan.horizon
    name = value_name(curves)
    alone = len(curves) == 1
    if alone or (coloured() and len(curves) <= COLOURS):
        lines = [_picture(curves, name)]
        for each in curves:
            found = _moments(each, run.steps_per_epoch)
            lines += [f"{each.name}:"] if found and not alone else []
            lines += _folded(found, "" if alone else "  ")
    else:
        top = _top(curves)
        lines = [name]
        for each in curves:
            lines += ["", each.name, _picture([each], "", top=top, height=8)]
            lines += _folded(_moments(each, run.steps_per_epoch), "")
        lines.append("")
    if run.steps_per_epoch is not None:
        per_epoch = run.steps_per_epoch
        epochs = number(run.steps / per_epoch, 6)
        lines.append(f"{run.steps} steps are {epochs} epochs of {number(per_epoch, 6)}")
    return "\n".join(lines).rstrip("\n")


def _top(curves: Sequence["ScheduleCurve"]) -> float:
    return max(float(np.nanmax(each.ys)) for each in curves)


def _picture(
    curves: Sequence["ScheduleCurve"], title: str, *, top: float | None = None, height: int = 14
) -> str:
    """The curves in one box, with a line at each moment of a single one, unless they are many."""
    flat = top is None and all(float(np.ptp(each.ys)) == 0.0 for each in curves)
    top = _top(curves) if top is None else top
    above = 1.02 * top if top > 0 else 1.0
    steps = curves[0].plan.horizon.steps
    marks = curves[0].marks if len(curves) == 1 else ()
    often = Counter(mark.label for mark in marks)
    picture = curve(
        [(each.xs, each.ys) for each in curves],
        labels=[each.name for each in curves] if len(curves) > 1 else None,
        title=title,
        height=min(height, FLAT) if flat else height,
        y_min=0.0,
        y_max=above,
        x_min=0,
        x_max=steps,
        x_labels=False,
        y_labels=False,
        y_gridlines=[],
        x_gridlines=[mark.step for mark in marks if mark.step > 0 and often[mark.label] <= 8],
    )
    return framed(picture, top=top, above=above, steps=steps, parts=1 if flat else 4)


def _moments(curve: "ScheduleCurve", per_epoch: float | None) -> list[str]:
    """Marks in words, with the values there; of a label that comes often, the first few."""
    groups: dict[str, list[int]] = {}
    for mark in curve.marks:
        groups.setdefault(mark.label, []).append(mark.step)
    words = []
    for label, steps in groups.items():
        shown = steps if len(steps) <= 6 else steps[:4]
        more = ", …" if len(steps) > 6 else ""
        text = ", ".join(str(step) for step in shown) + more
        if per_epoch is not None:
            epochs = ", ".join(number(step / per_epoch, 4) for step in shown)
            text += f" (epoch{'s' if len(shown) > 1 else ''} {epochs})"
        there = np.searchsorted(curve.xs, shown)
        values = [number(float(value)) for value in curve.ys[there]]
        same = len(set(values)) == 1
        words.append(f"at {text} {label}: {values[0] if same else ', '.join(values) + more}")
    return words


def _folded(words: Sequence[str], indent: str) -> list[str]:
    """Words with dots between them, in lines that break at the dots."""
    if not words:
        return []
    width = max(40, min(WIDTH + 8, shutil.get_terminal_size((80, 24)).columns))
    lines = [f"{indent}{words[0]}"]
    for word in words[1:]:
        if len(lines[-1]) + len(word) + 3 <= width:
            lines[-1] += f" · {word}"
        else:
            lines.append(f"{indent}{word}")
    return [
        part
        for line in lines
        for part in textwrap.wrap(line, width, subsequent_indent=f"{indent}   ")
    ]
