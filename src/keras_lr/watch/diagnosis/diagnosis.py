"""The result of a diagnosis: what a run shows, what it doesn't, and what can't be told."""

import textwrap
from dataclasses import dataclass, field
from typing import Any

from keras_lr.escaped import as_html
from keras_lr.watch.diagnosis.symptom import SEVERITIES, Symptom, Unjudged
from keras_lr.watch.run import Run

MARKS = {"bad": "✗", "warning": "!", "note": "·"}
"""What stands before a symptom of each severity."""
WIDTH = 88


@dataclass(frozen=True)
class Diagnosis:
    """What a run shows. `print` it; `plot()` marks the evidence.

    Args:
        run: The run.
        symptoms: What it shows, the gravest first.
        not_there: What was looked for in vain, as names of symptoms.
        unjudged: What the run is too short for, or logged too little.
        asked: What each name of a symptom looks for, in words.
        loss: What the run calls its training loss.
    """

    run: Run
    symptoms: tuple[Symptom, ...] = ()
    not_there: tuple[str, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()
    asked: dict[str, str] = field(default_factory=dict, repr=False)
    loss: str = "loss"

    @property
    def healthy(self) -> bool:
        """Whether nothing was found that a note wouldn't say."""
        return all(symptom.severity == "note" for symptom in self.symptoms)

    @property
    def answer(self) -> str:
        """The diagnosis in a sentence or two: what is wrong, and what to do about it first."""
        found = [s for s in self.symptoms if s.severity != "note"]
        if not found:
            judged = len(self.not_there) + len(self.symptoms)
            if not judged:
                return f"Too little was logged to judge {self.run.name}."
            kept = f", {len(self.unjudged)} not judged" if self.unjudged else ""
            return f"Nothing wrong with the learning rate was found ({judged} looked for{kept})."
        first, rest = found[0], found[1:]
        titles = ", ".join(s.title[0].lower() + s.title[1:] for s in rest)
        also = f" Also: {titles}." if rest else ""
        return f"{first.title}, {first.where}. {first.advice}{also}"

    def __getitem__(self, name: str) -> Symptom:
        """The symptom of that name."""
        return {symptom.name: symptom for symptom in self.symptoms}[name]

    def __contains__(self, name: object) -> bool:
        """Whether the run shows the symptom of that name."""
        return any(symptom.name == name for symptom in self.symptoms)

    def __repr__(self) -> str:
        """What was found, by name."""
        names = ", ".join(symptom.name for symptom in self.symptoms) or "nothing found"
        return f"Diagnosis({self.run.name!r}: {names})"

    def __str__(self) -> str:
        epochs = self.run.epochs
        count = len(self.symptoms)
        length = f"{epochs} epoch{'' if epochs == 1 else 's'}: " if epochs else ""
        found = f"{count} finding{'' if count == 1 else 's'}" if count else "nothing found"
        lines = [f"{self.run.name}, {length}{found}"]
        for symptom in self.symptoms:
            lines += ["", f"{MARKS[symptom.severity]} {symptom.title}: {symptom.where}"]
            lines += _wrapped(symptom.evidence) + _wrapped(f"→ {symptom.advice}")
            lines += [f"      {line}" for line in symptom.code.splitlines()]
        if self.not_there:
            looked = "; ".join(self.asked.get(name, name) for name in self.not_there)
            lines += ["", *textwrap.wrap(f"Looked for and not there: {looked}.", WIDTH)]
        if self.unjudged:
            lines += ["", "Not judged, for want of:"]
            for each in self.unjudged:
                lines += textwrap.wrap(
                    f"{each.name}: {each.needs}.",
                    WIDTH,
                    initial_indent="  ",
                    subsequent_indent="    ",
                )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        safe = as_html
        items = "".join(
            f"<li><b>{MARKS[s.severity]} {safe(s.title)}</b>, {safe(s.where)}<br>{safe(s.evidence)}"
            f"<br>→ {safe(s.advice)}"
            + (f"<pre style='margin:.3em 0'>{safe(s.code)}</pre>" if s.code else "")
            + "</li>"
            for s in self.symptoms
        )
        looked = "; ".join(self.asked.get(name, name) for name in self.not_there)
        needs = "".join(f"<li>{safe(each.name)}: {safe(each.needs)}</li>" for each in self.unjudged)
        return "".join(
            [
                f"<div class='keras-lr-diagnosis'><p><b>{safe(self.run.name)}</b>: ",
                f"{safe(self.answer)}</p>",
                f"<ul>{items}</ul>" if items else "",
                f"<p>Looked for and not there: {safe(looked)}.</p>" if looked else "",
                f"<details><summary>Not judged ({len(self.unjudged)})</summary><ul>{needs}</ul>"
                "</details>"
                if needs
                else "",
                "</div>",
            ]
        )

    def as_data(self) -> dict[str, Any]:
        """All of it as JSON values (NaN and infinity aside), without the run's curves."""
        return {
            "run": self.run.name,
            "epochs": self.run.epochs,
            "healthy": self.healthy,
            "answer": self.answer,
            "symptoms": [symptom.as_data() for symptom in self.symptoms],
            "not_there": list(self.not_there),
            "unjudged": [vars(each) for each in self.unjudged],
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


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ")
