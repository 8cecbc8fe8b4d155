"""What a monitor writes: a record that survives a crash and goes on, and TensorBoard's event files."""

import json
import math
import os
import sys

import keras
import numpy as np
import pytest

from helpers import classifier, data
from keras_lr import LearningRate, rules, schedules
from keras_lr.callbacks import LearningRateMonitor, LearningRateScheduler
from keras_lr.callbacks.monitoring import arguments
from keras_lr.errors import InvalidInput, MissingExtra
from keras_lr.state.run_lines import read_runs
from keras_lr.watch import Run
from oscillating import linear, noisy, optimizer
from resume_runs import Cut, cut_after, run

BACKEND = keras.backend.backend()


def control(**arguments):
    return LearningRate(
        schedules.Cosine(), rules=[rules.Plateau("loss", patience=1, min_delta=0.9)], **arguments
    )


def fitted(*callbacks, model=None, epochs=3, **fit):
    x, y = data(40)
    model = model or classifier(keras.optimizers.SGD(0.1, momentum=0.5))
    fit = {"batch_size": 4, "epochs": epochs, "verbose": 0, **fit}
    return model.fit(x, y, callbacks=list(callbacks), **fit)


@pytest.mark.parametrize("first", ["control", "monitor"])
def test_values_at_intervals_and_epochs(tmp_path, first):
    path = tmp_path / "new" / "run.jsonl"
    callbacks = [control(), LearningRateMonitor(every=4, record=path, name="mine", groups="layer")]
    rate = callbacks[0]
    if first == "monitor":
        callbacks.reverse()
    history = fitted(*callbacks, validation_split=0.2)
    found = Run.read(path)
    assert (found.name, found.schedule, found.done) == ("mine", "cosine()", True)
    assert (found.epochs_planned, found.steps_per_epoch) == (3, 8)
    expected = {"optimizer": "SGD", "batch_size": 4.0, "momentum": 0.5, "backend": BACKEND}
    assert expected.items() <= found.settings.items()
    assert Run.of(history).settings.items() <= found.settings.items()
    assert found.history["loss"] == pytest.approx(history.history["loss"])
    assert found.history["learning_rate"] == pytest.approx(history.history["learning_rate"])
    assert set(found.history) >= {"val_loss", "update_ratio", "momentum", "rate/base"}
    assert list(found.events) == rate.record.events != []
    steps = list(range(4, 25, 4))
    for name in (
        "loss",
        "learning_rate",
        "gradient_norm",
        f"update_ratio/{classifier_layer(found)}",
    ):
        assert list(found.steps[name].steps) == steps, name
    parts = [curve.values for name, curve in found.steps.items() if name.startswith("rate/")]
    told = [rate.explain(step - 1).rate for step in steps]
    assert np.prod(parts, axis=0) == pytest.approx(told)
    assert list(found.steps["learning_rate"].values) == pytest.approx(told)
    # two intervals are an epoch, whose mean loss is theirs
    means = np.reshape(found.steps["loss"].values, (3, 2)).mean(1)
    assert means == pytest.approx(history.history["loss"], rel=1e-4)


def classifier_layer(found):
    return found.settings["groups"][0]


@pytest.mark.parametrize("accumulated", [None, 2])
def test_a_cut_inside_the_step_is_told_at_the_next_interval(tmp_path, accumulated):
    path, lines = tmp_path / "run.jsonl", []
    rule = rules.Oscillation("alignment", chunk=5, chunks=20, width=2.0)
    model = linear(optimizer("sgd", gradient_accumulation_steps=accumulated))
    x, y = noisy(640 * (accumulated or 1))
    seen = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: lines.append(path.read_text().count('"event"'))
    )
    callback = LearningRate(rules=[rule])
    model.fit(
        x,
        y,
        batch_size=4,
        verbose=0,
        callbacks=[callback, LearningRateMonitor((), record=path, every=10), seen],
    )
    event = callback.record.events[0]
    at = event.step * (accumulated or 1)
    every = 10 * (accumulated or 1)
    assert lines[at - 1] == 0
    assert lines[(at // every + 1) * every + 1] == 1
    found = Run.read(path)
    assert list(found.events) == callback.record.events
    values = dict(zip(*vars(found.steps["learning_rate"]).values(), strict=True))
    parts = dict(zip(*vars(found.steps["rate/oscillation"]).values(), strict=True))
    after = (event.step // 10 + 1) * 10
    assert values[after] == pytest.approx(event.rate)
    assert parts[after] == pytest.approx(event.factor)
    assert parts[event.step // 10 * 10] == 1.0


@pytest.mark.skipif(BACKEND != "jax", reason="other backends hold no state outside the variables")
def test_an_interval_does_not_bring_the_whole_state_back(tmp_path, monkeypatch):
    brought = []
    sync = keras.Model.jax_state_sync
    monkeypatch.setattr(
        keras.Model, "jax_state_sync", lambda model: (brought.append(1), sync(model))[1]
    )
    fitted(control(), LearningRateMonitor(record=tmp_path / "a.jsonl"))
    without = len(brought)
    fitted(control(), LearningRateMonitor(record=tmp_path / "b.jsonl", every=1))
    assert len(brought) == 2 * without
    assert len(Run.read(tmp_path / "b.jsonl").steps["update_ratio"].steps) == 30


@pytest.mark.parametrize("first", ["control", "monitor"])
def test_a_run_that_goes_on_after_a_crash_goes_on_in_its_record(tmp_path, first):
    def callbacks(name):
        found = [control(), LearningRateMonitor(every=3, record=tmp_path / name)]
        return found if first == "control" else found[::-1]

    run(None, callbacks=callbacks("whole.jsonl"))
    with pytest.raises(Cut):
        run(tmp_path / "backup", callbacks=callbacks("cut.jsonl"), more=[cut_after(23)])
    killed = Run.read(tmp_path / "cut.jsonl")
    assert (killed.done, killed.epochs, killed.epochs_planned) == (False, 2, 5)
    run(tmp_path / "backup", callbacks=callbacks("cut.jsonl"))
    found, whole = Run.read(tmp_path / "cut.jsonl"), Run.read(tmp_path / "whole.jsonl")
    assert found.name == "cut.jsonl", "nobody named it"
    assert found.done
    assert found.steps.keys() == whole.steps.keys()
    for name, curve in whole.steps.items():
        assert found.steps[name].steps == curve.steps, name
        assert found.steps[name].values == pytest.approx(curve.values, rel=1e-4), name
    assert found.history == {name: pytest.approx(v) for name, v in whole.history.items()}
    assert found.events == whole.events != ()


def test_of_no_fit_there_is_an_empty_state_to_go_on_from(tmp_path):
    monitor = LearningRateMonitor((), record=tmp_path / "run.jsonl")
    assert monitor.get_state() == {}
    monitor.set_state({})
    fitted(monitor, epochs=1)
    head = json.loads((tmp_path / "run.jsonl").read_text().splitlines()[0])
    assert monitor.get_state()["run"] == head["run"]


def test_without_a_controller_and_with_members(tmp_path):
    members = [keras.optimizers.SGD(0.5, name="first"), keras.optimizers.Adam(0.25, name="second")]
    model = classifier("sgd")
    model.compile(
        keras.optimizers.MultiOptimizer(lambda v: members["bias" in v.path]), loss=model.loss
    )
    halves = LearningRateScheduler(lambda epoch, rate: rate / 2)
    fitted(halves, LearningRateMonitor(record=tmp_path / "run.jsonl"), model=model, epochs=2)
    found = Run.read(tmp_path / "run.jsonl")
    assert found.settings["optimizers"] == ["SGD", "Adam"]
    assert found.history["rate/base/first"] == found.history["learning_rate_first"] == [0.25, 0.125]
    assert found.history["rate/schedule/second"] == [1.0, 1.0]
    assert set(found.history) >= {"update_ratio/first", "update_ratio/second"}


class Another(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch in (3, 6):
            self.model.optimizer.learning_rate = 0.01


def reduces(patience):
    return keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=patience, min_delta=1e3)


@pytest.mark.parametrize(
    ("theirs", "expected", "told_at"),
    [
        (reduces(3), [(40, 3, 0.5, 0.05), (70, 6, 0.5, 0.025)], [0] * 4 + [1] * 3 + [2]),
        (reduces(1), [(10 * n, n - 1, 0.5, 0.1 / 2 ** (n - 1)) for n in range(2, 9)], None),
        (keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2), [], [0] * 8),
        (Another(), [(40, 3, 0.1, 0.01)], [0] * 5 + [1] * 3),
    ],
    ids=["plateau", "plateau at each epoch", "scheduler", "another"],
)
def test_cuts_of_others_are_events_and_schedules_are_not(tmp_path, theirs, expected, told_at):
    path, told = tmp_path / "run.jsonl", []
    counts = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: told.append(path.read_text().count('"event"'))
    )
    fitted(LearningRateMonitor(record=path), theirs, counts, epochs=8)
    events = Run.read(path).events
    assert [(e.step, e.epoch) for e in events] == [each[:2] for each in expected]
    numbers = [number for e in events for number in (e.factor, e.rate)]
    assert numbers == pytest.approx([number for each in expected for number in each[2:]], rel=1e-4)
    reason = f"{type(theirs).__name__} assigned it"
    if patience := getattr(theirs, "patience", 0):
        reason += f": loss has not improved for {patience} epoch{'s' * (patience > 1)}"
    assert {(e.cause, e.reason, e.who) for e in events} <= {("set", reason, type(theirs).__name__)}
    assert told_at is None or told == told_at


@pytest.mark.skipif(BACKEND == "jax", reason="data of JAX's own has a length")
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_cuts_of_others_in_data_without_a_length(tmp_path):
    path = tmp_path / "run.jsonl"
    halves = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: (
            model.optimizer.learning_rate.assign(0.5 ** (epoch + 1)) if epoch in (2, 4, 7) else None
        )
    )
    model = classifier("sgd")
    callbacks = [LearningRateMonitor((), record=path), halves]
    fit = {"epochs": 9, "verbose": 0, "shuffle": False}
    model.fit(without_length(*data(8)), callbacks=callbacks, **fit)
    assert [event.epoch for event in Run.read(path).events] == [2, 4, 7]


def without_length(x, y):
    if BACKEND == "torch":
        import torch

        class Stream(torch.utils.data.IterableDataset):
            def __iter__(self):
                return zip(x, y, strict=True)

        return torch.utils.data.DataLoader(Stream(), batch_size=4)
    import tensorflow as tf

    rows = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    return rows.filter(lambda x, y: True)  # nobody knows how many it lets through


def test_parts_in_the_logs_too_and_the_rate_in_the_progress_bar(capsys):
    history = fitted(control(), LearningRateMonitor(parts=True), verbose=2).history
    product = np.prod([v for name, v in history.items() if name.startswith("rate/")], axis=0)
    assert history["learning_rate"] == pytest.approx(product)
    assert "rate/schedule" in capsys.readouterr().out


class TestFiles:
    def test_another_run_in_the_same_record(self, tmp_path):
        path = tmp_path / "run.jsonl"
        fitted(LearningRateMonitor(record=path))
        path.write_bytes(path.read_bytes()[:-5])  # as a crash leaves it
        fitted(LearningRateMonitor(record=path), epochs=1)
        assert Run.read(path).epochs == 1
        kinds = [
            json.loads(line)["kind"] for line in path.read_text().splitlines() if line[-1] == "}"
        ]
        assert kinds == ["run", *["epoch"] * 3, "run", "epoch", "end"]

    @pytest.mark.parametrize("left", [60, 3])
    def test_a_record_whose_first_line_was_cut_off_goes_on(self, tmp_path, left):
        path = tmp_path / "run.jsonl"
        path.write_bytes(
            b'{"kind": "run", "version": 1, "run": "3f", "name": null, "epoch": 0'[:left]
        )
        fitted(LearningRateMonitor((), statistics=(), record=path), epochs=1)
        assert Run.read(path).epochs == 1

    def test_a_fit_inside_another_in_the_same_record(self, tmp_path):
        path = tmp_path / "run.jsonl"
        inner = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: (
                epoch or fitted(LearningRateMonitor(record=path, name="inner"), epochs=1)
            )
        )
        fitted(LearningRateMonitor(record=path, name="outer"), inner)
        outer, last = read_runs(path)
        assert (outer.head["name"], len(outer.epochs), len(last.epochs)) == ("outer", 3, 1)

    def test_a_loss_that_is_no_number(self, tmp_path):
        path = tmp_path / "run.jsonl"
        model = classifier(keras.optimizers.SGD(math.inf))
        fitted(LearningRateMonitor(record=path), model=model, epochs=1)
        assert math.isnan(Run.read(path).history["loss"][0])
        for line in path.read_text().splitlines():
            json.loads(line, parse_constant=pytest.fail)

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a full disk to write to")
    def test_a_full_disk_ends_the_record_and_not_the_training(self):
        with pytest.warns(UserWarning, match="training goes on without it"):
            history = fitted(LearningRateMonitor(record="/dev/full"))
        assert len(history.history["loss"]) == 3

    @pytest.mark.parametrize("made", ["text", "folder"])
    def test_what_is_no_record_is_left_alone(self, tmp_path, made):
        path = tmp_path / "there"
        path.mkdir() if made == "folder" else path.write_text("mine\n")
        with pytest.raises(InvalidInput, match="folder" if made == "folder" else "left alone"):
            fitted(LearningRateMonitor(record=path))
        assert made == "folder" or path.read_text() == "mine\n"

    @pytest.mark.parametrize("every", [0, -1, 1.5, True, "step", None])
    def test_intervals_that_are_none(self, every):
        with pytest.raises(InvalidInput, match="every=100"):
            LearningRateMonitor(every=every)

    @pytest.mark.parametrize("argument", ["record", "tensorboard"])
    def test_paths_that_are_none(self, argument):
        with pytest.raises(InvalidInput, match=f"{argument} is a path"):
            LearningRateMonitor(**{argument: 3})


class TestTensorBoard:
    def test_read_back(self, tmp_path):
        monitor = LearningRateMonitor(tensorboard=tmp_path / "logs", every=5, groups="layer")
        rate = control()
        history = fitted(rate, monitor, validation_split=0.5).history
        assert "tensorflow" not in sys.modules or BACKEND == "tensorflow"
        found = Run.read(tmp_path / "logs")
        for name in ("loss", "val_loss", "learning_rate", "update_ratio", "momentum"):
            assert found.history[name] == pytest.approx(history[name], rel=1e-5), name
        told = [rate.explain(step - 1).rate for step in (5, 10, 15)]
        assert list(found.steps["learning_rate"].steps) == [5, 10, 15]
        assert list(found.steps["learning_rate"].values) == pytest.approx(told)
        assert any(name.startswith("gradient_norm/") for name in found.steps)

    def test_a_second_run_in_the_folder_is_told_and_does_not_mix(self, tmp_path):
        folder = tmp_path / "logs"
        fitted(LearningRateMonitor((), tensorboard=folder, every=5), validation_split=0.5)
        again = LearningRateMonitor((), tensorboard=folder)
        with pytest.warns(UserWarning, match=r"a run in '.*logs' already.*logs-2"):
            history = fitted(again, epochs=2).history
        found = Run.read(folder)
        assert found.history.keys() >= {"loss", "update_ratio"}
        assert "val_loss" not in found.history  # which the first one had
        assert found.history["loss"] == pytest.approx(history["loss"], rel=1e-5)
        assert not found.steps
        further = LearningRateMonitor((), tensorboard=folder)  # goes on, which is no news
        history = fitted(further, initial_epoch=1).history
        assert found.history["loss"][:1] + history["loss"] == pytest.approx(
            Run.read(folder).history["loss"], rel=1e-5
        )

    def test_without_the_package(self, monkeypatch):
        monkeypatch.setattr(arguments.importlib.util, "find_spec", lambda name: None)
        with pytest.raises(MissingExtra, match=r"keras-lr\[tensorboard\]"):
            LearningRateMonitor(tensorboard="logs")
