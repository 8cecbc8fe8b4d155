"""A detector that runs in Python between a step's operations: torch.

There each operation on a tensor takes as long as many of them on a number, and a look at one makes
Python wait for an accelerator. So updates are counted in Python, the weights are summed up only
where a verdict is due, and alignments stay where they are until one could be. The arithmetic is
that of the compiled backends: single precision.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_lr.rate.assigning import assign_quietly
from keras_lr.rate.detection.detector import Cut, Detector, Watch, measures
from keras_lr.rate.followed import host_position
from keras_lr.rate.leaves import rate_variable

Fields = dict[str, Any]


class HostDetector(Detector):
    """See `Detector`."""

    def __init__(self, leaf: Any, watches: Sequence[Watch], **arguments: Any) -> None:
        super().__init__(leaf, watches, **arguments)
        self._torch: Any = importlib.import_module("torch")
        self._found: list[tuple[int, int, float, float, float]] = []
        self.restart()

    def take_out(self) -> None:
        """There is nothing of it in the optimizer."""

    def put_in(self) -> None:
        """There is nothing of it in the optimizer."""

    # -- the step -------------------------------------------------------------------------------

    def _observe(self, gradients: list[Any], variables: list[Any]) -> None:
        with self._torch.no_grad(), np.errstate(all="ignore"):
            weights = [weight.value.detach() for weight in self._weights]
            if self._aligns:
                self._align(gradients, self._index(variables), weights)
            if self._begun:
                for index, watch in enumerate(self.watches):
                    if watch.measure != "alignment" and self._active(watch, self._update):
                        self._show(index, float("nan"), weights)
                if self._aligns and len(self._pending) >= self._room():
                    self._drain(weights)
        self._begun = True
        self._update += 1

    def _active(self, watch: Watch, update: int) -> bool:
        return watch.stop is None or update < watch.stop

    def _align(self, gradients: list[Any], index: list[int], weights: list[Any]) -> None:
        if self._begun and any(measures(self._update, stride) for stride in self._strides):
            now = [weights[i] for i in index]
            before = [self._before[i] for i in index]
            self._pending.append((self._update, _alignment(self._torch, gradients, now, before)))
        if any(self._update % stride == 0 for stride in self._strides):
            self._torch._foreach_copy_(self._before, weights)

    def _room(self) -> int:
        """Alignments that may wait, because no verdict can be due before there are so many.

        (With several strides some are another's, and the verdict comes later still.)
        """
        rooms = [
            int(getattr(watch.test, "room", lambda fields: 1)(self._fields[index]))
            for index, watch in enumerate(self.watches)
            if watch.measure == "alignment"
        ]
        return max(1, min(rooms))

    def _drain(self, weights: list[Any]) -> None:
        if not self._pending:
            return
        values = self._torch.stack([value for _, value in self._pending]).cpu().numpy()
        updates = [update for update, _ in self._pending]
        self._pending = []
        for update, value in zip(updates, values, strict=True):
            for index, watch in enumerate(self.watches):
                mine = watch.measure == "alignment" and measures(update, watch.stride)
                if mine and self._active(watch, update):
                    self._show(index, value, weights)

    def _show(self, index: int, value: Any, weights: list[Any]) -> None:
        watch = self.watches[index]
        seen = {"alignment": np.float32(value)}
        fields = watch.test.gather(self._fields[index], seen, np)
        if watch.test.due(fields, np):
            if watch.measure == "distance":
                seen["distance"] = _squared(self._torch, weights, self._anchors[index])
            elif watch.measure == "norm":
                seen["norm"] = _squared(self._torch, weights, None)
            fields, cut = watch.test.judge(fields, seen, np)
            if cut:
                self._cut(index, fields, weights)
        self._fields[index] = {name: np.float32(value) for name, value in fields.items()}

    def _cut(self, index: int, fields: Fields, weights: list[Any]) -> None:
        watch, variable = self.watches[index], rate_variable(self.leaf)
        if index in self._anchors:
            self._torch._foreach_copy_(self._anchors[index], weights)
        if variable is None or watch.factor == 1.0:
            return
        before = np.float32(variable.numpy())
        own = self._own_rate()
        floor = watch.min_rate / (1.0 if own is None else float(own))
        after = np.maximum(before * np.float32(watch.factor), np.float32(floor))
        if after < before:
            assign_quietly(variable, float(after))
            evidence = float(fields["evidence"])
            self._found.append((index, self._update, float(before), float(after), evidence))

    # -- the host -------------------------------------------------------------------------------

    def cuts(self, leaf: int) -> list[Cut]:
        """The cuts since this was last asked, in order."""
        found, self._found = self._found, []
        return [Cut(watch, leaf, step, *rates) for watch, step, *rates in found]

    def move(self, batches: int) -> None:
        """Count `batches` more, because `iterations` was changed from outside."""
        super().move(batches)
        self._update = host_position(self.leaf, self._offset)

    def restart(self) -> None:
        """Begin anew with the weights as they are."""
        weights = [weight.value.detach() for weight in self._weights]
        self._update = host_position(self.leaf, self._offset)
        self._begun = False
        self._pending: list[tuple[int, Any]] = []
        self._fields = [
            {name: np.float32(value) for name, value in watch.start.items()}
            for watch in self.watches
        ]
        self._anchors = {
            index: [weight.clone() for weight in weights]
            for index, watch in enumerate(self.watches)
            if watch.measure == "distance"
        }
        self._before = [weight.clone() for weight in weights] if self._aligns else []

    def forget_last(self) -> None:
        """Measure no alignment with an update that isn't the last one any more."""
        if 1 not in self._strides:
            for before, weight in zip(self._before, self._weights, strict=False):
                before.copy_(weight.value.detach())

    def state(self, watch: int) -> dict[str, float]:
        """Where one of the watches stands."""
        self._look()
        return {name: float(value) for name, value in self._fields[watch].items()}

    def begin(self, watch: int) -> None:
        """Let one of the watches start from its first state."""
        self._look()
        start = self.watches[watch].start
        self._fields[watch] = {name: np.float32(value) for name, value in start.items()}

    def get_state(self) -> dict[str, Any]:
        """All of it, as JSON values and NumPy arrays."""
        self._look()
        return {
            "begun": self._begun,
            "found": [list(each) for each in self._found],
            "fields": [{k: float(v) for k, v in fields.items()} for fields in self._fields],
            "anchors": {
                str(index): [_numpy(anchor) for anchor in anchors]
                for index, anchors in self._anchors.items()
            },
            "before": [_numpy(each) for each in self._before],
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` gave."""
        self.restart()
        self._begun = bool(state["begun"])
        self._found = [(int(a), int(b), *rates) for a, b, *rates in state["found"]]
        self._fields = [{k: np.float32(v) for k, v in f.items()} for f in state["fields"]]
        for index, values in state["anchors"].items():
            self._fill(self._anchors[int(index)], values)
        self._fill(self._before, state["before"])

    def _look(self) -> None:
        with self._torch.no_grad(), np.errstate(all="ignore"):
            self._drain([weight.value.detach() for weight in self._weights])

    def _fill(self, tensors: list[Any], values: Sequence[Any]) -> None:
        for tensor, value in zip(tensors, values, strict=True):
            tensor.copy_(self._torch.as_tensor(np.array(value)))


def _alignment(torch: Any, gradients: list[Any], weights: list[Any], before: list[Any]) -> Any:
    """`gauges.alignment` in few operations, which is what counts here."""
    gradients = _f32([g.value if hasattr(g, "value") else g for g in gradients])
    updates = torch._foreach_sub(_f32(before), _f32(weights))
    pairs = zip(gradients, updates, strict=True)
    product = torch.stack([torch.dot(g.reshape(-1), u.reshape(-1)) for g, u in pairs]).sum()
    lengths = _length(torch, gradients) * _length(torch, updates)
    # 0 / 0 is the NaN that is wanted where a norm is 0; infinite ones give a NaN or a 0.
    return torch.where(torch.isfinite(lengths), product / lengths, float("nan"))


def _squared(torch: Any, weights: list[Any], others: list[Any] | None) -> Any:
    away = _f32(weights)
    if others is not None:
        away = torch._foreach_sub(away, _f32(others))
    return np.float32(_length(torch, away).item()) ** 2


def _length(torch: Any, tensors: Sequence[Any]) -> Any:
    return torch.linalg.vector_norm(torch.stack(list(torch._foreach_norm(tensors))))


def _f32(tensors: Sequence[Any]) -> list[Any]:
    return [tensor.float() for tensor in tensors]


def _numpy(tensor: Any) -> np.ndarray:
    return np.array(tensor.float().cpu().numpy())
