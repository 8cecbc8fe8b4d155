"""What a seed may be: what NumPy, Keras and Optuna all take."""

from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput

LIMIT = 2**32


def check_seed(seed: Any, name: str = "seed") -> int:
    """`seed` as an int, or an error if `keras.utils.set_random_seed` couldn't take it.

    Args:
        seed: A whole number, 0 ≤ seed < 2**32; NumPy's count.
        name: What the user calls it, for the error.

    Raises:
        InvalidInput: For anything else.

    >>> check_seed(7)
    7
    """
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not whole or not 0 <= seed < LIMIT:
        raise InvalidInput(
            f"{name} must be a whole number from 0 to {LIMIT - 1}. Write e.g. {name}=0. "
            f"Received: {name}={seed!r}."
        )
    return int(seed)
