"""States on disk: whole or not at all, checked, without pickle."""

import builtins
import io
import math
import os
import pickle
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest

from keras_lr.callbacks import BackupAndRestore
from keras_lr.errors import BrokenFile, InvalidInput
from keras_lr.state import archive
from keras_lr.state.archive import read, write
from keras_lr.state.generations import Generations
from keras_lr.state.lock import Lock
from keras_lr.state.tree import is_plain

STATE = {
    "step": 12,
    "big": 2**70,
    "floats": [0.1, -0.0, 5e-324, 1.7976931348623157e308, math.inf],
    "nested": {"tuple": (1, (2.5, None)), 7: True, "~array": "a name like ours"},
    "text": "ä\n",
    "array": np.arange(6, dtype="float32").reshape(2, 3)[:, ::-1],
    "scalar": np.float32(0.1),
    "none": np.zeros((0, 3)),
    "single": np.array(3, "int8"),
    "bfloat16": np.array([1.5, math.nan], ml_dtypes.bfloat16),
    "words": np.array(["ab", "c"]),
    "bool": np.array([True, False]),
}


def same(a, b):
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            same(one, other)
    elif isinstance(a, np.ndarray | np.generic):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert a.tobytes() == b.tobytes()
    else:
        assert repr(a) == repr(b)


def test_a_state_is_read_back_to_the_last_bit(tmp_path):
    write(tmp_path / "s", STATE)
    found = read(tmp_path / "s")
    same(found, STATE)
    found["array"] += 1  # one's own, writable copy
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_what_is_no_plain_data_is_refused_and_leaves_no_file(tmp_path):
    for value in (object(), print, {len}, np.array([None]), np.zeros(2, "i4,f4"), {(len,): 2}):
        assert not is_plain(value)
        with pytest.raises(InvalidInput, match="Received"):
            write(tmp_path / "s", {"x": value})
    assert list(tmp_path.iterdir()) == []


def test_each_damaged_byte_and_each_truncation_is_noticed(tmp_path):
    path = tmp_path / "s"
    write(path, {"a": np.arange(3), "b": 0.5})
    whole = path.read_bytes()
    for at in range(len(whole)):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]):
            path.write_bytes(damaged)
            with pytest.raises(BrokenFile, match=r"no backup|checksum"):
                read(path)


def resigned(header, data=b""):
    import hashlib

    body = archive.MAGIC + len(header).to_bytes(8, "little") + header + data
    return body + hashlib.sha256(body).digest()


@pytest.mark.parametrize(
    "header",
    [
        b"no json",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"tree": {"~array": 3}, "arrays": []}',
        b'{"tree": 0, "arrays": [{"dtype": "<f8", "shape": [1000000000, 1000000000]}]}',
        b'{"tree": 0, "arrays": [{"dtype": "<f8", "shape": [-5]}]}',
        b'{"tree": 0, "arrays": [{"dtype": "|O", "shape": [0]}]}',
        b'{"tree": 0, "arrays": [{"dtype": "finfo", "shape": [0]}]}',
        b'{"tree": 0, "arrays": [{"dtype": 8, "shape": [0]}]}',
        b'{"tree": {"~tuple": 3}, "arrays": []}',
    ],
)
def test_a_header_that_promises_nonsense_is_refused_before_memory_is_taken(tmp_path, header):
    (tmp_path / "s").write_bytes(resigned(header))
    with pytest.raises(BrokenFile, match="can read"):
        read(tmp_path / "s")


def test_foreign_files_are_refused_and_pickles_never_run(tmp_path):
    ran = tmp_path / "ran"

    class Bomb:
        def __reduce__(self):
            return (builtins.open, (str(ran), "w"))

    objects = io.BytesIO()
    np.savez(objects, a=np.array([Bomb()], dtype=object))
    for foreign in (b"", b"PK\x03\x04", pickle.dumps(Bomb()), objects.getvalue()):
        (tmp_path / "backup-00000001.state").write_bytes(foreign)
        with pytest.raises(BrokenFile, match=r"delete the folder"):
            Generations(tmp_path).load()
    assert not ran.exists()


def test_a_failure_at_any_write_leaves_a_whole_generation(tmp_path, monkeypatch):
    """As a kill at each system call that changes the disk."""
    generations = Generations(tmp_path / "g")
    generations.open()
    generations.save({"n": 0})
    written, failures = 0, 0

    for k in range(40):
        calls = 0

        def failing(real, k=k):
            def call(*args, **kwargs):
                nonlocal calls
                calls += 1
                if calls == k + 1:
                    raise KeyboardInterrupt
                return real(*args, **kwargs)

            return call

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing(os.fsync))
            patch.setattr(os, "replace", failing(os.replace))
            patch.setattr(os, "unlink", failing(os.unlink))
            patch.setattr(archive.Path, "unlink", failing(archive.Path.unlink))
            patch.setattr(archive, "open", failing(open), raising=False)
            patch.setattr(archive, "_bytes", failing(archive._bytes))
            try:
                generations.save({"n": written + 1, "a": np.full(9, written + 1)})
                done = True
            except KeyboardInterrupt:
                done, failures = False, failures + 1
        state, problems = generations.load()
        assert problems == []
        assert state["n"] in ((written + 1,) if done else (written, written + 1))
        assert (state.get("a", state["n"]) == state["n"]).all() if "a" in state else True
        written = state["n"]
    assert 4 <= failures < 40  # some at each call, and then none
    generations.close()
    assert len(list((tmp_path / "g").glob("backup-*.state"))) == 2


def test_the_generation_before_is_used_and_the_reason_told(tmp_path):
    generations = Generations(tmp_path)
    assert generations.load() == (None, [])
    for n in range(4):
        generations.save({"n": n})
    paths = sorted(tmp_path.glob("backup-*.state"))
    assert [path.name for path in paths] == ["backup-00000003.state", "backup-00000004.state"]
    paths[-1].write_bytes(paths[-1].read_bytes()[:-1])
    state, problems = generations.load()
    assert state == {"n": 2}
    assert len(problems) == 1
    assert "backup-00000004.state is truncated or damaged" in problems[0]
    generations.save({"n": 9})  # beside a broken one, never in its place
    assert generations.load() == ({"n": 9}, [])


def test_what_a_kill_left_is_cleared_and_what_is_others_stays(tmp_path):
    for name in ("backup-00000003.state.77.tmp", "mine.txt"):
        (tmp_path / name).write_text("x")
    generations = Generations(tmp_path)
    generations.open()
    generations.save({})
    generations.close(delete=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    generations = Generations(tmp_path / "deep" / "er")
    generations.open()
    generations.save({})
    generations.close(delete=True)
    assert not generations.folder.exists()


def test_a_folder_belongs_to_one_run(tmp_path):
    over = []
    first = Generations(tmp_path, busy=lambda: not over)
    first.open()
    with pytest.raises(InvalidInput, match="a folder of its own"):
        Generations(tmp_path).open()
    code = (
        "import sys, pathlib; from keras_lr.state.generations import Generations;"
        "Generations(sys.argv[1]).open()"
    )
    other = [sys.executable, "-c", code, str(tmp_path)]
    run = subprocess.run(other, capture_output=True, text=True, check=False)
    assert "InvalidInput: Another run that is alive" in run.stderr
    over.append(True)  # an interrupted fit of this process
    second = Generations(tmp_path)
    second.open()
    second.close()
    run = subprocess.run(other, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr  # and whoever dies with the lock leaves it free
    Generations(tmp_path).open()


def test_a_lock_on_a_file_that_was_removed_is_none(tmp_path, monkeypatch):
    import keras_lr.state.lock as module

    path, real, seen = tmp_path / "l", module._lock, []

    def removed_meanwhile(opened):
        if not seen:
            path.unlink()
        seen.append(opened)
        real(opened)

    monkeypatch.setattr(module, "_lock", removed_meanwhile)
    lock = Lock(path, lambda: True)
    lock.acquire()
    assert len(seen) == 2
    assert path.exists()
    lock.release()
    assert not path.exists()


@pytest.mark.parametrize("folder", ["", "gs://bucket/x", 3, b"x", __file__])
def test_what_is_no_folder_is_refused(folder):
    with pytest.raises(InvalidInput, match="backup_dir must be"):
        BackupAndRestore(folder)
