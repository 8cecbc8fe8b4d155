"""Who assigns a rate in Python is heard at that moment, so that the step at which it was is known.

`optimizer.learning_rate = x` and `set_learning_rate` end in `assign` of the rate's variable. For the
length of a `fit` something stands before it that tells the control first, and after. It costs the
steps nothing: what the step itself computes, and Keras's copying of the training state, are tensors
and arrays, which pass through.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np


class HeardAssign:
    """What stands in a variable for its `assign`.

    Args:
        variable: A Keras variable that holds a rate.
        around: Called with what assigns a number, which it is to call.
    """

    def __init__(self, variable: Any, around: Callable[[Callable[[], None]], None]) -> None:
        self._variable = variable
        self._around = around

    def __call__(self, value: Any) -> Any:
        """Assign."""
        if isinstance(value, int | float | np.generic):
            return self._around(lambda: self.quietly(value))
        return self.quietly(value)

    def quietly(self, value: Any) -> Any:
        """Assign, and tell nobody."""
        return type(self._variable).assign(self._variable, value)

    def __deepcopy__(self, memo: dict[int, Any]) -> "HeardAssign":
        # A copy of the optimizer is nobody's affair.
        return HeardAssign(copy.deepcopy(self._variable, memo), lambda assign: assign())


def hear(variable: Any, around: Callable[[Callable[[], None]], None]) -> None:
    """Let `around` be called whenever a number is assigned to `variable`; once is enough."""
    if not isinstance(vars(variable).get("assign"), HeardAssign):
        object.__setattr__(variable, "assign", HeardAssign(variable, around))


def unhear(variable: Any) -> None:
    """Undo `hear`."""
    if isinstance(vars(variable).get("assign"), HeardAssign):
        object.__delattr__(variable, "assign")


def assign_quietly(variable: Any, value: Any) -> None:
    """Assign what is no news."""
    heard = vars(variable).get("assign")
    (heard.quietly if isinstance(heard, HeardAssign) else variable.assign)(value)
