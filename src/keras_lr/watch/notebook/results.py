"""How a result shows itself in a notebook: the answer, a small chart, a table, code to copy.

Plain HTML and SVG: it needs no script, and stays in a saved notebook.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import singledispatch
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.escaped import as_html as safe
from keras_lr.finder.finding import Finding
from keras_lr.rules.replayed import Replay
from keras_lr.schedules import Plan
from keras_lr.schedules.schedule import Schedule
from keras_lr.watch import answers
from keras_lr.watch.axes import LOSS, RATE
from keras_lr.watch.comparison import Comparison
from keras_lr.watch.diagnosis.diagnosis import Diagnosis
from keras_lr.watch.diagnosis.html import html_of
from keras_lr.watch.examined import examine
from keras_lr.watch.notebook.sketch import Series, sketch
from keras_lr.watch.report.section import Table
from keras_lr.watch.run import Run
from keras_lr.watch.style import schedule_words, score

BEST = 5
"""Trials that are listed."""


@singledispatch
def as_html(result: Any) -> str:
    """A result as a piece of HTML.

    Args:
        result: A `Finding`, a schedule or plan, a `Study`, a `Confirmation`, a `Comparison`, a
            `Run`, a `Diagnosis`, or a `Replay`.
    """
    return _study(result) if hasattr(result, "trials") else _confirmation(result)


@as_html.register
def _finding(finding: Finding) -> str:
    rates, losses = np.asarray(finding.rates, float), np.asarray(finding.losses, float)
    good = np.isfinite(losses)
    top = float(losses[good].max()) if good.any() else 1.0
    chart = sketch(
        [
            Series(rates[good].tolist(), losses[good].tolist()),
            Series(rates[~good].tolist(), [top] * int((~good).sum()), "crosses"),
        ],
        x="learning rate",
        y="loss",
        x_log=True,
        y_spread=LOSS,
        at=finding.learning_rate,
        band=finding.band,
    )
    found = finding.learning_rate
    code = "" if found is None else f"keras_lr.set_learning_rate(model, {found:.4g})"
    return piece(answers.finding_answer(finding), [finding.reason], chart, code=code)


@as_html.register(Schedule)
@as_html.register(Plan)
def _schedule(schedule: Any) -> str:
    from keras_lr.watch.schedule_curves import (
        EXAMPLE_BATCH,
        example_steps,
        schedule_curves,
        value_name,
    )

    laid_out, words = isinstance(schedule, Plan), schedule_words(str(schedule))
    run: dict[str, Any] = {}
    try:
        if not laid_out:
            steps = example_steps(schedule)
            run = {"steps": steps, "steps_per_epoch": steps / 10, "batch_size": EXAMPLE_BATCH}
        (curve,) = schedule_curves(schedule, **run)
    except InvalidInput as error:  # it doesn't fit into such a run
        return piece(words, [str(error)])
    chart = sketch(
        [Series(curve.xs.tolist(), [float(y) for y in curve.ys])], x="step", y=value_name([curve])
    )
    note = "" if laid_out else f"Drawn over {run['steps']} steps in ten epochs."
    return piece(words, [note], chart)


@as_html.register
def _run(run: Run) -> str:
    from keras_lr.watch.run.axis import line, x_name

    def chart(names: list[str], y: str, spread: float) -> str:
        series = [Series(*line(run, name), name=name) for name in names]
        return sketch(series, x=x_name(run), y=y, y_spread=spread)

    examined, losses = examine(run), run.losses[:4]
    notes = [*examined.notes, f"Schedule: {schedule_words(run.schedule)}" if run.schedule else ""]
    notes += [event.line() for event in run.events]
    pictures = chart(losses, ", ".join(losses), LOSS) + chart(run.rates[:4], "learning rate", RATE)
    return piece(f"{run.name}: {examined.answer}", notes, pictures)


as_html.register(Diagnosis, html_of)


@as_html.register
def _comparison(comparison: Comparison) -> str:
    rows = [
        [
            arm.name,
            arm.description,
            score(comparison.metric, arm.mean, arm.spread),
            "–" if arm is comparison.candidate else answers.difference(comparison, arm),
        ]
        for arm in comparison.arms
    ]
    header = ["trained with", "setting", comparison.metric, answers.against(comparison)]
    return piece(answers.comparison_answer(comparison), table=Table("The scores", header, rows))


def _confirmation(confirmation: Any) -> str:
    from keras_lr.watch.report.studies import confirmation_table

    table = confirmation_table(confirmation)
    return piece(answers.confirmation_answer(confirmation), table=table)


def _study(study: Any) -> str:
    from keras_lr.watch.report.studies import members_table, trials_table
    from keras_lr.watch.trials import Standing, edge_warning, ranked

    best = ranked(study)
    tried = [t for t in study.trials if t.params.get("learning_rate")]
    found = Standing.of(study, tried)
    good = [(trial.params["learning_rate"], value) for trial, value in found.good]
    bad = [trial.params["learning_rate"] for trial in found.bad]
    chart = sketch(
        [
            Series([r for r, _ in good], [v for _, v in good], "dots"),
            Series(bad, [found.worst] * len(bad), "crosses"),
        ],
        x="learning rate",
        y=study.objective,
        x_log=True,
        y_spread=LOSS if study.direction == "minimize" else math.inf,
    )
    table = None
    if best:
        listed = members_table if hasattr(study, "copies") else trials_table
        table = replace(listed(study, best[:BEST]), title=f"The best {min(BEST, len(best))}")
    warning = edge_warning(study)
    notes = [f"⚠ {warning}" if warning else "", answers.study_counts(study)]
    return piece(answers.study_answer(study), notes, chart, table=table)


@as_html.register
def _replay(found: Replay) -> str:
    header, *rows = found.table
    ended = int(found.unit == "epoch")
    at = [at + ended for at in found.at for _ in range(2)][:-1]  # a step down after each look
    rates = [rate for rate in found.rates for _ in range(2)][1:]
    chart = sketch(
        [Series(at, rates)],
        x=found.unit,
        y="learning rate" if found.rates_known else "share of the first rate",
    )
    table = Table("What would have cut", header, rows) if rows else None
    return piece(found.answer, (), chart, table=table)


def piece(
    answer: str,
    notes: Iterable[str] = (),
    chart: str = "",
    *,
    table: Table | None = None,
    code: str = "",
) -> str:
    """Words, a chart and a table, all text escaped but the chart's.

    Args:
        answer: What to do.
        notes: What to know beside it; empty ones are left out.
        chart: SVG, as `sketch` gives it.
        table: The numbers.
        code: Python to copy.
    """
    parts = [f"<p><b>{safe(answer)}</b></p>", chart]
    parts += [f"<div>{safe(note)}</div>" for note in notes if note]
    if table is not None:
        head = "".join(f"<th scope='col'>{safe(c)}</th>" for c in table.header)
        rows = "".join(
            f"<tr>{''.join(f'<td>{safe(cell)}</td>' for cell in row)}</tr>" for row in table.rows
        )
        parts.append(
            f"<table><caption>{safe(table.title)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        )
    if code:
        parts.append(f"<pre>{safe(code)}</pre>")
    return f"<div class='keras-lr'>{''.join(parts)}</div>"
