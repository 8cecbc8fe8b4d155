"""What watches the steps of one optimizer from inside, and may cut its rate there.

A `Watch` is a pure state machine over the updates, such as the tests of `rules.Oscillation`. A
detector shows it every update of one leaf: what it wants to see is measured (see `gauges`) where
the gradient is known, clipped and accumulated, and the weights are still those at which it was
taken. So what is decided holds from this very update on. Steps that a `LossScaleOptimizer` skips
and batches that only accumulate are no updates.

On JAX and TensorFlow all of it is traced into the step (`traced`), on torch it runs in
Python between the step's operations (`host`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from keras_lr.rate.detection.hooks import Hooks
from keras_lr.rate.followed import uncompiled
from keras_lr.rate.leaves import batches_per_update


class Test(Protocol):
    """A pure state machine over the updates; `rules.distance` and `rules.alignment` are two.

    A rule's is its `tested`; `rules.rule.InGraphRule` says what its functions are given, and what
    `room`, which a test may have too, is for.
    """

    def start(self) -> Any:
        """The first state: a frozen dataclass of floats, one of which is `evidence`."""
        ...

    def gather(self, state: Mapping[str, Any], seen: Mapping[str, Any], xp: Any) -> dict[str, Any]:
        """The state after one more update."""
        ...

    def due(self, state: Mapping[str, Any], xp: Any) -> Any:
        """Whether this update is one to `judge`."""
        ...

    def judge(
        self, state: Mapping[str, Any], seen: Mapping[str, Any], xp: Any
    ) -> tuple[dict[str, Any], Any]:
        """The state after a verdict, and whether it is to cut."""
        ...


@dataclass(frozen=True)
class Watch:
    """Something to watch the updates with.

    Args:
        test: What looks at them.
        measure: What it looks at: `"alignment"` in each update; `"distance"` (squared, of the
            weights from where the phase began) and `"norm"` (squared) where a verdict is due.
        factor: What a cut multiplies the rate by; 1 for one that never cuts.
        min_rate: base × reduction is never cut below this.
        stride: Updates of which one is measured, for `"alignment"`.
        stop: The update from which nothing is decided any more; `None` for never.
        needs: Updates of a phase before which it never cuts.
    """

    test: Test
    measure: Literal["distance", "alignment", "norm"]
    factor: float = 1.0
    min_rate: float = 0.0
    stride: int = 1
    stop: int | None = None
    needs: int = 1

    @property
    def start(self) -> dict[str, float]:
        """The fields of the first state."""
        return asdict(self.test.start())

    @property
    def cuts(self) -> bool:
        """Whether it ever cuts."""
        return self.factor != 1.0


@dataclass(frozen=True)
class Cut:
    """A cut that was decided inside a step.

    Args:
        watch: Which watch decided it.
        leaf: Which leaf of the optimizer it was.
        step: Updates done in the run before the one that it was decided in, which is the first
            at the new rate.
        before: The settable part of the rate (the leaf's variable) before it.
        after: The same after it.
        evidence: What the verdict rests on.
    """

    watch: int
    leaf: int
    step: int
    before: float
    after: float
    evidence: float


class Detector:
    """Watches at work on one leaf: the hook, and what both kinds of detectors share.

    (`detection.Detectors` are one owner's on all leaves; `callbacks.detection.Detection` is what a
    `LearningRate` does with them in a fit.)

    Args:
        leaf: A stock optimizer that is built.
        watches: What to watch it with.
        rate: Its `FollowedRate`, if it has one.
        place: Batches to add to its `iterations`: where the run stands less where they do.
        settle: Takes the control down if the fit it was made for was interrupted, and says whether
            it did.
        execution: Batches that are trained on before the host can look again.
    """

    def __init__(
        self,
        leaf: Any,
        watches: Sequence[Watch],
        *,
        rate: Any,
        place: int,
        settle: Callable[[], bool],
        execution: int = 1,
    ) -> None:
        self.leaf = leaf
        self.watches = tuple(watches)
        self._rate = rate
        self._offset = place
        self._settle = uncompiled(settle)
        self._variables: list[Any] = []
        measures = {watch.measure for watch in watches}
        self._aligns = "alignment" in measures
        self._execution = execution
        self._strides = sorted({w.stride for w in watches if w.measure == "alignment"})
        self._weights = [
            weight
            for weight in leaf._trainable_variables
            if not getattr(weight, "overwrite_with_gradient", False)
        ]
        applying = uncompiled(self._applying)  # and with it all that it calls
        hooks = {"_backend_apply_gradients": applying, "_clip_gradients": self._clipping}
        self._hooks = Hooks(leaf, hooks)

    def variables(self) -> list[Any]:
        """What the host reads of it in the middle of an epoch, besides the rate."""
        return []

    def remove(self) -> None:
        """Put everything back."""
        self._hooks.remove()

    def move(self, batches: int) -> None:
        """Count `batches` more, because `iterations` was changed from outside."""
        self._offset += batches

    @property
    def look_every(self) -> int | None:
        """Batches after which `cuts` has to be asked, or some are lost; `None` for any number."""
        return None

    def cuts(self, leaf: int) -> list[Cut]:
        """The cuts since this was last asked, in order; `leaf` is which this is."""
        raise NotImplementedError

    def restart(self) -> None:
        """Begin anew with the weights as they are: they aren't those of the last step any more."""
        raise NotImplementedError

    def forget_last(self) -> None:
        """Measure no alignment with an update that isn't the last one any more."""
        raise NotImplementedError

    def state(self, watch: int) -> dict[str, float]:
        """Where one of the watches stands."""
        raise NotImplementedError

    def begin(self, watch: int) -> None:
        """Let one of the watches start from its first state."""
        raise NotImplementedError

    def get_state(self) -> dict[str, Any]:
        """All of it, as JSON values and NumPy arrays."""
        raise NotImplementedError

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` gave."""
        raise NotImplementedError

    def _observe(self, gradients: list[Any], variables: list[Any]) -> None:
        raise NotImplementedError

    def _applying(self, gradients: Any, variables: Any) -> Any:
        self._variables = list(variables)
        return self._hooks.own("_backend_apply_gradients")(gradients, variables)

    def _clipping(self, gradients: Any) -> Any:
        gradients = self._hooks.own("_clip_gradients")(gradients)
        if not self._settle():
            self._observe(list(gradients), self._variables)
        return gradients

    def _accumulated(self) -> int:
        return batches_per_update(self.leaf)

    def _index(self, variables: Sequence[Any]) -> list[int]:
        """Where `variables`, those with a gradient, are among the weights."""
        where = {id(weight): index for index, weight in enumerate(self._weights)}
        known = [
            self.leaf._trainable_variables[self.leaf._get_variable_index(v)] for v in variables
        ]
        return [where[id(weight)] for weight in known]

    def _own_rate(self) -> Any:
        """What the leaf's own schedule gives now; `None` where its rate is a number."""
        if self._rate is None or not self._rate.use_own:
            return None
        return self._rate.own_now()


def measures(update: Any, stride: int) -> Any:
    """Whether the alignment at `update` is one of those that a watch of this stride is shown.

    It is that with the update before, which began at a multiple of the stride.
    """
    return update % stride == 1 % stride
