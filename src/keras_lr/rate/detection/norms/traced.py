"""Norms that are traced into the compiled step: JAX and TensorFlow."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_lr.rate.detection.added import Added
from keras_lr.rate.detection.gauges import squared_distance, squared_norm
from keras_lr.rate.detection.in_step import assign_if, dense
from keras_lr.rate.detection.norms.norms import Measured, Norms


class TracedNorms(Norms):
    """Traced into the compiled step: JAX and TensorFlow.

    JAX holds the weights before the update until they were compared. TensorFlow would copy them in
    each step for that, so it copies them itself, where they are wanted.
    """

    def _make(self) -> None:
        import keras

        self._on_jax = keras.backend.backend() == "jax"
        changed = self._changes and not self._on_jax
        added = self._added = Added(self.leaf)
        self._squares = added.variable((3, len(self._weights)), "norms")
        self._at = added.variable((), "norms_at", "int32")
        self._on = added.variable((), "norms_on", "int32")
        weights = self._weights if changed else []
        self._before = [added.like(weight, "norms_before") for weight in weights]
        self._at.assign(-1)

    def variables(self) -> list[Any]:
        """What the host reads of it."""
        return [self._squares, self._at]

    def turn(self, on: bool) -> list[Any]:
        """Measure the updates to come, or don't; the variables that have to hold which."""
        return [self._on]

    def take_out(self) -> None:
        """Leave the optimizer with its own variables."""
        self._added.take_out()

    def put_in(self) -> None:
        """Undo `take_out`."""
        self._added.put_in()

    def measured(self) -> Measured | None:
        """The last measurement; `None` before the first."""
        import keras

        at = int(keras.ops.convert_to_numpy(self._at))
        if at < 0:
            return None
        return Measured(at, np.array(keras.ops.convert_to_numpy(self._squares), np.float64))

    def _begin(self) -> None:
        import keras

        self._wanted = keras.ops.equal(keras.ops.convert_to_tensor(self._on), 1)
        self._held = _tensors(self._weights) if self._on_jax and self._changes else []
        if self._before:
            assign_if(self._wanted, self._before, lambda: _tensors(self._weights))

    def _end(self, gradients: list[Any], index: list[int]) -> None:
        import keras

        ops = keras.ops
        at = ops.cast(ops.convert_to_tensor(self.leaf._iterations), "int32") + 1

        def measure() -> list[Any]:
            before = self._held if self._on_jax else _tensors(self._before)
            before = before or [None] * len(self._weights)
            given = dict(zip(index, gradients, strict=True))
            zero = ops.zeros((), "float32")
            columns = [
                ops.stack(
                    [
                        squared_norm([dense(given[i])]) if i in given else zero,
                        squared_norm([now]),
                        zero if before[i] is None else squared_distance([now], [before[i]]),
                    ]
                )
                for i, now in enumerate(_tensors(self._weights))
            ]
            return [ops.stack(columns, axis=1), at]

        if self._on_jax:
            kept = _tensors([self._squares, self._at])
            new = ops.cond(self._wanted, measure, lambda: kept)
            self._squares.assign(new[0])
            self._at.assign(new[1])
            self._held = []
        else:
            assign_if(self._wanted, [self._squares, self._at], measure)


def _tensors(variables: Sequence[Any]) -> list[Any]:
    """Their values, read only where they are needed."""
    import keras

    return [keras.ops.convert_to_tensor(variable) for variable in variables]
