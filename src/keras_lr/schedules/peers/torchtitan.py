"""torchtitan's warmup-stable-decay by its configuration's names: factors.

Values: the formula of torchtitan/components/lr_scheduler.py with its virtual last step, which keeps
the last update's rate above the floor. (Earlier versions divided by one step more.)
"""

from keras_lr.errors import InvalidInput
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant

_SHAPES = {"linear": "linear", "sqrt": "1-sqrt", "cosine": "cosine"}


def build_lr_schedulers(
    training_steps: int,
    warmup_steps: int = 200,
    decay_ratio: float | None = None,
    decay_type: str = "linear",
    min_lr_factor: float = 0.0,
) -> Schedule:
    """A line up, whose first step isn't 0, a plateau, and a fall over the last part.

    Args:
        training_steps: All steps.
        warmup_steps: Steps up, the one at the top among them; at most all.
        decay_ratio: The part of all steps that the fall takes; `None` for all after the warmup.
        decay_type: "linear", "sqrt" or "cosine".
        min_lr_factor: The floor.

    >>> print(build_lr_schedulers(100, 10, decay_ratio=0.2))
    constant() | warmup(9, start=0.1) | cooldown(20, start=80)
    """
    if decay_type not in _SHAPES:
        raise InvalidInput(
            "torchtitan's decay_type is 'linear', 'sqrt' or 'cosine'. "
            f"Received: decay_type={decay_type!r}."
        )
    warm = min(warmup_steps, training_steps)
    decay = training_steps - warm
    if decay_ratio is not None:
        decay = min(round(training_steps * decay_ratio), decay)
    schedule: Schedule = Constant()
    if warm > 1:
        schedule = schedule.warmup(warm - 1, start=1.0 / warm)
    if decay == 0:
        return schedule
    begin = training_steps - decay
    return schedule.cooldown(decay, _SHAPES[decay_type], end=min_lr_factor, start=begin)
