"""What a running fit has shown so far, as a `Run`."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras_lr.watch.run import Run
from keras_lr.watch.thinning import kept

MOST = 4000
"""Points of a curve that are kept; of more, half as many: the peaks and the dips."""

Point = tuple[int, float]


class Trace:
    """Epochs and points as they come in.

    Attributes:
        rows: Each epoch's values, by its number.
        points: Of each curve the updates done, and the value there.
    """

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, float]] = {}
        self.points: dict[str, list[Point]] = {}

    def go_on(self, epoch: int, step: int) -> None:
        """Forget what comes after the begin of a fit that goes on there."""
        self.rows = {at: values for at, values in self.rows.items() if at < epoch}
        self.points = {
            name: [point for point in points if point[0] <= step]
            for name, points in self.points.items()
        }

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Values when so many updates were done."""
        for name, value in values.items():
            points = self.points.setdefault(name, [])
            if points and points[-1][0] >= step:
                continue
            points.append((step, value))
            if len(points) > MOST:
                points[:] = [points[i] for i in kept([v for _, v in points], MOST // 2)]

    def run(self, *, events: Sequence[Any] = (), **known: Any) -> Run:
        """As a run.

        Args:
            events: What changed the rate.
            known: Other fields of `Run`.
        """
        return Run.from_rows(self.rows, self.points, events=tuple(events), **known)

    def get_state(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "rows": [[at, dict(values)] for at, values in self.rows.items()],
            "points": {name: [list(each) for each in found] for name, found in self.points.items()},
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """From what `get_state` gave."""
        self.rows = {int(at): dict(values) for at, values in state["rows"]}
        self.points = {
            name: [(int(step), float(value)) for step, value in found]
            for name, found in state["points"].items()
        }
