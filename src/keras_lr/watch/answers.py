"""The answer in words, computed from a result: what to do, and how well it did."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from keras_lr.finder.finding import Finding
from keras_lr.watch.comparison import Arm, Comparison
from keras_lr.watch.rate_changes import rate_words
from keras_lr.watch.run import Run
from keras_lr.watch.run.axis import last_value, points, x_name
from keras_lr.watch.run.ranking import by_rank, compared_losses, distinct_names, lowest_losses
from keras_lr.watch.style import is_share, number, schedule_words, score
from keras_lr.watch.trials import best_trial, ended_at, summary

FEW = 4
"""Runs that an answer names beside the best, at most."""
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
    """How far a run came, and what happened to its rate.

    >>> run_answer(Run({"loss": [2.0, 1.0, float("nan")]}))
    'loss ended as NaN after 3 epochs. It began at 2; lowest 1 in epoch 2; NaN since epoch 3.'
    """
    name = run.validation_loss or run.loss
    name = name or next((n for n in run.names if n not in run.rates), None)
    length = f"{run.epochs} epoch{'s' * (run.epochs != 1)}"
    if run.first_epoch:  # what was before isn't known
        last = run.first_epoch + run.epochs
        length = f"epochs {run.first_epoch + 1} to {last}" if run.epochs > 1 else f"epoch {last}"
    if not run.epochs:
        updates = max((c.steps[-1] for c in run.steps.values() if len(c.steps)), default=0)
        length = f"{updates} updates" if updates else length
    words, parts = (length, []) if name is None else _course(run, name, length)
    parts += [rate_words(run)] if rate_words(run) else []
    beside = "; ".join(parts)
    return f"{words}. {beside[0].upper()}{beside[1:]}." if parts else f"{words}."


def _course(run: Run, name: str, length: str) -> tuple[str, list[str]]:
    """What became of a curve, and what to know beside it."""
    found = points(run, name)
    finite = [(value, x) for x, value in found if math.isfinite(value)]
    if not found:
        return f"{length} of {name}", []
    first, last = found[0][1], last_value(run, name)
    if not finite:
        return f"{name} was never a number in {length}", [f"it ended as {number(last)}"]
    best, at = min(finite)
    parts = [f"lowest {number(best)} in {x_name(run)} {number(at, 4)}"] * (name in run.losses)
    if len(found) == 1 and math.isfinite(last):
        return f"{name} {number(last)} after {length}", []
    if math.isfinite(last):
        return f"{name} went from {number(first)} to {number(last)} in {length}", parts
    lost = next((x for x, _ in found if x > finite[-1][1]), None)
    since = [] if lost is None else [f"{number(last)} since {x_name(run)} {number(lost, 4)}"]
    words = f"{name} ended as {number(last)} {'in' if run.first_epoch else 'after'} {length}"
    return words, [f"it began at {number(first)}", *parts, *since]


def runs_answer(runs: Sequence[Run], *, out: Collection[int] = ()) -> str:
    """Which of several runs came furthest; one that ended as NaN came nowhere.

    Runs are judged by a loss that all have: by that of the training where one has no other, which
    the answer then says.

    Args:
        runs: Two or more.
        out: Places of runs that don't count, however low they came.
    """
    names = compared_losses(runs)
    name = next(filter(None, names), "loss")
    labels = distinct_names(runs)
    lowest = lowest_losses(runs, names)
    without = [label for label, found in zip(labels, lowest, strict=True) if found is None]
    if len(without) > len(runs) - 2:
        return f"{len(runs)} runs that share no loss."
    ranks = [(lowest[at], labels[at]) for at in by_rank(lowest) if at not in out]
    reached = [(value, label) for value, label in ranks if value is not None and value < math.inf]
    lost = [
        f"{label} ended as {number(last_value(run, loss))}"
        for run, loss, label, found in zip(runs, names, labels, lowest, strict=True)
        if loss is not None and found == math.inf
    ]
    told = [f"{label} {number(value)}" for value, label in reached[1:]]
    said = [_listed(told), _listed(lost)]
    said.append(f"no {name} in {_listed(without, ', ')}" if without else "")
    judged_alike = names == [run.validation_loss for run in runs]
    missing = [] if judged_alike else _without_validation(runs, labels)
    if missing:
        said.append(
            f"judged by the loss in training, as {_listed(missing, ', ')} logged no val_loss"
        )
    words = "; ".join(filter(None, said))
    if not reached:
        return f"None of {len(runs)} runs kept a finite {name}: {words}."
    value, label = reached[0]
    return f"{label} came lowest: {name} {number(value)}" + (f"; {words}." if words else ".")


def _listed(words: Sequence[str], between: str = "; ") -> str:
    """The first few, and how many more there are."""
    more = len(words) - FEW
    return between.join([*words[:FEW], *([f"and {more} more"] if more > 0 else [])])


def _without_validation(runs: Sequence[Run], labels: Sequence[str]) -> list[str]:
    """Runs that logged no loss of validation, where others did."""
    found = [run.validation_loss is not None for run in runs]
    return [label for label, has in zip(labels, found, strict=True) if not has and any(found)]
