"""A message to another process: JSON and the arrays beside it."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_lr.engines.portable.errors import NotPortable
from keras_lr.errors import InvalidInput
from keras_lr.state import tree


@dataclass(frozen=True)
class Packed:
    """Plain data, ready to travel.

    Args:
        text: JSON.
        arrays: The arrays that it refers to by their place.
    """

    text: str
    arrays: tuple[np.ndarray, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes that travel."""
        return len(self.text) + sum(array.nbytes for array in self.arrays)

    @classmethod
    def of(cls, value: Any, what: str) -> "Packed":
        """Plain data packed.

        Args:
            value: Numbers, texts, arrays, and collections of such.
            what: What it is, for the reason.

        Raises:
            NotPortable: Something in it isn't plain data.
        """
        arrays: list[np.ndarray] = []
        try:
            return cls(json.dumps(tree.pack(value, arrays)), tuple(arrays))
        except InvalidInput:
            place, found = tree.offender(value) or ("", value)
            raise NotPortable(
                f"{what} holds what is no plain data ({type(found).__name__} at {place})"
            ) from None

    def value(self) -> Any:
        """What was packed; arrays are those of `arrays`, not copies."""
        return tree.unpack(json.loads(self.text), list(self.arrays))
