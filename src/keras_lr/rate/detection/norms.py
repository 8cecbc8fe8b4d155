"""How large gradients, weights and updates are, measured inside the training step.

Of some updates, and of each trainable variable, three squared norms are kept: of the gradient that
the update uses (clipped and accumulated), of the weights after it, and of what it changed, weight
decay included. They stay in the graph until the host asks. Between those updates nothing is
computed; steps that a `LossScaleOptimizer` skips and batches that only accumulate are no updates.

Which updates are measured is the host's to say, before the steps that may do them: it alone knows
where an interval or an epoch ends when updates and batches come apart.

The norms are kept apart by variable, so that every grouping of them is arithmetic on the host.
"""

import importlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_lr.rate.detection.detector import Cut
from keras_lr.rate.detection.in_step import (
    assign_if,
    dense,
    optimizer_scope,
    summed_over_replicas,
)
from keras_lr.rate.followed import uncompiled
from keras_lr.rate.plain import ours

_HOOKS = ("_backend_apply_gradients", "_clip_gradients", "_backend_update_step")


@dataclass(frozen=True)
class Measured:
    """The norms at one update of a leaf.

    Args:
        batches: The leaf's own count of batches, the update's included.
        squares: ‖gradient‖², ‖weights‖² and ‖change‖² (rows) of each variable (columns), in the
            order of the leaf's trainable variables.
    """

    batches: int
    squares: np.ndarray


class Norms:
    """Measures one leaf.

    Args:
        leaf: A stock optimizer that is built.
        changes: Whether what updates change is measured too. On JAX that costs a copy of the
            weights in each step; the others cost nothing between the updates measured.
        settle: Takes the control down if the fit it was made for was interrupted, and says whether
            it did.
    """

    def __init__(self, leaf: Any, changes: bool, *, settle: Callable[[], bool]) -> None:
        self.leaf = leaf
        self._changes = changes
        self._settle = uncompiled(settle)
        self._weights = list(leaf._trainable_variables)
        self._make()
        self._own = {name: (vars(leaf).get(name), getattr(leaf, name)) for name in _HOOKS}
        hooks = (uncompiled(self._applying), self._clipping, self._updating)
        for name, hook in zip(_HOOKS, hooks, strict=True):
            object.__setattr__(leaf, name, hook)  # past Keras's own, which would take note of it

    def variables(self) -> list[Any]:
        """What the host reads of it."""
        return []

    def measured(self) -> Measured | None:
        """The last measurement; `None` before the first."""
        raise NotImplementedError

    def last(self) -> Measured | None:
        """The measurement of the last update that was done; `None` if that one wasn't measured."""
        found, each = self.measured(), self.leaf.gradient_accumulation_steps or 1
        done = int(self.leaf._iterations.numpy()) // each * each
        return found if found is not None and found.batches == done else None

    def turn(self, on: bool) -> list[Any]:
        """Measure the updates to come, or don't; the variables that have to hold which."""
        raise NotImplementedError

    def remove(self) -> None:
        """Put everything back."""
        for name, (own, _) in self._own.items():
            if own is None:
                vars(self.leaf).pop(name, None)
            else:
                object.__setattr__(self.leaf, name, own)
        self.take_out()

    def take_out(self) -> None:
        """Leave the optimizer with its own variables."""

    def put_in(self) -> None:
        """Undo `take_out`."""

    def _make(self) -> None:
        raise NotImplementedError

    def _begin(self) -> None:
        """Before the weights change."""
        raise NotImplementedError

    def _end(self, gradients: list[Any], index: list[int]) -> None:
        """After they did."""
        raise NotImplementedError

    def _applying(self, gradients: Any, variables: Any) -> Any:
        return self._own["_backend_apply_gradients"][1](gradients, variables)

    def _clipping(self, gradients: Any) -> Any:
        gradients = self._own["_clip_gradients"][1](gradients)
        if not self._settle():
            self._begin()
        return gradients

    def _updating(self, gradients: Any, variables: Any, rate: Any) -> Any:
        gone = vars(self.leaf).get("_clip_gradients") is None  # an interrupted fit's, just settled
        gradients = list(gradients)
        if not gone:
            gradients = summed_over_replicas(self.leaf, gradients)
        result = self._own["_backend_update_step"][1](gradients, variables, rate)
        if not gone:
            self._end(gradients, [self.leaf._get_variable_index(v) for v in variables])
        return result


class TracedNorms(Norms):
    """Traced into the compiled step: JAX and TensorFlow.

    JAX holds the weights before the update until they were compared. TensorFlow would copy them in
    each step for that, so it copies them itself, where they are wanted.
    """

    def _make(self) -> None:
        import keras

        self._on_jax = keras.backend.backend() == "jax"
        changed = self._changes and not self._on_jax
        with optimizer_scope(self.leaf):
            self._squares = self.leaf.add_variable(
                (3, len(self._weights)), dtype="float32", name="norms"
            )
            self._at = self.leaf.add_variable((), dtype="int32", name="norms_at")
            self._on = self.leaf.add_variable((), dtype="int32", name="norms_on")
            self._before = [
                self.leaf.add_variable_from_reference(weight, "norms_before")
                for weight in (self._weights if changed else [])
            ]
        self._made = [ours(each) for each in (self._squares, self._at, self._on, *self._before)]
        self._at.assign(-1)

    def variables(self) -> list[Any]:
        """What the host reads of it."""
        return [self._squares, self._at]

    def turn(self, on: bool) -> list[Any]:
        """Measure the updates to come, or don't; the variables that have to hold which."""
        return [self._on]

    def take_out(self) -> None:
        """Leave the optimizer with its own variables."""
        for variable in self._made:
            self.leaf._untrack_variable(variable)

    def put_in(self) -> None:
        """Undo `take_out`."""
        for variable in self._made:
            self.leaf._track_variable(variable)

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
                        _square(dense(given[i])) if i in given else zero,
                        _square(now),
                        zero if before[i] is None else _square(_f32(now) - _f32(before[i])),
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


class HostNorms(Norms):
    """In Python between a step's operations: torch. Nothing waits for an accelerator."""

    def _make(self) -> None:
        self._torch: Any = importlib.import_module("torch")
        self._last: tuple[Any, Any] | None = None
        self._wanted = False
        self._held: list[Any] = []

    def turn(self, on: bool) -> list[Any]:
        """Measure the updates to come, or don't; the variables that have to hold which."""
        self._wanted = on
        return []

    def measured(self) -> Measured | None:
        """The last measurement; `None` before the first."""
        if self._last is None:
            return None
        at, norms = self._last
        return Measured(int(at), np.square(norms.cpu().numpy().astype(np.float64)))

    def _begin(self) -> None:
        if self._wanted and self._changes:
            with self._torch.no_grad():
                self._held = [weight.value.detach().clone() for weight in self._weights]

    def _end(self, gradients: list[Any], index: list[int]) -> None:
        if not self._wanted:
            return
        torch = self._torch
        with torch.no_grad():
            now = [weight.value.detach().float() for weight in self._weights]
            given = [each.value if hasattr(each, "value") else each for each in gradients]
            found = torch._foreach_norm([each.float() for each in given])
            zero = torch.zeros((), device=now[0].device)
            rows = [zero] * len(now)
            for i, norm in zip(index, found, strict=True):
                rows[i] = norm
            changes = [zero] * len(now)
            if self._held:
                away = torch._foreach_sub(now, [each.float() for each in self._held])
                changes = torch._foreach_norm(away)
            parts = [rows, torch._foreach_norm(now), changes]
            at = self.leaf._iterations.value.detach() + 1  # another tensor, which waits for nothing
            self._last = at, torch.stack([torch.stack(list(part)) for part in parts])
        self._held = []


class LeafNorms:
    """The norms of all leaves of an optimizer, for the length of a `fit`.

    Made by `Control.measure`; to the control it is one more group of detectors, which never cut.

    Args:
        each: `Norms` for each leaf; `None` for a leaf without weights.
    """

    look_every = None
    """Batches after which somebody has to look."""

    def __init__(self, each: Iterable[Norms | None]) -> None:
        self.each = tuple(each)

    def measured(self, *, each_was: bool = False) -> list[Measured | None]:
        """The norms at each leaf's last update; `None` where that one wasn't measured.

        Args:
            each_was: Whether every update was. (TensorFlow counts a step that finds no data, so
                where the data has no length its count doesn't tell.)
        """
        return [
            None if each is None else each.measured() if each_was else each.last()
            for each in self.each
        ]

    def turn(self, on: bool) -> list[Any]:
        """Measure the updates to come, or don't; the variables that have to hold which."""
        return [variable for each in self.parts() for variable in each.turn(on)]

    def variables(self) -> list[Any]:
        """What the host reads of them."""
        return [variable for each in self.parts() for variable in each.variables()]

    def weights(self) -> list[list[Any]]:
        """The variables of each leaf, in the order of its measurements."""
        return [[] if each is None else list(each._weights) for each in self.each]

    def look(self) -> list[Cut]:
        """There is nothing to cut."""
        return []

    def move(self, batches: Sequence[int]) -> None:
        """They hold no place in the run."""

    def parts(self) -> list[Any]:
        """What checkpoints shouldn't see."""
        return [each for each in self.each if each is not None]

    def remove(self) -> None:
        """Put everything back."""
        for each in reversed(self.parts()):
            each.remove()


def measure_norms(leaf: Any, changes: bool, *, settle: Callable[[], bool]) -> Norms | None:
    """`Norms` of one leaf (see there); `None` if the leaf has no weights."""
    import keras

    if not leaf._trainable_variables:
        return None
    kind = HostNorms if keras.backend.backend() == "torch" else TracedNorms
    return kind(leaf, changes, settle=settle)


def _tensors(variables: Sequence[Any]) -> list[Any]:
    """Their values, read only where they are needed."""
    import keras

    return [keras.ops.convert_to_tensor(variable) for variable in variables]


def _square(tensor: Any) -> Any:
    import keras

    return keras.ops.sum(keras.ops.square(_f32(tensor)))


def _f32(tensor: Any) -> Any:
    import keras

    return keras.ops.cast(tensor, "float32")
