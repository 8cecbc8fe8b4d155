"""The result of a diagnosis: what was found in a run, what wasn't, and what couldn't be judged."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from keras_lr.escaped import escaped
from keras_lr.watch.diagnosis.symptom import SEVERITIES, NotJudged, Symptom
from keras_lr.watch.run import Run

MOST = 0.75
"""The share of the problems that the run is too short for that counts as most of them."""


@dataclass(frozen=True)
class Diagnosis:
    """What a run shows. `print` it; `plot()` marks the evidence.

    Args:
        run: The run.
        found: What it shows, the gravest first.
        not_found: What was looked for in vain, as names of symptoms.
        not_judged: What the run is too short for, or logged too little.
        loss: What the run calls its training loss.
        unit: What it was judged at: `"epoch"`, or `"step"` (losses recorded at updates).
    """

    run: Run
    found: tuple[Symptom, ...] = ()
    not_found: tuple[str, ...] = ()
    not_judged: tuple[NotJudged, ...] = ()
    loss: str = "loss"
    unit: Literal["epoch", "step"] = "epoch"

    @property
    def ill(self) -> bool:
        """Whether something was found that is more than a note."""
        return any(symptom.severity != "note" for symptom in self.found)

    @property
    def healthy(self) -> bool | None:
        """Whether nothing was found but notes; `None` where most problems couldn't be looked for.

        >>> from keras_lr.watch import diagnose
        >>> print(diagnose({"loss": [2.0, 1.0]}).healthy)
        None
        """
        if self.ill:
            return False
        return None if self._mostly_unjudged else True

    @property
    def judged(self) -> int:
        """How many problems were looked for."""
        return len(self.not_found) + len(self.found)

    @property
    def _mostly_unjudged(self) -> bool:
        return len(self.not_judged) > self.judged

    @property
    def too_short(self) -> str:
        """That the run is too short to judge, and how long it would have to be; `""` of any other.

        >>> from keras_lr.watch import diagnose
        >>> diagnose({"loss": [2.0, 1.0]}).too_short
        'too short to judge (2 epochs; most problems take up to 12)'
        """
        places = sorted(each.places for each in self.not_judged if each.places)
        if self.ill or not places or not self._mostly_unjudged or len(places) < self.judged:
            return ""
        epochs = self.run.epochs
        length = f"{epochs} epoch{'' if epochs == 1 else 's'}; " if epochs else ""
        most = places[math.ceil(MOST * len(places)) - 1]
        return f"too short to judge ({length}most problems take up to {most})"

    @property
    def answer(self) -> str:
        """The diagnosis in a sentence or two: what is wrong, and what to do about it first."""
        found = [s for s in self.found if s.severity != "note"]
        lacking = len(self.not_judged)
        if self.too_short:
            return f"{self.too_short[0].upper()}{self.too_short[1:]}."
        if not found:
            kept = f"; {lacking} not judged" if lacking else ""
            other = "other " if self.found else ""
            rest = f"Nothing found of the {len(self.not_found)} {other}problems looked for{kept}."
            notes = [
                f"A note: {s.title[0].lower()}{s.title[1:]}, {s.where}. {s.advice}"
                for s in self.found
            ]
            return " ".join([*notes, rest])
        first, rest = found[0], found[1:]
        titles = ", ".join(s.title[0].lower() + s.title[1:] for s in rest)
        also = f" Also: {titles}." if rest else ""
        also += f" {lacking} other problems could not be judged." if self._mostly_unjudged else ""
        return f"{first.title}, {first.where}. {first.advice}{also}"

    def __getitem__(self, name: str) -> Symptom:
        """The symptom of that name."""
        return {symptom.name: symptom for symptom in self.found}[name]

    def __contains__(self, name: object) -> bool:
        """Whether the symptom of that name was found."""
        return any(symptom.name == name for symptom in self.found)

    def __repr__(self) -> str:
        """What was found, by name."""
        names = ", ".join(symptom.name for symptom in self.found) or "nothing found"
        return f"Diagnosis({self.run.name!r}: {names})"

    def __str__(self) -> str:
        """All of it but the names of what was not found, in lines that fit the terminal."""
        from keras_lr.watch.diagnosis.text import text_of

        return escaped(text_of(self))

    def _repr_html_(self) -> str:
        from keras_lr.watch.notebook import as_html

        return as_html(self)

    def as_data(self) -> dict[str, Any]:
        """All of it as JSON values (NaN and infinity aside), without the run's curves.

        `epoch` counts from 0, as Keras's callbacks do; sentences and `span` count from 1.
        """
        return {
            "run": self.run.name,
            "epochs": self.run.epochs,
            "healthy": self.healthy,
            "answer": self.answer,
            "found": [symptom.as_data() for symptom in self.found],
            "not_found": list(self.not_found),
            "not_judged": [each.as_data() for each in self.not_judged],
        }

    def plot(self) -> Any:
        """The run's curves with the evidence of each symptom marked (a plotly figure)."""
        from keras_lr.watch.diagnosis.figure import diagnosis_figure

        return diagnosis_figure(self)

    def section(self) -> Any:
        """The part of a report that tells it (`keras_lr.watch.report.section.Section`)."""
        from keras_lr.watch.diagnosis.section import diagnosis_section

        return diagnosis_section(self)


def gravest_first(symptoms: list[Symptom]) -> tuple[Symptom, ...]:
    """By severity; of one severity as they were asked for."""
    return tuple(sorted(symptoms, key=lambda symptom: SEVERITIES.index(symptom.severity)))
