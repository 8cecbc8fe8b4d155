"""Momentum and weight decay that follow a schedule, for the length of a `fit`.

Keras reads `optimizer.momentum` as a Python number whenever it traces the step, so the number is
baked in. Here a leaf's `apply` first puts a stand-in (see `stand_in`) into the attribute, which
holds the schedule's value at the optimizer's own `iterations`, and afterwards puts the number back.
So the value is computed inside the compiled step; and whoever looks at the optimizer from outside
(`get_config`, a checkpoint, the user) finds the plain number, also in the middle of training and
after an interruption. A number that someone assigns in the meantime is the plain one from then on.
"""

from collections.abc import Callable
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.rate.followed import host_position, position, uncompiled
from keras_lr.rate.leaves import leaf_names, leaves, log_keys
from keras_lr.rate.stand_in import Input, Number

SETTINGS = ("momentum", "weight_decay")
"""What can be scheduled: `momentum` is `beta_1` where an optimizer calls it so."""


class FollowedSettings:
    """The scheduled settings of one leaf.

    Args:
        leaf: A stock optimizer.
        settle: Takes the control of the settings down if the fit it was made for was interrupted,
            and says whether it did.
    """

    def __init__(self, leaf: Any, settle: Callable[[], bool]) -> None:
        self.leaf = leaf
        self.parts: dict[str, tuple[Callable[[Any], Any], int]] = {}
        self._settle = settle
        self._seen: dict[str, Any] = {}
        self._apply = leaf.apply
        self._own_apply = vars(leaf).get("apply")
        # Past Keras's own __setattr__, whose tracker would take note of it; here and below. And
        # uncompiled, because torch.compile would compile it again for each value.
        object.__setattr__(leaf, "apply", uncompiled(self._scheduled))

    def follow(self, attribute: str, values: Callable[[Any], Any], offset: int) -> None:
        """Let `attribute` be `values(update)`; `offset` is where the run stands (`position`)."""
        self._seen[attribute] = getattr(self.leaf, attribute)
        self.parts[attribute] = (values, offset)

    def move(self, batches: int) -> None:
        """Count `batches` more, because `iterations` was changed from outside."""
        self.parts = {name: (part, offset + batches) for name, (part, offset) in self.parts.items()}

    def assigned(self, attribute: str) -> bool:
        """Whether someone has assigned `attribute` since this was last asked."""
        before, now = self._seen[attribute], getattr(self.leaf, attribute)
        self._seen[attribute] = now
        return now != before

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
        if self._settle():
            return self._apply(*args, **kwargs)
        plain = {name: getattr(self.leaf, name) for name in self.parts}
        try:
            for name, (values, offset) in self.parts.items():
                object.__setattr__(self.leaf, name, _stand_in(self.leaf, values, offset))
            return self._apply(*args, **kwargs)
        finally:
            for name, value in plain.items():
                object.__setattr__(self.leaf, name, value)


class ScheduledSettings:
    """The scheduled settings of an optimizer with all its leaves, for the length of a `fit`.

    Args:
        optimizer: Any optimizer, wrapped or not.
        settle: As for `FollowedSettings`.
    """

    def __init__(self, optimizer: Any, settle: Callable[[], bool]) -> None:
        self._optimizer = optimizer
        self._settle = settle
        self._leaves = leaves(optimizer)
        self._claimed: dict[str, list[str | None]] = {}
        self._followed: dict[int, FollowedSettings] = {}

    @property
    def placed(self) -> bool:
        """Whether any leaf follows a schedule now."""
        return bool(self._followed)

    @property
    def followed(self) -> set[str]:
        """The attributes that follow a schedule now."""
        return {name for followed in self._followed.values() for name in followed.parts}

    def claim(self, setting: str) -> list[str | None]:
        """Say that `setting`, one of `SETTINGS`, will follow a schedule.

        Returns:
            The attribute that each leaf has for it; `None` for a leaf that has none.

        Raises:
            InvalidInput: No leaf has it, or another callback schedules it already.
        """
        found = attributes(self._optimizer, setting)
        if setting in self._claimed:
            raise InvalidInput(
                f"Two callbacks schedule {setting}, and only one can. Leave one out."
            )
        self._claimed[setting] = found
        return found

    def follow(self, setting: str, values: list[Callable[[Any], Any]], offsets: list[int]) -> None:
        """Let a claimed setting follow a schedule, on each leaf that has it.

        Args:
            setting: One that was claimed.
            values: For each leaf a pure function from the update count to the value.
            offsets: For each leaf, where the run stands (`position`).
        """
        for index, attribute in enumerate(self._claimed[setting]):
            if attribute is None:
                continue
            if index not in self._followed:
                self._followed[index] = FollowedSettings(self._leaves[index], self._settle)
            self._followed[index].follow(attribute, values[index], offsets[index])

    def assigned(self, setting: str) -> bool:
        """Whether someone has assigned a claimed setting since this was last asked."""
        asked = [
            self._followed[index].assigned(attribute)
            for index, attribute in enumerate(self._claimed[setting])
            if attribute is not None
        ]
        return any(asked)

    def move(self, batches: list[int]) -> None:
        """Count so many batches more on each leaf."""
        for index, followed in self._followed.items():
            followed.move(batches[index])

    def remove(self) -> None:
        """Put everything back."""
        for followed in self._followed.values():
            followed.remove()
        self._followed = {}

    def read(self, attribute: str, updates_ago: int = 0) -> list[float | None]:
        """An attribute of each leaf at the next update, or at one `updates_ago`.

        `None` for a leaf that lacks it, or holds no number there.
        """
        found: list[float | None] = []
        for index, leaf in enumerate(self._leaves):
            followed = self._followed.get(index)
            if followed is not None and attribute in followed.parts:
                found.append(followed.read(attribute, updates_ago))
            else:
                value = getattr(leaf, attribute, None)
                found.append(float(value) if isinstance(value, int | float) else None)
        return found

    def logs(self) -> dict[str, float]:
        """What to log of the claimed settings: the last update's, of each leaf that has it."""
        found = {}
        keys = log_keys(self._optimizer)
        for setting, names in self._claimed.items():
            for index, attribute in enumerate(names):
                value = None if attribute is None else self.read(attribute, 1)[index]
                if value is not None:
                    found[keys[index].replace("learning_rate", setting, 1)] = value
        return found


def _stand_in(leaf: Any, values: Callable[[Any], Any], offset: int) -> Any:
    import keras

    if keras.backend.backend() == "torch":
        return Number(values(max(0, host_position(leaf, offset))))
    value = values(position(leaf, offset))
    return Input(value, 1.0 - value, dtype=lambda: leaf._trainable_variables[0].dtype)


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
