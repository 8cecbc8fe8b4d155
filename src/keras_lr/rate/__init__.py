"""The only place that reads or sets an optimizer's rate.

`leaves` finds the optimizers that hold a rate, `get_learning_rate` and `set_learning_rate` read and
set it, and `Control` makes it base × schedule × reduction for the length of a `fit`.
"""

from keras_lr.rate.access import get_learning_rate, set_learning_rate
from keras_lr.rate.checks import check_rate
from keras_lr.rate.control import Control
from keras_lr.rate.controlled import left, settle
from keras_lr.rate.leaves import leaf_names, leaves, own_schedule, rate_variable
from keras_lr.rate.moment import Moment
from keras_lr.rate.running import full_batch, samples_per_batch
from keras_lr.rate.settings import SETTINGS, attributes

__all__ = [
    "SETTINGS",
    "Control",
    "Moment",
    "attributes",
    "check_rate",
    "full_batch",
    "get_learning_rate",
    "leaf_names",
    "leaves",
    "left",
    "own_schedule",
    "rate_variable",
    "samples_per_batch",
    "set_learning_rate",
    "settle",
]
