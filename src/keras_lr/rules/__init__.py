"""Rules reduce the rate when training calls for it: pure state machines, replayable anywhere."""

from keras_lr.rules.divergence import Divergence
from keras_lr.rules.plateau import Plateau
from keras_lr.rules.rule import (
    KEEP,
    RULES,
    Decision,
    Observation,
    Rule,
    RuleStates,
    deserialize,
    register,
    serialize,
    state_from_json,
    state_to_json,
)

__all__ = [
    "KEEP",
    "RULES",
    "Decision",
    "Divergence",
    "Observation",
    "Plateau",
    "Rule",
    "RuleStates",
    "deserialize",
    "register",
    "serialize",
    "state_from_json",
    "state_to_json",
]
