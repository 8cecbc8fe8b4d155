"""The last good state of every lane, to return to after a divergence."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_lr.engines.compiled.lanes import Pack
from keras_lr.engines.compiled.program import State


class GoodStates:
    """Copies of the packs' states at the end of each lane's last good epoch.

    Args:
        packs: The packs; their present states count as good.
    """

    def __init__(self, packs: Sequence[Pack]) -> None:
        self._states = [_copy(pack.state) for pack in packs]

    @classmethod
    def of(cls, states: list[State], packs: Sequence[Pack]) -> "GoodStates":
        """The good states of lanes, stacked as the lanes in `packs` are."""
        import jax
        import jax.numpy as jnp

        found = cls.__new__(cls)
        found._states = []
        for pack in packs:
            mine, states = states[: len(pack.lanes)], states[len(pack.lanes) :]
            if pack.plan.width > 1:
                mine += [mine[-1]] * (pack.plan.width - len(mine))
                found._states.append(jax.tree.map(lambda *arrays: jnp.stack(arrays), *mine))
            else:
                found._states.append(mine[0])
        return found

    def unpacked(self, packs: Sequence[Pack]) -> list[State]:
        """The good state of each lane, in the packs' order."""
        import jax

        found = []
        for pack, state in zip(packs, self._states, strict=True):
            for index in range(len(pack.lanes)):
                one = state
                if pack.plan.width > 1:
                    one = jax.tree.map(lambda array, index=index: array[index], state)
                found.append(one)
        return found

    def finite(self, packs: Sequence[Pack]) -> list[bool]:
        """Whether all of each lane's weights and statistics are finite."""
        import jax
        import jax.numpy as jnp

        found: list[bool] = []
        for pack in packs:
            parts = (pack.state.trainable, pack.state.non_trainable, pack.state.metrics)
            sound = np.ones(pack.plan.width, bool)
            for array in jax.tree.leaves(parts):
                if jnp.issubdtype(array.dtype, jnp.floating):
                    rows = jnp.isfinite(array).reshape(pack.plan.width, -1)
                    sound &= np.asarray(rows.all(axis=1))
            found += sound[: len(pack.lanes)].tolist()
        return found

    def end_epoch(self, packs: Sequence[Pack], rollbacks: Sequence[bool]) -> None:
        """Roll these lanes back; what the lanes have then is their good state."""
        import jax
        import jax.numpy as jnp

        start = 0
        for number, pack in enumerate(packs):
            mine = np.array(rollbacks[start : start + len(pack.lanes)])
            start += len(pack.lanes)
            if mine.any():
                back = np.pad(mine, (0, pack.plan.width - len(mine)))

                def restore(good: Any, now: Any, back: np.ndarray = back) -> Any:
                    axes = (1,) * (now.ndim - 1) if back.size > 1 else (1,) * max(0, now.ndim - 1)
                    mask = back.reshape((-1, *axes)) if now.ndim else back[0]
                    return jnp.where(mask, good, now)

                pack.state = jax.tree.map(restore, self._states[number], pack.state)
            self._states[number] = _copy(pack.state)


def _copy(state: State) -> Any:
    import jax
    import jax.numpy as jnp

    return jax.tree.map(lambda array: jnp.array(array, copy=True), state)
