"""What a schedule is: a pure function from the step to a factor of the learning rate.

A schedule is a frozen dataclass. Called with a number or a NumPy array it answers in NumPy
(float64); called with a backend tensor, inside a compiled training step too, it answers in
`keras.ops` (float32). The formula is the same, written once over the namespace `xp`.

A length may be relative ("5%", "3 epochs", or `None` for "fill the run"); `resolve()` lays the
schedule out over a run and gives a `Plan`, whose lengths are steps. A step is one update of the
weights; the first is step 0.

To write a schedule, derive a frozen dataclass, name the fields that are lengths in `lengths`, and
write `formula()`; `@register` (see `registry`) gives it a text form, a config and the contract suite.
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from keras_lr.errors import InvalidInput, UnresolvedSchedule
from keras_lr.lazy import call
from keras_lr.schedules.checks import shown
from keras_lr.schedules.composable import Composable
from keras_lr.schedules.horizon import Horizon, Length, resolve_length
from keras_lr.schedules.marks import Mark
from keras_lr.schedules.steps import as_array, as_tensor, is_plain

if TYPE_CHECKING:
    from keras_lr.schedules.explain import Explanation
    from keras_lr.schedules.plan import Plan


@dataclass(frozen=True)
class Schedule(Composable):
    """Base of every schedule: a frozen dataclass with a `formula`, known by name once registered."""

    name: ClassVar[str] = "schedule"
    """Its name in the text form and in configs; `register` sets it."""
    example: ClassVar[str] = ""
    """Its text form at telling settings, which the contract suite runs it with."""
    lengths: ClassVar[tuple[str, ...]] = ()
    """The fields that hold lengths, which `resolve` turns into steps."""

    # --- use ---------------------------------------------------------------------------------

    def __call__(self, step: Any = ...) -> Any:
        """The factor at `step`.

        Args:
            step: A number, a NumPy array (any shape) or a sequence: answered in NumPy, float64. Or
                a tensor of the backend, a tracer, a Keras variable: answered in tensors, float32.
                A negative step counts as 0, one of 2^31 or more as 2^31 - 1.

        Returns:
            A float for a number, otherwise an array or tensor of the shape of `step`.

        Raises:
            UnresolvedSchedule: A length isn't known in steps yet; call `resolve` first.
            InvalidInput: No step, as where it is an optimizer's `learning_rate` itself; or one that
                isn't a finite number.
        """
        if step is ...:
            raise InvalidInput(
                f"{self} needs a step, and was called without one. A Keras optimizer does that "
                "with a schedule of keras_lr as its learning_rate: compile it with a number and "
                "give the schedule to LearningRate(schedule=...); or in a loop of your own write "
                "schedule.resolve(steps=1000).to_keras(0.1). Received: step=..."
            )
        self._require_steps()
        if is_plain(step):
            steps = as_array(step)
            value = self.formula(steps, np)
            if steps.ndim == 0:
                return float(value)
            return np.broadcast_to(np.asarray(value, dtype=np.float64), steps.shape).copy()
        steps = as_tensor(step)
        from keras import ops

        return ops.cast(self.formula(steps, ops), "float32")

    def resolve(
        self,
        horizon: Horizon | None = None,
        *,
        steps: int | None = None,
        steps_per_epoch: float | None = None,
        batch_size: float | None = None,
    ) -> "Plan":
        """Lay the schedule out over a run: every length becomes a number of steps.

        Args:
            horizon: The run. Or give its parts:
            steps: Updates in the whole run.
            steps_per_epoch: Updates in an epoch, where a length is in epochs.
            batch_size: Samples in one update, where a length is in samples (see `Horizon`).

        Raises:
            InvalidInput: The composition doesn't fit into the run, or a unit isn't known.
        """
        parts = (steps, steps_per_epoch, batch_size)
        given = horizon is not None
        if given == (steps is not None) or (given and parts != (None, None, None)):
            raise InvalidInput(
                "A schedule is resolved against a run: write .resolve(steps=1000, "
                "steps_per_epoch=100, batch_size=32), or .resolve(Horizon(1000, 100, 32)). "
                f"Received: horizon={horizon!r}, steps={steps!r}, "
                f"steps_per_epoch={steps_per_epoch!r}, batch_size={batch_size!r}."
            )
        if horizon is None:
            horizon = Horizon(steps, steps_per_epoch, batch_size)  # type: ignore[arg-type]
        if not isinstance(horizon, Horizon):
            raise InvalidInput(
                "A number of steps is given by its name: write .resolve(steps=1000). "
                f"Received: horizon={shown(horizon)}."
            )
        from keras_lr.schedules.plan import Plan

        return Plan(self.lay(horizon, horizon.steps), horizon)

    def to_keras(self, base: float | None = None) -> Any:
        """The same as a Keras `LearningRateSchedule`: `SGD(plan.to_keras(0.1))`.

        Args:
            base: The rate that its factors multiply; none for a schedule whose values are rates.

        Returns:
            A `PlannedRate`, which is saved with the model.

        Raises:
            UnresolvedSchedule: A length isn't known in steps yet; call `resolve` first.
            InvalidInput: The base is missing, or isn't needed.
        """
        from keras_lr.schedules.keras_schedule import PlannedRate

        return PlannedRate(self, base)

    def explain(self, step: int) -> "Explanation":
        """Which part gave what at `step`, as a tree to `print`; see `schedules.explain`.

        Args:
            step: A step of the run, from 0.

        Raises:
            UnresolvedSchedule: A length isn't known in steps yet; call `resolve` first.
        """
        from keras_lr.schedules.explain import explain

        return explain(self, step)

    def plot(
        self,
        steps: int | None = None,
        *,
        steps_per_epoch: float | None = None,
        batch_size: float | None = None,
        base_rate: float | None = None,
    ) -> Any:
        """A plotly figure of it over a run; `schedules.plot` draws several.

        Args:
            steps: Updates in the run; a plan knows them.
            steps_per_epoch: Updates in an epoch: for lengths in epochs, and an axis of epochs.
            batch_size: Samples in one update, where a length is in samples.
            base_rate: The optimizer's rate; with it the rate is drawn, without it the factor.

        Returns:
            A `plotly.graph_objects.Figure`.

        Raises:
            InvalidInput: The run isn't known, or the schedule doesn't fit into it.
        """
        from keras_lr.schedules.pictures import plot

        run = {"steps_per_epoch": steps_per_epoch, "batch_size": batch_size}
        return plot([self], steps, **run, base_rate=base_rate)

    def draw(
        self,
        steps: int | None = None,
        *,
        steps_per_epoch: float | None = None,
        batch_size: float | None = None,
        base_rate: float | None = None,
    ) -> str:
        """The same as text for a terminal, with the moments at which it turns listed below.

        Args:
            steps: Updates in the run; a plan knows them.
            steps_per_epoch: Updates in an epoch: for lengths in epochs, and to list epochs.
            batch_size: Samples in one update, where a length is in samples.
            base_rate: The optimizer's rate; with it the rate is drawn, without it the factor.

        Raises:
            InvalidInput: The run isn't known, or the schedule doesn't fit into it.
        """
        from keras_lr.schedules.pictures import draw

        run = {"steps_per_epoch": steps_per_epoch, "batch_size": batch_size}
        return draw([self], steps, **run, base_rate=base_rate)

    @property
    def absolute(self) -> bool:
        """Whether its values are rates, and not factors of the optimizer's rate."""
        return any(part.absolute for part in self.parts)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return call("keras_lr.watch.notebook:as_html", self)

    def __str__(self) -> str:
        from keras_lr.schedules.text import format_schedule

        return format_schedule(self)

    # --- what a schedule defines -------------------------------------------------------------

    def formula(self, step: Any, xp: Any) -> Any:
        """The formula, over `xp` (numpy or `keras.ops`); `step` is at least 0, lengths are steps.

        The value has the shape of `step`, is constant once the schedule is over, and finite.
        """
        raise NotImplementedError

    def lay(self, horizon: Horizon, room: int) -> "Schedule":
        """This schedule with its lengths in steps.

        Args:
            horizon: The run, which shares and epochs refer to.
            room: Steps that the enclosing composition leaves: what `None` fills.
        """
        lengths = {
            name: whole_steps(getattr(self, name), self, horizon, room, name)
            for name in self.lengths
        }
        return replace(self, **lengths)

    def span(self) -> int | None:
        """Steps that the schedule covers, `None` if it never ends (once laid out)."""
        return getattr(self, "length", None)

    def goal(self) -> int | None:
        """The step at which it has reached what it was laid out for (once laid out).

        The end of a shape with a length, or of a cooldown, even where something under it goes on;
        `None` for what has no such moment, such as step decays.
        """
        return self.span()

    def fills(self) -> bool:
        """Whether it takes all the room it gets, so that it can't tell where it ends."""
        own = any(getattr(self, name) is None for name in self.lengths)
        return own or any(part.fills() for part in self.parts)

    def may_be_cut(self) -> bool:
        """Whether it may be longer than the room it gets, because any part of it makes sense."""
        return False

    def lead(self) -> int:
        """Steps at its start that belong to a warmup, and that a cooldown must leave alone."""
        return 0

    def inside(self, step: int) -> tuple[tuple["Schedule", int], ...]:
        """The schedules that make the value at `step`, each with the step that it sees."""
        return ()

    def did(self, step: int, value: float, inner: tuple[float, ...]) -> str:
        """What `explain` says it did to what is inside it, such as "× 0.5".

        By default: by what it multiplied the one schedule that is inside it; else its value. What
        it says must tell the value, or else leave it to what is inside; empty for no change.

        Args:
            step: The step.
            value: What it gave.
            inner: What the schedules of `inside(step)` gave.
        """
        from keras_lr.schedules.explain import usual

        return usual(self, step, value, inner)

    def note(self, step: int) -> str:
        """What `explain` adds about `step` in words, such as "step 3 of 10"; may be empty."""
        return ""

    def marks(self) -> list[Mark]:
        """The moments that a picture names (once laid out); its end is not one of them."""
        return []

    def stretched(self, factor: float) -> "Schedule":
        """The same over a horizon `factor` times as long; see `transforms.stretch`."""
        from keras_lr.schedules.transforms.stretch import stretched_fields

        return replace(self, **stretched_fields(self, factor))

    @property
    def parts(self) -> tuple["Schedule", ...]:
        """The schedules that this one is composed of."""
        found: list[Schedule] = []
        for item in fields(self):
            value = getattr(self, item.name)
            members = value if isinstance(value, tuple) else (value,)
            found.extend(member for member in members if isinstance(member, Schedule))
        return tuple(found)

    def missing(self) -> str | None:
        """The first setting that isn't known in steps yet, such as "length='5%'"."""
        for name in self.lengths:
            value = getattr(self, name)
            members = value if isinstance(value, tuple) else (value,)
            if any(member is None or isinstance(member, str) for member in members):
                return f"{name}={value!r}"
        return next((gap for part in self.parts if (gap := part.missing())), None)

    @cached_property
    def _gap(self) -> str | None:
        return self.missing()  # which never changes, and takes as long as a step's value

    def _require_steps(self) -> None:
        gap = self._gap
        if gap is not None:
            raise UnresolvedSchedule(
                f"{self} has no step numbers yet ({gap} depends on the run). Call "
                ".resolve(steps=1000, steps_per_epoch=100, batch_size=32) with the run's numbers first "
                "(LearningRate does it in fit), or give every length in steps."
            )


def whole_steps(
    length: Length | None, owner: Schedule, horizon: Horizon, room: int, name: str = "length"
) -> int:
    """`length` in steps, at least 1; `None` is the whole `room`.

    Shares that add up to the run may add up to one step more once each is rounded: that step goes.
    """
    if length is None:
        if room < 1:
            raise InvalidInput(
                f"{owner} is to fill what is left of the run, but of its {horizon.steps} steps "
                f"nothing is left. Shorten what comes before it. Received: {name}=None."
            )
        return room
    steps = resolve_length(length, horizon, name)
    if isinstance(length, str) and steps == room + 1:
        steps = room
    return max(steps, 1)
