"""Rules reduce the rate when training calls for it: pure state machines, replayable anywhere."""

from keras_lr.rules.automatic import auto
from keras_lr.rules.divergence import Divergence
from keras_lr.rules.oscillation import Oscillation
from keras_lr.rules.plateau import Plateau
from keras_lr.rules.replay import replay
from keras_lr.rules.replayed import Cut, Replay
from keras_lr.rules.rule import (
    KEEP,
    RULES,
    Decision,
    Observation,
    Rule,
    deserialize,
    is_in_graph,
    keeps_best,
    looks_every,
    register,
    serialize,
    state_from_json,
    state_to_json,
)
from keras_lr.rules.slope import Slope
from keras_lr.rules.states import RuleStates

__all__ = [
    "KEEP",
    "RULES",
    "Cut",
    "Decision",
    "Divergence",
    "Observation",
    "Oscillation",
    "Plateau",
    "Replay",
    "Rule",
    "RuleStates",
    "Slope",
    "auto",
    "deserialize",
    "is_in_graph",
    "keeps_best",
    "looks_every",
    "register",
    "replay",
    "serialize",
    "state_from_json",
    "state_to_json",
]
