"""The models that were built here to travel, each once, as long as there is room for them."""

from collections import OrderedDict
from typing import Any

from keras_lr.engines.models import make_model
from keras_lr.engines.portable.data import as_arrays
from keras_lr.engines.portable.model import check_steps, describe
from keras_lr.engines.recording import Recording
from keras_lr.engines.trial import Job, TrialSpec
from keras_lr.state.random_state import RandomState

KEPT = 2**28
"""Bytes of weights of models that are kept described, since they may be asked for again."""


class Built:
    """The models that `pack` had built and described, most recently used last.

    Each distinct set of arguments has a number, by which other processes know its model; it stays
    when the description is dropped.

    Args:
        limit: Bytes of weights that are kept; the model that was used last is always.

    Attributes:
        count: How many times a model was built.
    """

    def __init__(self, limit: int = KEPT) -> None:
        self.limit = limit
        self.count = 0
        self._numbers: dict[str, int] = {}
        self._described: OrderedDict[int, dict[str, Any]] = OrderedDict()

    def number(self, spec: TrialSpec) -> int:
        """The number of a trial's model."""
        key = repr(sorted((name, repr(value)) for name, value in spec.arguments.items()))
        return self._numbers.setdefault(key, len(self._numbers))

    def described(self, job: Job, spec: TrialSpec) -> dict[str, Any]:
        """A trial's model as plain data, built unless it is still there.

        Raises:
            NotPortable: Something in it can't travel.
            Exception: What `build_model` raises, and a model that doesn't fit the data.
        """
        number = self.number(spec)
        if number not in self._described:
            self._described[number] = _described(job, spec)
            self.count += 1
        self._described.move_to_end(number)
        while len(self._described) > 1 and self._size() > self.limit:
            self._described.popitem(last=False)
        return self._described[number]

    def forget(self) -> None:
        """Drop all descriptions, since another seed gives other weights; the numbers stay."""
        self._described.clear()

    def _size(self) -> int:
        models = self._described.values()
        return sum(array.nbytes for model in models for array in model["variables"])


def _described(job: Job, spec: TrialSpec) -> dict[str, Any]:
    model = make_model(job, TrialSpec(arguments=spec.arguments))
    create_variables(model, job)
    # Where the generators that batches are drawn by are, once the model is built.
    state = {**RandomState.take().to_state(), "torch": None, "tensorflow": None}
    return {**describe(model), "random": state}


def create_variables(model: Any, job: Job) -> None:
    """Create the variables of a model that waits for its first batch, on such a batch.

    Raises:
        NotPortable: Its steps, or the data, can't travel.
        Exception: What the model raises that doesn't fit the data.
    """
    from keras import tree

    check_steps(model)
    if model.built:
        return
    x, rows = job.x, job.batch_size or 32
    first = x.batches[0][0] if isinstance(x, Recording) else as_arrays(x, "x")
    model(tree.map_structure(lambda array: array[:rows], first))
