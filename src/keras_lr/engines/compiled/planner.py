"""Choose how lanes are executed by measuring the candidates on the user's model.

Every step of a measurement is a step of the training, so looking costs compilation only; and a
candidate is compiled only if what it could save in the remaining steps is worth that.
"""

from dataclasses import dataclass, field, replace

from keras_lr.engines.compiled.plan import Plan

CALL = 60e-6
"""Seconds that a call of a compiled step costs by itself: no plan with one step a call is faster."""

PIECES = 3
"""Measurements of a plan, of which the shortest counts: others may use the machine in between."""

HOPE = 0.25
"""The share of the best plan's time that an untried one is expected to save, if it is any good."""

CLEAR = 0.9
"""Fewer threads have to take at most this share of the time of more, to be told from chance."""

SHRINKS = 0.5
"""The share of a call that is expected to grow with its lanes: all of it where the arithmetic takes
the time, none where launching it does."""

HOPELESS = 2.0
"""A plan that takes this many times the best one's time is measured only once."""


@dataclass
class Planner:
    """Which plan to use now, from what was measured so far.

    Args:
        plans: Candidates, the likeliest first.
        convolutions: Whether the model has convolutions, which XLA computes slowly in loops on
            CPUs: nearly nothing is hoped for from loops then.
        pieces: Measurements of a plan.

    Attributes:
        costs: Seconds a lane and step, of the plans that were measured.
        settled: Whether the choice is made.
    """

    plans: list[Plan]
    convolutions: bool = False
    pieces: int = PIECES
    costs: dict[Plan, float] = field(default_factory=dict)
    settled: bool = False

    def __post_init__(self) -> None:
        self.current = self.plans[0]
        self._taken: list[float] = []
        self._compile_seconds = 0.0

    def measured(self, seconds: float, *, remaining: int, compile_seconds: float) -> None:
        """Take note of a measurement of the current plan, and choose the next plan.

        Args:
            seconds: Seconds a lane and step.
            remaining: Lane-steps still to be trained.
            compile_seconds: What compiling the current plan took; another may take as long.
        """
        self._taken.append(seconds)
        shortest = min(self._taken)
        others = [cost for plan, cost in self.costs.items() if plan != self.current]
        if len(self._taken) < self.pieces and shortest < HOPELESS * min(others, default=1e9):
            return
        self.costs[self.current] = shortest
        self._taken = []
        self._compile_seconds = max(self._compile_seconds, compile_seconds)
        self._choose(remaining)

    def reopen(self, remaining: int) -> None:
        """Look for a plan that is worth a look now that so many lane-steps are to be expected."""
        if self.settled:
            self._choose(remaining)

    def pays(self, width: int, narrower: int, *, steps: int) -> bool:
        """Whether calls of fewer lanes are likely to save more time than compiling them takes.

        Args:
            width: Lanes that a call has.
            narrower: Lanes that it would have.
            steps: Steps of every lane that are still to come.
        """
        if self.current not in self.costs:
            return False
        call = self.costs[self.current] * width
        return steps * call * (1 - narrower / width) * SHRINKS > self._compile_seconds

    def drop(self) -> bool:
        """Give up the current plan, which can't be compiled; returns whether another is left."""
        return self._without([plan for plan in self.plans if plan != self.current])

    def halve(self) -> bool:
        """Go on with half as many lanes in a call; `False` where there is only one."""
        width = self.current.width // 2
        if not width:
            return False
        narrow = [replace(p, width=min(p.width, width)) for p in (self.current, *self.plans)]
        self.costs = {plan: cost for plan, cost in self.costs.items() if plan.width <= width}
        self.plans = list(dict.fromkeys(narrow))
        self.current, self.settled, self._taken = self.plans[0], False, []
        return True

    def describe(self) -> str:
        """The plan in use, with the measurements where there was a choice."""
        if not self.costs:
            return str(self.current)
        order = sorted(self.costs.items(), key=lambda item: (item[0] != self.current, item[1]))
        plan, cost = order[0]
        told = f"{plan}: {cost * 1e6:.0f} µs a lane-step"
        others = [f"{plan} would take {cost * 1e6:.0f}" for plan, cost in order[1:]]
        return told if not others else f"{told} ({'; '.join(others)})"

    def _choose(self, remaining: int) -> None:
        best = min(self.costs, key=self.costs.__getitem__)
        for plan in self.plans:
            if plan in self.costs:
                continue
            if self._saving(plan, self.costs[best]) * remaining > self._compile_seconds:
                self.current, self.settled = plan, False
                return
        fewer = replace(best, threads=1)
        if best.threads > 1 and fewer not in self.costs and fewer not in self.plans:
            # Nothing new to compile; where one call keeps every core busy, threads are in its way.
            self.plans = [*self.plans, fewer]
            self.current, self.settled = fewer, False
            return
        more = [p for p in self.costs if replace(p, threads=1) == best and p != best]
        if more and self.costs[best] > CLEAR * self.costs[more[0]]:
            best = more[0]
        self.current, self.settled = best, True

    def _saving(self, plan: Plan, cost: float) -> float:
        """Seconds a lane-step that a plan is expected to save, if it is any good."""
        call = CALL / plan.threads
        if plan.loop:
            return cost * (HOPE / 10 if self.convolutions else HOPE)
        if plan.steps > 1:
            return min(cost, call * (1 - 1 / plan.steps)) / 2
        alike = any(known.loop and known.width == plan.width for known in self.costs)
        # The same without a loop saves something only where loops are slow, as for convolutions.
        return (cost - call) * (HOPE / 10 if alike and not self.convolutions else HOPE)

    def _without(self, plans: list[Plan]) -> bool:
        self.plans = plans
        self._taken = []
        if not plans:
            return False
        self.costs = {plan: cost for plan, cost in self.costs.items() if plan in plans}
        self.current = min(self.costs, key=self.costs.__getitem__) if self.costs else plans[0]
        self.settled = bool(self.costs) and len(self.costs) == len(plans)
        return True
