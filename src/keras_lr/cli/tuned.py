"""What `keras-lr tune` leaves behind: words, JSON, code, a report, a model."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_lr.cli import documents
from keras_lr.cli.output import INTERRUPTED, File, Output
from keras_lr.files import written_beside


def finish(
    study: Any,
    code: Callable[[], str],
    *,
    out: Path | None,
    js: Any,
    save: Path | None,
    backend: str,
    stopped: BaseException | None,
) -> Output:
    """What a study leaves behind, the interrupted one too.

    Args:
        study: The study.
        code: Writes the lines that train as its advised trial did.
        out: `--out`.
        js: `--js`.
        save: `--save`.
        backend: Keras's.
        stopped: What kept its confirmation from coming to its end.
    """
    from keras_lr.watch import report

    done = any(t.state == "complete" and t.value is not None for t in study.trials)
    if not done and not study.interrupted:
        _ = study.best  # its error says what became of the trials
    lines = code() if done else None
    files = []
    if out is not None and study.trials:
        files.append(File("report", out, lambda: report(_page(study, lines), out, js=js)))
    if save is not None and done:
        model = lambda: study.best_model(study.confirmed)  # noqa: E731 - the confirmed, or the best
        files.append(File("model", save, lambda: save_model(model(), save)))
    paths = {file.name: file.path for file in files}
    best = study.best if done else None
    data: documents.Tune = {
        "command": "tune",
        "best": None
        if best is None
        else {"number": best.number, "params": best.params, "value": best.value},
        "objective": study.objective,
        "direction": study.direction,
        "trials": [
            {"number": t.number, "state": t.state, "value": t.value, "params": t.params}
            for t in study.trials
        ],
        "engine": study.engine,
        "plan": study.plan,
        "seconds": study.seconds,
        "interrupted": study.interrupted or isinstance(stopped, KeyboardInterrupt),
        "backend": backend,
        "transferred": transferred_data(study) if done else None,
        "confirmed": confirmed_data(study),
        "path": path_data(study) if done else None,
        "code": lines,
        "report": paths.get("report"),
        "model": paths.get("model"),
    }
    return Output(
        data,
        lambda: _text(study, lines),
        exit_code=INTERRUPTED if study.interrupted else 0,
        files=files,
        error=stopped,
    )


def _page(study: Any, code: str | None) -> Any:
    """The study's part of a report, with the lines that load the data too."""
    from keras_lr.watch.report.sections import section

    found = section(study)
    return found if code is None else replace(found, code=code)


def transferred_data(study: Any) -> documents.Transferred | None:
    """What theory makes of the rate for `--json`; `None` where no trial was shortened."""
    moved = study.transferred
    if moved is None:
        return None
    return {
        "found": moved.found,
        "learning_rate": moved.learning_rate,
        "short": moved.short,
        "epochs": moved.epochs,
        "factor": moved.factor,
    }


def confirmed_data(study: Any) -> documents.Confirmed | None:
    """A confirmation for `--json`; `None` where there was none."""
    found = study.confirmation
    if found is None:
        return None
    return {
        "choice": None if found.choice is None else found.choice.number,
        "seeds": found.seeds,
        "trials": [
            {
                "number": one.number,
                "value": one.searched,
                "mean": one.mean,
                "spread": one.spread,
                "values": one.values,
            }
            for one in found.candidates
        ],
    }


def path_data(study: Any) -> documents.PopulationPath | None:
    """A population's path for `--json`; `None` of independent trials."""
    if not hasattr(study, "copies"):
        return None
    return {
        "schedule": str(study.schedule),
        "copies": [
            {"epoch": c.epoch, "member": c.member, "source": c.source, "factor": c.factor}
            for c in study.copies
        ],
    }


def save_model(model: Any, path: Path) -> Path:
    """Write the model beside the file, then rename."""
    if not model.optimizer.built:  # or Keras warns on loading that the optimizer's state is missing
        model.optimizer.build(model.trainable_variables)
    with written_beside(path) as part:
        model.save(part)
    return path


def _text(study: Any, code: str | None) -> str:
    from keras_lr.watch.answers import study_answer, study_counts
    from keras_lr.watch.terminal import trials_table
    from keras_lr.watch.trials import best_trial, edge_warning

    lines = []
    if best_trial(study) is not None:
        lines += [trials_table(study), ""]
    if study.confirmation is not None:
        lines += [study.confirmation.table(), ""]
    lines.append(study_answer(study))
    if warning := edge_warning(study):
        lines.append(f"Warning: {warning}")
    lines += [study_counts(study), f"Executed: {study.plan}"]
    if best_trial(study) is not None and (moved := study.transferred) is not None:
        lines.append(f"Rate: {moved}.")
    if code is not None:
        lines += ["", *(f"    {line}".rstrip() for line in code.splitlines())]
    return "\n".join(lines)
