"""Results in the terminal: curves drawn with block characters, tables in columns.

Every function returns text, so that a caller decides where it goes.
"""

import io
import shutil
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_lr.escaped import escaped
from keras_lr.finder.finding import Finding
from keras_lr.watch.axes import LOSS, Axis
from keras_lr.watch.comparison import Comparison
from keras_lr.watch.style import number, score
from keras_lr.watch.terminal.axes import framed
from keras_lr.watch.terminal.colour import coloured

if TYPE_CHECKING:
    from keras_lr.watch.schedule_curves import ScheduleCurve

NUMBER = 12
"""Characters of a cell, at most, that isn't folded."""

WIDTH = 72
"""Columns a curve takes at most; a narrower terminal narrows it."""

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


def finding_curve(finding: Finding) -> str:
    """Loss against rate (log-x), with a line at the suggestion."""
    rates, losses = np.asarray(finding.rates, float), np.asarray(finding.losses, float)
    good = np.isfinite(losses)
    if not good.any():
        return "every rate diverged"
    # Members that are about to diverge would flatten all others on a linear axis.
    up = Axis.around(losses[good].tolist(), spread=LOSS, margin=0.03)
    what = "loss (logarithmic)" if up.log else "loss"
    what += " against learning rate"
    if not good.all():
        what += f" ({int((~good).sum())} of {len(rates)} diverged)"
    if finding.learning_rate is not None:
        what += f"; | use {number(finding.learning_rate)}"
    marks = [] if finding.learning_rate is None else [finding.learning_rate]
    return curve(
        [(rates[good], losses[good])],
        title=what,
        lines=True,
        x_as_log=True,
        x_min=float(rates.min()),
        x_max=float(rates.max()),
        x_gridlines=marks,
        y_gridlines=[],
        y_as_log=up.log,
        y_min=up.low,
        y_max=up.high,
    )


def curve(
    series: Sequence[tuple[Any, Any]],
    *,
    labels: Sequence[str] | None = None,
    title: str = "",
    lines: bool = True,
    height: int = 14,
    **options: Any,
) -> str:
    """Lines through points, as text; `options` go to uniplot."""
    from uniplot import plot_to_string

    width = max(20, min(WIDTH, shutil.get_terminal_size((80, 24)).columns - 12))
    if labels is not None:
        options["legend_labels"] = list(labels)
    if title:  # an empty one it can't centre
        options["title"] = title
    text = plot_to_string(
        xs=[xs for xs, _ in series],
        ys=[ys for _, ys in series],
        lines=lines,
        width=width,
        height=height,
        color=len(series) > 1 and coloured(),
        **options,
    )
    return text if isinstance(text, str) else "\n".join(text)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None) -> str:
    """Rows in columns, as text; the first column keeps its width.

    >>> print(table(["rate", "loss"], [["0.1", "0.25"], ["0.01", "1.5"]]))
     rate  loss
     0.1   0.25
     0.01  1.5
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    plain = Table(box=None, title=title, title_justify="left", pad_edge=True, padding=(0, 1))
    if len(rows) > 12:
        plain.box = SIMPLE_HEAD
    width = max(60, shutil.get_terminal_size((100, 24)).columns)
    cells = [[escaped(cell) for cell in row] for row in rows]
    names = [escaped(name) for name in header]
    if sum(long + 2 for long in _longest([names, *cells])) > width:
        # Where it gets narrow, names are stacked and texts folded, or left out; numbers stay whole.
        cells = [[clipped(cell) for cell in row] for row in cells]
        short = [long <= NUMBER for long in _longest(cells)] or [True] * len(names)
        names = [_stacked(name) if few else name for name, few in zip(names, short, strict=True)]
    longest = _longest(cells) or [0] * len(names)
    texts = [long > NUMBER for long in longest]
    numbers = sum(
        max([long, *map(len, name.splitlines())]) + 2
        for name, long, text in zip(names, longest, texts, strict=True)
        if not text
    )
    fits = not any(texts) or all(texts) or (width - numbers) // sum(texts) >= NUMBER
    shown = [index for index, text in enumerate(texts) if fits or not text]
    for index in shown:
        plain.add_column(Text(names[index]), overflow="fold", no_wrap=not texts[index])
    for row in cells:
        plain.add_row(*(Text(row[index]) for index in shown))
    buffer = io.StringIO()
    Console(file=buffer, width=width, force_terminal=False).print(plain)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())


def _longest(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _stacked(name: str) -> str:
    return name.replace(" ", "\n").replace("_", "_\n")


def clipped(text: str, most: int = 48) -> str:
    """A text for a table: of a long one its beginning.

    >>> clipped("piecewise([2 epochs], values=[1.0, 2.0])", 12)
    'piecewise([…'
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def trials_table(study: Any, *, count: int = 8) -> str:
    """The best trials of a study, as text."""
    from keras_lr.watch.figures.study import describe_value
    from keras_lr.watch.figures.trials import ranked, varied

    best = ranked(study)[:count]
    if hasattr(study, "copies"):
        from keras_lr.watch.report.studies import members_table

        members = members_table(study, best)
        return table(members.header, members.rows)
    keys = varied(study)
    rows = [
        [
            str(trial.number),
            score(study.objective, trial.value),
            *(describe_value(trial.params.get(key), key) for key in keys),
        ]
        for trial in best
    ]
    return table(["trial", study.objective, *keys], rows)


def comparison_table(comparison: Comparison) -> str:
    """The arms of a comparison, their scores, and whether they differ, as text."""
    from keras_lr.watch.answers import against, difference

    rows = []
    for arm in comparison.arms:
        told = "–" if arm is comparison.candidate else difference(comparison, arm)
        reached = score(comparison.metric, arm.mean, arm.spread)
        rows.append([arm.name, arm.description, reached, told])
    header = ["trained with", "setting", comparison.metric, against(comparison)]
    return table(header, rows)
