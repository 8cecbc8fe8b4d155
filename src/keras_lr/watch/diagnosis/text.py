"""A diagnosis in words, as a terminal shows it."""

import re
import shutil
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from keras_lr.watch.diagnosis.symptom import NotJudged

if TYPE_CHECKING:
    from keras_lr.watch.diagnosis.diagnosis import Diagnosis

MARKS = {"bad": "✗", "warning": "!", "note": "·"}
"""What stands before a symptom of each severity."""
WIDEST = 100
"""Columns of a line, at most: longer ones are hard to read."""
_NO_TERMINAL = 79
_CALL = re.compile(r"[\w.]+\((?:[^()]|\([^()]*\))*\)")
"""A call in a sentence; it stays in one line."""


def text_of(diagnosis: "Diagnosis", width: int | None = None) -> str:
    """What was found with its evidence and advice, what wasn't, and what couldn't be judged.

    Args:
        diagnosis: What to tell.
        width: Columns of a line, but for code and words that are longer; by default those of the
            terminal, 79 without one.
    """
    width = width or line_width()
    epochs = diagnosis.run.epochs
    length = f", {epochs} epoch{'' if epochs == 1 else 's'}" if epochs else ""
    lines = wrapped(f"{diagnosis.run.name}{length}: {counts(diagnosis)}", width, "", "  ")
    for symptom in diagnosis.found:
        headline = f"{MARKS[symptom.severity]} {symptom.title}, {symptom.where}"
        lines += ["", *wrapped(headline, width, "", "  ")]
        lines += wrapped(symptom.evidence, width) + wrapped(f"→ {symptom.advice}", width)
        lines += [f"      {line}" for line in symptom.code.splitlines()]
    if diagnosis.not_found:
        lines += ["", *wrapped(f"{none_found(diagnosis)}.", width, "", "  ")]
    if diagnosis.not_judged:
        lines += ["", "Not judged:"]
        for names, needs in grouped(diagnosis.not_judged, diagnosis.unit):
            lines += wrapped(f"{', '.join(names)}: it takes {needs}.", width)
    return "\n".join(lines)


def counts(diagnosis: "Diagnosis") -> str:
    """How many problems were found, not found and not judged.

    Args:
        diagnosis: What to count in.
    """
    found, missed = len(diagnosis.found), len(diagnosis.not_found)
    told = [f"{found} found", f"{missed} not found"] if found else ["nothing found"]
    lacking = len(diagnosis.not_judged)
    return ", ".join([*told, f"{lacking} not judged"] if lacking else told)


def none_found(diagnosis: "Diagnosis") -> str:
    """That the rest was looked for in vain, in a few words without a full stop.

    Args:
        diagnosis: One in which something was not found.
    """
    count, other = len(diagnosis.not_found), "other " if diagnosis.found else ""
    return f"{count} {other}problem{'' if count == 1 else 's'} looked for, none found"


def grouped(not_judged: Sequence[NotJudged], unit: str) -> list[tuple[list[str], str]]:
    """Names of what wasn't judged, together where they lack the same, and what they lack.

    Args:
        not_judged: What wasn't judged.
        unit: What the loss was judged at, `"epoch"` or `"step"`.

    >>> grouped([NotJudged("stuck", "6 epochs; this run has 4", 6), NotJudged("a", "a record"),
    ...          NotJudged("oscillating", "20 epochs; this run has 4", 20)], "epoch")
    [(['stuck', 'oscillating'], 'a longer run, of 6 to 20 epochs'), (['a'], 'a record')]
    """
    short = [each.places for each in not_judged if each.places]
    least, most = min(short, default=0), max(short, default=0)
    span = f"{least}" if least == most else f"{least} to {most}"
    what = "epochs" if unit == "epoch" else "losses recorded at updates"
    found: dict[str, list[str]] = {}
    for each in sorted(not_judged, key=lambda each: not each.places):  # too short for them first
        needs = f"a longer run, of {span} {what}" if each.places else each.needs
        found.setdefault(needs, []).append(each.name)
    return [(names, needs) for needs, names in found.items()]


def line_width() -> int:
    """Columns of a line: those of the terminal, `COLUMNS`, or 79 where neither says; not too many."""
    return min(WIDEST, shutil.get_terminal_size((_NO_TERMINAL, 24)).columns)


def wrapped(text: str, width: int, first: str = "  ", then: str = "    ") -> list[str]:
    """Lines of at most so many columns, no word and no call of a function broken.

    Args:
        text: A paragraph.
        width: The columns.
        first: What the first line begins with.
        then: What the others begin with.
    """
    whole = _CALL.sub(lambda call: call[0].replace(" ", "\0"), text)
    lines = textwrap.wrap(
        whole,
        width,
        initial_indent=first,
        subsequent_indent=then,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\0", " ") for line in lines]
