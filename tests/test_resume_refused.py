"""A resume that is refused costs nothing: the model is as it was, and the next try works."""

import shutil

import keras
import numpy as np
import pytest

import keras_lr
from keras_lr.callbacks import BackupAndRestore
from keras_lr.errors import BrokenFile, InvalidInput
from keras_lr.state import archive
from resume_runs import BATCHES, EPOCHS, Cut, built, cut_after, data, run, weights

pytestmark = pytest.mark.filterwarnings("ignore:The run stopped at step")


def cut_off(folder, **arguments):
    with pytest.raises(Cut):
        run(folder, **arguments, more=[cut_after(22)])


def linear():
    return [keras_lr.LearningRate("linear")]


def refused(
    folder, model, expected="schedule has changed", error: type = InvalidInput, callbacks=None
):
    model.optimizer.build(model.trainable_variables)
    before = weights(model)
    with pytest.raises(error, match=expected):
        run(folder, model=model, callbacks=linear() if callbacks is None else callbacks)
    assert weights(model) == before


@pytest.mark.parametrize("after", ["another choice", "a new folder", "no backup"])
def test_a_refused_resume_leaves_the_model_and_the_folder_as_they_were(tmp_path, after):
    folder = tmp_path / "b"
    cut_off(folder, callbacks=[keras_lr.LearningRate("cosine")])
    model = built()
    refused(folder, model)
    x, y = data()
    if after == "another choice":
        _, history, _ = run(folder, model=model, callbacks=linear(), backup={"on_change": "keep"})
        assert int(model.optimizer.iterations.numpy()) == EPOCHS * BATCHES
    elif after == "a new folder":
        shutil.rmtree(folder)
        _, history, _ = run(folder, model=model, callbacks=linear())
    else:
        history = model.fit(x, y, epochs=EPOCHS, verbose=0).history
    assert len(history["loss"]) == EPOCHS


def test_the_same_callbacks_may_try_again(tmp_path):
    cut_off(tmp_path / "b", callbacks=[keras_lr.LearningRate("cosine")])
    model, backup, (x, y) = built(), BackupAndRestore(tmp_path / "b", save_freq=5), data()
    control = keras_lr.LearningRate("linear")
    fit = {"epochs": EPOCHS, "batch_size": 8, "validation_split": 0.25, "verbose": 0}
    for _ in range(2):  # refused for what it is, not for the lock
        with pytest.raises(InvalidInput, match="schedule has changed"):
            model.fit(x, y, callbacks=[backup, control], **fit)
    backup.on_change = "reanchor"
    history = model.fit(x, y, callbacks=[backup, control], **fit).history
    assert len(history["loss"]) == EPOCHS


def changed(path, change):
    state = archive.read(path)
    change(state)
    archive.write(path, state)


@pytest.mark.parametrize("part", ["epoch", "data", "model", "control"])
@pytest.mark.deep(after=1)
def test_a_file_without_a_part_gives_way_to_the_one_before(tmp_path, part):
    one = run(tmp_path / "a", callbacks=linear())
    cut_off(tmp_path / "b", callbacks=linear())
    newest = max((tmp_path / "b").glob("*.state"))
    changed(newest, lambda state: state.pop(part))
    with pytest.warns(UserWarning, match=f"isn't a whole backup: it lacks {part}.*before it is"):
        found = run(tmp_path / "b", callbacks=linear())
    assert found[1] == one[1]
    assert weights(found[0]) == weights(one[0])


def test_a_callbacks_state_without_a_part_is_an_error_that_advises(tmp_path):
    cut_off(tmp_path, callbacks=linear())
    newest = max(tmp_path.glob("*.state"))
    changed(newest, lambda state: state["callbacks"]["LearningRate"].pop("rules"))
    refused(tmp_path, built(), r"lacks what.*'rules'.*Delete it", BrokenFile)
    newest.unlink()
    assert len(run(tmp_path, callbacks=linear())[1]["loss"]) == EPOCHS


def test_a_rate_that_was_to_go_on_starts_anew_in_the_next_fit(tmp_path):
    cut_off(tmp_path, callbacks=linear())

    class Refusing(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            raise RuntimeError("not today")

    control, model = keras_lr.LearningRate("linear"), built()
    refused(tmp_path, model, "not today", RuntimeError, [Refusing(), control])
    x, y = data()
    model.fit(x, y, epochs=2, verbose=0, callbacks=[control])
    assert control.explain(0).rate == pytest.approx(0.05)
    assert control.record.fits == 1


def test_a_users_error_stays_what_it_is(tmp_path):
    cut_off(tmp_path, callbacks=[])

    class Mine(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            raise KeyError("mine")

    refused(tmp_path, built(), "mine", KeyError, [Mine()])


@pytest.mark.parametrize("choice", ["error", "keep"])
def test_another_rate_in_the_script(tmp_path, choice):
    cut_off(tmp_path, callbacks=[])
    if choice == "error":
        refused(
            tmp_path,
            built(keras.optimizers.Adam(0.001)),
            r"learning_rate was 0\.05\d* and is 0\.001.*keep.* the saved rate",
            callbacks=[],
        )
        return
    model = built(keras.optimizers.Adam(0.001))
    run(tmp_path, model=model, callbacks=[], backup={"on_change": "keep"})
    assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(0.05)


def test_other_settings_of_the_optimizer(tmp_path):
    cut_off(tmp_path, callbacks=[], model=built(keras.optimizers.SGD(0.1, momentum=0.9)))
    other = keras.optimizers.SGD(0.1, momentum=0.5, weight_decay=1e-3)
    refused(
        tmp_path,
        built(other),
        r"weight_decay was None and is 0\.001; momentum was 0\.9 and is 0\.5",
        callbacks=[],
    )


@pytest.mark.parametrize("batch_size", [24, 9])
def test_another_size_of_batches_between_epochs(tmp_path, batch_size):
    with pytest.raises(Cut):
        run(tmp_path, callbacks=[], more=[cut_after(22)], save_freq="epoch")
    expected = (
        "9 batches, and now an epoch has 3" if batch_size == 24 else "9 batches, and now .* 8"
    )
    with pytest.raises(InvalidInput, match=expected):
        run(tmp_path, callbacks=[], batch_size=batch_size, save_freq="epoch")


def test_batches_of_another_size_and_as_many(tmp_path):
    with pytest.raises(Cut):
        run(tmp_path, callbacks=[], more=[cut_after(22)], save_freq="epoch", validation_split=0)
    x, y = data(48)
    with pytest.raises(InvalidInput, match="with batches of 8 samples, and now they have 4"):
        run(tmp_path, callbacks=[], x=x, y=y, batch_size=4, save_freq="epoch", validation_split=0)


def test_a_longer_run_is_no_change_where_nothing_depends_on_its_length(tmp_path):
    cut_off(tmp_path, callbacks=[])
    assert len(run(tmp_path, callbacks=[], epochs=EPOCHS + 3)[1]["loss"]) == EPOCHS + 3


def test_a_backup_from_another_backend_is_warned_of(tmp_path):
    cut_off(tmp_path, callbacks=[])
    changed(max(tmp_path.glob("*.state")), lambda state: state.update(backend="elsewhere"))
    with pytest.warns(UserWarning, match="made on elsewhere, and goes on on"):
        run(tmp_path, callbacks=[])


def test_a_full_disk_is_told_and_costs_no_backup(tmp_path, monkeypatch):
    import errno
    import os

    one = run(tmp_path / "a", callbacks=[])
    sync, left = os.fsync, iter(range(4))

    def full(opened):
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(opened)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        OSError, match=r"couldn't be written.*No space.*is whole\. Make room"
    ) as told:
        run(tmp_path / "b", callbacks=[])
    assert told.value.errno == errno.ENOSPC
    assert len(list((tmp_path / "b").glob("*.state"))) == 2
    monkeypatch.undo()
    found = run(tmp_path / "b", callbacks=[])
    assert weights(found[0]) == weights(one[0])
    assert np.isfinite(found[1]["loss"]).all()
