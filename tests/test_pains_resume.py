"""What hurts when a run is cut off: what Keras does, then what happens here. A test a row of
docs/keras.md; tests/test_resume.py has the rest."""

import keras
import numpy as np
import pytest

from helpers import ones, unit_gradient
from keras_lr import schedules
from keras_lr.callbacks import BackupAndRestore, LearningRate
from resume_runs import Cut, cut_after

BATCHES = 4
X, Y = ones(BATCHES)
OURS, THEIRS = BackupAndRestore, keras.callbacks.BackupAndRestore


class Flat(keras.callbacks.Callback):
    """Logs a loss that never improves."""

    def on_epoch_end(self, epoch, logs=None):
        logs["loss"] = 1.0


def resumed(backup, callbacks, *, after, epochs):
    """A model that was trained in two processes, as it were, and the second one's history.

    Args:
        backup: Makes the backup callback.
        callbacks: Makes the list of callbacks, given the backup.
        after: Batches after which the first process dies.
        epochs: Of the whole run.
    """
    fit = {"batch_size": 2, "epochs": epochs, "verbose": 0}
    model = unit_gradient(keras.optimizers.SGD(0.5))
    with pytest.raises(Cut):
        model.fit(X, Y, callbacks=[*callbacks(backup()), cut_after(after)], **fit)
    model = unit_gradient(keras.optimizers.SGD(0.5))
    return model, model.fit(X, Y, callbacks=callbacks(backup()), **fit).history


def rate(model):
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


def test_counters_of_a_plateau_after_a_crash(tmp_path):
    """Plateau state after a crash: the counters start again, and the cut doesn't come."""

    def callbacks(backup):
        return [Flat(), keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=4), backup]

    arguments = {"after": 3 * BATCHES, "epochs": 6}
    theirs, _ = resumed(lambda: THEIRS(tmp_path / "theirs"), callbacks, **arguments)
    assert rate(theirs) == 0.5
    ours, _ = resumed(lambda: OURS(tmp_path / "ours"), callbacks, **arguments)
    assert rate(ours) == 0.25


def test_counters_of_early_stopping_after_a_crash(tmp_path):
    """EarlyStopping state after a crash: the run stops too late."""

    def callbacks(backup):
        return [Flat(), keras.callbacks.EarlyStopping("loss", patience=4), backup]

    arguments = {"after": 3 * BATCHES, "epochs": 20}
    _, theirs = resumed(lambda: THEIRS(tmp_path / "theirs"), callbacks, **arguments)
    assert 3 + len(theirs["loss"]) == 8
    _, ours = resumed(lambda: OURS(tmp_path / "ours"), callbacks, **arguments)
    assert len(ours["loss"]) == 5  # the history is the whole run's


def test_a_cut_by_a_callback_that_is_listed_later(tmp_path):
    """A cut made by a callback listed after `BackupAndRestore` is lost on resume."""

    class Halve(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                self.model.optimizer.learning_rate = 0.25

    arguments = {"after": BATCHES, "epochs": 3}
    for backup, expected in ((THEIRS, 0.5), (OURS, 0.25)):
        folder = tmp_path / str(expected)
        model, _ = resumed(lambda: backup(folder), lambda b: [b, Halve()], **arguments)  # noqa: B023
        assert rate(model) == expected


def test_a_run_that_is_cut_off_in_mid_epoch(tmp_path):
    """Mid-epoch resume: the epoch is replayed, and the schedule runs ahead."""
    arguments = {"after": BATCHES + 2, "epochs": 3}

    def plain(backup):
        return [backup]

    theirs, _ = resumed(lambda: THEIRS(tmp_path / "theirs", save_freq=2), plain, **arguments)
    assert int(theirs.optimizer.iterations.numpy()) == 3 * BATCHES + 2

    def scheduled(backup):
        return [LearningRate(schedules.Linear(1.0, 0.0)), backup]

    ours, _ = resumed(lambda: OURS(tmp_path / "ours", save_freq=2), scheduled, **arguments)
    assert int(ours.optimizer.iterations.numpy()) == 3 * BATCHES
    plan = schedules.Linear(1.0, 0.0).resolve(steps=12)
    moved = -float(keras.ops.convert_to_numpy(ours.trainable_variables[0])[0, 0])
    np.testing.assert_allclose(moved, 0.5 * plan(np.arange(12)).sum(), rtol=1e-4)


def test_a_fit_after_one_that_was_restored(tmp_path):
    """A later `fit` after a restored run: `_initial_epoch` is never cleared, so it runs nothing."""
    for backup, expected in ((THEIRS, 0), (OURS, 3)):
        folder = tmp_path / str(expected)
        arguments = {"after": 3 * BATCHES, "epochs": 4}
        model, _ = resumed(lambda: backup(folder), lambda b: [b], **arguments)  # noqa: B023
        again = model.fit(X, Y, batch_size=2, epochs=3, verbose=0).history
        assert len(again.get("loss", [])) == expected
