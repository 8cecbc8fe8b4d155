"""The last good state of every lane, to return to after a divergence."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_lr.engines.compiled.lanes import Pack, stack, unstack
from keras_lr.engines.compiled.program import State


class GoodStates:
    """Host copies of the packs' states at the end of each lane's last good epoch.

    Args:
        packs: The packs; their present states count as good.
    """

    def __init__(self, packs: Sequence[Pack]) -> None:
        self._states = [_copy(pack.state) for pack in packs]

    @classmethod
    def of(cls, states: list[State], packs: Sequence[Pack]) -> "GoodStates":
        """The good states of lanes, stacked as the lanes in `packs` are."""
        found = cls([])
        for pack in packs:
            mine, states = states[: len(pack.lanes)], states[len(pack.lanes) :]
            mine = mine + [mine[-1]] * (pack.plan.width - len(mine))
            found._states.append(stack(mine, pack.plan))
        return found

    def unpacked(self, packs: Sequence[Pack]) -> list[State]:
        """The good state of each lane, in the packs' order."""
        return [
            lane
            for pack, state in zip(packs, self._states, strict=True)
            for lane in unstack(state, len(pack.lanes), pack.plan)
        ]

    def finite(self, packs: Sequence[Pack]) -> list[bool]:
        """Whether all of each lane's weights and statistics are finite."""
        import jax

        found: list[bool] = []
        for pack in packs:
            sound = np.ones(pack.plan.width, bool)
            for array in jax.tree.leaves((pack.state.trainable, pack.state.non_trainable)):
                if jax.numpy.issubdtype(array.dtype, jax.numpy.floating):
                    rows = np.isfinite(np.asarray(array)).reshape(pack.plan.width, -1)
                    sound &= rows.all(axis=1)
            found += sound[: len(pack.lanes)].tolist()
        return found

    def end_epoch(self, packs: Sequence[Pack], rollbacks: Sequence[bool]) -> None:
        """Roll these lanes back; what the lanes have then is their good state."""
        import jax

        start = 0
        for number, pack in enumerate(packs):
            mine = np.array(rollbacks[start : start + len(pack.lanes)], bool)
            start += len(pack.lanes)
            now = _copy(pack.state)
            if mine.any():
                back = np.pad(mine, (0, pack.plan.width - len(mine)))
                now = jax.tree.map(lambda g, n, b=back: _where(b, g, n), self._states[number], now)
                pack.put(_copy(now))
            self._states[number] = now


def _where(back: np.ndarray, good: np.ndarray, now: np.ndarray) -> np.ndarray:
    if back.size == 1:  # a pack of one lane has no lane axis
        return good if back[0] else now
    return np.where(back.reshape(-1, *(1,) * (now.ndim - 1)), good, now)


def _copy(state: Any) -> Any:
    import jax

    return jax.tree.map(np.array, state)
