"""Schedules: pure functions from the step to a factor of the learning rate."""

from keras_lr.schedules.composition import Join, Product, join, product
from keras_lr.schedules.config import deserialize, serialize
from keras_lr.schedules.constant import Constant
from keras_lr.schedules.cooldown import Cooldown, warmup_stable_decay
from keras_lr.schedules.decays import Exponential, TimeDecay
from keras_lr.schedules.drops import Piecewise, StepDecay
from keras_lr.schedules.fitting import fit_report
from keras_lr.schedules.foreign import Function, Keras, as_schedule
from keras_lr.schedules.horizon import Horizon, Length
from keras_lr.schedules.one_cycle import OneCycle
from keras_lr.schedules.parser import parse
from keras_lr.schedules.ramps import Cosine, Linear, Polynomial
from keras_lr.schedules.registry import SCHEDULES, register
from keras_lr.schedules.schedule import Plan, Schedule
from keras_lr.schedules.text import has_text
from keras_lr.schedules.warmup import Warmup

__all__ = [
    "SCHEDULES",
    "Constant",
    "Cooldown",
    "Cosine",
    "Exponential",
    "Function",
    "Horizon",
    "Join",
    "Keras",
    "Length",
    "Linear",
    "OneCycle",
    "Piecewise",
    "Plan",
    "Polynomial",
    "Product",
    "Schedule",
    "StepDecay",
    "TimeDecay",
    "Warmup",
    "as_schedule",
    "deserialize",
    "fit_report",
    "has_text",
    "join",
    "parse",
    "product",
    "register",
    "serialize",
    "warmup_stable_decay",
]
