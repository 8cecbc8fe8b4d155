"""The only place that reads or sets an optimizer's rate.

`leaves` finds the optimizers that hold a rate, `get_learning_rate` and `set_learning_rate` read and
set it, and `Control` makes it base × schedule × reduction for the length of a `fit`.
"""

from keras_lr.rate.access import check_rate, get_learning_rate, set_learning_rate
from keras_lr.rate.control import Control
from keras_lr.rate.leaves import leaf_names, leaves

__all__ = [
    "Control",
    "check_rate",
    "get_learning_rate",
    "leaf_names",
    "leaves",
    "set_learning_rate",
]
