"""Rules that are decided inside the compiled step: what they must have, and their arithmetic."""

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.rules.rule import KEEP, Decision, InGraphRule, Observation, floored, number

if TYPE_CHECKING:
    from keras_lr.rate.detection.detector import Test

MEASURES = ("distance", "alignment", "norm")
"""What can be measured inside the step."""

_OF_RULE = ("factor", "min_rate", "stride", "needs", "tested", "told")
_OF_TEST = ("start", "gather", "due", "judge")


def checked_in_graph(rule: Any) -> InGraphRule:
    """`rule`, if it has all that the compiled step needs of it.

    Raises:
        InvalidInput: Something is missing, or can't be what it is.
    """
    name = type(rule).__name__
    lacks = [each for each in _OF_RULE if not hasattr(rule, each)]
    if not lacks:
        lacks = [f"tested.{each}" for each in _OF_TEST if not hasattr(rule.tested, each)]
    if lacks:
        raise InvalidInput(
            f"{name} says in_graph = True and has no {', no '.join(lacks)}, which the compiled "
            "step needs: help(keras_lr.rules.InGraphRule) says what they are. Add them; or leave "
            "in_graph out, and its update is asked at epochs' ends or every so many updates."
        )
    if rule.monitor not in MEASURES:
        raise InvalidInput(
            f"{name} is decided inside the compiled step, where no metric is known. Write "
            'monitor = "distance" (of the weights from where the phase began, squared), '
            '"alignment" (of the gradient with the last update) or "norm" (of the weights, '
            f"squared). Received: monitor={rule.monitor!r}."
        )
    factor = number(rule.factor, "factor", example=0.5)
    if not 0 < factor < 1:
        raise InvalidInput(
            f"factor must be in (0, 1). Received: factor={factor!r}. Write e.g. factor=0.5."
        )
    least = {"min_rate": 0, "stride": 1, "needs": 1}
    for each, smallest in least.items():
        value = getattr(rule, each)
        if number(value, each, whole=each != "min_rate", example=smallest) < smallest:
            raise InvalidInput(
                f"{each} must be at least {smallest}. Received: {each}={value!r}. "
                f"Write e.g. {each}={smallest}."
            )
    _check_state(name, rule.tested.start())
    return rule


def formula(
    test: "Test", state: Mapping[str, Any], seen: Mapping[str, Any], xp: Any
) -> tuple[dict[str, Any], Any]:
    """One update of a test, in whatever computes: NumPy, a compiled step, or many runs at once.

    Args:
        test: The test.
        state: The fields of its state, each a float32 scalar (or array: one value a run).
        seen: The measured value by its name.
        xp: `numpy` or `keras.ops`.

    Returns:
        The next state, and whether to cut.
    """
    gathered = test.gather(state, seen, xp)
    due = test.due(gathered, xp)
    judged, cut = test.judge(gathered, seen, xp)
    return {k: xp.where(due, judged[k], gathered[k]) for k in gathered}, due & cut


def update_in_graph(
    rule: InGraphRule, state: Any, observation: Observation
) -> tuple[Any, Decision]:
    """What the compiled step does at one update, outside of it: the `update` of an in-graph rule.

    Args:
        rule: The rule.
        state: That of its test.
        observation: One update, in which `values` has what `rule.monitor` names.
    """
    value = observation.values.get(rule.monitor)
    if value is None:
        return state, KEEP
    with np.errstate(all="ignore"):  # in single precision, as in a compiled step
        before = {name: np.full(1, v, np.float32) for name, v in asdict(state).items()}
        seen = {rule.monitor: np.full(1, value, np.float32)}
        after, cut = formula(rule.tested, before, seen, np)
    state = type(state)(**{name: float(np.ravel(v)[0]) for name, v in after.items()})
    factor = floored(rule.factor, observation.rate, rule.min_rate)
    if not np.ravel(cut)[0] or factor == 1.0:
        return state, KEEP
    return state, Decision(factor, reason=rule.told(state.evidence))


def _check_state(owner: str, state: Any) -> None:
    valid = is_dataclass(state) and not isinstance(state, type)
    names = [each.name for each in fields(state)] if valid else []
    plain = all(isinstance(getattr(state, name), Real) for name in names)
    if "evidence" not in names or not plain:
        raise InvalidInput(
            f"{owner}: tested.start() must give a frozen dataclass of floats, among them "
            f"evidence: float = 0.0 (what a verdict rests on). Received: {state!r}."
        )
