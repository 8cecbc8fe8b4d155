"""Lanes, and packs of them that are computed by one call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_lr.engines.compiled.plan import Plan
from keras_lr.engines.compiled.program import State


@dataclass
class Lane:
    """One copy of the model in training.

    Args:
        state: Its own `State` on the host, or `None` while it is part of a pack.
        settings: Name to `(value, 1 - value)`.
    """

    state: State | None
    settings: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class Pack:
    """Lanes that are computed by one call; the last ones may be padding.

    It begins on the host. The first call that needs it brings it to the device, so that whoever
    makes calls, and nobody else, has to reckon with a memory that is too small.

    Args:
        lanes: The lanes; their states move into the pack.
        plan: How they are executed.
        parked: Whether the state stays on the host between calls, to spare the device's memory.

    Attributes:
        state: Of all its lanes; `None` once they have their own again.
        placed: Whether the state is on the device.
    """

    def __init__(self, lanes: list[Lane], plan: Plan, *, parked: bool = False) -> None:
        self.lanes = lanes
        self.plan = plan
        members = lanes + [lanes[-1]] * (plan.width - len(lanes))
        names = lanes[0].settings
        settings = {n: np.array([m.settings[n] for m in members], np.float32) for n in names}
        # Stacked on the host: there it needs no compilation, which a first jnp.stack of each
        # shape does.
        self.state: Any = stack([member.state for member in members], plan)
        self.placed = False
        self.parked = parked
        self.settings = settings
        if plan.width == 1:
            self.settings = {name: value[0] for name, value in settings.items()}
        for lane in lanes:
            lane.state = None

    def place(self) -> None:
        """Bring the state to the device, unless it is there."""
        import jax

        if not self.placed:
            self.state, self.placed = jax.device_put(self.state), True

    def put(self, state: Any) -> None:
        """Go on from this state, which is on the host."""
        self.state, self.placed = state, False

    def on_host(self) -> Any:
        """The state on the host, as it stays whatever calls make of the pack."""
        return host(self.state) if self.placed else self.state

    def unpack(self) -> list[Lane]:
        """The lanes, each with its own state again; nothing happens where they have theirs."""
        if self.state is None:
            return self.lanes
        states = unstack(self.state, len(self.lanes), self.plan)
        for lane, state in zip(self.lanes, states, strict=True):
            lane.state = state
        self.put(None)
        return self.lanes

    def table(self, values: np.ndarray) -> np.ndarray:
        """Rows of `values` for this pack's lanes and its padding; no lane axis for width 1."""
        if self.plan.width == 1:
            return values[0]
        missing = self.plan.width - len(values)
        return np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])


def stack(states: Sequence[Any], plan: Plan) -> Any:
    """Host states of as many lanes as the plan is wide, as one host state of a pack."""
    import jax

    if plan.width == 1:
        return jax.tree.map(np.array, states[0])
    return jax.tree.map(lambda *arrays: np.stack(arrays), *states)


def unstack(state: Any, count: int, plan: Plan) -> list[Any]:
    """The host states of the first `count` lanes of a pack."""
    import jax

    if plan.width == 1:
        return [jax.tree.map(np.array, state)]
    host = jax.tree.map(np.asarray, state)
    return [jax.tree.map(lambda a, i=i: np.array(a[i]), host) for i in range(count)]


def host(state: Any) -> Any:
    """A copy of a state on the host; a view would change with the buffer that it looks at."""
    import jax

    return jax.tree.map(np.array, state)
