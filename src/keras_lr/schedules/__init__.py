"""Schedules: pure functions from the step to a factor of the learning rate."""

from typing import TYPE_CHECKING, Any

from keras_lr.lazy import load as _load
from keras_lr.schedules import theory
from keras_lr.schedules.config import deserialize, serialize
from keras_lr.schedules.fitting import end_report, fit_report
from keras_lr.schedules.foreign import Function, Keras, as_schedule
from keras_lr.schedules.horizon import Horizon, Length
from keras_lr.schedules.marks import Mark
from keras_lr.schedules.parser import parse
from keras_lr.schedules.pictures import draw, plot
from keras_lr.schedules.plan import Plan
from keras_lr.schedules.registry import SCHEDULES, register
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.shapes.decays import Exponential, TimeDecay
from keras_lr.schedules.shapes.drops import Piecewise, StepDecay
from keras_lr.schedules.shapes.geometric import Geometric
from keras_lr.schedules.shapes.inverse_sqrt import InverseSqrt
from keras_lr.schedules.shapes.one_cycle import OneCycle
from keras_lr.schedules.shapes.power import Power
from keras_lr.schedules.shapes.ramps import Cosine, Linear, Polynomial
from keras_lr.schedules.shapes.restarts import PolynomialRestarts
from keras_lr.schedules.shapes.rex import Rex
from keras_lr.schedules.shapes.saturation import Saturation
from keras_lr.schedules.shapes.tanh import Tanh
from keras_lr.schedules.text import has_text
from keras_lr.schedules.theory import transfer_rate
from keras_lr.schedules.transforms.between import Between
from keras_lr.schedules.transforms.clip import Clip
from keras_lr.schedules.transforms.cooldown import Cooldown, warmup_stable_decay
from keras_lr.schedules.transforms.hold import Hold
from keras_lr.schedules.transforms.join import Join, join
from keras_lr.schedules.transforms.k_decay import KDecay
from keras_lr.schedules.transforms.noise import Noise
from keras_lr.schedules.transforms.offset import Offset
from keras_lr.schedules.transforms.product import Product, product
from keras_lr.schedules.transforms.rate import Rate
from keras_lr.schedules.transforms.repeat import Repeat
from keras_lr.schedules.transforms.stretch import stretch
from keras_lr.schedules.transforms.warmup import Warmup

__all__ = [
    "SCHEDULES",
    "Between",
    "Clip",
    "Constant",
    "Cooldown",
    "Cosine",
    "Exponential",
    "Function",
    "Geometric",
    "Hold",
    "Horizon",
    "InverseSqrt",
    "Join",
    "KDecay",
    "Keras",
    "Length",
    "Linear",
    "Mark",
    "Noise",
    "Offset",
    "OneCycle",
    "Piecewise",
    "Plan",
    "PlannedRate",
    "Polynomial",
    "PolynomialRestarts",
    "Power",
    "Product",
    "Rate",
    "Repeat",
    "Rex",
    "Saturation",
    "Schedule",
    "StepDecay",
    "Tanh",
    "TimeDecay",
    "Warmup",
    "as_schedule",
    "deserialize",
    "draw",
    "end_report",
    "fit_report",
    "has_text",
    "join",
    "parse",
    "plot",
    "product",
    "register",
    "serialize",
    "stretch",
    "theory",
    "transfer_rate",
    "warmup_stable_decay",
]


if TYPE_CHECKING:
    from keras_lr.schedules.keras_schedule import PlannedRate


def __getattr__(name: str) -> Any:
    if name == "PlannedRate":  # its module imports Keras
        return _load("keras_lr.schedules.keras_schedule:PlannedRate")
    raise AttributeError(f"module 'keras_lr.schedules' has no attribute {name!r}")
