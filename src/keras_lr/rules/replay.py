"""When rules would have cut on a run that is over."""

import heapq
import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Literal

from keras_lr.errors import InvalidInput
from keras_lr.rules import moments
from keras_lr.rules.checked import checked_rules
from keras_lr.rules.logs import Log, Unit, read_log
from keras_lr.rules.moments import LoggedMoment, Stream
from keras_lr.rules.replayed import Cut, Replay
from keras_lr.rules.rule import KEEP, Decision, Observation, Rule, is_in_graph, looks_every
from keras_lr.rules.states import Decisions, RuleStates
from keras_lr.schedules.checks import plain_number

_ORDER = {"update": 0, "look": 1, "end": 2}
_EXAMPLE = 'replay(rules.Plateau("val_loss"), history)'


def replay(
    rules: Rule | Iterable[Rule],
    history: Any,
    *,
    steps_per_epoch: float | None = None,
    learning_rate: float | None = None,
    rows: Unit | None = None,
) -> Replay:
    """Say when rules would have cut on a finished run, without training anything.

    The rules see what the run logged, as they would have in `fit`. What they can't see is how the
    run would have gone on after the first cut: so the first one is a fact, and the later ones tell
    how patient a rule is.

    Args:
        rules: A rule, or several, which see each other's cuts as in `LearningRate`.
        history: A Keras `History`, a dictionary of lists, the path of a CSV file (`CSVLogger`), of
            a run record (`.jsonl`), or of a TensorBoard folder or event file (with the extra
            `tensorboard`).
        steps_per_epoch: Updates in an epoch; needed by rules that count updates on a log of epochs,
            and by rules that look at epochs' ends on a log of updates.
        learning_rate: The rate before the run, where the log has no `learning_rate` (nor `lr`) or
            has one that was cut already. Without either, rates are told as shares of the first.
        rows: `"epoch"` or `"step"`: what a row of the log is, where it doesn't say so by a column
            of that name. Lists are epochs.

    Returns:
        A `Replay`; print it.

    Raises:
        InvalidInput: The log can't be read, or lacks what a rule looks at.
        MissingExtra: It is a TensorBoard log, and the `tensorboard` package isn't installed.

    >>> from keras_lr.rules import Plateau
    >>> print(replay(Plateau("loss", patience=2), {"loss": [1.0, 0.5, 0.5, 0.5, 0.5]}))
    1 cut in 5 epochs of the history:
    epoch  rule     rate     why
        4  plateau  1 → 0.5  loss has not improved on 0.5 for 2 epochs (now 0.5)
    Rates are shares of the first one; learning_rate= says which it was.
    """
    found = checked_rules(rules, _EXAMPLE)
    if not found:
        raise InvalidInput(f"No rule to replay. Write e.g. {_EXAMPLE}.")
    log = read_log(history, rows)
    per_epoch = _positive(steps_per_epoch, "steps_per_epoch", "100")
    base = _positive(learning_rate, "learning_rate", "0.1")
    states = RuleStates.start(found)
    streams = _streams(states, log, per_epoch)
    known = base is not None or all(stream.rated for stream in streams)
    if not known:
        _refuse_floors(found, log)
        base = 1.0
    cuts: list[Cut] = []
    at: list[int] = []
    rates: list[float] = []
    unit: Unit = "epoch" if [stream.kind for stream in streams] == ["end"] else "step"
    unit = unit if log.epochs is not None else "step"
    last = -math.inf
    for stream, moment in _in_order(streams):
        logged = moment.rate if base is None else base
        rate = (1.0 if logged is None else logged) * states.reduction
        if moment.time > last:
            at.append(moment.epoch if unit == "epoch" else int(moment.time))
            rates.append(rate)
            last = moment.time
        seen = Observation(moment.step or 0, moment.epoch, moment.values, rate)
        states, decisions = _shown(states, stream, seen)
        for rule, decision in decisions:
            if action := _action(decision):
                after = rate * decision.factor
                cut = (rule.name, moment.epoch, moment.step, decision.factor, rate, after)
                cuts.append(Cut(*cut, decision.reason, action))
                rate = after
        if any(decision.give_up for _, decision in decisions):
            break
    return Replay(tuple(cuts), unit, tuple(at), tuple(rates), known, log.source)


def _streams(states: RuleStates, log: Log, per_epoch: float | None) -> list[Stream]:
    """What the rules would have been shown: refused before anything is, where it isn't there."""
    streams, at_ends = [], []
    watched: dict[int, list[str]] = {}
    for rule in states.rules:
        every = looks_every(rule)
        _refuse_uncounted(rule, log, per_epoch)
        if is_in_graph(rule):
            streams.append(moments.updates(log, rule.name, rule.monitor, per_epoch))
        elif every is None:
            at_ends.append(rule.monitor)
        else:
            watched.setdefault(every, []).append(rule.monitor)
    streams += [moments.looks(log, names, n, per_epoch) for n, names in watched.items()]
    if at_ends:
        streams.append(moments.ends(log, at_ends, per_epoch))
    if at_ends and len(streams) > 1 and per_epoch is None:
        raise InvalidInput(
            "Some of the rules look at epochs' ends and some between: to put their looks in "
            "order, write replay(..., steps_per_epoch=N)."
        )
    return streams


def _in_order(streams: list[Stream]) -> Iterator[tuple[Stream, LoggedMoment]]:
    if len(streams) == 1:
        return ((streams[0], moment) for moment in streams[0].moments)
    pairs = [zip(itertools.repeat(stream), stream.moments, strict=False) for stream in streams]
    return heapq.merge(*pairs, key=lambda pair: (pair[1].time, _ORDER[pair[0].kind]))


def _shown(states: RuleStates, stream: Stream, seen: Observation) -> tuple[RuleStates, Decisions]:
    if stream.kind != "update":
        return states.update(seen, every=stream.every)
    # For the rules that in fit are decided inside the step.
    after, factors, decisions = list(states.states), list(states.factors), []
    for index, rule in enumerate(states.rules):
        if is_in_graph(rule) and rule.monitor in seen.values:
            after[index], decision = rule.update(after[index], seen)
            if decision != KEEP:
                factors[index] *= decision.factor
                decisions.append((rule, decision))
                seen = replace(seen, rate=seen.rate * decision.factor)
    return replace(states, states=tuple(after), factors=tuple(factors)), decisions


def _action(
    decision: Decision,
) -> Literal["cut", "restore best", "roll back", "give up"] | None:
    if decision.give_up:
        return "give up"
    if decision.rollback:
        return "roll back"
    if decision.restore_best:
        return "restore best"
    return "cut" if decision.factor != 1.0 else None


def _refuse_uncounted(rule: Rule, log: Log, per_epoch: float | None) -> None:
    """Refuse a rule that counts time in what the log can't tell."""
    units = getattr(rule, "units", frozenset())
    between = looks_every(rule) is not None
    if per_epoch is None and ("epoch" if between else "step") in units:
        raise InvalidInput(
            f"{rule.name} counts {'epochs' if between else 'updates'}, which {log.source} doesn't "
            "tell. Write replay(..., steps_per_epoch=N): the updates in an epoch."
        )


def _refuse_floors(rules: tuple[Rule, ...], log: Log) -> None:
    for rule in rules:
        if getattr(rule, "min_rate", 0.0) > 0:
            raise InvalidInput(
                f"{rule.name} has a min_rate, and {log.source} has no learning_rate in each row. "
                "Write replay(..., learning_rate=0.1), the rate of the run."
            )


def _positive(value: Any, name: str, example: str) -> float | None:
    if value is None:
        return None
    plain = plain_number(value)
    if plain is None or not 0 < plain < math.inf:
        raise InvalidInput(
            f"{name} must be a number above 0. Received: {name}={value!r}. Write {name}={example}."
        )
    return plain
