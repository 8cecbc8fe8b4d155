"""A diagnosis as a notebook shows it."""

from typing import TYPE_CHECKING

from keras_lr.escaped import as_html
from keras_lr.watch.diagnosis.symptoms import ASKED
from keras_lr.watch.diagnosis.text import MARKS, grouped, none_found

if TYPE_CHECKING:
    from keras_lr.watch.diagnosis.diagnosis import Diagnosis


def html_of(diagnosis: "Diagnosis") -> str:
    """The answer, what was found, and folded away what wasn't, and what couldn't be judged.

    Args:
        diagnosis: What to tell.
    """
    safe = as_html
    items = "".join(
        f"<li><b>{MARKS[s.severity]} {safe(s.title)}</b>, {safe(s.where)}<br>{safe(s.evidence)}"
        f"<br>→ {safe(s.advice)}"
        + (f"<pre style='margin:.3em 0'>{safe(s.code)}</pre>" if s.code else "")
        + "</li>"
        for s in diagnosis.found
    )
    looked = [f"{name}: {ASKED[name]}" for name in diagnosis.not_found]
    lacks = [
        f"{', '.join(names)}: it takes {needs}" for names, needs in grouped(diagnosis.not_judged)
    ]
    return "".join(
        [
            f"<div class='keras-lr-diagnosis'><p><b>{safe(diagnosis.run.name)}</b>: ",
            f"{safe(diagnosis.answer)}</p>",
            f"<ul>{items}</ul>" if items else "",
            _folded(none_found(diagnosis), looked) if looked else "",
            _folded(f"{len(diagnosis.not_judged)} not judged", lacks) if lacks else "",
            "</div>",
        ]
    )


def _folded(summary: str, lines: list[str]) -> str:
    items = "".join(f"<li>{as_html(line)}</li>" for line in lines)
    return f"<details><summary>{as_html(summary)}</summary><ul>{items}</ul></details>"
