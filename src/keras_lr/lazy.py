"""The one way up the layers: a result's `.plot()` calls into `watch` by name, when asked.

Importing by name keeps `import keras_lr` light, and keeps results ignorant of how they are drawn.
"""

import importlib
from typing import Any


def load(reference: str) -> Any:
    """The object that `"package.module:name"` refers to."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


def call(reference: str, *args: Any, **kwargs: Any) -> Any:
    """Call the function that `"package.module:name"` refers to."""
    return load(reference)(*args, **kwargs)
