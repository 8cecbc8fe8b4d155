"""A state on disk: one file, written whole or not at all, checked when read, without pickle.

The layout: a line that says what it is, the length of the header, a JSON header (the tree of the
state, and each array's type and shape), the arrays' bytes in order, and the SHA-256 of everything
before. Nothing in it is executed, and nothing is allocated that the file doesn't hold.
"""

import contextlib
import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from keras_lr.errors import BrokenFile
from keras_lr.state.tree import pack, unpack

MAGIC = b"keras-lr state 1\n"
_LENGTH = 8
_DIGEST = 32
_UNREADABLE = (
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


def write(path: Path, state: Any) -> None:
    """Write `state` to `path` so that it is there whole or not at all, also after a power cut.

    Args:
        path: The file; what is there is replaced.
        state: Plain data (`keras_lr.state.tree.is_plain`).

    Raises:
        InvalidInput: It isn't plain data.
        OSError: The disk refused; what was at `path` is as it was.
    """
    arrays: list[np.ndarray] = []
    tree = pack(state, arrays)
    described = [{"dtype": dtype_name(each.dtype), "shape": list(each.shape)} for each in arrays]
    header = json.dumps({"tree": tree, "arrays": described}).encode()
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            _write_parts(file, header, arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def _write_parts(file: BinaryIO, header: bytes, arrays: list[np.ndarray]) -> None:
    digest = hashlib.sha256()
    parts = [MAGIC, len(header).to_bytes(_LENGTH, "little"), header]
    for part in [*parts, *arrays]:
        data = part if isinstance(part, bytes) else _bytes(part)
        digest.update(data)
        file.write(data)
    file.write(digest.digest())


def read(path: Path) -> Any:
    """The state that `write` wrote.

    Raises:
        BrokenFile: The file was truncated or changed, or is none of keras-lr's; it says which.
        OSError: It can't be read.
    """
    data = path.read_bytes()
    start = len(MAGIC) + _LENGTH
    if data[: len(MAGIC)] != MAGIC:
        raise BrokenFile(f"{path} is no backup of keras-lr.")
    if hashlib.sha256(data[:-_DIGEST]).digest() != data[-_DIGEST:]:
        raise BrokenFile(f"{path} is truncated or damaged: its checksum is wrong.")
    end = start + int.from_bytes(data[len(MAGIC) : start], "little")
    try:
        header = json.loads(data[start:end])
        arrays, position = [], end
        for described in header["arrays"]:
            dtype, shape = named_dtype(described["dtype"]), tuple(described["shape"])
            count = math.prod(shape)
            if min(shape, default=0) < 0 or count * dtype.itemsize > len(data) - position:
                raise ValueError("an array is larger than the file")
            found = np.frombuffer(data, dtype, count, position).reshape(shape).copy()
            position += found.nbytes
            arrays.append(found)
        return unpack(header["tree"], arrays)
    except _UNREADABLE as problem:
        raise BrokenFile(f"{path} is no backup that this keras-lr can read: {problem}") from problem


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last, where the system lets a folder be opened."""
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # Windows
    try:
        os.fsync(opened)
    except OSError:
        pass  # a file system that can't
    finally:
        os.close(opened)


def _bytes(array: np.ndarray) -> memoryview:
    # A view as bytes, because Python's buffers don't know bfloat16.
    flat = np.ascontiguousarray(array).reshape(-1)
    return (flat.view(np.uint8) if flat.size else np.empty(0, np.uint8)).data


def dtype_name(dtype: np.dtype) -> str:
    """A dtype by a name that `named_dtype` knows; those of ml_dtypes have none that NumPy knows."""
    return dtype.name if dtype.kind == "V" else dtype.str


def named_dtype(name: str) -> np.dtype:
    """The dtype that `dtype_name` named; none of Python objects."""
    if "O" in name or not isinstance(name, str):
        raise ValueError(f"its arrays are objects: {name!r}")
    try:
        return np.dtype(name)
    except TypeError:
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, name))
