"""The page of a run while it goes on, and the curves over the ends of fits."""

import keras
import numpy as np
import pytest

import keras_lr
from keras_lr.errors import InvalidInput
from keras_lr.watch.live.trace import MOST, Trace
from live_runs import At, built, cutting, eventually, fit

RENEWS = '"written": '
"""What is in a page that renews itself, and in no other."""


@pytest.fixture(scope="module")
def model():
    return built()


def test_the_page_is_there_while_the_fit_runs_and_whole_after_it(model, tmp_path):
    path = tmp_path / "made" / "run.html"
    during = []

    def look():
        eventually(lambda: path.exists() and "2 epochs" in path.read_text().split("<style>")[0])
        during.append(path.read_text())

    class Adding(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["added"] = epoch

    live = keras_lr.Live(report=path, seconds=0.01, name="Mine")
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


def test_a_page_that_cant_be_written_any_more_doesnt_end_the_training(model, tmp_path):
    path = tmp_path / "run.html"

    def block():
        eventually(path.exists)
        path.unlink()
        (path / "in the way").mkdir(parents=True)

    with pytest.warns(UserWarning, match=r"Live goes on without page: The report can't be written"):
        history = fit(model, keras_lr.Live(report=path, seconds=0.01), At(1, block), epochs=3)
    assert len(history.history["loss"]) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"report": 3}, "path of the HTML file"),
        ({"report": "a\0.html"}, "path of the HTML file"),
        ({"seconds": 0}, "seconds=30"),
        ({"seconds": True}, "seconds=30"),
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
    with pytest.raises(InvalidInput, match=r"can't be written.*Received: '[^']*/file/run.html'"):
        fit(model, keras_lr.Live(tmp_path / "file" / "run.html"), At(0, lambda: begun.append(1)))
    assert not begun


@pytest.mark.parametrize("kind", [keras_lr.Live, keras_lr.callbacks.LearningRateMonitor])
def test_one_callback_in_two_fits_at_once_is_refused_and_the_first_goes_on(model, kind):
    shared, refused = kind(), []

    def another():
        with pytest.raises(InvalidInput, match=rf"still running.*callbacks=\[{kind.__name__}\("):
            fit(built(), shared)
        refused.append(kind)

    history = fit(model, shared, At(1, another))
    assert refused == [kind]
    assert len(history.history["learning_rate"]) == 2
    fit(built(), shared, epochs=1)


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
    assert page.count("'cause'>plateau</td>") >= 2, "cuts of both parts"


def test_a_backup_of_keras_own_keeps_no_curves_and_the_page_says_so(tmp_path):
    model = built()  # of its own: on a model that was restored each later fit begins there

    def fitted(*more):
        live = keras_lr.Live(report=tmp_path / "run.html")
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        fit(model, live, backup, *more, epochs=5)

    def crash():
        raise OSError("crash")

    with pytest.raises(OSError, match="crash"):
        fitted(At(3, crash))
    fitted()
    text = (tmp_path / "run.html").read_text()
    assert "The training is done: 2 of 5 epochs in " in text
    assert ">run</h2>" in text, "by default what the file is called"
    assert " in epochs 4 to 5" in text
    assert "Nothing is known here of the epochs before epoch 4." in text


def test_what_keras_own_callbacks_do_to_the_rate_is_told(model, tmp_path):
    live = keras_lr.Live(report=tmp_path / "run.html")
    cut = keras.callbacks.ReduceLROnPlateau("loss", 0.5, patience=1, min_delta=1e9)
    keras_lr.set_learning_rate(model, 0.01)
    fit(model, live, cut, epochs=4)  # cuts three times in a row, which is no schedule
    text = (tmp_path / "run.html").read_text()
    for rate in ("0.005", "0.0025", "0.00125"):
        assert f"'factor'>×0.5</td><td data-label='rate'>{rate}</td>" in text
    assert text.count(">ReduceLROnPlateau assigned it: loss has not improved for 1 epoch</td>") == 3

    told = []
    halves = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    look = At(2, lambda: told.extend(live._watching.look("running")[0].events))
    fit(model, live, halves, look, epochs=4)
    assert told == [], "what may be a schedule's can't be taken back in a terminal"


def test_a_later_fit_goes_on_or_begins_anew(model):
    live = keras_lr.Live(show=False)
    fit(model, live, keras_lr.LearningRate("cosine"), epochs=3)  # which misses no epoch behind it
    fit(model, live, epochs=4, initial_epoch=2)
    assert [epoch for epoch, _ in live.get_state()["rows"]] == [0, 1, 2, 3]
    fit(model, live, epochs=1)
    assert [epoch for epoch, _ in live.get_state()["rows"]] == [0]


def test_data_without_a_length_are_counted(model, tmp_path):
    def batches():
        for _ in range(6):
            yield np.ones((4, 4), "float32"), np.ones((4, 1), "float32")

    live = keras_lr.Live(report=tmp_path / "run.html")
    # Keras takes a generator that ends for an epoch without a word about its length.
    with pytest.warns(UserWarning, match="ran out of data"):
        model.fit(batches(), epochs=2, verbose=0, callbacks=[live], shuffle=False)
    assert "The training is done" in (tmp_path / "run.html").read_text()


def test_many_points_are_thinned_and_keep_their_ends():
    trace = Trace()
    dip = MOST // 3
    for step in range(3 * MOST):
        trace.add(step, {"loss": -5.0 if step == dip else float(step)})
        trace.add(step, {"loss": -1.0})  # one value an update
    run = trace.run()
    steps, values = run.steps["loss"].steps, run.steps["loss"].values
    assert MOST // 4 < len(steps) <= MOST
    assert list(steps) == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, 3 * MOST - 1)
    assert dict(zip(steps, values, strict=True))[dip] == -5.0
    assert list(values) == [-5.0 if step == dip else float(step) for step in steps]
