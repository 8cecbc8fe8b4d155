"""`keras-lr report`: finished trainings and stored studies as one HTML page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from keras_lr.cli import documents
from keras_lr.cli.called import read_each
from keras_lr.cli.options import Common, Js, check_writable, start
from keras_lr.cli.output import File, Output
from keras_lr.errors import InvalidInput

_SQLITE = b"SQLite format 3\x00"
_JOURNAL = b'{"op_code"'
"""How a line of Optuna's journal begins."""


def report(
    *file: str,
    out: Annotated[Path, Parameter(name="--out")] = Path("keras-lr-report.html"),
    study_name: str | None = None,
    rows: Literal["epoch", "step"] | None = None,
    js: Js = "inline",
    common: Common | None = None,
) -> Output:
    """Write finished trainings or a stored study to one HTML page.

    Args:
        file: A run record (.jsonl), a saved history (.json), the file of a CSVLogger, a
            TensorBoard folder or event file, or a study's --storage; several go on one page.
        out: The page; its folder is made when missing.
        study_name: The study's name, where the storage has several.
        rows: What a row of a CSV file, or a step of TensorBoard's, is, where they don't say it.
        js: How the page gets its chart library.
        common: Options of every command.
    """
    if not file:
        raise InvalidInput(
            "Name a file to report on, e.g.: keras-lr report training.csv --out report.html"
        )
    check_writable(out, "--out", ".html")
    studies = [text for text in file if is_study(text)]
    if study_name is not None and not studies:
        raise InvalidInput(
            f"--study-name is for a study's storage. Received: --study-name {study_name}, and "
            f"{' '.join(file)}"
        )
    if studies:
        start("report")
    found, unread = read_each(
        file, lambda text, name: _read(text, name, study_name=study_name, rows=rows)
    )

    def write() -> None:
        from keras_lr.watch import report as write_report

        write_report([result for _, result in found], out, js=js)

    answer: documents.Report = {
        "command": "report",
        "results": [_data(*each) for each in found],
        "report": out,
    }
    return Output(
        answer,
        lambda: _text(found),
        files=[File("report", out, write)],
        error=unread,
    )


def is_study(text: str) -> bool:
    """Whether a text names a study's storage: a URL, an SQLite file or a journal of Optuna's.

    Args:
        text: A path or a URL. What a file is, its content tells: `.log` is a CSVLogger's too.
    """
    if "://" in text or text.startswith("journal:"):
        return True
    path = Path(text)
    if not path.is_file():
        return False
    try:
        with path.open("rb") as opened:
            return opened.read(len(_SQLITE)).startswith((_SQLITE, _JOURNAL))
    except OSError as error:
        raise InvalidInput(f"{text} can't be read ({error.strerror}).") from error


def _read(text: str, name: str | None, *, study_name: str | None, rows: Any) -> Any:
    """What is in a file, a run of which is called `name`."""
    if is_study(text):
        from keras_lr.tuner.stored import read_study

        return read_study(text, study_name)
    from keras_lr.watch import Run
    from keras_lr.watch.examined import examine

    return examine(Run.read(text, name=name, rows=rows))


def _data(text: str, result: Any) -> documents.ReportedRun | documents.ReportedStudy:
    from keras_lr.watch.answers import study_answer
    from keras_lr.watch.examined import Examined
    from keras_lr.watch.rate_changes import RateChanges

    if not isinstance(result, Examined):
        states = [trial.state for trial in result.trials]
        return {
            "file": text,
            "kind": "study",
            "name": result.optuna.study_name,
            "answer": study_answer(result),
            "trials": len(states),
            "states": {state: states.count(state) for state in dict.fromkeys(states)},
            "objective": result.objective,
            "direction": result.direction,
        }
    run = result.run
    last: dict[str, documents.Number] = {
        name: points[-1][1] for name in run.history if (points := run.logged(name))
    }
    return {
        "file": text,
        "kind": "run",
        "name": run.name,
        "answer": result.answer,
        "epochs": run.epochs,
        "done": run.done,
        "last": last,
        "changes": RateChanges.of(run).count,
    }


def _text(found: Sequence[tuple[str, Any]]) -> str:
    """Of several runs which came furthest, as the page's headline says it; then each result."""
    from keras_lr.watch.diagnosis.text import line_width, wrapped
    from keras_lr.watch.examined import Examined, compared_lines

    width = line_width()
    runs = [result for _, result in found if isinstance(result, Examined)]
    lines = []
    for told in compared_lines(runs) if len(runs) > 1 else []:
        lines += wrapped(told, width, "", "  ")
    for text, result in found:
        first, *notes = _told(text, result)
        lines += (
            ["", *wrapped(first, width, "", "  ")] if lines else wrapped(first, width, "", "  ")
        )
        for note in notes:
            lines += wrapped(note, width)
    return "\n".join(lines)


def _told(text: str, result: Any) -> list[str]:
    """A result in sentences."""
    from keras_lr.watch.answers import study_counts
    from keras_lr.watch.examined import Examined
    from keras_lr.watch.report.runs import UNFINISHED
    from keras_lr.watch.trials import edge_warning

    told = [f"{text}: {_data(text, result)['answer']}"]
    if isinstance(result, Examined):
        run, planned = result.run, result.run.epochs_planned
        so_far = f" {run.epochs} of {planned} epochs." if planned else ""
        return [*told, *result.notes, *([] if run.done else [f"{UNFINISHED}{so_far}"])]
    warning = edge_warning(result)
    return [*told, study_counts(result), *([f"Warning: {warning}"] if warning else [])]
