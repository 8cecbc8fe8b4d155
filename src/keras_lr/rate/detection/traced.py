"""A detector that is traced into the compiled step: JAX and TensorFlow.

All scalars of all watches are one vector, which each step reads and writes once; what weighs as
much as the weights is written only where something was decided, and the distance is summed up only
where a verdict is due. Nothing branches on a value in Python, and nothing is read by the host
before the epoch's end.
"""

import functools
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from keras_lr.rate.detection.added import Added
from keras_lr.rate.detection.detector import Cut, Detector, measures
from keras_lr.rate.detection.gauges import alignment, squared_distance, squared_norm
from keras_lr.rate.detection.in_step import (
    assign,
    assign_if,
    dense,
    summed_over_replicas,
)
from keras_lr.rate.followed import position
from keras_lr.rate.leaves import rate_variable

_RING = 32
"""Cuts of a watch that are remembered between two looks of the host, at least."""


class TracedDetector(Detector):
    """See `Detector`. It is a part that checkpoints don't see (`plain`)."""

    def __init__(self, leaf: Any, watches: Sequence[Any], **arguments: Any) -> None:
        super().__init__(leaf, watches, **arguments)
        self._starts = [watch.start for watch in watches]
        self._read = [0] * len(watches)
        self._unread: list[Cut] = []
        self._added = Added(leaf)
        self._room, self._every = self._memory()
        self._scalars = self._added.variable(
            (1 + sum(len(s) + 1 for s in self._starts),), "watch_scalars"
        )
        self._ring = self._added.variable((len(watches), self._room, 3), "watch_cuts")
        self._steps = self._added.variable((len(watches), self._room), "watch_steps", "int32")
        self._anchors = {
            index: [self._added.like(weight, f"anchor_{index}") for weight in self._weights]
            for index, watch in enumerate(watches)
            if watch.measure == "distance"
        }
        self._before = (
            [self._added.like(w, "before") for w in self._weights] if self._aligns else []
        )
        self.restart()

    def _memory(self) -> tuple[int, int | None]:
        """Cuts to remember of a watch, and batches in which no more than half of them come."""
        accumulated = self._accumulated()
        needs = min((watch.needs for watch in self.watches if watch.cuts), default=None)
        if needs is None:
            return 1, None
        in_execution = math.ceil(self._execution / (accumulated * needs))
        room = max(_RING, 2 * (in_execution + 1))  # a look may come an execution late
        return room, room // 2 * needs * accumulated

    # -- variables ------------------------------------------------------------------------------

    def take_out(self) -> None:
        """Leave the optimizer with its own variables."""
        self._added.take_out()

    def put_in(self) -> None:
        """Undo `take_out`."""
        self._added.put_in()

    def variables(self) -> list[Any]:
        """What the host reads of it in the middle of an epoch, besides the rate."""
        return [self._scalars, self._ring, self._steps]

    def remove(self) -> None:
        """Put everything back."""
        super().remove()
        self.take_out()

    # -- the step -------------------------------------------------------------------------------

    def _observe(self, gradients: list[Any], variables: list[Any]) -> None:
        import keras

        ops = keras.ops
        scalars = ops.convert_to_tensor(self._scalars)
        begun = scalars[0] > 0
        update = position(self.leaf, self._offset)
        aligned = self._alignment(gradients, variables, update, begun)
        settable = rate_variable(self.leaf)
        rate = None if settable is None else ops.convert_to_tensor(settable)
        written, cuts, at = [ops.ones_like(scalars[0])], [], 1
        for index, watch in enumerate(self.watches):
            names = list(self._starts[index])
            fields = {name: scalars[at + i] for i, name in enumerate(names)}
            count = scalars[at + len(names)]
            at += len(names) + 1
            active = begun if watch.stop is None else begun & (update < watch.stop)
            seen = {"alignment": self._shown(watch, aligned, update)}
            fields, cut = self._step(index, fields, seen, active)
            if watch.cuts and rate is not None:
                lowered = self._lowered(watch, rate)
                cuts.append((index, cut, lowered < rate, count, rate, lowered, fields["evidence"]))
                count = count + ops.cast(cut & (lowered < rate), "float32")
                rate = ops.where(cut & (lowered < rate), lowered, rate)
            written += [*[fields[name] for name in names], count]
        assign([self._scalars], [ops.stack([ops.cast(each, "float32") for each in written])])
        if cuts:
            self._write(cuts, update, settable, rate)

    def _now(self) -> list[Any]:
        """The weights, read only where they are needed.

        TensorFlow copies what has been read before it writes to it, so a read costs a copy.
        """
        import keras

        return [keras.ops.convert_to_tensor(weight) for weight in self._weights]

    def _alignment(
        self, gradients: list[Any], variables: list[Any], update: Any, begun: Any
    ) -> Any:
        import keras

        ops = keras.ops
        if not self._aligns:
            return None
        index = self._index(variables)
        gradients = summed_over_replicas(self.leaf, gradients)
        strides = self._strides
        nothing = ops.convert_to_tensor(float("nan"), "float32")

        def measure() -> Any:
            now = [ops.convert_to_tensor(self._weights[i]) for i in index]
            before = [ops.convert_to_tensor(self._before[i]) for i in index]
            return alignment([dense(gradient) for gradient in gradients], now, before)

        if 1 in strides:
            measured = measure()
            assign(self._before, self._now())
        else:
            wanted = _any([measures(update, stride) for stride in strides])
            measured = ops.cond(wanted, measure, lambda: nothing)
            begins = _any([ops.equal(update % stride, 0) for stride in strides])
            assign_if(begins, self._before, self._now)
        return ops.where(begun, measured, nothing)

    def _shown(self, watch: Any, aligned: Any, update: Any) -> Any:
        """The alignment, to a watch that looks at this update."""
        import keras

        if watch.measure != "alignment" or len(self._strides) == 1:
            return aligned
        return keras.ops.where(measures(update, watch.stride), aligned, float("nan"))

    def _step(
        self, index: int, fields: dict[str, Any], seen: dict[str, Any], active: Any
    ) -> tuple[dict[str, Any], Any]:
        """The watch's state after this update, and whether it is to cut."""
        import keras

        ops = keras.ops
        watch, names = self.watches[index], list(fields)
        gathered = watch.test.gather(fields, seen, ops)
        gathered = {name: ops.where(active, gathered[name], fields[name]) for name in names}
        never = ops.convert_to_tensor(False)

        def judge() -> list[Any]:
            measured = dict(seen)
            if watch.measure == "distance":
                anchors = [ops.convert_to_tensor(anchor) for anchor in self._anchors[index]]
                measured["distance"] = squared_distance(self._now(), anchors)
            elif watch.measure == "norm":
                measured["norm"] = squared_norm(self._now())
            judged, cut = watch.test.judge(gathered, measured, ops)
            return [*[ops.cast(judged[name], "float32") for name in names], cut | never]

        def keep() -> list[Any]:
            return [*[ops.cast(gathered[name], "float32") for name in names], never]

        *values, cut = ops.cond(active & watch.test.due(gathered, ops), judge, keep)
        return dict(zip(names, values, strict=True)), cut

    def _lowered(self, watch: Any, rate: Any) -> Any:
        import keras

        lowered = rate * watch.factor
        if not watch.min_rate:
            return lowered
        own = self._own_rate()
        floor = watch.min_rate if own is None else watch.min_rate / own
        return keras.ops.maximum(lowered, keras.ops.cast(floor, rate.dtype))

    def _write(self, cuts: list[Any], update: Any, settable: Any, rate: Any) -> None:
        import keras

        ops = keras.ops
        ring, steps = ops.convert_to_tensor(self._ring), ops.convert_to_tensor(self._steps)
        some = ops.convert_to_tensor(False)
        for index, cut, lowers, count, before, after, evidence in cuts:
            noted = cut & lowers
            slot = ops.cast(count, "int32") % self._room
            shape = (len(self.watches), self._room)
            places = ops.convert_to_tensor(np.arange(math.prod(shape)).reshape(shape), "int32")
            here = noted & ops.equal(places, index * self._room + slot)
            what = ops.stack([ops.cast(each, "float32") for each in (before, after, evidence)])
            ring = ops.where(ops.expand_dims(here, -1), what, ring)
            steps = ops.where(here, ops.cast(update, "int32"), steps)
            some = some | noted
            if index in self._anchors:
                assign_if(cut, self._anchors[index], self._now)
        assign_if(some, [self._ring, self._steps, settable], lambda: [ring, steps, rate])

    # -- the host -------------------------------------------------------------------------------

    @property
    def look_every(self) -> int | None:
        """Batches after which `cuts` has to be asked, or some are lost."""
        return self._every

    def cuts(self, leaf: int) -> list[Cut]:
        """The cuts since this was last asked, in order."""
        found = [replace(cut, leaf=leaf) for cut in self._unread]
        self._unread = []
        if self._every is None:
            return found
        counts = [int(self._fields(index)[-1]) for index in range(len(self.watches))]
        if counts == self._read:
            return found
        ring, steps = _numpy(self._ring), _numpy(self._steps)
        for index, count in enumerate(counts):
            for number in range(max(self._read[index], count - self._room), count):
                slot = number % self._room
                before, after, evidence = (float(each) for each in ring[index, slot])
                step = int(steps[index, slot])
                found.append(Cut(index, leaf, step, before, after, evidence))
        self._read = counts
        return sorted(found, key=lambda cut: (cut.step, cut.watch))

    def restart(self) -> None:
        """Begin anew with the weights as they are."""
        scalars = [0.0]
        for start in self._starts:
            scalars += [*start.values(), 0.0]
        self._scalars.assign(np.array(scalars, "float32"))
        self._read = [0] * len(self.watches)
        for anchors in self._anchors.values():
            self._copy_to(anchors)

    def forget_last(self) -> None:
        """Measure no alignment with an update that isn't the last one any more."""
        if 1 not in self._strides:
            self._copy_to(self._before)

    def _copy_to(self, copies: list[Any]) -> None:
        import keras

        for copy, weight in zip(copies, self._weights, strict=False):
            copy.assign(keras.ops.copy(weight.value))  # JAX donates each buffer once

    def state(self, watch: int) -> dict[str, float]:
        """Where one of the watches stands."""
        values = self._fields(watch)[:-1]
        return dict(zip(self._starts[watch], (float(v) for v in values), strict=True))

    def begin(self, watch: int) -> None:
        """Let one of the watches start from its first state."""
        scalars = _numpy(self._scalars).copy()
        where = self._where(watch)
        scalars[where.start : where.stop - 1] = list(self._starts[watch].values())
        self._scalars.assign(scalars)

    def get_state(self) -> dict[str, Any]:
        """All of it, as JSON values and NumPy arrays."""
        self._unread = self.cuts(0)
        return {
            "unread": [asdict(cut) for cut in self._unread],
            "variables": [_numpy(variable).copy() for variable in self._kept()],
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` gave."""
        for variable, value in zip(self._kept(), state["variables"], strict=True):
            variable.assign(value)
        self._unread = [Cut(**cut) for cut in state["unread"]]
        self._read = [int(self._fields(index)[-1]) for index in range(len(self.watches))]

    def _kept(self) -> list[Any]:
        """All variables but the memory of cuts, which are kept as such."""
        return [
            each for each in self._added.made if each is not self._ring and each is not self._steps
        ]

    def _where(self, watch: int) -> slice:
        begins = 1 + sum(len(start) + 1 for start in self._starts[:watch])
        return slice(begins, begins + len(self._starts[watch]) + 1)

    def _fields(self, watch: int) -> np.ndarray:
        return _numpy(self._scalars)[self._where(watch)]


def _any(conditions: list[Any]) -> Any:
    return functools.reduce(operator.or_, conditions)


def _numpy(variable: Any) -> np.ndarray:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(variable))
