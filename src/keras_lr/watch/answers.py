"""The answer in words, computed from a result: what to do, and how well it did."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from keras_lr.finder.finding import Finding
from keras_lr.watch.comparison import Arm, Comparison
from keras_lr.watch.figures.population import ended_at
from keras_lr.watch.figures.run_lines import line, names_of, rate_names, x_name
from keras_lr.watch.figures.runs import compared_loss, distinct_names
from keras_lr.watch.figures.study import best_trial
from keras_lr.watch.figures.trials import summary
from keras_lr.watch.run import Run
from keras_lr.watch.style import is_share, number, schedule_words, score

LONG = 40
"""Characters of a path of rates that an answer quotes, at most."""


def finding_answer(finding: Finding) -> str:
    """What the finder advises, or that it doesn't."""
    if finding.learning_rate is None:
        return "No learning rate can be advised from this test."
    answer = f"Use a learning rate of {number(finding.learning_rate)}."
    if finding.band is not None:
        low, high = finding.band
        answer += f" Anything from {number(low)} to {number(high)} should cost little."
    return answer


def study_answer(study: Any) -> str:
    """The best trial's settings and what they reached."""
    best = best_trial(study)
    if best is None:
        return "No trial completed, so nothing can be advised."
    reached = score(study.objective, best.value)
    confirmation = getattr(study, "confirmation", None)
    if confirmation is None:
        return f"Use {summary(_advised(study, best))}: {study.objective} {reached}."
    return confirmation_answer(confirmation)


def _advised(study: Any, best: Any) -> Mapping[str, Any]:
    """What to train with: a trial's parameters, or the path of a population's member."""
    if not hasattr(study, "copies"):
        return best.params
    spec = study.spec(best.number)
    path, end = schedule_words(str(spec.schedule)), ended_at(best)
    if len(path) > LONG and end is not None:  # all of it is in the code and in the table
        path = f"then the path of member {best.number} to {number(end)}"
    return {**spec.settings, "schedule": path}


def confirmation_answer(confirmation: Any) -> str:
    """The choice, its mean and spread, and how lucky the study's best was."""
    choice, seeds = confirmation.choice, len(confirmation.seeds)
    times = f"{seeds} other seed{'s' * (seeds != 1)}"
    if choice is None:
        few = len(confirmation.candidates)
        return f"None of the {few} best trials survived {times}; search lower rates."
    reached = score(confirmation.objective, choice.mean, choice.spread)
    seen = score(confirmation.objective, choice.searched)
    return (
        f"Use {summary(choice.params)}: {confirmation.objective} {reached} over {times} "
        f"({seen} in the study)."
    )


def study_counts(study: Any) -> str:
    """How many trials there were, what became of them, and how long they took."""
    states = [trial.state for trial in study.trials]
    counts = [
        f"{states.count(state)} {state}"
        for state in ("complete", "pruned", "diverged", "failed")
        if state in states
    ]
    took = f" in {study.seconds:.1f} s" if study.seconds else ""
    trials = f"{len(states)} trial{'s' * (len(states) != 1)}"
    return f"{trials}{took} ({', '.join(counts)})."


_ENGINES = {
    "compiled": "All trials ran through one compiled JAX program",
    "fit": "Each trial was trained by model.fit, one after the other",
    "ray": "The trials ran on a Ray cluster",
}


def study_engine(study: Any) -> str:
    """By what the trials were run, for who wants to know; nothing of a stored study."""
    if not study.engine:
        return ""
    how = _ENGINES.get(study.engine, f"Engine: {study.engine}")
    return f"{how} ({study.plan})." if study.plan else f"{how}."


def comparison_answer(comparison: Comparison) -> str:
    """What the candidate scored, and each baseline, with the verdict on the difference."""
    candidate, metric = comparison.candidate, comparison.metric
    verdicts = [comparison.verdict(arm) for arm in comparison.baselines]
    reached = score(metric, candidate.mean, candidate.spread)
    if "worse" in verdicts:
        opening = f"Don't expect a gain from {candidate.description}"
    elif "better" in verdicts:
        opening = f"Use {candidate.description}"
    else:
        opening = f"No difference can be shown for {candidate.description}"
    parts = [
        f"{arm.name} {score(metric, arm.mean, arm.spread)} ({difference(comparison, arm)})"
        for arm in comparison.baselines
    ]
    return f"{opening}: {metric} {reached}; {'; '.join(parts)}."


def difference(comparison: Comparison, arm: Arm) -> str:
    """How a baseline compares with the candidate, e.g. `"3.8 points worse"`."""
    verdict, gain = comparison.verdict(arm), comparison.gain(arm)
    if verdict == "not distinguishable":
        return verdict
    share = is_share(comparison.metric)
    size = f"{100 * abs(gain):.1f} points" if share else number(abs(gain), 2)
    return f"{size} {'worse' if verdict == 'better' else 'better'}"


def against(comparison: Comparison) -> str:
    """The heading above such differences."""
    return f"compared with {comparison.candidate.name}"


def run_answer(run: Run) -> str:
    """How far a run came, and what happened to its rate."""
    name = next((n for n in ("val_loss", "loss") if n in names_of(run)), None)
    rates = rate_names(run)
    name = name or next((n for n in names_of(run) if n not in rates), None)
    length = f"{run.epochs} epoch{'s' * (run.epochs != 1)}"
    if not run.epochs:
        updates = max((c.steps[-1] for c in run.steps.values() if len(c.steps)), default=0)
        length = f"{updates} updates" if updates else length
    finite = (
        []
        if name is None
        else [(v, x) for x, v in zip(*line(run, name), strict=True) if v is not None]
    )
    if name is None or not finite:
        words = length if name is None else f"{length} of {name}"
    else:
        words = f"{name} went from {number(finite[0][0])} to {number(finite[-1][0])} in {length}"
    parts = []
    if finite and name is not None and name.endswith("loss"):
        best, at = min(finite)
        parts.append(f"lowest {number(best)} in {x_name(run)} {number(at, 4)}")
    if name is not None and (last := _last(run, name)) is not None and not math.isfinite(last):
        parts.append(f"ended as {number(last)}")
    cuts = [e for e in run.events if e.factor != 1]
    if cuts:
        times = "once" if len(cuts) == 1 else f"{len(cuts)} times"
        causes = ", ".join(dict.fromkeys(str(e.cause) for e in cuts))
        parts.append(f"the rate was changed {times} ({causes})")
    return f"{words}: {'; '.join(parts)}." if parts else f"{words}."


def _last(run: Run, name: str) -> float | None:
    logged = run.logged(name)
    return logged[-1][1] if logged else None


def runs_answer(runs: Sequence[Run]) -> str:
    """Which of several runs came furthest."""
    name = compared_loss(runs)
    reached = []
    for run, label in zip(runs, distinct_names(runs), strict=True):
        values = [v for v in line(run, name)[1] if v is not None]
        if values:
            reached.append((min(values), label))
    if not reached:
        return f"{len(runs)} runs that share no loss."
    reached.sort()
    words = "; ".join(f"{label} {number(value)}" for value, label in reached[1:])
    value, label = reached[0]
    return f"{label} came lowest: {name} {number(value)}" + (f"; {words}." if words else ".")
