"""Megatron-LM's `OptimizerParamScheduler` by its arguments: rates.

Megatron counts samples or iterations; a step here is one update. Values: the formulas of
megatron/core/optimizer_param_scheduler.py.
"""

from keras_lr.errors import InvalidInput, nearest
from keras_lr.schedules.peers.parts import ramp, rest, risen, share
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.shapes.inverse_sqrt import InverseSqrt
from keras_lr.schedules.shapes.ramps import Cosine, Linear

_WSD = {
    "linear": "linear",
    "cosine": "cosine",
    "exponential": "exponential",
    "minus_sqrt": "1-sqrt",
}


def OptimizerParamScheduler(
    max_lr: float,
    min_lr: float,
    lr_warmup_steps: int,
    lr_decay_steps: int,
    lr_decay_style: str,
    init_lr: float = 0.0,
    wsd_decay_steps: int | None = None,
    lr_wsd_decay_style: str = "exponential",
) -> Schedule:
    """A line up, and one of Megatron's falls down to `min_lr`.

    Args:
        max_lr: The peak.
        min_lr: The floor.
        lr_warmup_steps: Steps up.
        lr_decay_steps: All steps, the warmup's among them.
        lr_decay_style: "constant", "linear", "cosine", "inverse-square-root" or "WSD". With
            "inverse-square-root" the rate stays at the end where it is; Megatron's jumps to
            `min_lr`.
        init_lr: The rate at step 0.
        wsd_decay_steps: The last steps, in which WSD falls.
        lr_wsd_decay_style: Along "linear", "cosine", "exponential" or "minus_sqrt".

    >>> print(OptimizerParamScheduler(3e-4, 3e-5, 10, 100, "cosine"))
    cosine(end=0.1, length=90) | warmup(10) | rate(0.0003)
    >>> print(OptimizerParamScheduler(3e-4, 0.0, 10, 100, "WSD", wsd_decay_steps=20))
    constant() | warmup(10) | cooldown(20, shape=exponential, start=80) | rate(0.0003)
    >>> print(OptimizerParamScheduler(3e-4, 3e-5, 10, 100, "inverse-square-root"))
    inverse_sqrt(10) | clip(low=0.1) | hold(90) | warmup(10) | rate(0.0003)
    """
    left = rest(
        lr_decay_steps,
        lr_warmup_steps,
        "OptimizerParamScheduler",
        ("lr_decay_steps", "lr_warmup_steps"),
    )
    low, start = share(min_lr, max_lr), share(init_lr, max_lr)
    if lr_decay_style == "WSD":
        if wsd_decay_steps is None or lr_wsd_decay_style not in _WSD:
            raise InvalidInput(
                "Megatron's WSD needs wsd_decay_steps, and as lr_wsd_decay_style one of "
                f"{', '.join(_WSD)}. Received: wsd_decay_steps={wsd_decay_steps!r}, "
                f"lr_wsd_decay_style={lr_wsd_decay_style!r}."
            )
        begin = lr_decay_steps - wsd_decay_steps
        stable = risen(Constant(), lr_warmup_steps, start)
        shape = _WSD[lr_wsd_decay_style]
        return stable.cooldown(wsd_decay_steps, shape, end=low, start=begin).rate(max_lr)
    if lr_decay_style == "constant":
        schedule: Schedule = Constant()
    elif lr_decay_style in ("linear", "cosine"):
        schedule = ramp(1.0, low, left, Linear if lr_decay_style == "linear" else Cosine)
    elif lr_decay_style == "inverse-square-root":
        # √(warmup/step); without a warmup 1/√step, whose first value is the second's.
        fall = InverseSqrt(max(lr_warmup_steps, 1))
        schedule = fall if lr_warmup_steps else fall.warmup(1, start=1.0)
        schedule = (schedule.clip(low) if low else schedule).hold(left)
    else:
        styles = ("constant", "linear", "cosine", "inverse-square-root", "WSD")
        raise InvalidInput(
            f"Megatron has no lr_decay_style {lr_decay_style!r}. {nearest(lr_decay_style, styles)}"
        )
    return risen(schedule, lr_warmup_steps, start).rate(max_lr)
