"""What keeps a job from being compiled into one program."""

from typing import Any

from keras_lr.engines import internals
from keras_lr.engines.trial import Job
from keras_lr.rate import leaves


def obstacle(job: Job, model: Any) -> str | None:
    """Why the compiled engine can't run this job, or `None` where it can.

    Args:
        job: The job.
        model: A compiled model of the job.
    """
    import keras

    if keras.distribution.distribution() is not None:
        return "a keras.distribution is set, and lanes would have to share its devices"
    if model.run_eagerly:
        return "the model was compiled with run_eagerly=True"
    if not model.jit_compile:
        return "the model isn't compiled by XLA (jit_compile=False, or a layer that can't be)"
    for leaf in leaves(model.optimizer):
        if leaf.use_ema:
            return f"{type(leaf).__name__} keeps an average of the weights (use_ema=True)"
        own = leaf._learning_rate
        known = keras.Variable | keras.optimizers.schedules.LearningRateSchedule
        if not isinstance(own, known):
            return f"{type(leaf).__name__} was built with a function as its learning rate"
    if internals.is_once_only(job.x) or internals.is_once_only(job.validation_data):
        return "the data is a Python generator, which can be read once only"
    return None
