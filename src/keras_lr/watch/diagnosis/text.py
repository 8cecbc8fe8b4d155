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
    short = diagnosis.too_short
    told = f": {short}" if short else f"{length}: {counts(diagnosis)}"
    lines = wrapped(f"{diagnosis.run.name}{told}", width, "", "  ")
    for symptom in diagnosis.found:
        headline = f"{MARKS[symptom.severity]} {symptom.title}, {symptom.where}"
        lines += ["", *wrapped(headline, width, "", "  ")]
        lines += wrapped(symptom.evidence, width) + wrapped(f"→ {symptom.advice}", width)
        lines += [f"      {line}" for line in symptom.code.splitlines()]
    if diagnosis.not_found:
        lines += ["", *wrapped(f"{none_found(diagnosis)}.", width, "", "  ")]
    if diagnosis.not_judged:
        lines += [
            "",
            f"Not judged: {len(diagnosis.not_judged)} problems" if short else "Not judged:",
        ]
        for names, needs in grouped(diagnosis.not_judged):
            # Of a run that is too short the names of them all say nothing more.
            what = str(len(names)) if short else ", ".join(names)
            lines += wrapped(f"{what}: it takes {needs}.", width)
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


def grouped(not_judged: Sequence[NotJudged]) -> list[tuple[list[str], str]]:
    """Names of what wasn't judged, together where they lack the same, and what they lack.

    Args:
        not_judged: What wasn't judged.

    >>> from keras_lr.watch.diagnosis import Missing
    >>> grouped([NotJudged("stuck", Missing("6 epochs; this run has 4", 6)),
    ...          NotJudged("a", Missing("a record")),
    ...          NotJudged("oscillating", Missing("20 epochs; this run has 4", 20))])
    [(['stuck', 'oscillating'], 'a longer run, of 6 to 20 epochs'), (['a'], 'a record')]
    """
    longer = {unit: _longer(not_judged, unit) for unit in _UNITS}
    found: dict[str, list[str]] = {}
    for each in sorted(not_judged, key=lambda each: not each.places):  # too short for them first
        needs = longer[each.missing.unit] if each.places else each.needs
        found.setdefault(needs, []).append(each.name)
    return [(names, needs) for needs, names in found.items()]


_UNITS = {"epoch": "epochs", "step": "losses recorded at updates"}


def _longer(not_judged: Sequence[NotJudged], unit: str) -> str:
    """How long a run would have to be for those that it is too short for."""
    short = [each.places for each in not_judged if each.places and each.missing.unit == unit]
    least, most = min(short, default=0), max(short, default=0)
    span = f"{least}" if least == most else f"{least} to {most}"
    return f"a longer run, of {span} {_UNITS[unit]}"


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
