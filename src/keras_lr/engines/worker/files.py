"""What travels between two processes of one machine: a file that is written once and mapped."""

import json
import math
import mmap
from pathlib import Path

import numpy as np

from keras_lr.engines.portable import Packed
from keras_lr.state.archive import dtype_name, named_dtype

_LENGTH = 8
_ALIGNED = 64


def write(path: Path, packed: Packed) -> None:
    """Write a `Packed` to a file.

    The layout: the length of the header, a JSON header (the text, and each array's type, shape
    and place), the arrays' bytes.

    Raises:
        OSError: The disk is full, or refuses.
    """
    described, place = [], 0
    for array in packed.arrays:
        place = -(-place // _ALIGNED) * _ALIGNED
        described.append({"dtype": dtype_name(array.dtype), "shape": array.shape, "at": place})
        place += array.nbytes
    header = json.dumps({"text": packed.text, "arrays": described}).encode()
    start = _start(len(header))
    with open(path, "wb") as file:
        file.write(len(header).to_bytes(_LENGTH, "little") + header)
        for array, each in zip(packed.arrays, described, strict=True):
            file.seek(start + each["at"])
            # A view as bytes, because Python's buffers don't know bfloat16.
            flat = np.ascontiguousarray(array).reshape(-1)
            file.write(flat.view(np.uint8).data if flat.size else b"")
        file.truncate(max(file.tell(), start + place, 1))


def read(path: Path) -> Packed:
    """What `write` wrote; the arrays are read-only views of the mapped file."""
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    length = int.from_bytes(data[:_LENGTH], "little")
    header = json.loads(data[_LENGTH : _LENGTH + length])
    start, arrays = _start(length), []
    for each in header["arrays"]:
        dtype, count = named_dtype(each["dtype"]), math.prod(each["shape"])
        found = np.frombuffer(data, dtype, count, start + each["at"] if count else 0)
        arrays.append(found.reshape(each["shape"]))
    return Packed(header["text"], tuple(arrays))


def _start(header: int) -> int:
    return -(-(_LENGTH + header) // _ALIGNED) * _ALIGNED
