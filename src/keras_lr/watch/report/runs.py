"""What a report says about runs: one with what is wrong with it, and several compared."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from keras_lr.watch import figures
from keras_lr.watch.diagnosis.section import code_of, diagnosis_tables
from keras_lr.watch.examined import Examined, by_standing, compared_answer
from keras_lr.watch.rate_changes import RateChanges, rate_words
from keras_lr.watch.report.section import Chart, Section, Table
from keras_lr.watch.run import Run
from keras_lr.watch.run.axis import event_place, last_value, points, x_name
from keras_lr.watch.run.ranking import compared_losses, distinct_names
from keras_lr.watch.run.recorded import NORMS, RATIO, groups_of, metric_names
from keras_lr.watch.style import number, schedule_words

MANY, MOST = 10, 30
"""Changes of the rate that are listed above the curves, and below them; more are folded away."""

UNFINISHED = "It isn't over, or was cut off: this is what there is so far."


def run_section(examined: Examined, *, unfinished: str = UNFINISHED) -> Section:
    """What is wrong with a run, its curves, and the events of its rate.

    Args:
        examined: The run, and what its curves say.
        unfinished: What is said of a run that isn't over.
    """
    run, diagnosis = examined.run, examined.diagnosis
    figure = figures.history_figure(run)
    # The section has the run's name.
    figure.update_layout(title_text="Loss and learning rate" if run.rates else "Loss")
    # What was found first is told in the answer or below it: here is its evidence, and no table.
    first = [each.evidence for each in diagnosis.found[:1]] if diagnosis is not None else []
    verdict, *others = examined.notes
    return Section(
        title=run.name,
        answer=examined.answer,
        notes=[
            *([*first, verdict] if examined.ill else [verdict, *first]),
            *others,
            f"Schedule: {schedule_words(run.schedule)}" if run.schedule else "",
            "" if run.done else unfinished,
            f"Nothing is known here of the epochs before epoch {run.first_epoch + 1}."
            if run.first_epoch
            else "",
        ],
        charts=[Chart(figure, _how_cut(run)), *_more(run)],
        tables=[
            *([] if diagnosis is None else diagnosis_tables(diagnosis, told=1)),
            *([events_table(run)] if run.events else []),
        ],
        code="" if diagnosis is None else code_of(diagnosis),
        small=settings_lines(run.settings),
        weight=1,
    )


def _how_cut(run: Run) -> str:
    """What the triangles mean, and whose they are."""
    if not run.events:
        return ""
    words = rate_words(run) if run.changes else ""
    return f"A triangle marks each cut or change{f': {words}' if words else ''}."


def settings_lines(settings: Mapping[str, Any]) -> list[str]:
    """How a run was trained, a line each, without what had no part in it.

    Args:
        settings: Of a `Run`.

    >>> settings_lines({"optimizer": "SGD", "use_ema": False, "ema_momentum": 0.99, "groups": []})
    ['optimizer: SGD']
    """
    idle = {"gradient_accumulation_steps": 1, "groups": [], "use_ema": False}
    shown = {k: v for k, v in settings.items() if v is not None and (k, v) not in idle.items()}
    if not settings.get("use_ema"):
        shown.pop("ema_momentum", None)
    return [f"{name}: {_setting(value)}" for name, value in shown.items()]


def _setting(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return number(value, 4) if isinstance(value, float) else str(value)


def _more(run: Run) -> list[Chart]:
    """Charts of what a run has beside its loss and rate, where there is something to draw."""
    found = []
    if _drawable(run, metric_names(run)):
        found.append(Chart(figures.metrics_figure(run)))
    ratios = groups_of(run, RATIO)
    if _drawable(run, ratios, above=0.0):
        caption = (
            "How far an update moves the weights: it falls with the rate, and a layer far above the "
            "others moves too fast."
        )
        if any(value == 0.0 for name in ratios for _, value in points(run, name)):
            caption += " Gaps are updates of 0, which a logarithmic axis hasn't got."
        found.append(Chart(figures.updates_figure(run), caption))
    if _moving(run, groups_of(run, "rate")) > 1:  # or it is the curve of the rate once more
        caption = "Their product is the rate that reaches the weights."
        found.append(Chart(figures.parts_figure(run), caption))
    return found + [
        Chart(figures.norms_figure(run, norm))
        for norm in NORMS
        if _drawable(run, groups_of(run, norm))
    ]


def _drawable(run: Run, names: Sequence[str], *, above: float = -math.inf) -> bool:
    """Whether a curve among them has a point, above a value."""
    return any(above < v < math.inf for name in names for _, v in points(run, name))


def _moving(run: Run, names: Sequence[str]) -> int:
    """How many of several curves are more than a constant."""
    values = [{v for _, v in points(run, name) if math.isfinite(v)} for name in names]
    return sum(len(found) > 1 for found in values)


def events_table(run: Run) -> Table:
    """Each change of a run's rate and its cause, shown at once unless they are many."""
    rows = [
        [
            number(event_place(run, e), 4),
            e.who,
            f"×{number(e.factor)}" if e.changed else "–",
            number(e.rate),
            e.reason,
        ]
        for e in run.events
    ]
    rate = "rate, schedule aside" if run.schedule else "rate"
    header = [x_name(run), "cause", "factor", rate, "why"]
    shown = {"open": len(rows) <= MOST, "below": len(rows) > MANY}
    return Table("What changed the rate", header, rows, **shown)


def runs_section(examined: Sequence[Examined]) -> Section:
    """Several runs beside each other.

    Args:
        examined: Two or more, with what their curves say.
    """
    return Section(
        title="The runs compared",
        answer=compared_answer(examined),
        notes=["One run of each: what differs by little may be chance."],
        charts=[Chart(figures.runs_figure([each.run for each in examined]))],
        tables=[_runs_table(examined)],
        weight=2,
    )


def _runs_table(examined: Sequence[Examined]) -> Table:
    """The runs from the best on."""
    runs = [each.run for each in examined]
    names = compared_losses(runs)
    labels = distinct_names(runs)
    rows = []
    for at in by_standing(examined):
        run, name = runs[at], names[at]
        values = [] if name is None else [value for _, value in points(run, name)]
        rates = [v for n in run.rates[:1] for _, v in points(run, n) if math.isfinite(v)]
        rows.append(
            [
                labels[at],
                examined[at].gravest,
                str(run.epochs),
                number(min(filter(math.isfinite, values), default=None), 4),
                number(last_value(run, name) if name and values else None, 4),
                number(max(rates, default=None)),
                number(rates[-1] if rates else None),
                schedule_words(run.schedule or "–"),
                RateChanges.of(run).table_words(),
            ]
        )
    lowest = f"lowest {next(filter(None, names), 'loss')}"
    header = ["run", "found", "epochs", lowest, "last", "highest rate", "last rate", "schedule"]
    return Table("The runs", [*header, "changes of the rate"], rows, open=True)
