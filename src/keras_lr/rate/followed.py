"""A rate that follows schedules, in the slot where a stock optimizer keeps its learning rate.

Keras asks an optimizer for its rate inside the compiled step. A callable in the `_learning_rate`
slot is called there, so what it computes is traced into the step and costs no host round trip. It
multiplies

* the settable part, base × reduction: the optimizer's own `learning_rate` variable. It stays
  tracked at its place, so every checkpoint has the same variables in the same order as without
  keras-lr. An optimizer built with a schedule has no such variable; then its own schedule is the
  base, and a variable that checkpoints don't see holds the reduction.
* the schedules, pure functions of the update count.

While it is in place the optimizer still saves as the plain Keras optimizer it was (see `plain`).
"""

import importlib
from collections.abc import Callable
from typing import Any

from keras_lr.rate.leaves import batches_per_update, leaves, optimizer_of
from keras_lr.rate.plain import PlainSaving


class FollowedRate:
    """What stands in a leaf's `_learning_rate` slot while its rate is controlled.

    Args:
        leaf: A stock optimizer. Its present rate (variable, Keras schedule or callable) becomes
            the base.
        settle: Takes the control of the rate down if the fit it was made for was interrupted, and
            says whether it did.
    """

    def __init__(self, leaf: Any, settle: Callable[[], bool] = lambda: False) -> None:
        import keras

        self.leaf = leaf
        self._settle = uncompiled(settle)  # torch.compile can't look at Python's stacks
        self.original = leaf._learning_rate
        self.parts: dict[object, tuple[Callable[[Any], Any], int]] = {}
        self.settable = isinstance(self.original, keras.Variable)
        self.use_own = not self.settable
        if self.settable:
            self.variable = self.original
        else:
            self.variable = keras.Variable(1.0, name="reduction", trainable=False)
        self._in_place = True
        self.put_in()

    def __call__(self) -> Any:
        """The rate of the current update, as a tensor; traced into the training step."""
        import keras

        if not _compiled_by_torch() and self._settle():
            return keras.ops.convert_to_tensor(self.leaf.learning_rate)
        rate = keras.ops.convert_to_tensor(self.variable)
        if self.use_own:
            rate = rate * keras.ops.cast(self.own_now(), rate.dtype)
        if self.parts and runs_on_host(self.leaf):
            return rate * self._scheduled()
        for factor, offset in self.parts.values():
            rate = rate * keras.ops.cast(factor(position(self.leaf, offset)), rate.dtype)
        return rate

    def assign(self, value: float) -> None:
        """Make the next update use `value`: what `optimizer.learning_rate = value` means here.

        Raises:
            ValueError: Where the schedule is 0 now, so that no base gives this rate.
        """
        if self._settle():
            self.leaf.learning_rate = value
            return
        optimizer_of(self.leaf)  # on JAX, in mid-epoch, what the training holds comes back first
        factor = self.factor()
        if factor == 0:
            raise ValueError(
                f"The rate can't be set to {value} now: the schedule is 0 at this step, and "
                "anything times 0 is 0. Set it earlier, or end the schedule above 0."
            )
        self.variable.assign(value / factor)

    def factor(self, updates_ago: int = 0) -> float:
        """What multiplies the settable part: the schedules' product, computed on the host."""
        back = updates_ago * batches_per_update(self.leaf)
        return self.own(updates_ago) * self._scheduled(back)

    def _scheduled(self, back: int = 0) -> float:
        """The schedules' product so many batches ago, computed on the host."""
        product = 1.0
        for factor, offset in self.parts.values():
            product *= float(factor(max(0, host_position(self.leaf, offset - back))))
        return product

    def own(self, updates_ago: int = 0) -> float:
        """What the optimizer's own schedule gives; 1 where its rate is a number."""
        if not self.use_own:
            return 1.0
        back = updates_ago * batches_per_update(self.leaf)
        return own_rate(self.original, max(0, host_position(self.leaf, -back)))

    def own_now(self) -> Any:
        """The same at the current update, as a tensor; traced into the training step."""
        return _own(self.original, position(self.leaf, 0))

    def read(self, updates_ago: int = 0, held: float | None = None) -> float:
        """The rate of the next update (or of one `updates_ago`), computed on the host.

        Args:
            updates_ago: How long ago.
            held: The settable part then, if another one was assigned since.
        """
        held = float(self.variable.numpy()) if held is None else held
        return held * self.factor(updates_ago)

    def move(self, batches: int) -> None:
        """Count `batches` more, because `iterations` was changed from outside."""
        self.parts = {
            owner: (part, offset + batches) for owner, (part, offset) in self.parts.items()
        }

    def take_out(self) -> None:
        """Put the original back, unless someone has put something else in its place since."""
        self._in_place = self.leaf._learning_rate is self
        if not self._in_place:
            return
        self.leaf._learning_rate = self.original
        if not self.settable:
            self.leaf._untrack_variable(self.variable)

    def put_in(self) -> None:
        """Undo `take_out`."""
        if not self._in_place:
            return
        self.leaf._learning_rate = self
        if not self.settable:
            self.leaf._track_variable(self.variable)


def position(leaf: Any, offset: int) -> Any:
    """Updates that an optimizer has done, a tensor; traced into the training step.

    Args:
        leaf: A stock optimizer.
        offset: Batches to add to its `iterations`: where the run stands less where they do.
    """
    import keras

    done = keras.ops.convert_to_tensor(leaf._iterations) + offset
    if leaf.gradient_accumulation_steps:
        done = done // leaf.gradient_accumulation_steps  # Keras would turn it into a float
    return done


def host_position(leaf: Any, offset: int) -> int:
    """The same as a number, read from the device."""
    return (int(leaf._iterations.numpy()) + offset) // batches_per_update(leaf)


def runs_on_host(leaf: Any) -> bool:
    """Whether a step runs in Python, beside its numbers: torch on a CPU, and not compiled.

    There each operation on a tensor takes as long as many of them on a number. On an accelerator
    they stay tensors, because a look at one would make Python wait for it.
    """
    import keras

    if keras.backend.backend() != "torch" or _compiled_by_torch():
        return False
    return leaf._iterations.value.device.type == "cpu"


def _compiled_by_torch() -> bool:
    """Whether `torch.compile` is looking, and should see no reason to look elsewhere."""
    import keras

    if keras.backend.backend() != "torch":
        return False
    torch: Any = importlib.import_module("torch")
    return torch.compiler.is_compiling()


def uncompiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """On torch, `function` run in Python as it is, also where `torch.compile` calls it."""
    import keras

    if keras.backend.backend() != "torch":
        return function
    torch: Any = importlib.import_module("torch")
    return torch.compiler.disable(function)


def schedules_factor(leaf: Any) -> float:
    """What multiplies the settable part of a stock optimizer's rate now; 1 where nothing does."""
    slot = leaf._learning_rate
    return slot.factor() if isinstance(slot, FollowedRate) else 1.0


def plain_rate(leaf: Any, updates_ago: int = 0) -> float:
    """The rate of the next update (or of one `updates_ago`) of a stock optimizer, on the host.

    Keras itself counts micro-steps here under gradient accumulation, so this does too.
    """
    import keras

    if isinstance(leaf._learning_rate, keras.Variable):
        return _number(leaf._learning_rate)
    return own_rate(leaf._learning_rate, max(0, int(leaf._iterations.numpy()) - updates_ago))


def own_rate(original: Any, position: int) -> float:
    """What an optimizer's own schedule or callable gives at `position`, on the host."""
    return _number(_own(original, position))


def _own(original: Any, position: Any) -> Any:
    """What the optimizer's own schedule or callable gives at `position`."""
    import keras

    if isinstance(original, keras.optimizers.schedules.LearningRateSchedule):
        return original(position)
    return original()


def _number(value: Any) -> float:
    import keras

    return float(keras.ops.convert_to_numpy(value))


def follow(
    optimizer: Any, settle: Callable[[], bool], plain: PlainSaving | None = None
) -> list[FollowedRate]:
    """Put a `FollowedRate` into every leaf of `optimizer`; `unfollow` is the way back.

    Args:
        optimizer: Any optimizer, wrapped or not.
        settle: As for `FollowedRate`.
        plain: What keeps the optimizer's checkpoints plain.
    """
    plain = plain or PlainSaving(optimizer)
    rates = [FollowedRate(leaf, settle) for leaf in leaves(optimizer)]
    for rate in rates:
        plain.add(rate)
    return rates


def unfollow(rates: list[FollowedRate], plain: PlainSaving) -> None:
    """Undo `follow`."""
    for rate in rates:
        plain.drop(rate)
        rate.take_out()
