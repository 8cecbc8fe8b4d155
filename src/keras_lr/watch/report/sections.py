"""What a report says about each kind of result.

`section(result)` dispatches on the result's type; a new kind registers its function here.
"""

import os
import sys
from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.finder.finding import Finding
from keras_lr.schedules.schedule import Schedule
from keras_lr.watch import figures
from keras_lr.watch.answers import against, comparison_answer, difference, finding_answer
from keras_lr.watch.comparison import Comparison
from keras_lr.watch.diagnosis import Diagnosis
from keras_lr.watch.examined import Examined, examine
from keras_lr.watch.report.runs import run_section
from keras_lr.watch.report.section import Chart, Section, Table
from keras_lr.watch.report.studies import study_section
from keras_lr.watch.run import Run
from keras_lr.watch.schedule_curves import EXAMPLE_BATCH, example_steps
from keras_lr.watch.style import number, score

__all__ = ["is_run", "section"]


@singledispatch
def section(result: Any) -> Section:
    """The part of a report about `result`; refuses what it doesn't know.

    Args:
        result: A `Finding`, `Study`, `Comparison`, `Diagnosis`, `Run`, Keras `History` or its
            `history`, the path of a run's record or log, or a `Schedule`.
    """
    if is_run(result):
        return run_section(examine(Run.of(result)))
    if all(hasattr(result, name) for name in ("trials", "objective", "direction", "space")):
        return study_section(result)
    raise InvalidInput(
        "report() takes a Finding, a Study, a Comparison, a Diagnosis, what fit returned, the path "
        "of a run's record or log, a schedule, or a list of those. Write e.g. "
        "keras_lr.report(study, 'report.html'). "
        f"Received: {type(result).__name__}."
    )


section.register(Examined, run_section)


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
            data=False,
        )
    ]
    if finding.curves is not None and len(finding.curves):
        charts.append(
            Chart(
                figures.finding_curves_figure(finding),
                "All members start from the same weights and see the same batches; those in the "
                "band of good rates are drawn solid.",
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


@section.register
def diagnosis_section(diagnosis: Diagnosis) -> Section:
    """What was found in a run, and the evidence in its curves."""
    return diagnosis.section()


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
                "–" if is_candidate else difference(comparison, arm),
                ", ".join(score(metric, s).removesuffix(" %") for s in arm.scores),
            ]
        )
    seeds = len(comparison.candidate.scores)
    charts = [
        Chart(
            figures.comparison_figure(comparison),
            "A dot is a seed; the diamond their mean, its bar one standard deviation to each side.",
            data=False,
        )
    ]
    header = ["trained with", "setting", f"{metric} (mean ± sd)", against(comparison), "each seed"]
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
def schedule_section(schedule: Schedule) -> Section:
    """The schedule over an example run."""
    steps = example_steps(schedule)
    figure = figures.schedule_figure(
        schedule, steps, steps_per_epoch=steps / 10, batch_size=EXAMPLE_BATCH
    )
    return Section(
        title="Schedule",
        answer=f"{schedule}",
        charts=[Chart(figure, f"Drawn over {steps} steps in ten epochs.")],
        code=(
            "model.fit(x, y, epochs=..., callbacks=[\n"
            f"    keras_lr.LearningRate(schedule={str(schedule)!r}),\n])"
        ),
    )


def is_run(result: Any) -> bool:
    """Whether a result is a run, or what a training left behind (see `Run.of`)."""
    if isinstance(result, Run | Mapping | str | os.PathLike):
        return True
    keras = sys.modules.get("keras")  # a History can't exist before Keras is imported
    return keras is not None and isinstance(result, keras.callbacks.History)


def _thin(rows: list[list[str]], most: int = 100) -> list[list[str]]:
    return rows[:: max(1, -(-len(rows) // most))]
