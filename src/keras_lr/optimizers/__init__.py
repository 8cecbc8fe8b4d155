"""Optimizers: stock Keras ones, made with the arguments that people know."""

from keras_lr.optimizers.sgd import SGD

__all__ = ["SGD"]
