"""What a report says about each kind of result.

`section(result)` dispatches on the result's type; a new kind registers its function here.
"""

import sys
from functools import singledispatch
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.finder.finding import Finding
from keras_lr.schedules.schedule import Schedule
from keras_lr.watch import figures
from keras_lr.watch.answers import (
    comparison_answer,
    finding_answer,
    run_answer,
    study_answer,
    study_counts,
)
from keras_lr.watch.comparison import Comparison
from keras_lr.watch.figures.study import describe_value as text
from keras_lr.watch.figures.study import edge_warning, shown_value
from keras_lr.watch.figures.trials import ranked as ranked_trials
from keras_lr.watch.figures.trials import varied
from keras_lr.watch.run import Run
from keras_lr.watch.section import Chart, Section, Table
from keras_lr.watch.style import number, schedule_words, score

EXAMPLE_STEPS = 1000
"""A schedule without a run of its own is drawn over this many steps, in ten epochs."""


@singledispatch
def section(result: Any) -> Section:
    """The part of a report about `result`; refuses what it doesn't know.

    Args:
        result: A `Finding`, `Study`, `Comparison`, `Run`, Keras `History`, or `Schedule`.
    """
    if _is_keras_history(result):
        return section(Run.of(result))
    if all(hasattr(result, name) for name in ("trials", "objective", "direction", "space")):
        return study_section(result)
    raise InvalidInput(
        "report() takes a Finding, a Study, a Comparison, what fit returned, a schedule, or a list "
        "of those. Write e.g. keras_lr.report(study, 'report.html'). "
        f"Received: {type(result).__name__}."
    )


@section.register
def given_section(part: Section) -> Section:
    """A part that somebody wrote: as it is."""
    return part


@section.register
def finding_section(finding: Finding) -> Section:
    """Loss against rate, and the race."""
    charts = [
        Chart(
            figures.finding_figure(finding),
            "The dashed line is the suggestion; in the shaded band a rate costs little.",
        )
    ]
    if finding.curves is not None and len(finding.curves):
        charts.append(
            Chart(
                figures.finding_curves_figure(finding),
                "All members start from the same weights and see the same batches.",
            )
        )
    rows = [
        [number(float(rate)), number(float(loss), 4) if np.isfinite(loss) else "diverged"]
        for rate, loss in zip(finding.rates, finding.losses, strict=True)
    ]
    code = ""
    if finding.learning_rate is not None:
        code = f"keras_lr.set_learning_rate(model, {finding.learning_rate:.4g})"
    how = f"{finding.method}: {len(finding.rates)} rates, {finding.steps} steps"
    return Section(
        title="Finding a learning rate",
        answer=finding_answer(finding),
        notes=[finding.reason, f"Measured by {how} in {finding.seconds:.1f} s."],
        charts=charts,
        tables=[Table("Every rate", ["rate", "loss"], _thin(rows))],
        code=code,
        weight=2,
    )


def study_section(study: Any) -> Section:
    """Objective against rate, the momentum map, the best trials, and the lines to copy."""
    charts = [
        Chart(
            figures.study_figure(study),
            "One mark a trial; diverged trials are crossed at the bad end.",
        )
    ]
    if any({"learning_rate", "momentum"} <= set(t.params) for t in study.trials):
        charts.append(
            Chart(
                figures.momentum_figure(study),
                "Rate and momentum act together: compare along the diagonal, not along one axis.",
            )
        )
    ranked = ranked_trials(study)
    if ranked and any(len(t.history.get(study.objective, ())) > 1 for t in ranked):
        charts.append(
            Chart(figures.best_trials_figure(study), "The best trials against all the others.")
        )
    confirmation = getattr(study, "confirmation", None)
    tables = []
    if confirmation is not None:
        caption = "A ring is what the study saw: the luckiest of its trials were picked by it."
        charts.insert(0, Chart(figures.confirmation_figure(confirmation), caption))
        tables.append(confirmation_table(confirmation))
    charts += _importance(study)
    warning = edge_warning(study)
    others = [t for t in study.trials if t not in ranked]
    keys = varied(study)
    rows = [
        [
            str(t.number),
            t.state,
            number(shown_value(t, study), 4),
            *(text(t.params.get(key)) for key in keys),
        ]
        for t in [*ranked, *others]
    ]
    return Section(
        title="Tuning",
        answer=study_answer(study),
        notes=[*([warning] if warning else []), study_counts(study), study.plan],
        charts=charts,
        tables=[*tables, Table("Every trial", ["trial", "state", study.objective, *keys], rows)],
        code=_code(study) if ranked else "",
        weight=3,
    )


def confirmation_table(confirmation: Any) -> Table:
    """Each candidate with its seeds, shown at once."""
    rows = [
        [
            f"#{one.number}",
            number(one.searched, 4),
            number(one.mean, 4),
            number(one.spread, 2),
            ", ".join("diverged" if v is None else number(v, 4) for v in one.values),
        ]
        for one in confirmation.candidates
    ]
    header = ["trial", f"{confirmation.objective} in the study", "mean", "spread", "each seed"]
    return Table("Confirmed with other seeds", header, rows, open=True)


def _importance(study: Any) -> list[Chart]:
    """Optuna's chart of it, where two names or more were searched in trials enough."""
    if len(varied(study)) < 2 or not hasattr(study, "importance"):
        return []
    try:
        figure = study.plot("importance")
    except InvalidInput:
        return []
    return [Chart(figure, "Of the complete trials: that a rate diverged isn't counted.")]


def _code(study: Any) -> str:
    confirmed = getattr(study, "confirmed", None)
    return study.code() if confirmed is None else study.code(confirmed)


@section.register
def comparison_section(comparison: Comparison) -> Section:
    """The arms, seed by seed."""
    metric = comparison.metric
    rows = []
    for arm in comparison.arms:
        is_candidate = arm is comparison.candidate
        rows.append(
            [
                arm.name,
                arm.description,
                score(metric, arm.mean, arm.spread),
                "–"
                if is_candidate
                else f"this is {comparison.verdict(arm)}".replace("this is ", ""),
                ", ".join(score(metric, s).removesuffix(" %") for s in arm.scores),
            ]
        )
    seeds = len(comparison.candidate.scores)
    charts = [
        Chart(
            figures.comparison_figure(comparison),
            "A dot is a seed; the diamond their mean, its bar one standard deviation to each side.",
        )
    ]
    header = ["trained with", "setting", f"{metric} (mean ± sd)", "the first is", "each seed"]
    return Section(
        title="Is it better?",
        answer=comparison_answer(comparison),
        notes=[
            f"{seeds} seed{'s' * (seeds != 1)} each, on the same data. “Not distinguishable” means "
            "that the differences seed by seed can be chance: a paired t-test, at 5 % over all "
            "baselines together, and no verdict on fewer than 3 seeds."
        ],
        charts=charts,
        tables=[Table("The scores", header, rows, open=True)],
        weight=4,
    )


@section.register
def run_section(run: Run) -> Section:
    """The curves of a run and the events of its rate."""
    tables = []
    if run.events:
        rows = [
            [str(e.epoch + 1), e.cause, f"×{number(e.factor)}", number(e.rate), e.reason]
            for e in run.events
        ]
        header = ["epoch", "cause", "factor", "base × reduction", "why"]
        tables.append(Table("What changed the rate", header, rows, open=True))
    return Section(
        title=run.name,
        answer=run_answer(run),
        notes=[f"Schedule: {schedule_words(run.schedule)}"] if run.schedule else [],
        charts=[Chart(figures.history_figure(run), "Triangles mark each cut and its cause.")]
        if run.events
        else [Chart(figures.history_figure(run))],
        tables=tables,
        weight=1,
    )


@section.register
def schedule_section(schedule: Schedule) -> Section:
    """The schedule over an example run."""
    steps = EXAMPLE_STEPS
    end = schedule.resolve(steps=steps, steps_per_epoch=steps / 10).end
    steps = max(steps, int(1.1 * end)) if end else steps
    figure = figures.schedule_figure(schedule, steps, steps_per_epoch=steps / 10)
    return Section(
        title="Schedule",
        answer=f"{schedule}",
        charts=[Chart(figure, f"Drawn over {steps} steps in ten epochs.")],
        code=(
            "model.fit(x, y, epochs=..., callbacks=[\n"
            f"    keras_lr.LearningRate(schedule={str(schedule)!r}),\n])"
        ),
    )


def _is_keras_history(result: Any) -> bool:
    keras = sys.modules.get("keras")  # a History can't exist before Keras is imported
    return keras is not None and isinstance(result, keras.callbacks.History)


def _thin(rows: list[list[str]], most: int = 100) -> list[list[str]]:
    return rows[:: max(1, -(-len(rows) // most))]
