"""`keras-lr doctor`: what finished trainings show about their learning rate."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from keras_lr.cli import documents
from keras_lr.cli.called import read_each
from keras_lr.cli.options import Common, Js, check_writable, positive
from keras_lr.cli.output import File, Output
from keras_lr.errors import InvalidInput

if TYPE_CHECKING:
    from keras_lr.watch import Diagnosis


def doctor(
    *file: str,
    loss: str | None = None,
    steps_per_epoch: float | None = None,
    rows: Literal["epoch", "step"] | None = None,
    out: Annotated[Path | None, Parameter(name="--out")] = None,
    js: Js = "inline",
    common: Common | None = None,
) -> Output:
    """Say what finished trainings show about their learning rate, and what to do.

    For example: keras-lr doctor training.csv

    Args:
        file: A run record (.jsonl), a saved history (.json), the file of a CSVLogger, a
            TensorBoard folder or event file; of a run with keras-lr or without. May be several.
        loss: The name of the training loss, where it is called something else.
        steps_per_epoch: Updates in an epoch, where the file doesn't tell; for weight decay.
        rows: What a row of a CSV file, or a step of TensorBoard's, is, where they don't say it.
        out: Write an HTML page with the evidence marked in charts to this file too; its folder is
            made when missing.
        js: How the page gets its chart library.
        common: Options of every command.
    """
    from keras_lr.watch import Run, diagnose

    if not file:
        raise InvalidInput("Name a file to look at, e.g.: keras-lr doctor training.csv")
    check_writable(out, "--out", ".html")
    positive("--steps-per-epoch", steps_per_epoch)

    def examined(text: str, name: str | None) -> "Diagnosis":
        run = Run.read(text, name=name, rows=rows)
        return _in_options(diagnose(run, loss=loss, steps_per_epoch=steps_per_epoch))

    read, unread = read_each(file, examined)
    found = [each for _, each in read]

    def write() -> None:
        from keras_lr.watch.report import write_atomically
        from keras_lr.watch.report.page import page

        write_atomically(out or "", page([each.section() for each in found], js=js))

    answer: documents.Doctor = {
        "command": "doctor",
        "diagnoses": [documents.DiagnosisRow(file=text, **each.as_data()) for text, each in read],
        "report": out,
    }
    return Output(
        answer,
        lambda: "\n\n".join(map(str, found)),
        files=[] if out is None else [File("report", out, write)],
        error=unread,
    )


def _in_options(diagnosis: "Diagnosis") -> "Diagnosis":
    """A diagnosis that asks for options where the library asks for arguments."""
    from keras_lr.cli.spelling import in_options

    lacks = tuple(
        replace(each, missing=replace(each.missing, what=in_options(each.needs, "doctor")))
        for each in diagnosis.not_judged
    )
    return replace(diagnosis, not_judged=lacks)
