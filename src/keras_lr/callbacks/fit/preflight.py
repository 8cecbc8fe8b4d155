"""What Keras takes without a word and then doesn't do: refused or told before training."""

import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from keras_lr.callbacks.warning import warn
from keras_lr.errors import InvalidInput
from keras_lr.rate import Control, own_schedule
from keras_lr.rate.held_decay import check_holdable
from keras_lr.rate.leaves import chain
from keras_lr.rate.running import callbacks_of, is_fitting
from keras_lr.schedules import Plan

_LOOKS = 200
"""Steps of a plan whose rates are computed, at most."""


def check_before_training(control: Control, owner: Any, plans: Iterable[Plan] = ()) -> None:
    """Look over the optimizer of a fit that begins.

    Args:
        control: Of the rate of the model.
        owner: The callback that asks.
        plans: The schedule laid out over the fit, for each leaf; empty without one.

    Raises:
        InvalidInput: The optimizer will not do what its author wrote.
    """
    check_attributes(control.optimizer)
    for leaf in control.leaves:
        check_keras_schedule(own_schedule(leaf))
    _check_rates(control)
    _warn_frozen(control)
    _warn_vanishing(control, list(plans))
    warn_listed_before(control.model, owner)


def refuse_second_fit(callback: Any, model: Any) -> None:
    """Refuse a callback that is at work in another fit, which goes on.

    To be asked when Keras gives it the model: later the other fit may have lost its own.

    Args:
        callback: The callback.
        model: Whose fit begins.

    Raises:
        InvalidInput: The other fit is still running.
    """
    # Not its property, which on JAX would sync the state of a fit in another thread.
    other = vars(callback).get("_model")
    if other is not model and is_fitting(other):
        name = type(callback).__name__
        raise InvalidInput(
            f"This {name} is at work in the fit of another model, which is still running. Give each "
            f"fit its own: callbacks=[{name}(...)]. Received: the one of {other.name!r} for "
            f"{model.name!r}."
        )


def warn_listed_before(model: Any, owner: Any) -> None:
    """Warn of a `CSVLogger` that writes an epoch's row before anybody has logged the rate."""
    listed = callbacks_of(model)
    if owner not in listed:
        return
    for callback in listed[: listed.index(owner)]:
        if type(callback).__module__.startswith("keras_lr."):
            return
        if isinstance(callback, keras.callbacks.CSVLogger):
            ours = type(owner).__name__
            warn(
                f"CSVLogger is listed before {ours}, so its file will not have the rate. Write "
                f"callbacks=[{ours}(...), CSVLogger(...)].",
            )


def check_attributes(optimizer: Any) -> None:
    """Refuse `optimizer.lr = x` and `optimizer.decay = x`, which Keras 3 takes and never reads.

    Raises:
        InvalidInput: With the line to write.
    """
    for found in chain(optimizer):
        if not type(found).__module__.startswith("keras."):
            continue  # a class of the user's may have what it likes
        mine = vars(found)
        if "lr" in mine and mine["lr"] is not getattr(found, "_learning_rate", None):
            value = mine["lr"]
            raise InvalidInput(
                f"optimizer.lr = {value!r} does nothing: Keras 3 calls it learning_rate, and takes "
                "any other attribute without a word. Write "
                f"keras_lr.set_learning_rate(model, {value!r}), and take the line out (or `del "
                f"model.optimizer.lr`). Received: lr on {type(found).__name__} {found.name!r}."
            )
        if "decay" in mine:
            value = mine["decay"]
            raise InvalidInput(
                f"optimizer.decay = {value!r} does nothing in Keras 3. For Keras 2's decay write "
                f'LearningRate(schedule=schedules.TimeDecay({value!r}, per="update")) or compile with '
                f"keras_lr.optimizers.SGD(0.01, decay={value!r}), and take the line out (or `del "
                f"model.optimizer.decay`). Received: decay on {type(found).__name__} "
                f"{found.name!r}."
            )


def check_keras_schedule(schedule: Any) -> None:
    """Refuse arguments with which Keras's schedules compute something else than they say.

    An int as the rate makes the whole schedule one of whole numbers; a warmup without its target
    isn't done.

    Raises:
        InvalidInput: With the line to write.
    """
    if not type(schedule).__module__.startswith("keras."):
        return
    kind = type(schedule).__name__
    given: dict[str, Any] = vars(schedule)
    rate = given.get("initial_learning_rate")
    if isinstance(rate, int):
        raise InvalidInput(
            f"{kind} computes in whole numbers if its initial_learning_rate is one, and its other "
            f"rates are cut down to them. Write {kind}({float(rate)}, ...). "
            f"Received: initial_learning_rate={rate!r}."
        )
    if given.get("warmup_steps") and given.get("warmup_target") is None:
        steps = given["warmup_steps"]
        raise InvalidInput(
            f"{kind} does no warmup without a target. Write {kind}(0.0, ..., "
            f"warmup_target={rate!r}, warmup_steps={steps!r}), or "
            f"schedules.Cosine().warmup({steps!r}) as a factor of the optimizer's rate. Received: "
            f"warmup_steps={steps!r}, warmup_target=None."
        )
    values = given.get("values")
    if values and len({isinstance(value, int) for value in values}) > 1:
        shown = [float(value) for value in values]
        raise InvalidInput(
            f"{kind} doesn't mix whole numbers with others on TensorFlow and torch. Write "
            f"values={shown}. Received: values={values!r}."
        )


def check_held(control: Control, plans: list[Plan]) -> None:
    """Refuse to hold a weight decay that isn't there, or to a rate that doesn't count.

    Raises:
        InvalidInput: With the line to write.
    """
    check_holdable(control.optimizer, control.leaves)
    if plans and plans[0].absolute:
        raise InvalidInput(
            "independent_weight_decay=True holds weight_decay × the optimizer's rate, which the "
            "schedule replaces. Write the schedule as a factor of the optimizer's rate (without "
            f".rate(...), or as one of keras_lr.schedules). Received: schedule={plans[0].schedule}."
        )


def renew_step(control: Control, epoch: int) -> None:
    """Let what was assigned to the optimizer since the last look take effect from now on.

    Args:
        control: Of the running fit.
        epoch: The next epoch (the first is 0).
    """
    changed = control.baked.look(control.model, control.settings.followed)
    names = [name for name in changed if name != "learning_rate"]  # a function: told already
    if names:
        named = " and ".join(names)
        scheduled = [f"{n}=schedules..." for n in ("momentum", "weight_decay") if n in names]
        instead = f"LearningRate({', '.join(scheduled) or 'momentum=schedules...'})"
        warn(
            f"{named} was assigned during the fit. Keras holds it as a constant of the compiled "
            f"step, so the step is compiled anew, and it has effect from epoch {epoch + 1} on. A "
            f"schedule costs no compilation: {instead}.",
        )


def _check_rates(control: Control) -> None:
    for leaf, base, rate in zip(control.leaves, control.bases, control.read(), strict=True):
        value = rate if own_schedule(leaf) is not None else base
        if not math.isfinite(value) or value < 0:
            raise InvalidInput(
                f"The rate of {leaf.name!r} is {value:g}, which Keras takes and trains with. "
                f"Compile with a positive number, or write keras_lr.set_learning_rate(model, 0.01). "
                f"Received: learning_rate={value:g}."
            )


def _warn_frozen(control: Control) -> None:
    """Warn of a function in the rate's slot, of which the compiled step keeps one answer."""
    if keras.backend.backend() == "torch":
        return
    for leaf in control.leaves:
        own = own_schedule(leaf)
        if own is None or isinstance(own, keras.optimizers.schedules.LearningRateSchedule):
            continue
        warn(
            f"The rate of {leaf.name!r} is a function, which is asked once, when the training step "
            "is compiled; what it answers later has no effect in this fit. Compile with a number "
            "and write keras_lr.set_learning_rate(model, value) when it changes, or give a function "
            "of the step to LearningRate(schedule=...).",
        )


def _warn_vanishing(control: Control, plans: list[Plan]) -> None:
    """Warn of a rate that is 0 in the 16 bits of the weights."""
    for index, leaf in enumerate(control.leaves):
        types = {weight.dtype for weight in control.model.trainable_variables}
        if own_schedule(leaf) is not None or "float16" not in types:
            continue
        highest = control.bases[index] * control.reductions[index]
        if plans:
            plan = plans[index]
            steps = np.unique(np.linspace(0, plan.horizon.steps - 1, _LOOKS).astype(np.int64))
            top = float(np.max(plan(steps)))
            highest = top if plan.absolute else highest * top
        if highest and float(np.float16(highest)) == 0.0:
            warn(
                f"The weights are float16, in which a rate of {highest:g} is 0: nothing will be "
                "trained. Keep the weights in 32 bits: "
                'keras.config.set_dtype_policy("mixed_float16") before the model is made.',
            )
