"""A run while it goes on: in a terminal, in a notebook, as a page, and after it was cut off."""

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import keras
import pytest
from rich.console import Console

import keras_lr
import watch_results as results
from keras_lr.state.rate_event import RateEvent
from keras_lr.watch import Curve, Run
from keras_lr.watch.live import displays
from keras_lr.watch.live.frame import event_line, frame, panels_of, picture
from keras_lr.watch.live.progress import Progress
from live_runs import At, built, cutting, eventually, fit

RENEWS = '"written": '
"""What is in a page that renews itself, and in no other."""


@pytest.fixture(scope="module")
def model():
    return built()


@pytest.fixture
def terminal(monkeypatch):
    """A function that makes stdout a terminal of 100 columns, and one that tells what that got."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    stream = io.TextIOWrapper(os.fdopen(theirs, "wb", buffering=0), "utf-8", write_through=True)
    got = bytearray()

    def drain():
        with contextlib.suppress(OSError):
            while found := os.read(ours, 1 << 16):
                got.extend(found)

    reader = threading.Thread(target=drain, daemon=True)

    def begin():
        reader.start()
        monkeypatch.setattr(sys, "stdout", stream)
        return stream

    def told():
        monkeypatch.undo()
        stream.close()
        reader.join(10)
        return got.decode()

    yield begin, told
    stream.close()
    os.close(ours)


def plain(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


# -- the terminal -----------------------------------------------------------------------------------


def test_a_terminal_shows_where_the_fit_stands_its_curves_and_each_cut(model, terminal):
    bars = []

    class Bar(keras.callbacks.ProgbarLogger):
        def on_epoch_begin(self, epoch, logs=None):
            bars.append(self.verbose)
            super().on_epoch_begin(epoch, logs)

    bar = Bar()
    begin, told = terminal
    stream = begin()
    history = fit(model, cutting(), keras_lr.Live(), At(1, lambda: print("said")), bar, verbose=1)
    assert sys.stdout is stream, "stdout is its own again"
    raw = told()
    text = plain(raw)
    assert "epoch 2: plateau ×0.5 → 0.005: loss has not improved" in text
    last = text[text.rindex("done: 2 epochs in ") :]
    assert f"learning rate {history.history['learning_rate'][-1]:.3g}" in last
    for drawn in ("loss, val_loss", "██ loss  ██ val_loss", "┌──", "epoch 2"):
        assert drawn in last
    assert "said\r\n" in text[: text.rindex("done")], "what is printed scrolls above"
    assert bars == [0, 0], "Keras's bar rests meanwhile,"
    assert "━" not in text
    assert bar.verbose == 1, "and is itself after it"
    assert raw.rstrip().rfind("\x1b[?25h") > raw.rfind("\x1b[?25l"), "the cursor is there"


def test_cuts_stand_above_the_newest_picture(terminal):
    begin, told = terminal
    begin()
    display = displays.Terminal()
    display.begin(None)
    display.show(replace(LONG, events=()), Progress(38, 50))
    display.end(LONG, Progress(39, 50))
    text = plain(told())
    lines = [line for line in text.splitlines() if "→" in line or "of 50" in line]
    assert "39 of 50" in lines[0]
    assert "plateau ×0.5 → 0.05" in lines[1]
    assert not any("39 of 50" in line for line in lines[1:])


def test_pictures_that_cant_be_drawn_give_the_terminal_back(model, terminal, monkeypatch):
    def draw(*_, **__):
        raise RuntimeError("no picture")

    monkeypatch.setattr(displays, "frame", draw)
    bar = keras.callbacks.ProgbarLogger()
    begin, _ = terminal
    stream = begin()
    pause = At(1, lambda: time.sleep(0.5))
    with pytest.warns(UserWarning, match="Live goes on without terminal: no picture"):
        fit(model, keras_lr.Live(), pause, bar, verbose=1)
    assert sys.stdout is stream
    assert bar.verbose == 1


@pytest.mark.parametrize("case", ["no terminal", "dumb", "show=False"])
def test_elsewhere_it_is_quiet(model, monkeypatch, capsys, case, request):
    told = None
    if case != "no terminal":
        begin, told = request.getfixturevalue("terminal")
        begin()
    if case == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    else:
        monkeypatch.setenv("FORCE_COLOR", "1")  # that a file may have colours makes it no terminal
    fit(model, keras_lr.Live(show=case != "show=False"), epochs=1)
    assert (capsys.readouterr().out if told is None else told()) == ""


LONG = Run(
    {"val_loss": [3.0 / (e + 1) for e in range(40)]},
    events=results.run().events,
    steps={
        "loss": Curve(list(range(1, 4001, 10)), [4.0 / s for s in range(1, 401)]),
        "learning_rate": Curve([1, 2000, 4000], [0.1, 0.05, 0.0]),
    },
    steps_per_epoch=100,
    epochs_planned=50,
)


@pytest.mark.parametrize("colours", [True, False])
@pytest.mark.parametrize("width", [20, 60, 100, 200])
@pytest.mark.parametrize("height", [5, 24, 60])
def test_a_frame_fits_into_the_terminal(width, height, colours):
    progress = Progress(39, 50, 20, 100, 3000.0, 700.0)
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    console.print(frame(LONG, progress, width=width, height=height, colours=colours))
    lines = console.file.getvalue().rstrip("\n").split("\n")
    text = " ".join(" ".join(lines).split())
    assert max(map(len, lines)) <= width
    assert len(lines) < height or width < 30
    assert text.startswith("epoch 40 of 50, batch 20 of 100, about 11:40 left")
    boxes = text.count("┌")
    if height == 5 or width == 20:
        assert boxes == 0
    else:
        wanted = 2 if colours else 3
        assert boxes == (2 if width == 60 and height == 24 else wanted)
        beside = next(line for line in lines if "┌" in line).count("┌")
        assert beside == (1 if width == 60 else boxes)


def test_a_loss_that_is_no_number_is_told_and_not_drawn():
    run = Run({"loss": [1.0, float("nan"), float("nan")], "learning_rate": [0.1, 0.1, 0.1]})
    console = Console(file=io.StringIO(), width=100, color_system=None)
    console.print(frame(run, Progress(2, 9), width=100, height=40))
    assert "loss NaN" in console.file.getvalue()

    run = Run({"loss": [float("nan")] * 2, "aux_loss": [1.0, 0.5], "val_loss": [2.0, 1.0]})
    drawn = picture(run, panels_of(run, True)[0], 60, 6, colours=True)
    assert "\x1b[34m██\x1b[0m aux_loss" in drawn, "the colour of the first curve that there is"
    assert "██\x1b[0m loss" not in drawn


def test_values_stand_where_they_lie_and_a_constant_rate_takes_no_room():
    run = Run({"loss": [100.0, 1.0, 0.5], "learning_rate": [0.05, 0.05, 0.05]})
    (losses,) = panels_of(run, True)
    drawn = picture(run, losses, 60, 8, colours=True).splitlines()
    assert drawn[0].strip() == "loss (logarithmic)"
    assert (drawn[2].split()[-1], drawn[9].split()[-1]) == ("100", "0.5")
    rates = Run({"learning_rate": [0.05, 0.05, 0.05]})
    drawn = picture(rates, *panels_of(rates, True), 60, 8, colours=True).splitlines()
    assert [line.split("│")[-1].strip() for line in drawn[2:10]] == ["0.05", *[""] * 6, "0"]
    cut = Run({"loss": [3.0, 2.0], "learning_rate": [0.05, 0.01]})
    assert len(panels_of(cut, True)) == 2


def test_a_picture_says_what_it_leaves_out_and_what_its_lines_are():
    rates = [0.2] * 15 + [0.2 * 0.3**n for n in range(10)]
    cuts = [RateEvent(at, at, "set", 0.3, rates[at], "") for at in range(16, 25)]
    run = Run({"learning_rate": rates}, events=cuts)
    drawn = picture(run, *panels_of(run, True), 79, 8, colours=True).splitlines()
    assert drawn[9].split()[-1] == "<0.00012", "the curve goes on below"
    assert drawn[-1].split("  ")[0] == " 0"
    assert "│ the last cuts" in drawn[-1]
    few = replace(run, events=tuple(cuts[:2]))
    drawn = picture(few, *panels_of(few, True), 79, 8, colours=True).splitlines()
    assert "│ a cut  " in drawn[-1]


def test_a_name_gives_the_terminal_no_command():
    names = ["\x1b[2Jloss", "b\u202eloss"]
    run = Run(
        {name: [2.0, 1.0] for name in names},
        events=[replace(results.run().events[0], reason="\x1b[2J")],
    )
    for colours in (True, False):
        console = Console(file=io.StringIO(), width=100, force_terminal=True)
        console.print(frame(run, Progress(1, 9), width=100, height=40, colours=colours))
        told = console.file.getvalue() + event_line(run, run.events[0])
        assert not re.search("\x1b\\[2J|\u202e", told)
        assert told.count(r"\x1b[2Jloss") >= 2


# -- notebooks --------------------------------------------------------------------------------------


def test_a_notebook_shows_one_output_that_is_renewed(model, monkeypatch):
    shown = []

    def display(html, display_id=False):
        shown.append(("new", html))
        return SimpleNamespace(update=lambda html: shown.append(("renewed", html)))

    # What IPython offers, as its documentation has it; the package isn't needed for anything else.
    shell = SimpleNamespace(kernel=object())
    module = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", module)
    parts = SimpleNamespace(display=display, HTML=lambda text: text)
    monkeypatch.setitem(sys.modules, "IPython.display", parts)
    fit(model, cutting(), keras_lr.Live(name="<b>"), At(1, lambda: time.sleep(0.5)))
    assert [kind for kind, _ in shown] == ["new", *["renewed"] * (len(shown) - 1)]
    assert len(shown) > 1
    last = shown[-1][1]
    assert "done: 2 epochs" in last
    assert last.count("<svg") == 2
    assert "plateau ×0.5" in last
    assert "<b>:" not in last


# -- cut off ---------------------------------------------------------------------------------------


def stopped(path):
    return path.exists() and "The training was stopped in epoch 2 of 5" in path.read_text()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_what_was_cut_off_leaves_a_finished_page(model, tmp_path, terminal, error):
    def fail():
        raise error

    path = tmp_path / "run.html"
    begin, told = terminal
    stream = begin()
    with pytest.raises(error):
        fit(model, keras_lr.Live(report=path), At(1, fail), epochs=5)
    eventually(lambda: stopped(path) and sys.stdout is stream)
    assert RENEWS not in path.read_text()
    assert "stopped in epoch 2 of 5, after 0:0" in plain(told())
    fit(model, keras_lr.Live(report=path, show=False), epochs=1)  # and the model is free
    assert "The training is done: 1 epoch in " in path.read_text()


def test_an_error_that_nobody_catches_is_told_below_the_last_picture(model, tmp_path, monkeypatch):
    path, order = tmp_path / "run.html", []
    monkeypatch.setattr(sys, "excepthook", lambda *_: order.append(stopped(path)))

    def fail():
        sys.excepthook(ValueError, ValueError(), None)

    fit(model, keras_lr.Live(report=path), At(1, fail), epochs=5)
    assert order == [True]
