"""Rules reduce the rate when training calls for it: pure state machines, replayable anywhere."""

from keras_lr.rules.automatic import auto
from keras_lr.rules.divergence import Divergence
from keras_lr.rules.in_graph import update_in_graph
from keras_lr.rules.oscillation import Oscillation
from keras_lr.rules.plateau import Plateau
from keras_lr.rules.replay import replay
from keras_lr.rules.replayed import Cut, Replay
from keras_lr.rules.rule import (
    KEEP,
    RULES,
    Decision,
    InGraphRule,
    Observation,
    Rule,
    deserialize,
    register,
    serialize,
    state_from_json,
    state_to_json,
)
from keras_lr.rules.slope import Slope

__all__ = [
    "KEEP",
    "RULES",
    "Cut",
    "Decision",
    "Divergence",
    "InGraphRule",
    "Observation",
    "Oscillation",
    "Plateau",
    "Replay",
    "Rule",
    "Slope",
    "auto",
    "deserialize",
    "register",
    "replay",
    "serialize",
    "state_from_json",
    "state_to_json",
    "update_in_graph",
]
