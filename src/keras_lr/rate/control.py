"""base × schedule × reduction on a real model, for the length of a `fit`.

All keras-lr callbacks of one `fit` share one `Control`: each contributes a schedule, a factor or a
base, and the product reaches the weights. So a scheduler and a plateau compose instead of erasing
each other, in whatever order they are listed.
"""

import math
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.rate.followed import FollowedRate, follow, plain_rate, unfollow
from keras_lr.rate.leaves import leaf_names, leaves, log_keys

_controls: "weakref.WeakKeyDictionary[Any, Control]" = weakref.WeakKeyDictionary()


class Control:
    """The parts of the rate of one model, and the variables that they end up in.

    Use `Control.join(model, owner)` and `control.leave(owner)`; the first owner to join creates
    it, the last to leave takes everything down, and the model is plain Keras again.

    Attributes:
        bases: The base of each leaf: what its rate is apart from schedules and reductions.
        factors: What each owner multiplies the rate by.
        assigned: base × reduction of each leaf, as last written to its variable.
    """

    def __init__(self, model: Any) -> None:
        self.model: Any = weakref.proxy(model)
        self.optimizer = model.optimizer
        _build(model)
        self.leaves = leaves(model.optimizer)
        self.names = leaf_names(model.optimizer)
        self.log_keys = log_keys(model.optimizer)
        self.factors: dict[object, float] = {}
        self.rates: list[FollowedRate] | None = None
        self.bases = [_value(leaf) for leaf in self.leaves]
        self._owners: list[object] = []
        self.assigned = list(self.bases)
        self._guard(model)

    def _guard(self, model: Any) -> None:
        # A fit that raised told no callback that it ended (keras calls on_train_end only after
        # a fit that finished). The next one starts here, and finds what was left behind.
        control, keep = weakref.proxy(self), model.make_train_function

        def make_train_function(force: bool = False) -> Any:
            if not force:
                control.take_down()
            return keep(force=True)

        model.make_train_function = make_train_function

    @classmethod
    def join(cls, model: Any, owner: object, factor: float = 1.0) -> "Control":
        """The control of `model`'s running fit, with `owner` among those who share it.

        Args:
            model: The model that is being fitted.
            owner: Who contributes; any hashable object.
            factor: What the owner already multiplied the present rate by, in an earlier fit.
        """
        control = _controls.get(model)
        if control is None or control.optimizer is not model.optimizer:
            if control is not None:
                control.take_down()
            control = _controls[model] = cls(model)
        control._owners.append(owner)
        control.factors[owner] = factor
        for index, leaf in enumerate(control.leaves):
            if _is_variable(leaf):
                control.bases[index] /= factor
        return control

    @staticmethod
    def settable_values(model: Any) -> list[float]:
        """base × reduction of each leaf of a model that no fit controls now."""
        return [_value(leaf) for leaf in leaves(model.optimizer)]

    def leave(self, owner: object) -> None:
        """Remove the owner's schedule; its factor stays in the rate, as a cut should."""
        if owner in self._owners:
            self._owners.remove(owner)
        if not self._owners:
            self.take_down()

    def take_down(self) -> None:
        """Put every original back; the model is plain Keras, with base × reduction as its rate."""
        vars(self.model).pop("make_train_function", None)
        if self.rates is not None:
            unfollow(self.optimizer, self.rates)
            self.rates = None
            self.model.train_function = None  # it was traced with the schedule in it
        self._owners.clear()
        for model, control in list(_controls.items()):
            if control is self:
                del _controls[model]

    def has_own(self) -> bool:
        """Whether a leaf still follows the schedule that it was built with."""
        if self.rates is not None:
            return any(rate.use_own for rate in self.rates)
        return self.needs_following()

    def needs_following(self) -> bool:
        """Whether a leaf was built with a schedule, so that even a factor needs a place to be."""
        return any(not _is_variable(leaf) for leaf in self.leaves)

    def follow(
        self, owner: object, factors: list[Callable[[Any], Any]] | None, batches: int
    ) -> None:
        """Trace schedules into the training step.

        Args:
            owner: Whose schedule it is; a second call replaces the first.
            factors: For each leaf a pure function from the update count to a factor of the base;
                `None` when there is only a reduction to place.
            batches: Batches of the run that were done before the next one: where the run stands.
        """
        if self.rates is None:
            self.rates = follow(self.optimizer)
            self._assign()
        for index, rate in enumerate(self.rates):
            if factors is not None:
                offset = batches - int(rate.leaf._iterations.numpy())
                rate.parts[owner] = (factors[index], offset)
        self.model.make_train_function(force=True)

    def replace_own(self) -> None:
        """Let the base of a leaf that was built with a schedule be a number from now on."""
        if self.rates is None:
            self.rates = follow(self.optimizer)
        for index, rate in enumerate(self.rates):
            if not rate.settable and rate.use_own:
                self.bases[index] = rate.read()
                rate.use_own = False
        self._assign()
        self.model.make_train_function(force=True)

    def move(self, batches: int) -> None:
        """Say where the run stands after `iterations` was changed from outside (a rollback)."""
        for rate in self.rates or []:
            offset = batches - int(rate.leaf._iterations.numpy())
            rate.parts = {owner: (part, offset) for owner, (part, _) in rate.parts.items()}
        if self.rates is not None:
            self.model.make_train_function(force=True)

    def multiply(self, owner: object, factor: float) -> None:
        """Multiply the owner's factor, and so the rate, by `factor`."""
        self.adopt()
        self.factors[owner] *= factor
        self._assign()

    def set_base(self, values: list[float]) -> None:
        """Give each leaf a new base."""
        self.adopt()
        self.bases = list(values)
        self._assign()

    def adopt(self) -> bool:
        """Take a rate that someone else assigned (a user, another callback) as the new base."""
        changed = False
        for index, leaf in enumerate(self.leaves):
            value = _value(leaf)
            if value != self.assigned[index]:
                self.bases[index] = value / self.reduction
                self.assigned[index] = value
                changed = True
        return changed

    @property
    def reduction(self) -> float:
        """The product of all owners' factors."""
        return math.prod(self.factors.values())

    @property
    def settable(self) -> float:
        """base × reduction of the first leaf."""
        return self.bases[0] * self.reduction

    def read(self, updates_ago: int = 0) -> list[float]:
        """Each leaf's rate at the next update, or at one `updates_ago`; computed on the host."""
        if self.rates is not None:
            return [rate.read(updates_ago) for rate in self.rates]
        return [plain_rate(leaf, updates_ago) for leaf in self.leaves]

    def _assign(self) -> None:
        for index, leaf in enumerate(self.leaves):
            variable = _variable(leaf)
            if variable is None:
                continue
            value = self.bases[index] * self.reduction
            if float(np.float32(value)) != _value(leaf):
                variable.assign(value)
            self.assigned[index] = _value(leaf)


def _build(model: Any) -> None:
    """Make a `MultiOptimizer` find its members, which it does when it is built.

    JAX and torch build the optimizer before training begins, TensorFlow in the first step.
    """
    if leaves(model.optimizer) or model.optimizer.built:
        return
    if not model.trainable_variables:
        raise InvalidInput(
            "The members of the MultiOptimizer aren't known before the model is built. Write "
            "model.build(input_shape), or begin the model with keras.Input, before fit."
        )
    model.optimizer.build(model.trainable_variables)


def _variable(leaf: Any) -> Any:
    """The variable that holds base × reduction; `None` for an uncontrolled schedule."""
    slot = leaf._learning_rate
    if isinstance(slot, FollowedRate):
        return slot.variable
    return slot if _is_variable(leaf) else None


def _value(leaf: Any) -> float:
    variable = _variable(leaf)
    return 1.0 if variable is None else float(variable.numpy())


def _is_variable(leaf: Any) -> bool:
    import keras

    slot = leaf._learning_rate
    return isinstance(slot, keras.Variable) or (isinstance(slot, FollowedRate) and slot.settable)
