"""All runs of one policy on one problem at once: rates × seeds side by side in one compiled loop.

A run is a lane of arrays. A seed's lanes share their first weights and their batches, under every
policy, so that differences between policies are paired. Rules that look between updates are the
library's own objects, asked on the host; detectors are their formula, inside the loop.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.reducers.policies import Policy, final_fall
from benchmarks.reducers.tasks import Optimizer, Task
from keras_lr.rules import Observation
from keras_lr.rules.states import RuleStates

BATCH = 32
JUDGED = 1000
"""Training samples on which the loss without the batches' noise is measured."""


@dataclass(frozen=True)
class Budget:
    """How long and how often.

    Args:
        steps: Updates of a run.
        epoch: Updates between two looks at the validation data.
        rates: Rates of a grid, over three decades.
        seeds: Runs at each rate.
    """

    steps: int = 2400
    epoch: int = 48
    rates: int = 7
    seeds: int = 5

    def grid(self, highest: float) -> np.ndarray:
        """The rates, lowest first."""
        return np.geomspace(highest / 1000, highest, self.rates)


@dataclass(frozen=True)
class Cut:
    """One cut of one run.

    Args:
        seed: The run's seed, from 0.
        lane: The index of its rate in the grid.
        step: Updates done before it.
        factor: What the rate was multiplied by.
        cause: The rule's name.
    """

    seed: int
    lane: int
    step: int
    factor: float
    cause: str


@dataclass(frozen=True)
class Runs:
    """What one policy did on one problem.

    Args:
        rates: The grid.
        validation: Loss by seed, rate and epoch, before training first.
        training: The same on a fixed part of the training data.
        cuts: Every cut.
        epoch: Updates in an epoch.
    """

    rates: np.ndarray
    validation: np.ndarray
    training: np.ndarray
    cuts: tuple[Cut, ...]
    epoch: int


def run(task: Task, optimizer: Optimizer, policy: Policy, budget: Budget) -> Runs:
    """Train every lane of a policy."""
    lanes = _Lanes(task, optimizer, policy, budget)
    for _ in range(budget.steps // budget.epoch):
        lanes.advance_an_epoch()
    validation, training = (np.stack(part, axis=-1) for part in zip(*lanes.judged, strict=True))
    return Runs(lanes.rates, validation, training, tuple(lanes.cuts), budget.epoch)


@lru_cache(maxsize=64)
def batches(samples: int, steps: int, seed: int) -> np.ndarray:
    """Which samples each update of a seed sees: whole epochs, each shuffled anew."""
    random = np.random.default_rng([7, seed])
    per_epoch = samples // BATCH
    epochs = -(-steps // per_epoch)
    orders = [random.permutation(samples)[: per_epoch * BATCH] for _ in range(epochs)]
    return np.concatenate(orders).reshape(-1, BATCH)[:steps]


def _squared(tree: Any) -> Any:
    return sum(jnp.vdot(leaf, leaf) for leaf in jax.tree.leaves(tree))


def _product(first: Any, second: Any) -> Any:
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return sum(jnp.vdot(a, b) for a, b in pairs)


def _difference(first: Any, second: Any) -> Any:
    return jax.tree.map(jnp.subtract, first, second)


def one_step(task: Task, optimizer: Optimizer, detector: Any, lane: Any, batch: Any) -> Any:
    """One update of one lane; returns the lane and (loss, cut)."""
    x, y, factor, detects = batch
    loss, gradient = jax.value_and_grad(task.value)(lane["weights"], x, y)
    rate = lane["base"] * factor * lane["reduction"]
    weights, kept = optimizer.update(lane["weights"], lane["kept"], gradient, rate, lane["done"])
    after = {**lane, "weights": weights, "kept": kept, "done": lane["done"] + 1}
    cut = jnp.zeros((), bool)
    if detector is not None:
        from keras import ops

        moved = _difference(lane["weights"], weights)
        if detector.test == "distance":
            seen = {"distance": _squared(_difference(weights, lane["anchor"]))}
        else:
            sizes = jnp.sqrt(_squared(gradient) * _squared(lane["moved"]))
            value = _product(gradient, lane["moved"]) / sizes  # NaN at the first update
            measured = (lane["done"] + 1) % detector.stride == 0
            seen = {"alignment": jnp.where(measured, value, jnp.nan)}
            after["moved"] = moved
        state, cut = detector.formula(lane["detector"], seen, ops)
        cut &= detects
        after["detector"] = jax.tree.map(partial(jnp.where, detects), state, lane["detector"])
        after["reduction"] = lane["reduction"] * jnp.where(cut, detector.factor, 1.0)
        if detector.test == "distance":  # a new phase is measured from where it begins
            after["anchor"] = jax.tree.map(partial(jnp.where, cut), weights, lane["anchor"])
    return after, (loss, cut)


@lru_cache(maxsize=4)
def _compiled(task: Task, optimizer: Optimizer, detector: Any) -> tuple[Callable, Callable]:
    step = partial(one_step, task, optimizer, detector)
    over_rates = jax.vmap(step, in_axes=(0, None))
    over_seeds = jax.vmap(over_rates, in_axes=(0, (0, 0, None, None)))

    @jax.jit
    def advance(lanes: Any, chosen: Any, factors: Any, detects: Any, x: Any, y: Any) -> Any:
        def body(lanes: Any, now: Any) -> Any:
            which, factor, detects = now
            return over_seeds(lanes, (x[which], y[which], factor, detects))

        return jax.lax.scan(body, lanes, (chosen, factors, detects))

    @jax.jit
    def judge(weights: Any, x: Any, y: Any) -> Any:
        value = jax.vmap(jax.vmap(lambda w: task.value(w, x, y)))
        return value(weights)

    return advance, judge


class _Lanes:
    """Runs in lock-step, and what their rules have seen."""

    def __init__(self, task: Task, optimizer: Optimizer, policy: Policy, budget: Budget) -> None:
        self.policy, self.budget = policy, budget
        self.rates = budget.grid(task.highest[optimizer.name])
        self.shape = (budget.seeds, budget.rates)
        self._advance, self._judge = _compiled(task, optimizer, policy.detector)
        self._data = tuple(jnp.asarray(part) for part in task.train)
        self._known = tuple(jnp.asarray(part[:JUDGED]) for part in task.train)
        self._unknown = tuple(jnp.asarray(part) for part in task.validation)
        plan = policy.schedule.resolve(steps=budget.steps)
        self._factors = np.asarray(plan(np.arange(budget.steps)), "float32")
        self._detects = np.arange(budget.steps) < final_fall(policy.schedule, budget.steps)
        samples = len(task.train[0])
        chosen = [batches(samples, budget.steps, seed) for seed in range(budget.seeds)]
        self._chosen = np.stack(chosen, axis=1)
        self.step, self.cuts, self.judged = 0, [], []
        self._ended = np.zeros(self.shape, bool)  # given up: the weights stay where they are
        self._begin(task, optimizer)

    def _begin(self, task: Task, optimizer: Optimizer) -> None:
        def spread(leaf: Any) -> Any:
            return jnp.broadcast_to(leaf, (*self.shape, *jnp.shape(leaf)))

        seeds = [task.initial(seed) for seed in range(self.budget.seeds)]
        weights = jax.tree.map(lambda *leaves: jnp.stack(leaves)[:, None], *seeds)
        weights = jax.tree.map(lambda w: jnp.repeat(w, self.budget.rates, axis=1), weights)
        self.lanes: dict[str, Any] = {
            "weights": weights,
            "kept": optimizer.start(weights),
            "done": jnp.zeros(self.shape, "int32"),
            "base": jnp.broadcast_to(jnp.asarray(self.rates, "float32"), self.shape),
            "reduction": jnp.ones(self.shape, "float32"),
        }
        detector = self.policy.detector
        if detector is not None:
            start = {name: np.float32(v) for name, v in vars(detector.start()).items()}
            self._fresh = jax.tree.map(spread, start)
            self.lanes["detector"] = self._fresh
            key = "anchor" if detector.test == "distance" else "moved"
            zeros = jax.tree.map(jnp.zeros_like, weights)
            self.lanes[key] = weights if key == "anchor" else zeros
        self._good = self.lanes
        self._look()
        first = self.judged[0][1]
        self.states = {}
        for seed, lane in np.ndindex(self.shape):
            states = RuleStates.start(self.policy.rules)
            values = {"loss": float(first[seed, lane])}
            self.states[seed, lane] = states.begin(Observation(0, -1, values))

    def _look(self) -> None:
        weights = self.lanes["weights"]
        found = (self._judge(weights, *self._unknown), self._judge(weights, *self._known))
        self.judged.append(tuple(np.asarray(part, "float64") for part in found))

    def advance_an_epoch(self) -> None:
        """Train one epoch, with the looks of rules that have them, and ask the others."""
        every = self.policy.every or self.budget.epoch
        losses = []
        for _ in range(self.budget.epoch // every):
            losses.append(self._train(every))
            if self.policy.every is not None:
                self._ask({"loss": losses[-1]}, every=every)
        self._look()
        if self._ask({"loss": np.mean(losses, axis=0), "val_loss": self.judged[-1][0]}):
            self.judged.pop()  # weights that were given up are not what training has come to
            self._look()

    def _train(self, steps: int) -> np.ndarray:
        part = slice(self.step, self.step + steps)
        now = (self._chosen[part], self._factors[part], self._detects[part])
        self.lanes, (losses, cuts) = self._advance(self.lanes, *now, *self._data)
        for index, seed, lane in np.argwhere(np.asarray(cuts)).tolist():
            detector = self.policy.detector
            cut = Cut(seed, lane, self.step + index + 1, detector.factor, detector.name)
            self.cuts.append(cut)
        self.step += steps
        return np.asarray(losses, "float64").mean(axis=0)

    def _ask(self, values: Mapping[str, np.ndarray], every: int | None = None) -> bool:
        """Show the rules what they look at, cut and roll back as they decide; is any lane back?"""
        if not self.policy.rules:
            return False
        finite = np.asarray(_finite(self.lanes["weights"]))
        reduction = np.array(self.lanes["reduction"])
        back = self._ended.copy()
        epoch = (self.step - 1) // self.budget.epoch
        for seed, lane in np.ndindex(self.shape):
            seen = {name: float(found[seed, lane]) for name, found in values.items()}
            rate = float(self.rates[lane] * reduction[seed, lane])
            observation = Observation(self.step, epoch, seen, rate, finite=bool(finite[seed, lane]))
            states, decisions = self.states[seed, lane].update(observation, every=every)
            self.states[seed, lane] = states
            for rule, decision in decisions:
                back[seed, lane] |= decision.rollback or decision.give_up
                self._ended[seed, lane] |= decision.give_up
                if decision.factor < 1:
                    reduction[seed, lane] *= decision.factor
                    cut = Cut(seed, lane, self.step, decision.factor, rule.name)
                    self.cuts.append(cut)
        if back.any():
            self.lanes = _chosen_lanes(back, self._restored(), self.lanes)
        self.lanes = {**self.lanes, "reduction": jnp.asarray(reduction)}
        if every is None:
            self._good = self.lanes
        return bool(back.any())

    def _restored(self) -> dict[str, Any]:
        """The last good lanes, their detectors at the begin of a phase."""
        lanes = dict(self._good)
        if "detector" in lanes:
            lanes["detector"] = self._fresh
        if "anchor" in lanes:
            lanes["anchor"] = lanes["weights"]
        if "moved" in lanes:
            lanes["moved"] = jax.tree.map(jnp.zeros_like, lanes["weights"])
        return lanes


@jax.jit
def _finite(weights: Any) -> Any:
    def of(leaf: Any) -> Any:
        return jnp.isfinite(leaf).all(axis=tuple(range(2, leaf.ndim)))

    leaves = jax.tree.leaves(weights)
    return jnp.stack([of(leaf) for leaf in leaves]).all(axis=0)


@jax.jit
def _chosen_lanes(mask: Any, first: Any, second: Any) -> Any:
    def pick(a: Any, b: Any) -> Any:
        return jnp.where(mask.reshape(mask.shape + (1,) * (a.ndim - 2)), a, b)

    return jax.tree.map(pick, first, second)
