"""A job and its trials as plain data, for engines in other processes and on other machines.

`pack` writes JSON and a list of arrays; `unpack` makes a `Job` and its trials of them, on whatever
backend runs there. What can't travel raises `NotPortable`, whose message is the reason.
"""

from keras_lr.engines.portable.built import Built
from keras_lr.engines.portable.errors import NotPortable
from keras_lr.engines.portable.job import (
    Models,
    pack,
    pack_data,
    pack_model,
    renew,
    unpack,
    unpack_data,
    unpack_model,
)
from keras_lr.engines.portable.packed import Packed
from keras_lr.engines.portable.reading import read_datasets
from keras_lr.engines.portable.trials import TrialFailed, pack_result, unpack_result

__all__ = [
    "Built",
    "Models",
    "NotPortable",
    "Packed",
    "TrialFailed",
    "pack",
    "pack_data",
    "pack_model",
    "pack_result",
    "read_datasets",
    "renew",
    "unpack",
    "unpack_data",
    "unpack_model",
    "unpack_result",
]
