"""The command line as somebody in front of a terminal sees it: in a pseudo-terminal."""

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_lr
from json_documents import document

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
BEGIN = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C is a signal
os.execv(sys.executable, [sys.executable, "-m", "keras_lr", *sys.argv[1:]])
"""


def in_terminal(*words, width, until=None, env=None, stdout=None):
    """Run a command in a terminal of `width` columns; Ctrl-C once `until` is on the screen.

    Args:
        words: The command's.
        width: Columns.
        until: Text to wait for.
        env: More of the environment.
        stdout: A file that takes the result; by default the terminal does.

    Returns:
        The exit code, and all that was written.
    """
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, width, 0, 0))
    known = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    known |= {"TERM": "xterm", "PYTHONPATH": str(Path(keras_lr.__file__).parents[1]), **(env or {})}
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN, *words],
        stdin=theirs,
        stdout=theirs if stdout is None else stdout,
        stderr=theirs,
        start_new_session=True,
        env=known,
    )
    os.close(theirs)
    written, pressed, end = b"", until is None, time.monotonic() + 120
    while time.monotonic() < end:
        if select.select([ours], [], [], 0.5)[0]:
            try:
                some = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not some:
                break
            written += some
        if not pressed and until in CONTROL.sub("", written.decode(errors="replace")):
            os.write(ours, b"\x03")
            pressed = True
    os.close(ours)
    return process.wait(timeout=30), written.decode().replace("\r\n", "\n")


def widest(text):
    """Columns of the longest line, as the terminal shows it: what was overwritten isn't there."""
    lines = [CONTROL.sub("", line).rpartition("\r")[2] for line in text.splitlines()]
    return max(map(len, lines))


@pytest.mark.parametrize("width", [60, 200])
def test_pictures_fit_and_have_colours(width):
    words = ["show", "cosine", "linear | warmup(10%)", "--steps", "1000"]
    code, text = in_terminal(*words, width=width)
    assert code == 0
    assert widest(text) <= width
    assert "\x1b[" in text
    code, text = in_terminal(*words, width=width, env={"NO_COLOR": "1"})
    assert code == 0
    assert "\x1b" not in text


def test_mistakes_are_red():
    code, text = in_terminal("shwo", width=80)
    assert code == 2
    assert text.startswith("\x1b[1;31mkeras-lr: error:\x1b[0m Unknown command")


@pytest.mark.parametrize("width", [60, 200])
@pytest.mark.deep(after=1)
def test_a_search_shows_its_progress_and_ends_with_ctrl_c(width, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.save("m.keras")
    y = np.arange(32) % 3
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    np.savez("d.npz", x=x, y=y, x_val=x, y_val=y)
    words = ["tune", "m.keras", "d.npz", "--epochs", "1", "--trials", "5000", "--engine", "fit"]
    words += ["--storage", "s.log", "--schedule", "none", "--momentum", "0.9"]
    if width == 60:
        code, text = in_terminal(*words, width=width, until="best val_loss")
        assert "keras.optimizers.SGD(learning_rate=" in text, "what was found so far"
    else:
        with open("result.json", "w", encoding="utf-8") as file:
            code, text = in_terminal(
                *words, "--json", width=width, until="best val_loss", stdout=file
            )
        found = document(Path("result.json").read_text(encoding="utf-8"))
        assert found["interrupted"] is True
        assert len(found["trials"]) >= 1
    assert code == 130
    shown = CONTROL.sub("", text)
    assert re.search(r"\d+ of 5000 trials · best val_loss \d", shown)
    assert re.search(r"\d+:\d\d left", shown), "time left"
    assert ("━━━" in shown) == (width == 200), "a bar where there is room"
    assert "trials are kept. The same call goes on from there." in shown
    assert "Traceback" not in shown
    # Alone on a line: what a backend prints of its own lands behind others.
    lines = re.findall(r"^\d+ of 5000 trials.* left$", shown.replace("\r", "\n"), re.MULTILINE)
    assert max(map(len, lines)) <= width
