"""`find`: one call from a compiled model and its data to a learning rate."""

from typing import Any

import numpy as np

from keras_lr.backend import require
from keras_lr.engines.fits import check_fits
from keras_lr.engines.seed import check_seed
from keras_lr.errors import InvalidInput, KerasLRError, RateNotFound, nearest
from keras_lr.finder.batches import Batches
from keras_lr.finder.decay import decays
from keras_lr.finder.finding import Finding
from keras_lr.finder.preserve import check_compiled
from keras_lr.finder.progress import shown
from keras_lr.finder.race import race, race_length
from keras_lr.finder.range_test import RANGE, UPDATES, range_test
from keras_lr.finder.rates import (
    MEMBERS,
    LearningRates,
    check_learning_rates,
    default_rates,
    spread,
)
from keras_lr.rate import leaf_names, leaves, settle
from keras_lr.rate.leaves import optimizer_of

METHODS = ("auto", "race", "range")
ROOM = 8 * 2**30
"""Bytes that "auto" lets the members of a race take."""


def find(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    method: str = "auto",
    sample_weight: Any = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    schedule: Any = None,
    learning_rates: LearningRates | None = None,
    seed: int = 0,
    verbose: int = 1,
) -> Finding:
    """Find a learning rate for `model` on this data; the model is left bit for bit as it was.

    Give the batch size, the length and the schedule of the training to come: the best rate
    depends on them.

    Args:
        model: A compiled model. It is measured from its present weights and optimizer state.
        x: Arrays, or a dataset that yields batches, as for `fit` (not a generator).
        y: Targets, for arrays.
        method: `"race"` (sixteen short trainings side by side, in one compiled program; JAX),
            `"range"` (one training at a rising rate, through `fit`; any backend), or `"auto"`:
            a race where it can run.
        sample_weight: Weights of the rows, for arrays.
        batch_size: Rows of a batch, for arrays; 32 by default, as in `fit`.
        epochs: Epochs of the training to come; with `steps`, the length of the race follows.
        steps: Or its updates. Unknown, the race has its greatest length, 300 updates.
        schedule: What the training's `LearningRate(schedule=...)` will get. If its rate decays,
            so does the race, and the rate found is the peak. `None` is a constant rate, or the
            schedule that the optimizer was built with.
        learning_rates: The range `(low, high)` to search, or (race) the very rates; by default a
            range for the kind of optimizer, widened once if the best is at its edge.
        seed: Of the order of the batches; 0 ≤ seed < 2**32.
        verbose: 0 prints nothing, 1 what is done and found, in a line each.

    Returns:
        A `Finding`: `learning_rate`, what was measured, and why. Its `plot()` draws it.

    Raises:
        RateNotFound: If what was measured allows no answer: the loss never fell, every rate
            diverged, or the best lies at the edge of the range. Its `finding` holds the curve.
        InvalidInput: For input that can't be used; nothing was trained.
    """
    require()
    _check_method(method)
    seed = check_seed(seed)
    check_compiled(model)
    settle(model)
    optimizer_of(model)  # what an interrupted fit on JAX holds outside the variables comes back
    _check_one_rate(model)
    rates = check_learning_rates(learning_rates)
    if method == "range" and rates is not None and len(rates) > 2:
        raise InvalidInput(
            "The range test sweeps from a lowest to a highest rate. Write learning_rates="
            f"({rates[0]:g}, {rates[-1]:g}), or method='race' for a list of rates. "
            f"Received: {len(rates)} rates."
        )
    batches = Batches(x, y, sample_weight=sample_weight, batch_size=batch_size, seed=seed)
    if batches.dataset is None:
        check_fits(model, x, y)
    per_epoch = _updates_per_epoch(model, batches)
    length = _run_length(epochs, steps, per_epoch)
    samples = batches.rows / per_epoch if batches.dataset is None and per_epoch else None
    falls = decays(
        schedule, model.optimizer, steps=length, steps_per_epoch=per_epoch, batch_size=samples
    )
    say = print if verbose else lambda *_: None

    chosen, why = _choose(method, model)
    finding = None
    if chosen == "race":
        given = default_rates(model.optimizer) if rates is None else spread(rates)
        updates = race_length(length)
        say(
            f"find: a race of {len(given)} rates from {given[0]:.2g} to {given[-1]:.2g}, "
            f"{updates} updates each, {'decaying' if falls else 'constant'}"
        )
        try:
            with shown(updates, quiet=not verbose) as told:
                finding = race(
                    model,
                    batches,
                    rates=given,
                    length=updates,
                    decays=falls,
                    extend=rates is None,
                    told=told,
                )
        except Exception as error:
            if method != "auto" or isinstance(error, KerasLRError):
                raise
            first = (str(error).strip() or "no message").splitlines()[0]
            why = f"the race can't run here ({type(error).__name__}: {first[:120]})"
    if finding is None:
        if why:
            say(f"find: {why}; so a range test")
        low, high = RANGE if rates is None else (float(rates[0]), float(rates[-1]))
        say(f"find: a range test from {low:.2g} to {high:.2g} in {UPDATES} updates")
        with shown(UPDATES, quiet=not verbose) as told:
            finding = range_test(
                model, batches, rates=(low, high), decays=falls, extend=rates is None, told=told
            )
    if finding.learning_rate is None:
        raise RateNotFound(finding)
    say(f"find: {finding.learning_rate:.3g}. {finding.reason} ({finding.seconds:.1f} s)")
    return finding


def _check_method(method: Any) -> None:
    if method not in METHODS:
        raise InvalidInput(f"Unknown method {method!r}. {nearest(str(method), METHODS)}")


def _check_one_rate(model: Any) -> None:
    if len(leaves(model.optimizer)) > 1:
        names = ", ".join(leaf_names(model.optimizer))
        raise InvalidInput(
            "find looks for one rate, and this optimizer has several. Compile with one of its "
            "members, find its rate, then with the next: model.compile(optimizer=member, ...). "
            f"Received: {type(model.optimizer).__name__} of {names}."
        )


def _choose(method: str, model: Any) -> tuple[str, str]:
    """The method, and why if it isn't the one that "auto" prefers."""
    import keras

    backend = keras.backend.backend()
    if method == "race" and backend != "jax":
        raise InvalidInput(
            "A race runs in the compiled engine, which needs Keras on JAX. Set KERAS_BACKEND=jax, "
            f"or write method='range'. Received: method='race' on {backend}."
        )
    if method != "auto":
        return method, ""
    if backend != "jax":
        return "range", f"a race needs Keras on JAX, and this is {backend}"
    size = _bytes(model) * MEMBERS
    if size > ROOM:
        return "range", f"{MEMBERS} copies of this model in training take {size / 2**30:.0f} GiB"
    return "race", ""


def _bytes(model: Any) -> int:
    """About what one copy takes: its variables, and as much again for each optimizer slot."""
    trained = {id(variable) for variable in model.trainable_variables}
    slots = 2  # Adam's; an optimizer that isn't built yet doesn't tell
    return sum(
        int(np.prod(variable.shape)) * 4 * (1 + slots * (id(variable) in trained))
        for variable in model.variables
    )


def _updates_per_epoch(model: Any, batches: Batches) -> float | None:
    if batches.steps_per_epoch is None:
        return None
    parts = [model.optimizer, *leaves(model.optimizer)]
    accumulated = max(getattr(part, "gradient_accumulation_steps", None) or 1 for part in parts)
    return batches.steps_per_epoch / accumulated


def _run_length(epochs: Any, steps: Any, per_epoch: float | None) -> int | None:
    for name, value in {"epochs": epochs, "steps": steps}.items():
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if value is not None and not (whole and value > 0):
            raise InvalidInput(
                f"{name} must be a positive whole number. Received: {name}={value!r}."
            )
    if epochs is not None and steps is not None:
        raise InvalidInput(
            "Give the length of the run once. Write either epochs or steps. "
            f"Received: epochs={epochs}, steps={steps}."
        )
    if steps is not None:
        return int(steps)
    if epochs is None:
        return None
    if per_epoch is None:
        raise InvalidInput(
            "The dataset doesn't say how many batches an epoch has. Write steps= instead: epochs × "
            f"batches of an epoch. Received: epochs={epochs}."
        )
    return max(1, round(epochs * per_epoch))
