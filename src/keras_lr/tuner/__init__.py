"""Tune the rate together with momentum, schedule, rules and whatever builds the model."""

from keras_lr.tuner.population.truncation import PBT
from keras_lr.tuner.ranges import Integers, LogIntegers, LogUniform, Uniform
from keras_lr.tuner.study import Study
from keras_lr.tuner.trial import Trial
from keras_lr.tuner.tune import tune

__all__ = ["PBT", "Integers", "LogIntegers", "LogUniform", "Study", "Trial", "Uniform", "tune"]
