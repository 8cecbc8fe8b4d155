"""fastai's fits by name and argument: the schedule that each of them trains with.

Rates where the rate is given, as fastai gives it, otherwise factors of the optimizer's. An epoch has
`steps_per_epoch` updates; of T updates the one numbered t is at the share t/T, so that the peak may
lie between two. Values: fastai 2.8's formulas.
"""

from keras_lr.errors import InvalidInput
from keras_lr.schedules.peers.parts import whole
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.one_cycle import OneCycle
from keras_lr.schedules.shapes.ramps import Cosine


def fit_one_cycle(
    n_epoch: int,
    lr_max: float | None = None,
    div: float = 25.0,
    div_final: float = 1e5,
    pct_start: float = 0.25,
    *,
    steps_per_epoch: int,
) -> Schedule:
    """Half a cosine up to the peak, half a cosine down.

    The last rate is lr_max/div_final; torch's `OneCycleLR` divides the *first* rate by its
    `final_div_factor`.

    Args:
        n_epoch: Epochs.
        lr_max: The peak, a rate; `None` for the optimizer's.
        div: Peak ÷ first rate.
        div_final: Peak ÷ the rate one step after the last.
        pct_start: Where the peak lies, as a part of the cycle, above 0 and below 1.
        steps_per_epoch: Updates of an epoch.

    >>> print(fit_one_cycle(2, 0.01, pct_start=0.5, steps_per_epoch=50))
    one_cycle(end=1e-05, peak=0.504950495049505, length=101) | rate(0.01)
    """
    steps = _steps(n_epoch, steps_per_epoch, "fit_one_cycle")
    schedule = _combined_cos(pct_start, 1.0 / div, 1.0 / div_final, steps)
    return schedule if lr_max is None else schedule.rate(lr_max)


def fit_flat_cos(
    n_epoch: int,
    lr: float | None = None,
    div_final: float = 1e5,
    pct_start: float = 0.75,
    *,
    steps_per_epoch: int,
) -> Schedule:
    """Flat, then half a cosine down.

    Args:
        n_epoch: Epochs.
        lr: The rate; `None` for the optimizer's.
        div_final: Rate ÷ the rate one step after the last.
        pct_start: Where the cosine begins, as a part of the run, above 0 and below 1.
        steps_per_epoch: Updates of an epoch.

    >>> print(fit_flat_cos(2, steps_per_epoch=50))
    cosine(end=1e-05, length=25) | warmup(75, start=1.0)
    """
    steps = _steps(n_epoch, steps_per_epoch, "fit_flat_cos")
    begin = pct_start * steps
    if begin.is_integer() and 0 < begin < steps:
        fall = Cosine(end=1.0 / div_final, length=steps - int(begin))
        schedule: Schedule = fall.warmup(int(begin), start=1.0)
    else:
        schedule = _combined_cos(pct_start, 1.0, 1.0 / div_final, steps)
    return schedule if lr is None else schedule.rate(lr)


def fit_sgdr(
    n_cycles: int,
    cycle_len: int,
    lr_max: float | None = None,
    cycle_mult: int = 2,
    *,
    steps_per_epoch: int,
) -> Schedule:
    """Half cosines down to 0, each `cycle_mult` times as long.

    Args:
        n_cycles: Cycles.
        cycle_len: Epochs of the first.
        lr_max: The peak, a rate; `None` for the optimizer's.
        cycle_mult: At least 1.
        steps_per_epoch: Updates of an epoch.

    >>> print(fit_sgdr(3, 1, steps_per_epoch=50))
    cosine(length=50) | repeat(length=50, times=3, stretch=2.0)
    """
    steps = _steps(cycle_len, steps_per_epoch, "fit_sgdr")
    schedule = Cosine(length=steps).repeat(steps, times=n_cycles, stretch=cycle_mult)
    return schedule if lr_max is None else schedule.rate(lr_max)


def _combined_cos(part: float, start: float, end: float, steps: int) -> Schedule:
    # OneCycle's last step has its end; here that is the step after the last.
    if not 0 < part < 1:
        raise InvalidInput(
            f"pct_start lies inside the cycle, above 0 and below 1. Received: pct_start={part!r}."
        )
    return OneCycle(start, end, peak=(part * steps + 1) / (steps + 1), length=steps + 1)


def _steps(epochs: int, steps_per_epoch: int, owner: str) -> int:
    return whole(epochs, owner, "n_epoch") * whole(steps_per_epoch, owner, "steps_per_epoch")
