"""Callbacks: `LearningRate`, and the Keras-named faces of the same machinery."""

from keras_lr.backend import require as _require

_require()

from keras_lr.callbacks.backup.callback import BackupAndRestore  # noqa: E402
from keras_lr.callbacks.learning_rate import LearningRate  # noqa: E402
from keras_lr.callbacks.monitor import LearningRateMonitor  # noqa: E402
from keras_lr.callbacks.record import Explanation, RateEvent, RunRecord  # noqa: E402
from keras_lr.callbacks.reduce_on_plateau import ReduceLROnPlateau  # noqa: E402
from keras_lr.callbacks.scheduler import LearningRateScheduler  # noqa: E402

__all__ = [
    "BackupAndRestore",
    "Explanation",
    "LearningRate",
    "LearningRateMonitor",
    "LearningRateScheduler",
    "RateEvent",
    "ReduceLROnPlateau",
    "RunRecord",
]
