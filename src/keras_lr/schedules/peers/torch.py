"""`torch.optim.lr_scheduler` by its names and arguments, less the optimizer and `last_epoch`.

torch counts calls of `scheduler.step()`; a step here is one update. Whoever calls torch's once an
epoch multiplies every length by the updates of an epoch. Factors of the optimizer's rate, except
`OneCycleLR` and `CyclicLR`, which take rates and give rates. Values: torch 2.13, closed forms.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from keras_lr.errors import InvalidInput
from keras_lr.schedules.foreign import as_schedule
from keras_lr.schedules.peers.parts import (
    drops,
    floor,
    largest,
    ramp,
    refuse_plateau,
    sequence,
    share,
)
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.shapes.decays import Exponential
from keras_lr.schedules.shapes.drops import Piecewise, StepDecay
from keras_lr.schedules.shapes.one_cycle import OneCycle
from keras_lr.schedules.shapes.ramps import Cosine, Linear, Polynomial
from keras_lr.schedules.transforms.join import join
from keras_lr.schedules.transforms.product import product

_MOST_DROPS = 200


def LambdaLR(lr_lambda: Callable[[Any], Any]) -> Schedule:
    """`lr_lambda(step)`, a plain callable: traced, so without `if`; it has no text form.

    >>> LambdaLR(lambda step: 0.95**step)(2)
    0.9025
    """
    return as_schedule(lr_lambda)


def MultiplicativeLR(lr_lambda: Callable[[int], float], *, steps: int) -> Schedule:
    """The product of `lr_lambda(1)` to `lr_lambda(step)`.

    A schedule is a function of the step alone, so the product is taken here, once.

    Args:
        lr_lambda: What each step multiplies by.
        steps: So many are multiplied; from there on the factor stays.

    Raises:
        InvalidInput: It changes too often to be written down, and isn't always the same.

    >>> print(MultiplicativeLR(lambda step: 0.5 if step in (30, 60) else 1.0, steps=100))
    piecewise([30, 60], values=[1.0, 0.5, 0.25])
    >>> print(MultiplicativeLR(lambda step: 0.95, steps=100))
    exponential(0.95, every=1) | hold(100)
    """
    factors = [float(lr_lambda(step)) for step in range(1, steps + 1)]
    if factors and factors[0] != 1.0 and factors.count(factors[0]) == steps:
        return Exponential(factors[0], every=1).hold(steps)
    changes = [step for step, factor in enumerate(factors, 1) if factor != 1.0]
    if len(changes) > _MOST_DROPS:
        raise InvalidInput(
            f"MultiplicativeLR multiplies at {len(changes)} steps by factors that differ. Write "
            "their product as a function of the step instead: LambdaLR(lambda step: 0.95 ** step)."
        )
    values = [1.0]
    for step in changes:
        values.append(values[-1] * factors[step - 1])
    return Piecewise(changes, values) if changes else Constant()  # type: ignore[arg-type]


def StepLR(step_size: int, gamma: float = 0.1) -> Schedule:
    """Multiply by `gamma` every `step_size` steps.

    >>> print(StepLR(30))
    step_decay(factor=0.1, every=30)
    """
    return StepDecay(gamma, every=step_size)


def MultiStepLR(milestones: Iterable[int], gamma: float = 0.1) -> Schedule:
    """Multiply by `gamma` at each of `milestones`, where the new value holds already.

    >>> print(MultiStepLR([30, 80], gamma=0.5))
    piecewise([30, 80], values=[1.0, 0.5, 0.25])
    """
    return drops(milestones, gamma)


def ConstantLR(factor: float = 1.0 / 3, total_iters: int = 5) -> Schedule:
    """`factor` for `total_iters` steps, then 1.

    >>> print(ConstantLR(0.5, 10))
    piecewise([10], values=[0.5, 1.0])
    """
    return Piecewise([total_iters], [factor, 1.0])  # type: ignore[arg-type]


def LinearLR(
    start_factor: float = 1.0 / 3, end_factor: float = 1.0, total_iters: int = 5
) -> Schedule:
    """A line from `start_factor` to `end_factor` during `total_iters` steps.

    >>> print(LinearLR(0.1, total_iters=10))
    linear(start=0.1, end=1.0, length=10)
    """
    return Linear(start_factor, end_factor, length=total_iters)


def ExponentialLR(gamma: float) -> Schedule:
    """Multiply by `gamma` at each step.

    >>> print(ExponentialLR(0.95))
    exponential(0.95, every=1)
    """
    return Exponential(gamma, every=1)


def PolynomialLR(total_iters: int = 5, power: float = 1.0) -> Schedule:
    """(1 − step/total_iters)^power.

    >>> print(PolynomialLR(100, power=2.0))
    polynomial(length=100, power=2.0)
    """
    return Polynomial(power=power, length=total_iters)


def CosineAnnealingLR(T_max: int, eta_min: float = 0.0, *, lr: float | None = None) -> Schedule:
    """Half a cosine down to `eta_min` at step `T_max`, where it stays; torch's rises again.

    Args:
        T_max: Steps.
        eta_min: A rate.
        lr: The optimizer's rate, which `eta_min` is turned into a factor of.

    >>> print(CosineAnnealingLR(100, eta_min=0.001, lr=0.1))
    cosine(end=0.01, length=100)
    """
    return ramp(1.0, floor(eta_min, lr, "CosineAnnealingLR", "eta_min"), T_max, Cosine)


def CosineAnnealingWarmRestarts(
    T_0: int, T_mult: int = 1, eta_min: float = 0.0, *, lr: float | None = None
) -> Schedule:
    """Half cosines, one after another, each `T_mult` times as long.

    Args:
        T_0: Steps of the first.
        T_mult: At least 1.
        eta_min: A rate.
        lr: The optimizer's rate, which `eta_min` is turned into a factor of.

    >>> print(CosineAnnealingWarmRestarts(10, T_mult=2))
    cosine(length=10) | repeat(length=10, stretch=2.0)
    """
    end = floor(eta_min, lr, "CosineAnnealingWarmRestarts", "eta_min")
    return ramp(1.0, end, T_0, Cosine).repeat(T_0, stretch=T_mult)


def CyclicLR(
    base_lr: float,
    max_lr: float,
    step_size_up: int = 2000,
    step_size_down: int | None = None,
    mode: str = "triangular",
    gamma: float = 1.0,
) -> Schedule:
    """Lines from `base_lr` up to `max_lr` and down, again and again: rates.

    Smith, "Cyclical Learning Rates for Training Neural Networks" (2017). For the momentum that
    torch cycles along, there is `cyclic_momentum`; for `scale_fn`, multiply by a callable.

    Args:
        base_lr: The lower rate.
        max_lr: The upper rate.
        step_size_up: Steps up.
        step_size_down: Steps down; `None` for as many.
        mode: "triangular", "triangular2" (each cycle half as high) or "exp_range" (height times
            gamma^step).
        gamma: For "exp_range".

    >>> print(CyclicLR(0.01, 0.1, 20))
    join(linear(start=0.0, end=1.0, length=20), linear(length=20)) | repeat() | between(0.1) | rate(0.1)
    """
    cycles = _cycles(step_size_up, step_size_down, mode, gamma)
    peak = largest(base_lr, max_lr)
    return cycles.between(share(base_lr, peak), share(max_lr, peak)).rate(peak)


def cyclic_momentum(
    base_momentum: float = 0.8,
    max_momentum: float = 0.9,
    step_size_up: int = 2000,
    step_size_down: int | None = None,
    mode: str = "triangular",
    gamma: float = 1.0,
) -> Schedule:
    """The momentum of `CyclicLR`, inverse to the rate: for `LearningRate(momentum=...)`.

    >>> print(cyclic_momentum(step_size_up=20))
    join(linear(start=0.0, end=1.0, length=20), linear(length=20)) | repeat() | between(0.9, high=0.8)
    """
    cycles = _cycles(step_size_up, step_size_down, mode, gamma)
    return cycles.between(max_momentum, base_momentum)


def OneCycleLR(
    max_lr: float,
    total_steps: int | None = None,
    epochs: int | None = None,
    steps_per_epoch: int | None = None,
    pct_start: float = 0.3,
    anneal_strategy: str = "cos",
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
) -> Schedule:
    """Up from max_lr/div_factor to max_lr, down to max_lr/(div_factor·final_div_factor): rates.

    The last of `total_steps` has the final rate, and later ones too; torch's step T rebounds and
    later ones raise. For the momentum there is `one_cycle_momentum`.

    Args:
        max_lr: The peak.
        total_steps: Steps; or give
        epochs: epochs, and
        steps_per_epoch: steps of an epoch.
        pct_start: The part of the cycle before the peak, above 0 and below 1.
        anneal_strategy: "cos" or "linear".
        div_factor: Peak ÷ first rate.
        final_div_factor: First ÷ last rate.
        three_phase: Whether the fall is as long as the rise, and the rest leads on to the end.

    >>> print(OneCycleLR(0.1, 100))
    one_cycle(length=100) | rate(0.1)
    """
    return _one_cycle(
        total_steps or _product(epochs, steps_per_epoch),
        pct_start,
        anneal_strategy,
        three_phase,
        start=1.0 / div_factor,
        end=1.0 / (div_factor * final_div_factor),
    ).rate(max_lr)


def one_cycle_momentum(
    total_steps: int,
    pct_start: float = 0.3,
    anneal_strategy: str = "cos",
    base_momentum: float = 0.85,
    max_momentum: float = 0.95,
    three_phase: bool = False,
) -> Schedule:
    """The momentum of `OneCycleLR`, inverse to the rate: for `LearningRate(momentum=...)`.

    >>> print(one_cycle_momentum(100))
    one_cycle(start=0.0, end=0.0, length=100) | between(0.95, high=0.85)
    """
    cycle = _one_cycle(total_steps, pct_start, anneal_strategy, three_phase, start=0.0, end=0.0)
    return cycle.between(max_momentum, base_momentum)


def SequentialLR(schedulers: Sequence[Any], milestones: Sequence[int]) -> Schedule:
    """One schedule after another, each from its own step 0; at a milestone the next begins.

    Args:
        schedulers: Schedules, such as this module's.
        milestones: One fewer.

    >>> print(SequentialLR([LinearLR(0.1, total_iters=5), ExponentialLR(0.9)], [5]))
    join(linear(start=0.1, end=1.0, length=5), exponential(0.9, every=1), boundaries=[5])
    """
    if len(milestones) != len(schedulers) - 1:
        raise InvalidInput(
            "SequentialLR needs one milestone fewer than schedulers. Received: "
            f"{len(schedulers)} schedulers, milestones={list(milestones)!r}."
        )
    return sequence(schedulers, milestones)


def ChainedScheduler(schedulers: Sequence[Any]) -> Schedule:
    """All at once: their product.

    >>> print(ChainedScheduler([ConstantLR(0.1, 2), ExponentialLR(0.9)]))
    piecewise([2], values=[0.1, 1.0]) * exponential(0.9, every=1)
    """
    return as_schedule(schedulers[0]) if len(schedulers) == 1 else product(*schedulers)


def ReduceLROnPlateau(*args: Any, **kwargs: Any) -> NoReturn:
    """Refused: a rule, no schedule.

    Raises:
        InvalidInput: Always; it says what to write.
    """
    refuse_plateau("ReduceLROnPlateau")


def _one_cycle(
    steps: int, peak: float, shape: str, three_phase: bool, *, start: float, end: float
) -> Schedule:
    if shape not in ("cos", "linear"):
        raise InvalidInput(
            "OneCycleLR's anneal_strategy is 'cos' or 'linear'. "
            f"Received: anneal_strategy={shape!r}."
        )
    return OneCycle(
        start,
        end,
        peak=peak,
        phases=3 if three_phase else 2,
        shape="cosine" if shape == "cos" else "linear",
        length=steps,
    )


def _cycles(up: int, down: int | None, mode: str, gamma: float) -> Schedule:
    triangle = join([Linear(0.0, 1.0, length=up), Linear(length=up if down is None else down)])
    if mode == "triangular":
        return triangle.repeat()
    if mode == "triangular2":
        return triangle.repeat(decay=0.5)
    if mode == "exp_range":
        return triangle.repeat() * Exponential(gamma, every=1)
    raise InvalidInput(
        "CyclicLR's mode is 'triangular', 'triangular2' or 'exp_range'; for scale_fn multiply by "
        f"a callable: .repeat() * scale. Received: mode={mode!r}."
    )


def _product(epochs: int | None, steps_per_epoch: int | None) -> int:
    if epochs is None or steps_per_epoch is None:
        raise InvalidInput(
            "OneCycleLR needs total_steps, or epochs and steps_per_epoch. Received: "
            f"epochs={epochs!r}, steps_per_epoch={steps_per_epoch!r}."
        )
    return epochs * steps_per_epoch
