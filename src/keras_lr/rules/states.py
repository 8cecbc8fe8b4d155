"""Several rules side by side: each sees what is meant for it, and their factors multiply."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from keras_lr.rules.looks import check_every
from keras_lr.rules.rule import KEEP, Decision, Observation, Rule, is_in_graph, looks_every

Decisions = list[tuple[Rule, Decision]]


@dataclass(frozen=True)
class RuleStates:
    """The states of several rules side by side, and the product of their factors.

    Args:
        rules: The rules, in the order in which they observe.
        states: One state a rule.
        factors: What each rule has multiplied the rate by so far.
    """

    rules: tuple[Rule, ...]
    states: tuple[Any, ...]
    factors: tuple[float, ...] = ()

    @classmethod
    def start(cls, rules: tuple[Rule, ...]) -> "RuleStates":
        """The states before the first observation.

        Raises:
            InvalidInput: A rule looks between the updates of an epoch at what comes once an epoch.
        """
        for rule in rules:
            check_every(looks_every(rule), rule.monitor)
        return cls(rules, tuple(rule.start() for rule in rules), (1.0,) * len(rules))

    @property
    def reduction(self) -> float:
        """The product of the rules' factors."""
        return math.prod(self.factors)

    @property
    def looks(self) -> tuple[int, ...]:
        """Every so many updates, between which a rule looks; empty where all wait for the epoch."""
        found = {looks_every(rule) for rule in self.rules if not is_in_graph(rule)}
        return tuple(sorted(every for every in found if every is not None))

    def begin(self, first_batch: Observation) -> "RuleStates":
        """Show the first batch to the rules that restore; nothing is decided by it."""
        states = tuple(
            rule.update(state, first_batch)[0] if rule.restores else state
            for rule, state in zip(self.rules, self.states, strict=True)
        )
        return RuleStates(self.rules, states, self.factors)

    def update(
        self, observation: Observation, *, every: int | None = None
    ) -> tuple["RuleStates", Decisions]:
        """Show an observation to the rules that it is meant for.

        Each rule sees the rate as the rules before it left it, so two rules that cut at once
        respect each other's floor. After a rollback the later rules don't see the observation:
        it was made on weights that no longer exist. Rules that are decided inside the compiled
        step aren't asked here.

        Args:
            observation: An epoch's end; with `every`, the mean over the last `every` updates.
            every: Ask the rules that look every so many updates; `None` asks those that look at
                epochs' ends.

        Returns:
            The new states, and the decisions that do something: those first that call the present
            state the best, since another may leave it.
        """
        return self._show(
            observation, lambda rule: not is_in_graph(rule) and looks_every(rule) == every
        )

    def look(self, observation: Observation) -> tuple["RuleStates", Decisions]:
        """Show a moment inside an epoch to the rules that restore, if something isn't finite.

        What is finite there decides nothing and changes no state: it is a part of the epoch, which
        the rules will be shown.

        Args:
            observation: The running epoch; its values may be those of a batch or of the epoch so
                far, since only NaN and infinity count, or none, with `finite=False`.
        """
        values = {k: v for k, v in observation.values.items() if not math.isfinite(v)}
        if observation.finite and not values:
            return self, []
        return self._show(replace(observation, values=values), lambda rule: rule.restores)

    def _show(
        self, observation: Observation, meant: Callable[[Rule], bool]
    ) -> tuple["RuleStates", Decisions]:
        states, factors, rate = list(self.states), list(self.factors), observation.rate
        decisions: Decisions = []
        ordered = sorted(range(len(self.rules)), key=lambda i: not self.rules[i].restores)
        for index in ordered:
            rule = self.rules[index]
            if not meant(rule):
                continue
            states[index], decision = rule.update(states[index], replace(observation, rate=rate))
            if decision == KEEP:
                continue
            factors[index] *= decision.factor
            rate *= decision.factor
            decisions.append((rule, decision))
            if decision.rollback or decision.give_up:
                break
        decisions.sort(key=lambda item: not item[1].improved)
        return RuleStates(self.rules, tuple(states), tuple(factors)), decisions
