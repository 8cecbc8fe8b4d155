"""Several rates trained in lockstep on the same batches: the primitive of a race."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_lr.engines import internals
from keras_lr.engines.compiled.candidates import default_candidates
from keras_lr.engines.compiled.chunk import chunks, take
from keras_lr.engines.compiled.lanes import Lane, Pack
from keras_lr.engines.compiled.program import Program
from keras_lr.engines.compiled.runner import Runner
from keras_lr.errors import InvalidInput

PARTS = 20
"""How often a caller is told how far it is."""


def batches_of(
    x: Any,
    y: Any = None,
    *,
    steps: int,
    sample_weight: Any = None,
    class_weight: Any = None,
    batch_size: int | None = None,
    shuffle: bool | str = True,
) -> list[Any]:
    """The first `steps` batches that `fit` would train on, epoch after epoch if it takes several.

    They come from Keras's own data adapters, so anything that `fit` takes will do, and shuffling
    draws from numpy's global generator as in `fit` (seed it before, restore it after).
    """
    iterator = internals.epoch_iterator(
        x,
        y,
        sample_weight=sample_weight,
        class_weight=class_weight,
        batch_size=batch_size,
        shuffle=shuffle,
    )
    found: list[Any] = []
    while len(found) < steps:
        iterator.reset()
        before = len(found)
        found += take(internals.one_epoch(iterator), steps - len(found))
        if len(found) == before:
            break
    return found


def lockstep_losses(
    model: Any,
    batches: Sequence[Any],
    rates: np.ndarray,
    *,
    program: Program | None = None,
    told: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Train one lane for each row of `rates`, all from the model's present state.

    Every lane starts with the model's weights, optimizer state, batch statistics and random
    seeds, sees the same batches, and uses its own rate at each step. Nothing stops early: a lane
    that diverges goes on with non-finite losses. The model isn't touched: its weights, optimizer,
    metrics and random generators stay as they were, bit for bit.

    Args:
        model: A compiled and built model on the JAX backend (a model with unbuilt variables is
            built by `keras_lr.engines.internals.build`, which does what `fit` would do first).
        batches: n batches `(x, y, sample_weight)` as Keras's iterators give them (`batches_of`).
        rates: Shape `(k, n)`: the rate of lane i at step j. With a `MultiOptimizer`, all members
            use it; shape `(k, n, members)` gives each its own.
        program: Reuse a program (and what it compiled) that was made for this model.
        told: Called with the batches that are done, every now and then.

    Returns:
        float32, shape `(k, n)`: the loss of each batch before its update, as the trainer's
        `train_step` reports it.

    Raises:
        InvalidInput: On another backend, for a model that isn't built, for a table of the wrong
            shape.
    """
    program = program or Program(model)
    rates = np.asarray(rates, np.float32)
    if rates.ndim == 2:
        rates = np.repeat(rates[..., None], program.rates, axis=2)
    if rates.ndim != 3 or rates.shape[1:] != (len(batches), program.rates) or not len(rates):
        raise InvalidInput(
            f"rates needs the shape (lanes, {len(batches)}), one rate for each of the batches. "
            f"Received: shape {rates.shape}."
        )
    runner = Runner(program)
    plan = program.plan = program.plan or default_candidates(len(rates), model)[0]
    start = program.state()
    lanes = [Lane(start) for _ in range(len(rates))]
    packs = [Pack(lanes[i : i + plan.width], plan) for i in range(0, len(lanes), plan.width)]
    losses, done = [], 0
    for chunk in chunks(batches):
        table = rates[:, done : done + len(chunk)]
        part = max(1, len(batches) // PARTS) if told is not None else len(chunk)
        for start in range(0, len(chunk), part):
            stop = min(start + part, len(chunk))
            losses.append(runner.losses(packs, chunk, table, span=(start, stop)))
            if told is not None:
                told(done + stop)
        done += len(chunk)
    return np.concatenate(losses, axis=1)
