"""fairseq's tri-stage and inverse square root schedules by argument.

Values: the formulas of fairseq/optim/lr_scheduler.
"""

from keras_lr.schedules.peers.parts import delayed, risen, share
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.shapes.geometric import Geometric
from keras_lr.schedules.shapes.inverse_sqrt import InverseSqrt


def tri_stage(
    warmup_steps: int = 0,
    hold_steps: int = 0,
    decay_steps: int = 0,
    phase_ratio: tuple[float, float, float] | None = None,
    init_lr_scale: float = 0.01,
    final_lr_scale: float = 0.01,
    *,
    max_update: int = 0,
) -> Schedule:
    """A line up, a plateau, a fall by the same factor at each step; then it stays: factors.

    Park et al., "SpecAugment" (2019).

    Args:
        warmup_steps: Steps up.
        hold_steps: Steps at the top.
        decay_steps: Steps down.
        phase_ratio: Or the three as parts of
        max_update: all steps, each rounded down.
        init_lr_scale: The first factor.
        final_lr_scale: The last, above 0.

    >>> print(tri_stage(10, 40, 50))
    geometric(length=50) | warmup(40, start=1.0) | warmup(10, start=0.01)
    """
    if phase_ratio is not None:
        warmup_steps, hold_steps, decay_steps = (int(max_update * part) for part in phase_ratio)
    fall = Constant() if final_lr_scale == 1 else Geometric(end=final_lr_scale, length=decay_steps)
    return risen(delayed(fall, hold_steps), warmup_steps, init_lr_scale)


def inverse_sqrt(warmup_updates: int = 4000, warmup_init_lr: float = 0.0, *, lr: float) -> Schedule:
    """A line up to `lr`, then lr·√(warmup/step): rates.

    Args:
        warmup_updates: Steps up.
        warmup_init_lr: The first rate.
        lr: The peak.

    >>> print(inverse_sqrt(100, 1e-7, lr=5e-4))
    inverse_sqrt(100) | warmup(100, start=0.0002) | rate(0.0005)
    """
    fall = InverseSqrt(warmup_updates)
    return risen(fall, warmup_updates, share(warmup_init_lr, lr)).rate(lr)
