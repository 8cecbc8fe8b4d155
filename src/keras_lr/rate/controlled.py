"""Which control an optimizer is under: whose running fit decides its rate, and what it left.

An optimizer keeps its control itself: so it is found whatever model the optimizer goes on to, and
lives as long as the optimizer does.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keras_lr.rate.leaves import leaves, optimizer_of, own_schedule
from keras_lr.rate.product import held_rate

if TYPE_CHECKING:
    from keras_lr.rate.control import Control

_MARK = "_keras_lr_control"


def mark(leaves: Sequence[Any], control: "Control") -> None:
    """Let the leaves of an optimizer be found under `control`."""
    for leaf in leaves:
        object.__setattr__(leaf, _MARK, control)  # past Keras's tracker


def unmark(leaves: Sequence[Any]) -> None:
    """Undo `mark`."""
    for leaf in leaves:
        vars(leaf).pop(_MARK, None)


def left(model: Any) -> list[float | None]:
    """The rate in each leaf of a model that no fit controls now; `None` for its own schedule."""
    return [
        None if own_schedule(leaf) is not None else held_rate(leaf)
        for leaf in leaves(model.optimizer)
    ]


def settle(model: Any) -> None:
    """Take down what an interrupted `fit` of `model` left in place; nothing else is touched."""
    for control in controls(optimizer_of(model)):
        control.settle()


def follows(leaf: Any, owner: object) -> bool:
    """Whether a leaf's rate follows what `owner` gave it, in a fit that goes on.

    The training step asks, so nothing is synced here.
    """
    for control in controls(leaf):
        control.settle()
    return owner in getattr(leaf._learning_rate, "parts", {})


def controls(optimizer: Any) -> list["Control"]:
    """The controls that an optimizer's leaves are under: none, or one, or others' leftovers."""
    found = (getattr(leaf, "__dict__", {}).get(_MARK) for leaf in leaves(optimizer))
    return list(dict.fromkeys(control for control in found if control is not None))
