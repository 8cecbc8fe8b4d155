"""What a report says about a study, a population, and the confirmation of its best."""

from dataclasses import replace
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.watch import figures
from keras_lr.watch.answers import study_answer, study_counts, study_engine
from keras_lr.watch.report.section import Chart, Section, Table
from keras_lr.watch.style import number, safe, schedule_words
from keras_lr.watch.trials import began_at, edge_warning, ended_at, shown_value, varied
from keras_lr.watch.trials import describe_value as text
from keras_lr.watch.trials import ranked as ranked_trials

ROWS = 200
"""Trials that the table lists, at most: the best."""


def study_section(study: Any) -> Section:
    """Objective against rate, the momentum map, the best trials, and the lines to copy."""
    population = hasattr(study, "copies")
    ranked = ranked_trials(study)
    confirmation = getattr(study, "confirmation", None)
    charts, tables = [], []
    if confirmation is not None:
        charts.append(_confirmation_chart(confirmation))
        tables.append(confirmation_table(confirmation))
    if population and ranked:
        caption = "A jump of a thin line is where a member went on as a copy of a better one."
        charts.append(Chart(figures.population_figure(study), caption))
    else:
        charts += _maps(study)
    if ranked and any(len(t.history.get(study.objective, ())) > 1 for t in ranked):
        caption = f"The best {'members' if population else 'trials'} against all the others."
        charts.append(Chart(figures.best_trials_figure(study), caption))
    charts += [] if population else _importance(study)
    warning = edge_warning(study)
    known = {id(t) for t in ranked}
    everything = [*ranked, *(t for t in study.trials if id(t) not in known)]
    listed = members_table if population else trials_table
    every = listed(study, everything[:ROWS])
    if len(everything) > ROWS:
        kind = "members" if population else "trials"
        every = replace(every, title=f"The first {ROWS} of {len(everything)} {kind}, best first")
    return Section(
        title="Tuning a population" if population else "Tuning",
        answer=study_answer(study),
        notes=[study_counts(study)],
        warnings=[warning] if warning else [],
        charts=charts,
        tables=[*tables, every],
        code=_code(study) if ranked else "",
        small=[study_engine(study)],
        weight=3,
    )


def _maps(study: Any) -> list[Chart]:
    caption = "One mark a trial; diverged trials are crossed at the bad end."
    found = [Chart(figures.study_figure(study), caption, data=False)]
    if any({"learning_rate", "momentum"} <= set(t.params) for t in study.trials):
        caption = "Rate and momentum act together: compare along the diagonal, not along one axis."
        found.append(Chart(figures.momentum_figure(study), caption, data=False))
    return found


def _confirmation_chart(confirmation: Any) -> Chart:
    lucky = [
        (one.searched < one.mean) == (confirmation.direction == "minimize")
        for one in confirmation.candidates
        if one.mean is not None and one.mean != one.searched
    ]
    caption = "A ring is what the study saw, by which these trials were picked"
    if sum(lucky) * 2 > len(lucky):
        caption += ": mostly better than the mean, since the luckiest are picked."
    else:
        caption += ": here it was no better than the mean over other seeds."
    return Chart(figures.confirmation_figure(confirmation), caption, data=False)


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


def trials_table(study: Any, trials: list[Any]) -> Table:
    """Trials with their objective and what differs between them.

    Args:
        study: The study.
        trials: Those that are listed, in order.
    """
    keys = varied(study)
    rows = [
        [
            str(t.number),
            t.state,
            number(shown_value(t, study), 4),
            *(text(t.params.get(key), key) for key in keys),
        ]
        for t in trials
    ]
    return Table("Every trial", ["trial", "state", study.objective, *keys], rows)


def members_table(study: Any, trials: list[Any]) -> Table:
    """Each member of a population: where its path of rates began and ended, and the path itself.

    Args:
        study: A `Population`.
        trials: Its members, in the order in which they are listed.
    """
    rows = [
        [
            str(t.number),
            t.state,
            number(shown_value(t, study), 4),
            number(began_at(study, t)),
            number(ended_at(t)),
            str(len(study.lineage(t.number)) - 1),
            schedule_words(str(study.path(t.number))),
        ]
        for t in trials
    ]
    header = ["member", "state", study.objective, "rate began at", "ended at", "copies", "path"]
    return Table("Every member and its path of rates", header, rows)


def _importance(study: Any) -> list[Chart]:
    """Optuna's chart of it, where two names or more were searched in trials enough."""
    names = varied(study)
    if len(names) < 2 or not hasattr(study, "importance"):
        return []
    try:
        figure = study.plot("importance")
    except InvalidInput:
        return []
    figure.update_layout(title_text="How much each setting mattered", height=140 + 50 * len(names))
    shares = [share for bars in figure.data for share in bars.x]
    figure.update_xaxes(title_text="share of the differences", range=[0, 1.2 * max(shares)])
    figure.update_yaxes(title_text="")
    for bars in figure.data:
        bars.update(y=[safe(name) for name in bars.y], cliponaxis=False)
    caption = "Of the complete trials: that a rate diverged isn't counted."
    return [Chart(figure, caption, data=False)]


def _code(study: Any) -> str:
    confirmed = getattr(study, "confirmed", None)
    return study.code() if confirmed is None else study.code(confirmed)
