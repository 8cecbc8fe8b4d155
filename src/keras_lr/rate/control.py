"""base × schedule × reduction on a real model, for the length of a `fit`.

All keras-lr callbacks of one `fit` share one `Control`: each contributes a schedule, a factor or a
base, and the product reaches the weights. So a scheduler and a plateau compose instead of erasing
each other, in whatever order they are listed.
"""

import contextlib
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.rate.assigning import hear, unhear
from keras_lr.rate.baked import Baked
from keras_lr.rate.between_steps import BetweenSteps
from keras_lr.rate.building import build
from keras_lr.rate.controlled import controls, mark, unmark
from keras_lr.rate.detection.detector import Watch
from keras_lr.rate.detection.detectors import Detectors, detect
from keras_lr.rate.detection.in_fit import InFit
from keras_lr.rate.detection.norms import LeafNorms, measure_norms
from keras_lr.rate.followed import follow, unfollow
from keras_lr.rate.held_decay import HeldDecay, check_holdable
from keras_lr.rate.leaves import leaves, log_keys, own_schedule, rate_variable, sync
from keras_lr.rate.peek import peeking
from keras_lr.rate.plain import PlainSaving
from keras_lr.rate.product import Product
from keras_lr.rate.running import callback_at_work, is_fitting
from keras_lr.rate.settings import ScheduledSettings


class Control(Product):
    """The parts of the rate of one model, at work for the length of a `fit`.

    Use `Control.join(model, owner)` and `control.leave(owner)`; the first owner to join creates
    it, the last to leave takes everything down, and the model is plain Keras again.

    Attributes:
        settings: What else follows a schedule: momentum and weight decay.
        baked: What the compiled step holds as constants.
        between: Where to look at the run between two steps.
        schedules: Each owner's schedules, for each leaf; they are kept after the fit.
    """

    def __init__(self, model: Any) -> None:
        self._model = weakref.ref(model)
        self.optimizer = model.optimizer
        super().__init__(leaves(model.optimizer))
        self.log_keys = log_keys(model.optimizer)
        self.settings = ScheduledSettings(self.optimizer, self.settle)
        self.baked = Baked(self.optimizer)
        self.schedules: dict[object, list[Callable[[Any], Any] | None]] = {}
        self._held: list[HeldDecay] = []
        self._heard: list[Any] = []
        self._owners: list[object] = []
        self._plain = PlainSaving(self.optimizer)
        self._absolute: str | None = None
        self._in_fit = is_fitting(model)
        mark(self.leaves, self)
        # A fit that raised told no callback that it ended (keras calls on_train_end only after
        # a fit that finished). The next one finds what was left behind.
        self.between = BetweenSteps.of(model)
        self.between.join(self, self.take_down)

    @property
    def model(self) -> Any:
        """The model (which the control doesn't keep alive)."""
        return self._model()

    @classmethod
    def join(cls, model: Any, owner: object, factor: float | Sequence[float] = 1.0) -> "Control":
        """The control of `model`'s running fit, with `owner` among those who share it.

        Args:
            model: The model that is being fitted.
            owner: Who contributes; any hashable object.
            factor: What the owner already multiplied the present rate by, in an earlier fit; a
                number for each leaf, or one for all.

        Raises:
            InvalidInput: A fit of another model, with the same optimizer, is running, or the model
                has no optimizer.
        """
        if model.optimizer is None:
            raise InvalidInput(
                "The model has no optimizer, so there is no rate. Write "
                'model.compile("sgd", loss=...), or leave the callback out. '
                f"Received: {type(owner).__name__} for {type(model).__name__} {model.name!r}."
            )
        _build(model)
        control = None
        for found in controls(model.optimizer):
            if found.model is model and found.optimizer is model.optimizer:
                control = found
            else:
                found._make_way()
        if control is None:
            control = cls(model)
        control._owners.append(owner)
        count = len(control.leaves)
        each = tuple(factor) if isinstance(factor, Sequence) else (factor,) * count
        control.factors[owner] = each
        for index, leaf in enumerate(control.leaves):
            if own_schedule(leaf) is None:
                control.bases[index] /= each[index]
        return control

    def leave(self, owner: object) -> None:
        """Remove the owner; its factor stays in the rate, as a cut should."""
        if owner in self._owners:
            self._owners.remove(owner)
        if not self._owners:
            self.take_down()

    def take_down(self) -> None:
        """Put every original back; the model is plain Keras, with base × reduction as its rate."""
        model = self.model
        if model is not None:
            self.between.leave(self)
            if self._traced():
                model.train_function = None  # it was traced with the schedule in it
        for _, inside in reversed(self._in_steps):
            for part in inside.parts():
                self._plain.drop(part)
            inside.remove()
        self._in_steps = []
        if self.rates is not None:
            unfollow(self.rates, self._plain)
            self.rates = None
        for variable in self._heard:
            unhear(variable)
        self._heard.clear()
        self.settings.remove()
        for held in self._held:
            held.remove()
        self._held.clear()
        self._owners.clear()
        unmark(self.leaves)

    def settle(self) -> bool:
        """Take everything down if the fit that this was made for is over, by an interruption."""
        if not self._in_fit or is_fitting(self.model):
            return False
        self.take_down()
        return True

    def _make_way(self) -> None:
        if self._in_fit and is_fitting(self.model):
            raise InvalidInput(
                "The optimizer belongs to another model, whose fit is running under the control "
                "of keras_lr. Compile this model with an optimizer of its own. "
                f"Received: {type(self.optimizer).__name__} {self.optimizer.name!r}."
            )
        self.take_down()

    # -- what the owners contribute ---------------------------------------------------------------

    def claim(self, who: str) -> None:
        """Say that `who` decides what the rate is, not only what multiplies it.

        Raises:
            InvalidInput: Somebody else already does.
        """
        if self._absolute is not None:
            raise InvalidInput(
                f"{self._absolute} and {who} each say what the rate is, and only one can. Leave "
                "one out, or let it be a factor: LearningRate(schedule=schedules.Cosine()) "
                "multiplies the rate that the other one sets."
            )
        self._absolute = who

    def needs_following(self) -> bool:
        """Whether a leaf was built with a schedule, so that even a factor needs a place to be."""
        return any(own_schedule(leaf) is not None for leaf in self.leaves)

    def follow(self, owner: object, factors: Sequence[Callable[[Any], Any] | None] | None) -> None:
        """Trace schedules into the training step, from where the run stands.

        Args:
            owner: Whose schedule it is; a second call replaces the first.
            factors: For each leaf a pure function from the update count to a factor of the base,
                or `None` for 1; `None` when there is only a reduction to place.
        """
        self._place()
        if factors is not None:
            self.schedules[owner] = list(factors)
        for index, rate in enumerate(self.rates or []):
            factor = None if factors is None else factors[index]
            if factor is not None:
                rate.parts[owner] = (factor, self.place.offsets[index])
        self.model.make_train_function(force=True)

    def follow_setting(self, setting: str, values: list[Callable[[Any], Any]]) -> None:
        """Let momentum or weight decay follow a schedule, once it was claimed in `settings`.

        Args:
            setting: One of `settings.SETTINGS`.
            values: For each leaf a pure function from the update count to the value.
        """
        self.settings.follow(setting, values, self.place.offsets)
        self.model.make_train_function(force=True)

    def hear_assignments(self) -> None:
        """Hear of each rate that is assigned from now on, when it is."""
        for leaf in self.leaves:
            variable = rate_variable(leaf)
            if variable is not None:
                hear(variable, self._around_assignment)
                self._heard.append(variable)

    def _around_assignment(self, assign: Callable[[], None]) -> None:
        if self.settle():
            assign()
            return
        sync(self.model)  # on JAX, in mid-epoch, what is assigned would be lost without it
        self.remember()
        assign()
        self.adopt(by=callback_at_work(self.model))

    def log(self, logs: dict[str, float]) -> None:
        """Put the rate of the last update into an epoch's logs, if nobody has."""
        for key, rate in zip(self.log_keys, self.read(updates_ago=1), strict=True):
            logs.setdefault(key, rate)

    def hold_decay(self) -> None:
        """Hold what the weight decay is multiplied by at today's bases, until the fit ends.

        Raises:
            InvalidInput: There is no decay, or no number to hold it at.
        """
        check_holdable(self.optimizer, self.leaves)
        for leaf, base in zip(self.leaves, self.bases, strict=True):
            if leaf.weight_decay is not None and not self._held_on(leaf):
                self._held.append(HeldDecay(leaf, base, self.settle))
        self.between.rebuild()

    def _held_on(self, leaf: Any) -> bool:
        return any(held.leaf is leaf for held in self._held)

    def detect(self, owner: object, watches: Sequence[Sequence[Watch]]) -> Detectors:
        """Watch every update from inside the training step, and cut the rate there.

        What is cut counts as the owner's. The optimizer's variables that it needs are out of it
        while it saves, and gone after the fit.

        Args:
            owner: One that has joined.
            watches: For each leaf what to watch it with, as many for each.

        Raises:
            InvalidInput: The model has no weights yet, and can't be built from its data.
        """
        build(self.model)
        if self.needs_following():
            self._place()
        rates = self.rates or [None] * len(self.leaves)
        each = [
            detect(
                leaf,
                own,
                rate=rate,
                place=offset,
                settle=self.settle,
                execution=int(getattr(self.model, "steps_per_execution", 1)),
            )
            for leaf, own, rate, offset in zip(
                self.leaves, watches, rates, self.place.offsets, strict=True
            )
        ]
        detectors = Detectors(each)
        self._put_in_steps(owner, detectors)
        if detectors.look_every is not None:
            self.between.look(self, detectors.look_every, self._look_for_cuts)
        return detectors

    def measure(
        self, owner: object, wanted: Callable[[int], bool], *, changes: bool = True
    ) -> LeafNorms:
        """Measure gradients, weights and updates from inside the training step.

        The optimizer's variables that it needs are out of it while it saves, and gone after the
        fit.

        Args:
            owner: One that has joined.
            wanted: Called before each execution with the batches that it takes; says whether its
                updates are measured, of which the last is kept.
            changes: Whether what updates change is measured too.

        Raises:
            InvalidInput: The model has no weights yet, and can't be built from its data.
        """
        build(self.model)
        norms = LeafNorms(
            [measure_norms(leaf, changes, settle=self.settle) for leaf in self.leaves]
        )
        self.between.turn_on(self, wanted, norms.turn)
        self._put_in_steps(owner, norms)
        return norms

    def _put_in_steps(self, owner: object, inside: InFit) -> None:
        for part in inside.parts():
            self._plain.add(part)
        self._in_steps.append((owner, inside))
        self.between.rebuild()

    def peeking(self, *more: Any) -> contextlib.AbstractContextManager[None]:
        """In mid-epoch, let `place`, `read`, `adopt` and `more` variables be read inside."""
        return peeking(self.model, [*self.scalars(), *more])

    def _look_for_cuts(self, logs: Mapping[str, Any]) -> None:
        sync(self.model)
        self.adopt()

    def replace_own(self) -> bool:
        """Let a number be the base of leaves that were built with a schedule, for this fit.

        Returns:
            Whether there were such leaves.
        """
        if not self.needs_following():
            return False
        self._place()
        replaced = [index for index, rate in enumerate(self.rates or []) if rate.use_own]
        if not replaced:
            return False
        for index in replaced:
            rate = self.rates[index]  # type: ignore[index]
            if not self._carried:
                self.bases[index] = rate.own() or 1.0  # a warmup's may be 0: nothing divides by it
            rate.use_own = False
        self._assign_first()
        self.model.make_train_function(force=True)
        return True

    @contextlib.contextmanager
    def keeping_place(self) -> Iterator[None]:
        """Let the run go on where it stands, though `iterations` are set back inside."""
        with self.place.kept() as lost:
            yield
        for rate, batches in zip(self.rates or [], lost, strict=False):
            rate.move(batches)
        self.settings.move(lost)
        for _, inside in self._in_steps:
            inside.move(lost)
        if self._traced():
            self.model.make_train_function(force=True)

    def _place(self) -> None:
        if self.rates is None:
            self.rates = follow(self.optimizer, self.settle, self._plain)
            self._assign_first()

    def _assign_first(self) -> None:
        # What was carried over is in the variables already, also what nobody has adopted yet.
        if not self._carried:
            self._assign()

    def _traced(self) -> bool:
        """Whether the compiled step holds something of this."""
        return bool(self.rates or self.settings.placed or self._held or self._in_steps)


def _build(model: Any) -> None:
    """Make a `MultiOptimizer` find its members, which it does when it is built.

    JAX and torch build the optimizer before training begins, TensorFlow in the first step.
    """
    if leaves(model.optimizer) or model.optimizer.built:
        return
    build(model)
