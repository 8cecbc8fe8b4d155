"""Momentum and weight decay that follow a schedule, for the length of a `fit`.

Keras reads `optimizer.momentum` as a Python number whenever it traces the step, so the number is
baked in. Here a leaf's `apply` first puts a stand-in (see `stand_in`) into the attribute, which
holds the schedule's value at the optimizer's own `iterations`, and afterwards puts the number back.
So the value is computed inside the compiled step; and whoever looks at the optimizer from outside
(`get_config`, a checkpoint, the user) finds the plain number, also in the middle of training and
after an interruption.
"""

import importlib
from collections.abc import Callable
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.rate.followed import host_position, position
from keras_lr.rate.leaves import leaf_names, leaves
from keras_lr.rate.stand_in import Input, Number

SETTINGS = ("momentum", "weight_decay")
"""What can be scheduled: `momentum` is `beta_1` where an optimizer calls it so."""


class FollowedSettings:
    """The scheduled settings of one leaf.

    Args:
        leaf: A stock optimizer.
    """

    def __init__(self, leaf: Any) -> None:
        self.leaf = leaf
        self.parts: dict[str, tuple[Callable[[Any], Any], int]] = {}
        self._originals: dict[str, Any] = {}
        self._apply = leaf.apply
        self._own_apply = vars(leaf).get("apply")
        # Past Keras's own __setattr__, whose tracker would take note of it; here and below.
        object.__setattr__(leaf, "apply", _uncompiled(self._scheduled))

    def follow(self, attribute: str, values: Callable[[Any], Any], offset: int) -> None:
        """Let `attribute` be `values(update)`; `offset` is where the run stands (`position`)."""
        self._originals.setdefault(attribute, getattr(self.leaf, attribute))
        self.parts[attribute] = (values, offset)

    def move(self, offset: int) -> None:
        """Say where the run stands after `iterations` was changed from outside."""
        self.parts = {name: (values, offset) for name, (values, _) in self.parts.items()}

    def read(self, attribute: str, updates_ago: int = 0) -> float:
        """The value at the next update, or at one `updates_ago`; computed on the host."""
        values, offset = self.parts[attribute]
        return float(values(max(0, host_position(self.leaf, offset) - updates_ago)))

    def remove(self) -> None:
        """Put everything back."""
        if self._own_apply is None:
            vars(self.leaf).pop("apply", None)
        else:
            object.__setattr__(self.leaf, "apply", self._own_apply)

    def _scheduled(self, *args: Any, **kwargs: Any) -> Any:
        try:
            for name, (values, offset) in self.parts.items():
                object.__setattr__(self.leaf, name, _stand_in(self.leaf, values, offset))
            return self._apply(*args, **kwargs)
        finally:
            for name, value in self._originals.items():
                object.__setattr__(self.leaf, name, value)


def _stand_in(leaf: Any, values: Callable[[Any], Any], offset: int) -> Any:
    import keras

    if keras.backend.backend() == "torch":
        return Number(values(max(0, host_position(leaf, offset))))
    value = values(position(leaf, offset))
    return Input(value, 1.0 - value)


def _uncompiled(apply: Callable[..., Any]) -> Callable[..., Any]:
    """On torch, `apply` run in Python as it is: `torch.compile` would compile it for each value."""
    import keras

    if keras.backend.backend() != "torch":
        return apply
    torch: Any = importlib.import_module("torch")
    return torch.compiler.disable(apply)


def attributes(optimizer: Any, setting: str) -> list[str | None]:
    """The attribute that each leaf has for `setting`; `None` for a leaf that has none.

    Args:
        optimizer: Any optimizer, wrapped or not.
        setting: One of `SETTINGS`.

    Raises:
        InvalidInput: No leaf has it, with what to write instead.
    """
    refusals, found = [], []
    for name, leaf in zip(leaf_names(optimizer), leaves(optimizer), strict=True):
        refusal, attribute = _attribute(leaf, setting)
        refusals.append(f"{name}: {refusal}")
        found.append(attribute)
    if not any(found):
        raise InvalidInput(
            f"{setting}= has nothing to schedule. {' '.join(refusals)} "
            f"Received: {setting}= for {type(leaves(optimizer)[0]).__name__}."
        )
    return found


def _attribute(leaf: Any, setting: str) -> tuple[str, str | None]:
    kind = type(leaf).__name__
    if setting == "weight_decay":
        if leaf.weight_decay is not None:
            return "", "weight_decay"
        return f"It has none. Compile with {kind}(..., weight_decay=1e-4).", None
    if kind == "ScheduleFreeAdamW":
        return "Its beta_1 weighs an average of all steps, so it must stay what it is.", None
    if hasattr(leaf, "momentum"):
        built_without = leaf.built and not any(
            getattr(leaf, slots, None) for slots in ("momentums", "_momentums")
        )
        if leaf.momentum and not built_without:
            return "", "momentum"
        return f"It was built without. Compile with {kind}(..., momentum=0.9).", None
    if hasattr(leaf, "beta_1"):
        return "", "beta_1"
    return f"{kind} has none. Compile with SGD(..., momentum=0.9), Adam or AdamW.", None
