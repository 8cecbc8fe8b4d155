"""Axes for a curve drawn as text: a few round numbers at the side and below, both ends among them."""

import math
from collections.abc import Sequence

from keras_lr.watch.axes import Axis
from keras_lr.watch.style import number


def framed(picture: str, *, top: float, above: float, steps: int, parts: int = 4) -> str:
    """A picture without labels, with those of its values and of its steps.

    Args:
        picture: A box of block characters, from 0 to `above` and over `steps`.
        top: The highest value, which is named where it lies.
        above: The value at the upper edge.
        steps: The step at the right edge.
        parts: Round values that are named beside it and the 0, at most.
    """
    lines = picture.splitlines()
    floor = next(i for i, line in enumerate(lines) if line.startswith("└"))
    ceiling = next(i for i, line in enumerate(lines) if line.startswith("┌"))
    height = floor - ceiling - 1
    rows = {
        floor - 1 - min(int(value / above * height), height - 1): value
        for value in [*round_numbers(top, parts=parts), *([top] if 0 < top < math.inf else [])]
    }
    for row, value in rows.items():
        lines[row] += f" {number(value)}"
    width = len(lines[floor]) - 2
    lines.insert(floor + 1, _below(step_numbers(steps), steps, width))
    return "\n".join(lines)


def named_rows(axis: Axis, values: Sequence[float], height: int) -> dict[int, float]:
    """Which rows of a picture get a value at their side, the topmost is 0.

    The highest and the lowest value stand where they lie, and so does the 0 that an axis begins at;
    between them the middle. Of a constant its value is all there is to say.

    Args:
        axis: The vertical one.
        values: The picture's, finite.
        height: Its rows.

    >>> named_rows(Axis(0.0, 0.053), [0.05, 0.05], 8), named_rows(Axis(0.0, 4.0), [1.0, 4.0], 8)
    ({7: 0.0, 0: 0.05}, {4: 1.75, 7: 0.0, 5: 1.0, 0: 4.0})
    """

    def row(value: float) -> int:
        return height - 1 - min(int(axis.share(value) * height), height - 1)

    low, high = max(min(values), axis.low), max(values)
    found = {} if low == high else {height // 2: axis.at(1 - (height // 2 + 0.5) / height)}
    found |= {row(0.0): 0.0} if axis.low == 0 else {}
    return {**found, row(low): low, row(high): high}


def round_numbers(top: float, *, parts: int) -> list[float]:
    """Round numbers from 0 up to `top`, `parts` of them at most beside the 0.

    >>> round_numbers(0.1, parts=4), round_numbers(0.7, parts=4)
    ([0.0, 0.025, 0.05, 0.075, 0.1], [0.0, 0.2, 0.4, 0.6])
    """
    if not 0 < top < math.inf:
        return [0.0]
    ten = 10.0 ** math.floor(math.log10(top / parts))
    slack = 1 + 1e-9
    each = next(ten * head for head in (1, 2, 2.5, 5, 10) if top <= parts * ten * head * slack)
    return [float(f"{i * each:.6g}") for i in range(int(top / each * slack) + 1)]


def step_numbers(steps: int) -> list[int]:
    """Round steps below the last one, and that one.

    >>> step_numbers(1000), step_numbers(3), step_numbers(1010)
    ([0, 200, 400, 600, 800, 1000], [0, 1, 2, 3], [0, 250, 500, 750, 1000, 1010])
    """
    found = {int(value) for value in round_numbers(steps, parts=5)}
    return sorted({*found, steps})


def _below(ticks: Sequence[int], steps: int, width: int) -> str:
    """The line of steps; of two that would touch, the earlier gives way to the last."""
    last = str(steps)
    line = " " * (width + 2 - len(last)) + last
    free = len(line) - len(last)
    for tick in ticks[:-1]:
        text = str(tick)
        start = max(1, 1 + round(tick / steps * (width - 1)) - len(text) // 2)
        if start + len(text) + 2 <= free and not line[max(start - 2, 0) : start].strip():
            line = line[:start] + text + line[start + len(text) :]
    return line
