"""`SGD(lr, momentum, decay)`: Keras 2's arguments on today's Keras."""

from typing import Any, Literal

from keras_lr.backend import require
from keras_lr.errors import InvalidInput
from keras_lr.rate import check_rate


def SGD(
    learning_rate: Any = 0.01,
    momentum: float = 0.0,
    nesterov: bool = False,
    *,
    lr: float | None = None,
    decay: float = 0.0,
    decay_per: Literal["update", "epoch"] = "update",
    steps_per_epoch: int | None = None,
    **kwargs: Any,
) -> Any:
    """A `keras.optimizers.SGD` that understands `lr=` and `decay=`.

    Keras 3 refuses `lr` and ignores `decay` with a warning. Here `decay` means what it meant in
    Keras 2: rate(k) = learning_rate / (1 + decay·k) with k the updates done. With
    `decay_per="epoch"` k counts the epochs done instead, so that the rate falls after each epoch.

    It is a factory, not a subclass: what it returns is the stock optimizer (whose fast paths are
    for the exact class only), which saves and loads without this package.

    Args:
        learning_rate: A positive number, a Keras `LearningRateSchedule`, or a callable.
        momentum: In [0, 1].
        nesterov: Whether to use Nesterov momentum.
        lr: Keras 2's name for `learning_rate`.
        decay: Time-based decay, at least 0; only with a number as `learning_rate`.
        decay_per: What `decay` counts: `"update"` (Keras 2) or `"epoch"`.
        steps_per_epoch: Batches in an epoch; needed for `decay_per="epoch"`.
        **kwargs: Further arguments of `keras.optimizers.SGD`.

    Returns:
        A `keras.optimizers.SGD`; with a decay its rate is Keras's `InverseTimeDecay`.

    Raises:
        InvalidInput: For a rate that isn't a positive finite number, and for arguments that
            contradict each other.

    Source: the update of Keras 2.3's `SGD`, `lr * (1 / (1 + decay * iterations))`.

    Example:

    ```python
    from keras_lr.optimizers import SGD

    model.compile(optimizer=SGD(lr=0.01, momentum=0.9, decay=1e-4), loss="mse")
    ```
    """
    require()
    import keras

    if lr is not None:
        if learning_rate != 0.01:
            raise InvalidInput(
                f"lr and learning_rate are the same setting. Received: lr={lr!r}, "
                f"learning_rate={learning_rate!r}. Write SGD(learning_rate={lr!r})."
            )
        learning_rate = lr
    scheduled = callable(learning_rate)
    rate = (
        learning_rate
        if scheduled
        else check_rate(learning_rate, "learning_rate" if lr is None else "lr")
    )
    if (
        isinstance(decay, bool)
        or not isinstance(decay, int | float)
        or not 0 <= decay < float("inf")
    ):
        raise InvalidInput(f"decay must be a number, at least 0. Received: decay={decay!r}.")
    if decay_per not in ("update", "epoch"):
        raise InvalidInput(f'decay_per must be "update" or "epoch". Received: {decay_per!r}.')
    if decay and scheduled:
        raise InvalidInput(
            f"decay needs a number as learning_rate. Received: {type(learning_rate).__name__}. "
            "Write SGD(learning_rate=0.01, decay=...), or the schedule alone."
        )
    if decay:
        rate = _decayed(keras, rate, decay, decay_per, steps_per_epoch)
    return keras.optimizers.SGD(rate, momentum=momentum, nesterov=nesterov, **kwargs)


def _decayed(
    keras: Any, rate: Any, decay: float, decay_per: str, steps_per_epoch: int | None
) -> Any:
    steps = 1
    if decay_per == "epoch":
        if not isinstance(steps_per_epoch, int) or steps_per_epoch < 1:
            raise InvalidInput(
                'decay_per="epoch" needs the batches of an epoch. '
                f"Received: steps_per_epoch={steps_per_epoch!r}. Write "
                f"SGD({rate:g}, decay={decay:g}, decay_per='epoch', steps_per_epoch=len(x) // 32), "
                "or leave the counting to fit: LearningRate(schedule=schedules.TimeDecay("
                f"{decay:g}, per='epoch'))."
            )
        steps = steps_per_epoch
    return keras.optimizers.schedules.InverseTimeDecay(
        rate, decay_steps=steps, decay_rate=float(decay), staircase=decay_per == "epoch"
    )
