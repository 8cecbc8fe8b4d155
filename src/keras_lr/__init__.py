"""keras-lr: control the learning rate of a Keras 3 model, from the first guess to the last cut.

Everything here is imported when it is first used; `import keras_lr` itself only chooses Keras's
backend (see `keras_lr.backend`), so write it before `import keras`.
"""

import importlib
from typing import TYPE_CHECKING, Any

from keras_lr import backend as _backend
from keras_lr.lazy import load as _load

__version__ = "0.1.0"

_PUBLIC = {
    "find": "keras_lr.finder:find",
    "Finding": "keras_lr.finder:Finding",
    "tune": "keras_lr.tuner:tune",
    "Study": "keras_lr.tuner:Study",
    "PBT": "keras_lr.tuner:PBT",
    "Integers": "keras_lr.tuner:Integers",
    "LogIntegers": "keras_lr.tuner:LogIntegers",
    "LogUniform": "keras_lr.tuner:LogUniform",
    "Uniform": "keras_lr.tuner:Uniform",
    "LearningRate": "keras_lr.callbacks:LearningRate",
    "replay": "keras_lr.rules:replay",
    "Live": "keras_lr.watch.live:Live",
    "diagnose": "keras_lr.watch:diagnose",
    "report": "keras_lr.watch:report",
    "get_learning_rate": "keras_lr.rate:get_learning_rate",
    "set_learning_rate": "keras_lr.rate:set_learning_rate",
}
_MODULES = ("callbacks", "errors", "optimizers", "rules", "schedules")

__all__ = [
    "PBT",
    "Finding",
    "Integers",
    "LearningRate",
    "Live",
    "LogIntegers",
    "LogUniform",
    "Study",
    "Uniform",
    "callbacks",
    "diagnose",
    "errors",
    "find",
    "get_learning_rate",
    "optimizers",
    "replay",
    "report",
    "rules",
    "schedules",
    "set_learning_rate",
    "tune",
]

if TYPE_CHECKING:
    from keras_lr import callbacks, errors, optimizers, rules, schedules
    from keras_lr.callbacks import LearningRate
    from keras_lr.finder import Finding, find
    from keras_lr.rate import get_learning_rate, set_learning_rate
    from keras_lr.rules import replay
    from keras_lr.tuner import PBT, Integers, LogIntegers, LogUniform, Study, Uniform, tune
    from keras_lr.watch import diagnose, report
    from keras_lr.watch.live import Live


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return _load(_PUBLIC[name])
    if name in _MODULES:
        return importlib.import_module(f"keras_lr.{name}")
    raise AttributeError(f"module 'keras_lr' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


_backend.choose()
