"""Cut the rate when the weights oscillate instead of making way."""

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Literal

from keras_lr.errors import InvalidInput
from keras_lr.rules.alignment import AlignmentState, AlignmentTest
from keras_lr.rules.distance import DistanceState, DistanceTest
from keras_lr.rules.in_graph import formula, update_in_graph
from keras_lr.rules.rule import Decision, Observation, register
from keras_lr.rules.settings import check, make_numbers


@register
@dataclass(frozen=True)
class Oscillation:
    """Cut the rate at the update at which gradient descent has begun to oscillate.

    It needs no metric and no validation data: it looks at the weights (`test="distance"`) or at the
    gradients (`test="alignment"`) themselves, at every update, inside the compiled training step.
    After a cut a new phase begins, and what came before is forgotten.

    Args:
        test: `"distance"`: do the weights still move away from where the phase began? One copy of
            the weights, looked at a few times in a run. `"alignment"`: does each gradient take the
            last update back? One copy of the weights, three sums over them at each update.
        factor: What to multiply the rate by, in (0, 1).
        min_rate: The rate apart from `LearningRate`'s schedule (base × reduction) is never cut
            below this.
        slope: Of the distance test: the weights have stopped making way when the squared distance
            grows slower than the updates to this power, in (0, 2).
        first: Of the distance test: updates in a phase before the first look, at least 2.
        growth: Of the distance test: updates at a look over those at the one before, more than 1.
        chunk: Of the alignment test: updates that make one mean.
        chunks: Of the alignment test: chunks in a phase before the first verdict, even, at least 4.
        width: Of the alignment test: half the width of the confidence interval in standard errors.
        stride: Of the alignment test: updates of which one is measured. More costs less, and finds
            an oscillation as much later.

    The default thresholds are what `python -m benchmarks.reducers.thresholds` chose on two tasks;
    docs/reducers.md has how they do on others. (Pesme et al. have slope 0.6, first 38, growth 1.5,
    which cut sooner: nine in ten first cuts by mistake.)

    Raises:
        InvalidInput: For settings that can't work.

    >>> rule = Oscillation(first=2, growth=2)
    >>> state, decisions = rule.start(), []
    >>> for step, distance in enumerate([1.0, 4.0, 4.1, 4.2]):
    ...     state, decision = rule.update(state, Observation(step, 0, {"distance": distance}))
    ...     decisions.append(decision.factor)
    >>> decisions  # looked at updates 2 and 4: the distance has stopped growing
    [1.0, 1.0, 1.0, 0.5]

    Source: see `DistanceTest` and `AlignmentTest`.
    """

    test: Literal["distance", "alignment"] = "distance"
    factor: float = 0.5
    _: KW_ONLY
    min_rate: float = 0.0
    slope: float = 0.4
    first: int = 200
    growth: float = 2.0
    chunk: int = 40
    chunks: int = 10
    width: float = 1.0
    stride: int = 1

    name: ClassVar[str] = "oscillation"
    restores: ClassVar[bool] = False
    every: ClassVar[int | None] = None
    in_graph: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.test not in ("distance", "alignment"):
            raise InvalidInput(
                "Oscillation watches no metric; it looks at the weights ('distance') or at the "
                f"gradients ('alignment'). Received: test={self.test!r}. "
                'Write e.g. Oscillation("distance"); for a metric Plateau or Slope.'
            )
        make_numbers(self, "factor", "min_rate", "slope", "growth", "width")
        make_numbers(self, "first", "chunk", "chunks", "stride", whole=True)
        check(self, 0 < self.factor < 1, "factor", "in (0, 1)")
        check(self, self.min_rate >= 0, "min_rate", "at least 0")
        check(self, 0 < self.slope < 2, "slope", "in (0, 2)")
        check(self, self.first >= 2, "first", "at least 2")
        check(self, self.growth > 1, "growth", "more than 1")
        check(self, self.chunk >= 1, "chunk", "at least 1")
        check(self, self.stride >= 1, "stride", "at least 1")
        even = self.chunks >= 4 and self.chunks % 2 == 0
        check(self, even, "chunks", "an even number, at least 4")
        check(self, self.width >= 0, "width", "at least 0")

    @property
    def monitor(self) -> Literal["distance", "alignment"]:
        """What it looks at: `"distance"` or `"alignment"`."""
        return self.test

    @property
    def tested(self) -> DistanceTest | AlignmentTest:
        """The test itself, with its settings."""
        if self.test == "distance":
            return DistanceTest(self.slope, self.first, self.growth)
        return AlignmentTest(self.chunk, self.chunks, self.width)

    @property
    def needs(self) -> int:
        """Updates before the first verdict."""
        if self.test == "distance":
            return math.ceil(self.first * self.growth)
        return self.chunk * self.chunks * self.stride

    def start(self) -> DistanceState | AlignmentState:
        """The state before the first update."""
        return self.tested.start()

    def formula(
        self, state: Mapping[str, Any], seen: Mapping[str, Any], xp: Any
    ) -> tuple[dict[str, Any], Any]:
        """One update, in whatever computes: NumPy, a compiled step, or many runs at once.

        Args:
            state: The fields of the state, each a float32 scalar (or array: one value a run).
            seen: The measured value by its name, `monitor`: the squared distance of the weights
                from where the phase began (looked at only where `tested.due` says so), or the
                alignment of the gradient with the last update (NaN where there was none).
            xp: `numpy` or `keras.ops`.

        Returns:
            The next state, and whether to cut. After a cut a new phase has begun: the distance is
            from then on that from the weights at this update.
        """
        return formula(self.tested, state, seen, xp)

    def update(self, state: Any, observation: Observation) -> tuple[Any, Decision]:
        """Look at one update, in which `observation.values` has what `monitor` names."""
        return update_in_graph(self, state, observation)

    def told(self, evidence: float) -> str:
        """The reason for a cut in words.

        Args:
            evidence: Of the state in which it was decided.
        """
        if self.test == "distance":
            return (
                "the weights have stopped making way: their squared distance from where the phase "
                f"began grew as the updates to the power {evidence:.2f} (below {self.slope:g})"
            )
        return (
            "the gradients take the updates back: their mean alignment with the last update is "
            f"below 0 (at most {evidence:.3f})"
        )
