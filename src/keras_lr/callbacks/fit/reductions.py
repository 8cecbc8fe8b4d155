"""The rules of a `LearningRate` at work in one `fit`: shown what happens, and obeyed."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

from keras_lr.callbacks.fit.advice import warn_unseen
from keras_lr.callbacks.fit.chunks import Chunk
from keras_lr.callbacks.record import RateEvent, RunRecord, rule_labels
from keras_lr.errors import TrainingDiverged
from keras_lr.rate import Control
from keras_lr.rules import Decision, Observation, Rule
from keras_lr.rules.rule import keeps_best
from keras_lr.rules.states import Decisions, RuleStates
from keras_lr.state.rows import is_numeric
from keras_lr.state.snapshot import Snapshot, is_finite

_LOOKS = 10
"""Looks at the loss in an epoch, for a NaN that strikes inside it; never at every step."""


class Reductions:
    """What the rules see and do, from an epoch's begin to the fit's end.

    Args:
        owner: The callback whose rules these are.
        control: What the callbacks of the fit share.
        states: Where the rules stand.
        record: Where what they do is written down.
        batches: Of an epoch; 0 if unknown.
        accumulated: Batches of one update.
        verbose: 1 prints each reduction.
        restored: Called when the weights are no longer those of the last step.
    """

    def __init__(
        self,
        owner: object,
        control: Control,
        states: RuleStates,
        record: RunRecord,
        *,
        batches: int,
        accumulated: int,
        verbose: int,
        restored: Callable[[], None] = lambda: None,
    ) -> None:
        self.states = states
        self.rules = states.rules
        self._labels = rule_labels(states.rules)
        self._owner = owner
        self._control = control
        self._record = record
        self._batches = batches
        self._accumulated = accumulated
        self._verbose = verbose
        self._restored = restored
        self._restores = any(rule.restores for rule in self.rules)
        self._good: Snapshot | None = None
        self._best: dict[int, Snapshot | None] = {}
        self._chunks = {every: Chunk() for every in states.looks}
        self._epoch = 0
        self._waiting = True  # for the first batch

    def get_state(self) -> dict[str, Any]:
        """What the rules' states lack, as JSON values and NumPy arrays."""
        best = {str(k): each.to_state() for k, each in self._best.items() if each is not None}
        return {
            "waiting": self._waiting,
            "good": None if self._good is None else self._good.to_state(),
            "best": best,
            "chunks": {str(every): chunk.get_state() for every, chunk in self._chunks.items()},
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` gave; before `begin`."""
        self._waiting = state["waiting"]
        if not self._restores and not any(keeps_best(rule) for rule in self.rules):
            return
        read = partial(Snapshot.from_state, self._control.model)
        if state["good"] is not None:
            self._good = read(state["good"])
        self._best = {
            int(k): read(each) for k, each in state["best"].items() if int(k) < len(self.rules)
        }

    def set_chunks(self, state: Mapping[str, Any], *, inside: bool) -> None:
        """Go on with the means since the last look; after `begin_epoch`.

        Args:
            state: What `get_state` gave.
            inside: Whether it was inside the epoch that goes on.
        """
        for every, chunk in self._chunks.items():
            if str(every) in state["chunks"]:
                chunk.set_state(state["chunks"][str(every)])
                if not inside:
                    chunk.begin_epoch()

    def begin(self, epoch: int) -> None:
        """Remember the state to return to, and begin to look."""
        between = self._control.between
        if self._restores:
            self._good = self._good or Snapshot.take(self._control.model, epoch, whole=True)
            every = max(_LOOKS, self._batches // _LOOKS)
            between.look(self._control, every, self._look_for_nan)
        if self._restores and self._waiting:
            first = between.look(self._control, 1, lambda logs: self._see_first(logs, first))
        for every in self._chunks:
            between.look(self._control, every * self._accumulated, self._looker(every))

    def begin_epoch(self, epoch: int) -> None:
        """Note which epoch it is."""
        self._epoch = epoch
        for chunk in self._chunks.values():
            chunk.begin_epoch()

    def end_epoch(self, epoch: int, logs: Mapping[str, float], step: int) -> None:
        """Show the rules an epoch's end, and do what they decide."""
        if not self.rules:
            return
        control, model = self._control, self._control.model
        finite = is_finite(model) if self._restores else True
        values = _numbers(logs)
        rolled_back = False
        for every, chunk in self._chunks.items():
            chunk.add(control.between.counted, control.between.logs)
            if control.between.due(every * self._accumulated):
                rolled_back |= self._show(step, chunk.take(), every=every, finite=finite)
        if not rolled_back:
            rolled_back = self._show(step, values, every=None, finite=finite)
        if self._restores and not rolled_back:
            self._good = Snapshot.take(model, epoch + 1, whole=True)
        if epoch + 1 == self._record.epochs:
            warn_unseen(self.states, values)

    def note(
        self,
        step: int,
        epoch: int,
        cause: str,
        factor: float,
        reason: str,
        *,
        rate: float | None = None,
        member: str = "",
    ) -> None:
        """Write a change of the rate down; `rate` is by default what it is now."""
        rate = self._control.settable() if rate is None else rate
        fit, events = self._record.fits - 1, self._record.events
        events.append(RateEvent(step, epoch, cause, factor, rate, reason, fit=fit, member=member))
        events.sort(key=lambda event: (event.fit, event.step))

    # -- looks inside an epoch ------------------------------------------------------------------

    def _see_first(self, logs: Mapping[str, Any], look: Any) -> None:
        self._control.between.drop(look)
        self._waiting = False
        _sync(self._control.model)
        first = Observation(0, -1, _numbers(logs), self._control.settable(1))
        self.states = self.states.begin(first)

    def _look_for_nan(self, logs: Mapping[str, Any]) -> None:
        # A running mean that is NaN stays it: whatever happened since the last look shows.
        watched = {rule.monitor for rule in self.rules if rule.restores}
        values = {key: value for key, value in _numbers(logs).items() if key in watched}
        if all(math.isfinite(value) for value in values.values()):
            return
        self.states, decisions = self.states.look(self._observation(self._step(), values))
        if self._obey(decisions, self._step()):
            self._control.model.reset_metrics()  # what is left of the epoch is counted alone
            self._control.between.restart_means()
            for chunk in self._chunks.values():
                chunk.begin_epoch()

    def _looker(self, every: int) -> Callable[[Mapping[str, Any]], None]:
        def look(logs: Mapping[str, Any]) -> None:
            chunk = self._chunks[every]
            chunk.add(self._control.between.counted, logs)
            self._show(self._step(), chunk.take(), every=every)

        return look

    def _step(self) -> int:
        _sync(self._control.model)
        return self._control.place.done // self._accumulated

    # -- what they decide -----------------------------------------------------------------------

    def _show(
        self, step: int, values: Mapping[str, float], *, every: int | None, finite: bool = True
    ) -> bool:
        """Show the rules that look now one observation; whether they had training rolled back."""
        seen = self._observation(step, values, finite)
        self.states, decisions = self.states.update(seen, every=every)
        return self._obey(decisions, step)

    def _observation(
        self, step: int, values: Mapping[str, float], finite: bool = True
    ) -> Observation:
        return Observation(step, self._epoch, values, self._control.settable(1), finite)

    def _obey(self, decisions: Decisions, step: int) -> bool:
        for rule, decision in decisions:
            self._apply(rule, decision, step)
        return any(decision.rollback for _, decision in decisions)

    def _apply(self, rule: Rule, decision: Decision, step: int) -> None:
        control, epoch = self._control, self._epoch
        index = next(i for i, each in enumerate(self.rules) if each is rule)
        label = self._labels[index]
        if decision.improved and keeps_best(rule):
            self._best[index] = Snapshot.take(control.model, epoch + 1)
        if decision.rollback or decision.give_up:
            if self._good is None or decision.give_up:
                self.note(step, epoch, label, 1.0, decision.reason)
                self._give_up(decision)
            with control.keeping_place():
                self._good.restore(control.model)
            self._restored()
        elif decision.restore_best and (best := self._best.get(index)) is not None:
            with control.keeping_place():
                best.restore(control.model)
            self._restored()
        if decision.factor != 1.0:
            control.multiply(self._owner, decision.factor)
        if decision.factor == 1.0 and not (decision.rollback or decision.restore_best):
            return
        self.note(step, epoch, label, decision.factor, decision.reason)
        if self._verbose:
            done = "rolled back and " if decision.rollback else ""
            done += "left the rate at" if decision.factor == 1.0 else "reduced the rate to"
            print(
                f"\nEpoch {epoch + 1}: {label}: {decision.reason}: {done} {control.settable():.4g}."
            )

    def _give_up(self, decision: Decision) -> NoReturn:
        control, good = self._control, self._good
        if good is not None:
            good.restore(control.model)
            state = f"The weights and the optimizer are those of the end of epoch {good.epoch}. "
        else:
            state = (
                "The model wasn't built before fit, so there are no first weights to return to: "
                "begin it with keras.Input(shape), or call model.build(). "
            )
        rate = control.moments[0].bases[0]
        control.leave(self._owner)
        raise TrainingDiverged(
            f"Epoch {self._epoch + 1}: {decision.reason}. {state}Start again with a lower rate "
            f"than {rate:g}; keras_lr.find(model, x, y) finds one."
        )


def _numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    return {key: float(value) for key, value in logs.items() if is_numeric(value)}


def _sync(model: Any) -> None:
    sync = getattr(model, "jax_state_sync", None)
    if sync is not None:
        sync()
