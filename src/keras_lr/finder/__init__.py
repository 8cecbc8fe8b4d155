"""Find a learning rate: a race of rates on JAX, a range test on any backend."""

from keras_lr.finder.find import find
from keras_lr.finder.finding import Finding

__all__ = ["Finding", "find"]
