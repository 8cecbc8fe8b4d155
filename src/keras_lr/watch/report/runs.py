"""What a report says about runs: one with what is wrong with it, and several compared."""

import math
from collections.abc import Sequence

from keras_lr.watch import figures
from keras_lr.watch.diagnosis.section import diagnosis_tables
from keras_lr.watch.examined import compared_answer, examine
from keras_lr.watch.figures.history import event_place
from keras_lr.watch.figures.run_lines import groups_of, last_value, points, x_name
from keras_lr.watch.figures.runs import by_rank, compared_losses, distinct_names, lowest_losses
from keras_lr.watch.figures.updates import NORMS, RATIO, metric_names
from keras_lr.watch.rate_changes import changes_words
from keras_lr.watch.report.section import Chart, Section, Table
from keras_lr.watch.run import Run
from keras_lr.watch.style import number, schedule_words

MANY = 10
"""Changes of the rate that are listed above the curves; more are folded away below them."""

UNFINISHED = "It isn't over, or was cut off: this is what there is so far."


def run_section(run: Run) -> Section:
    """What is wrong with a run, its curves, and the events of its rate."""
    figure = figures.history_figure(run)
    figure.update_layout(title_text="Loss and learning rate")  # the section has the run's name
    examined = examine(run)
    caption = "Triangles mark each cut and its cause." if run.events else ""
    return Section(
        title=run.name,
        answer=examined.answer,
        notes=[
            examined.note,
            f"Schedule: {schedule_words(run.schedule)}" if run.schedule else "",
            "" if run.done else UNFINISHED,
            f"Nothing is known here of the epochs before epoch {run.first_epoch + 1}."
            if run.first_epoch
            else "",
        ],
        charts=[Chart(figure, caption), *_more(run)],
        tables=[
            *([] if examined.diagnosis is None else diagnosis_tables(examined.diagnosis)),
            *([events_table(run)] if run.events else []),
        ],
        small=[f"{name}: {value}" for name, value in run.settings.items()],
        weight=1,
    )


def _more(run: Run) -> list[Chart]:
    """Charts of what a run has beside its loss and rate."""
    found = []
    if metric_names(run):
        found.append(Chart(figures.metrics_figure(run)))
    if groups_of(run, RATIO):
        caption = (
            "How far an update moves the weights: a layer far above the others moves too fast."
        )
        found.append(Chart(figures.updates_figure(run), caption))
    if _moving(run, groups_of(run, "rate")):
        caption = "Their product is the rate that reaches the weights."
        found.append(Chart(figures.parts_figure(run), caption))
    found += [Chart(figures.norms_figure(run, norm)) for norm in NORMS if groups_of(run, norm)]
    return found


def _moving(run: Run, names: Sequence[str]) -> bool:
    """Whether any of several curves is more than a constant."""
    values = [[v for _, v in points(run, name) if math.isfinite(v)] for name in names]
    return len(values) > 1 and any(len(set(found)) > 1 for found in values)


def events_table(run: Run) -> Table:
    """Each change of a run's rate and its cause, shown at once unless they are many."""
    rows = [
        [
            number(event_place(run, e), 4),
            e.cause,
            "–" if e.factor == 1.0 else f"×{number(e.factor)}",
            number(e.rate),
            e.reason,
        ]
        for e in run.events
    ]
    rate = "rate, schedule aside" if run.schedule else "rate"
    header = [x_name(run), "cause", "factor", rate, "why"]
    return Table("What changed the rate", header, rows, open=len(rows) <= MANY)


def runs_section(runs: Sequence[Run]) -> Section:
    """Several runs beside each other.

    Args:
        runs: Two or more.
    """
    return Section(
        title="The runs compared",
        answer=compared_answer(runs),
        notes=["One run of each: what differs by little may be chance."],
        charts=[Chart(figures.runs_figure(runs))],
        tables=[_runs_table(runs)],
        weight=2,
    )


def _runs_table(runs: Sequence[Run]) -> Table:
    """The runs from the best on."""
    names = compared_losses(runs)
    labels = distinct_names(runs)
    rows = []
    for at in by_rank(lowest_losses(runs, names)):
        run, name = runs[at], names[at]
        values = [] if name is None else [value for _, value in points(run, name)]
        rates = [v for n in run.rates[:1] for _, v in points(run, n) if math.isfinite(v)]
        rows.append(
            [
                labels[at],
                examine(run).gravest,
                str(run.epochs),
                number(min(filter(math.isfinite, values), default=None), 4),
                number(last_value(run, name) if name and values else None, 4),
                number(max(rates, default=None)),
                number(rates[-1] if rates else None),
                schedule_words(run.schedule or "–"),
                changes_words(run),
            ]
        )
    lowest = f"lowest {next(filter(None, names), 'loss')}"
    header = ["run", "found", "epochs", lowest, "last", "highest rate", "last rate", "schedule"]
    return Table("The runs", [*header, "changes of the rate"], rows, open=True)
