"""A run as a report begins with it: what is wrong comes before how far it came."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keras_lr.errors import InvalidInput
from keras_lr.watch.answers import run_answer, runs_answer
from keras_lr.watch.diagnosis.text import grouped
from keras_lr.watch.run import Run
from keras_lr.watch.run.ranking import by_rank, compared_losses, distinct_names, lowest_losses
from keras_lr.watch.style import number

if TYPE_CHECKING:
    from keras_lr.watch.diagnosis import Diagnosis

NEXT = (
    "Whether another rate does better, one run doesn't show: keras_lr.find(model, x, y) suggests one "
    "in a short race, keras_lr.tune compares whole trainings."
)
"""What to do after a run in which nothing is wrong."""


@dataclass(frozen=True)
class Examined:
    """A run and what its curves say.

    Args:
        run: The run.
        diagnosis: What was found in it; `None` where it can't be examined.
        why_not: Why it can't be, in a sentence.
    """

    run: Run
    diagnosis: "Diagnosis | None"
    why_not: str = ""

    @property
    def ill(self) -> bool:
        """Whether something was found that is more than a note."""
        return self.diagnosis is not None and self.diagnosis.ill

    @property
    def gravest(self) -> str:
        """What was found first, in a few words; else that nothing was, and how much wasn't judged."""
        if self.diagnosis is None:
            return "not examined"
        if self.ill:
            return self.diagnosis.found[0].title
        if self.diagnosis.too_short:
            return "too short to judge"
        lacking = len(self.diagnosis.not_judged)
        return f"nothing; {lacking} not judged" if lacking else "nothing"

    @property
    def failed(self) -> bool:
        """Whether it shows that nothing was learned, whatever it came to."""
        return self.diagnosis is not None and any(
            symptom.severity == "bad" for symptom in self.diagnosis.found
        )

    @property
    def answer(self) -> str:
        """The gravest that was found, as the diagnosis says it; of a healthy run how far it came.

        >>> examine(Run({"loss": [2.0, 1.0, float("nan")]})).answer.partition(". ")[0]
        'Diverged, from epoch 3 on'
        """
        ill = self.diagnosis if self.ill else None
        return run_answer(self.run) if ill is None else ill.answer

    @property
    def notes(self) -> list[str]:
        """What else is to be said of it: of an ill run its course, else the verdict, and what next."""
        if self.diagnosis is None:
            return [self.why_not]
        if self.ill:
            return [run_answer(self.run)]
        return [self.diagnosis.answer, *self._cure, *([NEXT] if self._sound else [])]

    @property
    def _cure(self) -> list[str]:
        """What most of the problems take that couldn't be looked for, where those are the most."""
        found = self.diagnosis
        if found is None or found.healthy is not None or found.too_short:
            return []
        names, needs = max(grouped(found.not_judged), key=lambda each: len(each[0]))
        return [f"For {len(names)} of those it takes {needs}."]

    @property
    def _sound(self) -> bool:
        """Whether it is over, and long enough to be judged."""
        found = self.diagnosis
        return found is not None and not self.ill and not found.too_short and self.run.done


def examine(run: Run) -> Examined:
    """Look for what is wrong with a run.

    Args:
        run: The run.
    """
    from keras_lr.watch.diagnosis import diagnose

    try:
        return Examined(run, diagnose(run))
    except InvalidInput as error:
        why, _, _ = str(error).partition(". ")
        return Examined(run, None, f"Not examined: {why}.")


def compared_answer(runs: Sequence[Examined]) -> str:
    """What `compared_lines` says, in a row.

    Args:
        runs: Two or more.
    """
    return " ".join(compared_lines(runs))


def compared_lines(runs: Sequence[Examined]) -> list[str]:
    """Which of several runs came furthest of those that didn't fail, and which did.

    Where all failed, that comes first.

    Args:
        runs: Two or more.
    """
    plain = [each.run for each in runs]
    names = compared_losses(plain)
    lowest, labels = lowest_losses(plain, names), distinct_names(plain)
    ranks = by_standing(runs)
    if runs[ranks[0]].failed:
        return [f"Even the best run failed: {runs[ranks[0]].answer}", runs_answer(plain)]
    failed = [at for at in ranks if runs[at].failed and lowest[at] not in (None, math.inf)]
    told = [
        f"{labels[at]} ({runs[at].gravest}; lowest {number(lowest[at])})" for at in failed
    ]  # what ended as no number the answer tells
    return [runs_answer(plain, out=failed), *([f"Failed: {', '.join(told)}."] if told else [])]


def by_standing(runs: Sequence[Examined]) -> list[int]:
    """The places of runs from the best on, those that failed behind the others.

    Args:
        runs: With what their curves say.
    """
    plain = [each.run for each in runs]
    ranks = by_rank(lowest_losses(plain, compared_losses(plain)))
    return sorted(ranks, key=lambda at: runs[at].failed)
