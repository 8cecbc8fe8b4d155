"""What Keras logs as numbers, and as means over so many batches."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_lr.state.rows import is_numeric


class Chunk:
    """The batches since the last look, over the ends of epochs.

    Keras tells the mean since the epoch's begin; the difference of two such sums is the part in
    between. (So a metric that is no mean over samples, such as AUC, has no value for a chunk.)
    """

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.batches = 0
        self._before: dict[str, float] = {}
        self._done = 0

    def add(self, done: int, means: Mapping[str, object]) -> None:
        """Take in the batches of this epoch up to `done`, whose running means these are."""
        if done <= self._done:
            return
        now = {k: float(v) * done for k, v in means.items() if is_numeric(v)}  # type: ignore[arg-type]
        for key, total in now.items():
            part = total - self._before.get(key, 0.0)
            self.sums[key] = self.sums.get(key, 0.0) + part
        self.batches += done - self._done
        self._before, self._done = now, done

    def begin_epoch(self) -> None:
        """The running means begin anew, the chunk goes on."""
        self._before, self._done = {}, 0

    def take(self) -> dict[str, float]:
        """The means over the chunk, which ends here."""
        means = {key: total / self.batches for key, total in self.sums.items()}
        self.sums, self.batches = {}, 0
        return means

    def get_state(self) -> dict[str, object]:
        """As JSON."""
        return {
            "sums": dict(self.sums),
            "batches": self.batches,
            "before": dict(self._before),
            "done": self._done,
        }

    def set_state(self, state: Mapping[str, object]) -> None:
        """From what `get_state` gave."""
        sums, before, batches, done = (state[k] for k in ("sums", "before", "batches", "done"))
        self.sums, self._before = dict(sums), dict(before)  # type: ignore[call-overload]
        self.batches, self._done = int(batches), int(done)  # type: ignore[call-overload]


def numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    """What is a number among logs."""
    found = {}
    for name, value in logs.items():
        try:
            array = np.asarray(value)
            if array.size == 1 and array.dtype.kind in "fiub":
                found[name] = float(array.reshape(()))
        except (TypeError, ValueError, RuntimeError):
            continue
    return found
