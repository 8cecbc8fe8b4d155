"""What a diagnosis is made of: what was found, what wasn't, and what couldn't be judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["bad", "warning", "note"]
"""`bad`: the run failed. `warning`: a good part of it was lost. `note`: worth knowing."""

SEVERITIES: tuple[Severity, ...] = ("bad", "warning", "note")
"""From the gravest on."""


@dataclass(frozen=True)
class Symptom:
    """Something that a run shows, how it shows it, and what to do.

    Args:
        name: Of the symptom, as programs ask for it, e.g. `"diverged"`.
        title: What is wrong, in a few words.
        where: The part of the run that shows it, in words.
        evidence: The numbers that show it, in a sentence.
        advice: What to do, in a sentence.
        severity: `"bad"`, `"warning"` or `"note"`.
        code: The line to write, or nothing.
        epoch: The epoch where it begins, as Keras counts them: the first is 0, so that 15 is what
            the text calls epoch 16. `None` where that isn't known.
        step: The updates done by then; `None` where that isn't known.
        numbers: The same numbers for programs, by name.
        span: First and last place of the part that shows it, in `unit`: epochs from 1 on, or
            updates done. `None` for the whole run.
        unit: What it was judged at: `"epoch"`, or `"step"` (losses recorded at updates).
        curves: The curves that show it, by the names that the run has for them.
        hides: Whether what it makes moot isn't asked; not so of a divergence that came back.
    """

    name: str
    title: str
    where: str
    evidence: str
    advice: str
    severity: Severity = "warning"
    code: str = ""
    epoch: int | None = None
    step: int | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    span: tuple[float, float] | None = None
    unit: Literal["epoch", "step"] = "epoch"
    curves: tuple[str, ...] = ()
    hides: bool = True

    def as_data(self) -> dict[str, Any]:
        """All of it as JSON values (NaN and infinity aside)."""
        return {
            **{name: value for name, value in vars(self).items() if name != "hides"},
            "numbers": dict(self.numbers),
            "span": None if self.span is None else list(self.span),
            "curves": list(self.curves),
        }


@dataclass(frozen=True)
class Missing:
    """Why a question can't be answered.

    Args:
        what: What it would take, as an instruction.
        places: How many places of the loss that is, where a longer run would have them; 0 where
            something else is missing.
        unit: What such a place is: an epoch, or an update whose loss was recorded.
    """

    what: str
    places: int = 0
    unit: Literal["epoch", "step"] = "epoch"


@dataclass(frozen=True)
class NotJudged:
    """A question that the run doesn't answer.

    Args:
        name: Of the symptom that wasn't judged.
        missing: Why not.
    """

    name: str
    missing: Missing

    @property
    def needs(self) -> str:
        """What it would take, as an instruction."""
        return self.missing.what

    @property
    def places(self) -> int:
        """Epochs that it takes, where the run is too short; 0 where something else is missing."""
        return self.missing.places

    def as_data(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {"name": self.name, "needs": self.needs, "places": self.places}


@dataclass(frozen=True)
class NotFound:
    """The run was judged, and doesn't show the symptom."""


NOT_FOUND = NotFound()

Verdict = Symptom | Missing | NotFound
"""What a question comes to: found, not judged, not found."""
