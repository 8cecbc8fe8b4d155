"""The callback that ties schedules and rules to a model: rate = base × schedule × reduction."""

import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

import keras

from keras_lr.callbacks.arguments import (
    AUTO,
    checked_flag,
    checked_rules,
    checked_schedule,
    checked_size,
)
from keras_lr.callbacks.fit.automatic import automatic_rules
from keras_lr.callbacks.fit.phases import Phases
from keras_lr.callbacks.fit.run import Run
from keras_lr.callbacks.fit.state import Resumed, get_state
from keras_lr.callbacks.record import Explanation, RunRecord
from keras_lr.errors import InvalidInput, nearest
from keras_lr.rate import SETTINGS, left
from keras_lr.rules import Rule
from keras_lr.rules.states import RuleStates
from keras_lr.schedules import Plan, Schedule, as_schedule

_AT_BEGIN = {"on_change": "error", "epoch": 0, "batch": 0, "recut": False}
"""Where a fit goes on that nobody says it of."""


class LearningRate(keras.callbacks.Callback):
    """Control the learning rate of a `fit`: base × schedule × reduction; and other settings.

    The base is the optimizer's own rate. The schedule is traced into the compiled training step
    and counts updates (not batches: under gradient accumulation several batches make one update).
    The rules reduce the rate: each looks when it says it does, at epochs' ends, every so many updates
    or at each update inside the step. After `fit` the model is a plain Keras model, whose optimizer
    holds base × reduction, as after Keras's own `ReduceLROnPlateau`.

    Works with any stock optimizer, built with a number or a schedule, inside `LossScaleOptimizer`,
    and on each member of a `MultiOptimizer`. Several callbacks of keras-lr in one `fit` share the
    product.

    Args:
        schedule: A `keras_lr.schedules` object, its text form, a Keras `LearningRateSchedule`
            (its values are rates and replace the base), or a function from the update count to a
            factor of the base. Lengths in epochs, samples or shares are resolved when `fit`
            begins; the schedule starts with each `fit`, at the position that `initial_epoch` says.
        rules: Rules such as `rules.Plateau()` and `rules.Divergence()`. Used again in a later
            `fit` of the same model, this callback's rules go on where they stood. `"auto"` is
            `rules.auto(steps)`: a gentle rule whose patience is a share of this fit, idle where
            the schedule falls to its end, and `Divergence`.
        momentum: A schedule whose values are the optimizer's `momentum` (SGD, RMSprop, Muon) or
            `beta_1` (Adam and its relatives) itself, at least 0 and below 1; for the length of
            the fit. `OneCycle(0, 0).between(0.95, 0.85)` is one-cycle's.
        weight_decay: A schedule whose values are the optimizer's `weight_decay`, at least 0; for
            the length of the fit. It must have been compiled with one.
        independent_weight_decay: Whether the weight decay is held where it is when the fit begins:
            each update then shrinks the weights by weight_decay × base, whatever schedule and rules
            make of the rate. (Keras shrinks them by weight_decay × rate.)
        batch_size: Samples in a batch, for lengths in samples, where the data doesn't say
            (generators, some datasets) or should be counted differently.
        verbose: 1 prints each reduction.

    Attributes:
        record: What happened to the rate, and why (`RunRecord`).
        expects_early_end: Set it to `True` where a run is stopped on purpose: that it didn't
            reach its schedule's end is then only in the record, and not warned of.

    Raises:
        InvalidInput: Before training starts, when the schedule doesn't fit the run.
        TrainingDiverged: When a `Divergence` rule gives up; the last good state was restored.

    Example:

    ```python
    model.fit(x, y, epochs=30, callbacks=[
        keras_lr.LearningRate(
            schedule=schedules.Cosine().warmup("5%"),
            rules=[rules.Plateau("val_loss"), rules.Divergence()],
        ),
    ])
    ```
    """

    _hears_resume = True
    """`set_state` takes `resume`."""

    def __init__(
        self,
        schedule: Schedule | Callable[..., Any] | str | None = None,
        rules: Rule | Iterable[Rule] | Literal["auto"] = (),
        *,
        momentum: Schedule | Callable[..., Any] | str | float | None = None,
        weight_decay: Schedule | Callable[..., Any] | str | float | None = None,
        independent_weight_decay: bool = False,
        batch_size: float | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__()
        self.schedule = None if schedule is None else checked_schedule(schedule)
        given = dict(zip(SETTINGS, (momentum, weight_decay), strict=True))
        self.settings = {name: as_schedule(s) for name, s in given.items() if s is not None}
        self.independent_weight_decay = checked_flag(
            independent_weight_decay, "independent_weight_decay"
        )
        self.batch_size = checked_size(batch_size)
        self.expects_early_end = False
        self.rules = checked_rules(rules)
        self.automatic = isinstance(rules, str) and rules == AUTO
        self.verbose = verbose
        self.record = RunRecord(schedule=None if self.schedule is None else str(self.schedule))
        self._run: Run | None = None
        self._stored: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None
        self._left: tuple[weakref.ref[Any], list[float | None]] | None = None

    # -- fit ------------------------------------------------------------------------------------

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Resolve the schedule against this run; refuse what can't work before it starts."""
        if self.automatic:
            self.rules = automatic_rules(self)
        states, cut = self._standing(self.model), self._cut_inside(self.model)
        self.record.fits += 1
        self.record.ending = None
        stored, self._stored = self._stored, None
        resumed = None if stored is None else Resumed(self, *stored)
        if resumed is not None:
            states, cut = resumed.states, resumed.cut
        self._run = Run(self, states, cut, resumed, self._phases(self.model))

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Place the schedule, when the epoch at which the run starts is known."""
        self._running().begin_epoch(epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Log the epoch's rate, show the epoch to the rules, and do what they decide."""
        model = self.model  # on JAX this syncs the training state
        if model is not None:
            self._running().end_epoch(epoch, {} if logs is None else logs)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Leave the model as plain Keras, with base × reduction as its rate."""
        run, model = self._running(), self.model
        self._left = (weakref.ref(model), run.end())

    def get_state(self) -> dict[str, Any]:
        """Where the running fit stands, as JSON values and NumPy arrays."""
        return get_state(self, self._running())

    def set_state(
        self, state: Mapping[str, Any], *, resume: Mapping[str, Any] | None = None
    ) -> None:
        """Let the next fit go on from what `get_state` gave; `BackupAndRestore` calls it.

        Args:
            state: What `get_state` gave.
            resume: How and where that fit goes on; by default at an epoch's begin, with the plan
                that it had.
        """
        self._stored = state, {**_AT_BEGIN, **(resume or {})}

    def forget_state(self) -> None:
        """Undo `set_state`: the fit that was to go on didn't begin."""
        self._stored = None

    @property
    def plan(self) -> Plan | None:
        """The schedule as it is laid out over the running fit, or was over the last one.

        What a second `fit` goes on with: `plan.cooldown("2 epochs", start="4 epochs")` ends a run
        that was stopped after four epochs, without a jump. (The schedule itself would be laid out
        over the second run's epochs anew.) Of a `MultiOptimizer` it is the first member's; `None`
        without a schedule.

        Raises:
            InvalidInput: Before the callback has seen a `fit`.
        """
        plans = [] if self._run is None else self._run.plans
        if self.schedule is not None and not plans:
            raise InvalidInput(
                "The plan is the schedule laid out over a run: pass this callback to "
                "model.fit(callbacks=[...]) first, or write schedule.resolve(steps=1000)."
            )
        return plans[0] if plans else None

    # -- what the rate is made of ---------------------------------------------------------------

    def explain(self, step: int, *, member: str | None = None) -> Explanation:
        """What makes up the rate of one step of the run.

        Args:
            step: The update, counted from the start of the run (the first is 0). A step in the
                future is explained with the reductions so far.
            member: The name of a member of a `MultiOptimizer`, such as a group of
                `optimizers.per_layer`; by default the first.

        Returns:
            An `Explanation` of the last fit; `print` it: below its first line is which part of the
            schedule gave what.

        Raises:
            InvalidInput: Before the callback has seen a `fit`, or for an unknown member.
        """
        stories = {} if self._run is None else self._run.stories
        if not stories:
            raise InvalidInput(
                "explain() needs a run: pass this callback to model.fit(callbacks=[...]) first."
            )
        if member is not None and member not in stories:
            problem = (
                f"has no member {member!r}. {nearest(str(member), stories)}"
                if len(stories) > 1
                else "is one, without members: write explain(step)."
            )
            raise InvalidInput(f"The optimizer {problem} Received: member={member!r}.")
        return stories[next(iter(stories)) if member is None else member].explain(step)

    # -- parts ----------------------------------------------------------------------------------

    @property
    def _states(self) -> RuleStates:
        """Where the rules stand."""
        return RuleStates.start(self.rules) if self._run is None else self._run.reductions.states

    def _cut_inside(self, model: Any) -> list[list[float]]:
        """What the rules that are decided inside the step have cut before, on each leaf."""
        known = self._left is not None and self._left[0]() is model and self._left[1] == left(model)
        return self._run.detection.factors if known and self._run is not None else []

    def _phases(self, model: Any) -> Phases | None:
        """Where these rules stood in their phases when the last fit of this model ended."""
        known = self._left is not None and self._left[0]() is model
        return self._run.phases if known and self._run is not None else None

    def _running(self) -> Run:
        if self._run is None:
            raise InvalidInput("LearningRate works inside model.fit(callbacks=[...]) only.")
        return self._run

    def _standing(self, model: Any) -> RuleStates:
        """Where the last fit left the rules if this is the same model; else they start anew."""
        if self._left is None or self._left[0]() is not model:
            self.record.events.clear()
            self.record.fits = 0
            return RuleStates.start(self.rules)
        if self._left[1] != left(model):
            # The user has set a new rate since: it is a new base, with nothing cut from it yet.
            return replace(self._states, rules=self.rules, factors=(1.0,) * len(self.rules))
        return replace(self._states, rules=self.rules)
