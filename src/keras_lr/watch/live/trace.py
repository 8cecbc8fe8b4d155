"""What a running fit has shown so far, as a `Run`."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from keras_lr.watch.run import Run
from keras_lr.watch.thinning import kept

MOST = 4000
"""Points of a curve that are kept; of more, half as many: the peaks and the dips."""

Point = tuple[int, float]


class Trace:
    """Epochs and points as they come in; one thread adds, and another looks.

    Attributes:
        rows: Each epoch's values, by its number.
        points: Of each curve the updates done, and the value there.
    """

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, float]] = {}
        self.points: dict[str, list[Point]] = {}
        self._lock = threading.Lock()

    def go_on(self, epoch: int, step: int) -> None:
        """Forget what comes after the begin of a fit that goes on there."""
        with self._lock:
            self.rows = {at: values for at, values in self.rows.items() if at < epoch}
            self.points = {
                name: [point for point in points if point[0] <= step]
                for name, points in self.points.items()
            }

    def add_epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        """An epoch's values, in the place of what it had."""
        with self._lock:
            self.rows[epoch] = dict(values)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Values when so many updates were done."""
        with self._lock:
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
        with self._lock:
            return Run.from_rows(self.rows, self.points, events=tuple(events), **known)

    def get_state(self) -> dict[str, Any]:
        """As JSON values."""
        with self._lock:
            points = {name: [list(each) for each in found] for name, found in self.points.items()}
            return {"rows": [[at, dict(each)] for at, each in self.rows.items()], "points": points}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """From what `get_state` gave."""
        with self._lock:
            self.rows = {int(at): dict(values) for at, values in state["rows"]}
            self.points = {
                name: [(int(step), float(value)) for step, value in found]
                for name, found in state["points"].items()
            }
