"""Recipes: the schedules of other libraries, by their names and arguments.

A module a library, a function a schedule; its arguments have the library's names, order and
defaults (less the optimizer, which isn't needed). Each returns an ordinary composition: it prints as
text, can be composed further, and is laid out over a run like any other. What the libraries mean by
their arguments differs; docs/peers.md says how.

>>> from keras_lr.schedules import peers
>>> print(peers.transformers.get_cosine_schedule_with_warmup(10, 100))
cosine(length=90) | warmup(10)
>>> print(peers.optax.warmup_cosine_decay_schedule(0.0, 0.1, 10, 100, end_value=0.001))
cosine(end=0.01, length=90) | warmup(10) | rate(0.1)
"""

from keras_lr.schedules.peers import (
    big_vision,
    composer,
    deepspeed,
    fairseq,
    fastai,
    keras,
    levanter,
    megatron,
    optax,
    tf_addons,
    tf_models,
    timm,
    torch,
    torchtitan,
    transformers,
)

__all__ = [
    "big_vision",
    "composer",
    "deepspeed",
    "fairseq",
    "fastai",
    "keras",
    "levanter",
    "megatron",
    "optax",
    "tf_addons",
    "tf_models",
    "timm",
    "torch",
    "torchtitan",
    "transformers",
]
