"""A run as a report begins with it: what is wrong comes before how far it came."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keras_lr.errors import InvalidInput
from keras_lr.watch.answers import run_answer, runs_answer
from keras_lr.watch.figures.runs import by_rank, compared_losses, lowest_losses
from keras_lr.watch.run import Run

if TYPE_CHECKING:
    from keras_lr.watch.diagnosis import Diagnosis


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
        return self.diagnosis is not None and not self.diagnosis.healthy

    @property
    def gravest(self) -> str:
        """What was found first, in a few words; a dash where nothing was."""
        if self.diagnosis is None:
            return "not examined"
        return self.diagnosis.found[0].title if self.ill else "–"

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
    def note(self) -> str:
        """What else is to be said of it: of an ill run its course, else that it was examined."""
        if self.ill:
            return run_answer(self.run)
        if self.diagnosis is None:
            return self.why_not
        judged = self.diagnosis.found or self.diagnosis.not_found
        return f"Examined: {self.diagnosis.answer}" if judged else self.diagnosis.answer


def examine(run: Run) -> Examined:
    """Look for what is wrong with a run; that this fails costs nobody the page.

    Args:
        run: The run.
    """
    from keras_lr.watch.diagnosis import diagnose

    try:
        return Examined(run, diagnose(run))
    except InvalidInput:
        return Examined(run, None, "Not examined: it logged no training loss.")
    except (ArithmeticError, LookupError, ValueError) as error:
        told = f"{type(error).__name__}: {error}"
        return Examined(run, None, f"Not examined: its numbers can't be worked with ({told}).")


def compared_answer(runs: Sequence[Run]) -> str:
    """Which of several runs came furthest; and before that, where even the best one failed, how.

    Args:
        runs: Two or more.
    """
    best = examine(runs[by_rank(lowest_losses(runs, compared_losses(runs)))[0]])
    failed = f"Even the best run failed: {best.answer} " if best.failed else ""
    return f"{failed}{runs_answer(runs)}"
