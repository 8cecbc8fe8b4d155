"""What a finder returns: the rate, what was measured, and why."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_lr.lazy import call


@dataclass(frozen=True)
class Finding:
    """The outcome of `keras_lr.find`.

    Args:
        learning_rate: The rate to use, or `None` when the finder refused (see `reason`).
        rates: float64, shape `(n,)`: the rates that were tried, ascending.
        losses: float64, shape `(n,)`: the score of each rate (race: mean loss of the last tenth
            of the race; range: smoothed loss at that rate). NaN or inf where it diverged.
        reason: Why this rate, or why none, in one or two sentences.
        method: `"race"` or `"range"`.
        band: The range in which a rate costs little (½ to √2 of the best), or `None`.
        curves: Race only: float32, shape `(n, steps)`: each member's loss at every step.
        steps: Steps that were trained for this finding, by each member.
        seconds: Wall-clock time it took.
    """

    learning_rate: float | None
    rates: np.ndarray
    losses: np.ndarray
    reason: str
    method: str
    band: tuple[float, float] | None = None
    curves: np.ndarray | None = None
    steps: int = 0
    seconds: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """The rate, its band and how it was found, in one line."""
        found = "none" if self.learning_rate is None else f"{self.learning_rate:.4g}"
        band = "" if self.band is None else ", band {:.3g} to {:.3g}".format(*self.band)
        return f"Finding({found}{band}, {self.method} of {len(self.rates)} rates)"

    def __str__(self) -> str:
        """What to use, and why."""
        return f"{call('keras_lr.watch.answers:finding_answer', self)} {self.reason}"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return call("keras_lr.watch.notebook:as_html", self)

    def plot(self) -> Any:
        """A plotly figure of loss against rate, with the suggestion and its band."""
        return call("keras_lr.watch.figures:finding_figure", self)
