"""A run while it goes on: in a terminal, in a notebook, as a page, and after it was cut off."""

import contextlib
import doctest
import fcntl
import importlib
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
import numpy as np
import pytest
from rich.console import Console

import keras_lr
import watch_results as results
from browser import CHROMIUM, Browser
from keras_lr import rules
from keras_lr.errors import InvalidInput
from keras_lr.watch import Curve, Run
from keras_lr.watch.live import outlets
from keras_lr.watch.live.frame import frame
from keras_lr.watch.live.moment import Moment
from keras_lr.watch.live.page import Page
from keras_lr.watch.live.trace import MOST, Trace

RENEWS = '"written": '
"""What is in a page that renews itself, and in no other."""


@pytest.fixture(scope="module")
def model():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model


def fit(model, *callbacks, epochs=2, verbose=0, **arguments):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4)).astype("float32")
    y = x @ np.ones((4, 1), "float32")
    return model.fit(
        x, y, batch_size=16, epochs=epochs, validation_data=(x, y), verbose=verbose,
        callbacks=list(callbacks), **arguments,
    )  # fmt: skip


class At(keras.callbacks.Callback):
    """Does something when an epoch begins."""

    def __init__(self, epoch, do):
        super().__init__()
        self.epoch, self.do = epoch, do

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            self.do()


def cutting():
    """A rule that cuts at the second epoch's end, whatever the loss does."""
    return keras_lr.LearningRate(rules=rules.Plateau("loss", patience=1, min_delta=0.9999))


def eventually(true, seconds=30):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


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


def test_pictures_that_cant_be_drawn_give_the_terminal_back(model, terminal, monkeypatch):
    def draw(*_, **__):
        raise RuntimeError("no picture")

    monkeypatch.setattr(outlets, "frame", draw)
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
    moment = Moment(39, 50, 20, 100, 3000.0, 700.0)
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    console.print(frame(LONG, moment, width=width, height=height, colours=colours))
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
    console.print(frame(run, Moment(2, 9), width=100, height=40))
    assert "loss NaN" in console.file.getvalue()


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


# -- the page ---------------------------------------------------------------------------------------


def test_the_page_is_there_while_the_fit_runs_and_whole_after_it(model, tmp_path):
    path = tmp_path / "made" / "run.html"
    during = []

    def look():
        eventually(lambda: path.exists() and "2 epochs" in path.read_text().split("<style>")[0])
        during.append(path.read_text())

    class Adding(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["added"] = epoch

    live = keras_lr.Live(report=path, every=0.01, name="Mine")
    # First in the list, it tells all the same what comes after it.
    fit(model, live, cutting(), At(2, look), Adding(), epochs=3)
    after = path.read_text()
    assert RENEWS in during[0]
    assert RENEWS not in after
    assert "The training is done: 3 epochs in " in after
    assert ">Mine</h2>" in after
    assert "plateau" in after
    assert [each.name for each in path.parent.iterdir()] == ["run.html"]
    rows = live.get_state()["rows"]
    assert [epoch for epoch, _ in rows] == [0, 1, 2]
    assert {"loss", "val_loss", "learning_rate"} <= rows[0][1].keys()
    assert [values["added"] for _, values in rows] == [0, 1, 2]


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


def test_a_page_that_cant_be_written_any_more_doesnt_end_the_training(model, tmp_path):
    path = tmp_path / "run.html"

    def block():
        eventually(path.exists)
        path.unlink()
        (path / "in the way").mkdir(parents=True)
        time.sleep(0.5)

    with pytest.warns(UserWarning, match=r"Live goes on without page: The report can't be written"):
        history = fit(model, keras_lr.Live(report=path, every=0.01), At(1, block), epochs=3)
    assert len(history.history["loss"]) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"report": 3}, "path of the HTML file"),
        ({"every": 0}, "every=30"),
        ({"every": True}, "every=30"),
        ({"js": "none"}, 'js="cdn"'),
    ],
)
def test_arguments_are_refused_before_training(arguments, told):
    with pytest.raises(InvalidInput, match=told):
        keras_lr.Live(**arguments)


def test_a_place_that_cant_be_written_is_refused_before_training(model, tmp_path):
    with pytest.raises(InvalidInput, match="is a folder"):
        keras_lr.Live(report=tmp_path)
    (tmp_path / "file").write_text("")
    begun = []
    with pytest.raises(InvalidInput, match="can't be written"):
        fit(model, keras_lr.Live(tmp_path / "file" / "run.html"), At(0, lambda: begun.append(1)))
    assert not begun


@pytest.mark.skipif(CHROMIUM is None, reason="chromium isn't installed")
def test_the_page_renews_itself_keeps_the_readers_place_and_stops_at_the_end(tmp_path):
    path = tmp_path / "run.html"
    page, run = Page(path, 0.1), replace(results.run(), done=False)
    page.show(run, Moment(2, 20, 30, 100, 10.0, 70.0))
    browser = Browser(tmp_path / "profile")

    def renewed():
        try:
            return tab.run("window.old === undefined && document.readyState === 'complete'")
        except RuntimeError:  # it is just being loaded
            return False

    try:
        tab = browser.open(path)
        line = "document.querySelector('#live').textContent"
        assert "The training goes on: epoch 3 of 20" in tab.run(line)
        tab.run(
            "window.old = true; document.querySelector('details').open = true;"
            "document.querySelector('#live button').focus({preventScroll: true});"
            "window.scrollTo({top: 200, behavior: 'instant'})"
        )
        page.show(run, Moment(4, 20, 30, 100, 10.0, 60.0))
        eventually(renewed)
        assert "epoch 5 of 20" in tab.run(line)
        place = "[window.scrollY, document.querySelector('details').open, document.activeElement"
        assert tab.run(f"{place}.textContent]") == [200, True, "Pause"]
        tab.run("document.querySelector('#live button').click(), window.old = true")
        assert "This page is paused.Go on" in tab.run(line)
        page.end(run, Moment(19, 20, 100, 100, 90.0, None, "done"))
        time.sleep(0.8)  # it renews itself every half second
        assert not renewed()
        tab.run("document.querySelector('#live button').click()")
        eventually(renewed)
        assert tab.run("document.querySelector('#live')") is None
        assert "The training is done: 20 epochs" in tab.run("document.body.textContent")
        assert tab.complaints() == []
    finally:
        browser.close()


# -- going on ---------------------------------------------------------------------------------------


def test_after_a_crash_the_curves_go_on(model, tmp_path):
    def lives(*more):
        live = keras_lr.Live(report=tmp_path / "run.html")
        return live, keras_lr.callbacks.BackupAndRestore(tmp_path / "backup"), cutting(), *more

    def crash():
        raise OSError("crash")

    live, *others = lives(At(3, crash))
    with pytest.raises(OSError, match="crash"):
        fit(model, live, *others, epochs=5)
    before = dict(live.get_state()["rows"])
    again, *others = lives()
    fit(model, again, *others, epochs=5)
    rows = dict(again.get_state()["rows"])
    assert sorted(rows) == [0, 1, 2, 3, 4]
    assert {epoch: rows[epoch] for epoch in before} == before
    steps = [step for step, _ in again.get_state()["points"]["learning_rate"]]
    assert steps == sorted(set(steps))
    assert max(steps) == 20
    page = (tmp_path / "run.html").read_text()
    assert "in 5 epochs" in page
    assert page.count("<td>plateau</td>") >= 2, "cuts of both parts"


def test_a_later_fit_goes_on_or_begins_anew(model):
    live = keras_lr.Live(show=False)
    fit(model, live, epochs=3)
    fit(model, live, epochs=4, initial_epoch=2)
    assert [epoch for epoch, _ in live.get_state()["rows"]] == [0, 1, 2, 3]
    fit(model, live, epochs=1)
    assert [epoch for epoch, _ in live.get_state()["rows"]] == [0]


def test_data_without_a_length_are_counted(model, tmp_path):
    def batches():
        for _ in range(6):
            yield np.ones((4, 4), "float32"), np.ones((4, 1), "float32")

    class Data(keras.utils.PyDataset):
        num_batches = None

        def __getitem__(self, index):
            return np.ones((4, 4), "float32"), np.ones((4, 1), "float32")

    live = keras_lr.Live(report=tmp_path / "run.html")
    # Keras takes a generator that ends for an epoch without a word about its length.
    with pytest.warns(UserWarning, match="ran out of data"):
        model.fit(batches(), epochs=2, verbose=0, callbacks=[live], shuffle=False)
    assert "The training is done" in (tmp_path / "run.html").read_text()


def test_many_points_are_thinned_and_keep_their_ends():
    trace = Trace()
    for step in range(3 * MOST):
        trace.add(step, {"loss": float(step)})
        trace.add(step, {"loss": -1.0})  # one value an update
    run = trace.run()
    steps, values = run.steps["loss"].steps, run.steps["loss"].values
    assert len(steps) <= MOST
    assert (steps[0], steps[-1]) == (0, 3 * MOST - 1)
    assert list(values) == [float(step) for step in steps]


@pytest.mark.parametrize("name", ["pace", "moment"])
def test_examples_are_true(name):
    module = importlib.import_module(f"keras_lr.watch.live.{name}")
    tried = doctest.testmod(module)
    assert tried.attempted
    assert not tried.failed
