"""TensorFlow Addons' cyclical schedules by name and argument: rates.

Smith, "Cyclical Learning Rates for Training Neural Networks" (2017). Values: the formulas of
tensorflow_addons 0.23. They go on for ever.
"""

from keras_lr.errors import InvalidInput
from keras_lr.schedules.peers.parts import largest, share
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.decays import Exponential
from keras_lr.schedules.shapes.ramps import Linear
from keras_lr.schedules.transforms.join import join


def TriangularCyclicalLearningRate(
    initial_learning_rate: float, maximal_learning_rate: float, step_size: int
) -> Schedule:
    """Up and down along lines, `step_size` steps each.

    >>> print(TriangularCyclicalLearningRate(0.01, 0.1, 20))
    join(linear(start=0.0, end=1.0, length=20), linear(length=20)) | repeat() | between(0.1) | rate(0.1)
    """
    return _lifted(_triangle(step_size).repeat(), initial_learning_rate, maximal_learning_rate)


def Triangular2CyclicalLearningRate(
    initial_learning_rate: float, maximal_learning_rate: float, step_size: int
) -> Schedule:
    """The same, each cycle half as high.

    >>> print(Triangular2CyclicalLearningRate(0.01, 0.1, 20))
    join(linear(start=0.0, end=1.0, length=20), linear(length=20)) | repeat(decay=0.5) | between(0.1) | rate(0.1)
    """
    cycles = _triangle(step_size).repeat(decay=0.5)
    return _lifted(cycles, initial_learning_rate, maximal_learning_rate)


def ExponentialCyclicalLearningRate(
    initial_learning_rate: float,
    maximal_learning_rate: float,
    step_size: int,
    scale_mode: str = "iterations",
    gamma: float = 1.0,
) -> Schedule:
    """The same, its height times gamma^step, or gamma^cycle, where the first cycle is 1.

    Args:
        initial_learning_rate: The lower rate.
        maximal_learning_rate: The upper one.
        step_size: Steps up, and steps down.
        scale_mode: "iterations" or "cycle".
        gamma: At most 1.

    >>> print(ExponentialCyclicalLearningRate(0.01, 0.1, 20, gamma=0.99))
    (join(linear(start=0.0, end=1.0, length=20), linear(length=20)) | repeat()) * exponential(0.99, every=1) | between(0.1) | rate(0.1)
    """
    triangle = _triangle(step_size)
    if scale_mode == "iterations":
        cycles = triangle.repeat() * Exponential(gamma, every=1)
    elif scale_mode == "cycle":
        cycles = triangle.repeat(decay=gamma) * gamma
    else:
        raise InvalidInput(
            "ExponentialCyclicalLearningRate's scale_mode is 'iterations' or 'cycle'. "
            f"Received: scale_mode={scale_mode!r}."
        )
    return _lifted(cycles, initial_learning_rate, maximal_learning_rate)


def _triangle(step_size: int) -> Schedule:
    return join([Linear(0.0, 1.0, length=step_size), Linear(length=step_size)])


def _lifted(cycles: Schedule, low: float, high: float) -> Schedule:
    peak = largest(low, high)
    return cycles.between(share(low, peak), share(high, peak)).rate(peak)
