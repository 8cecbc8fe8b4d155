"""A run that was cut off and goes on equals one that wasn't: to the last bit, on every backend."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_lr
from keras_lr import rules
from keras_lr.callbacks import BackupAndRestore
from resume_runs import BATCHES, EPOCHS, Cut, built, cut_after, data, run, weights

pytestmark = pytest.mark.filterwarnings("ignore:The run stopped at step")


def cut_off(folder, after, **arguments):
    with pytest.raises(Cut):
        run(folder, **arguments, more=[cut_after(after)])


def same(one, other):
    assert one[1] == other[1]  # the history: losses, metrics, rates
    assert weights(one[0]) == weights(other[0])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return run(tmp_path_factory.mktemp("whole") / "backup")


def test_the_run_that_is_compared_with_does_something(whole):
    _, history, (control, *_) = whole
    assert any(event.cause.startswith("plateau") for event in control.record.events)
    assert control.explain(EPOCHS * BATCHES - 1).base < 0.04  # what Keras's own callback has cut
    assert len({event.step % BATCHES for event in control.record.events}) > 1  # inside epochs too
    assert len(set(history["learning_rate"])) == len(history["loss"])


@pytest.mark.parametrize("moments", [[5], [8], [13, 2, 6]])
def test_a_run_cut_off_at_any_batch_goes_on_as_if_it_hadnt_been(whole, tmp_path, moments):
    for after in moments:
        cut_off(tmp_path / "b", after)
    found = run(tmp_path / "b")
    same(found, whole)
    assert found[2][0].record.events == whole[2][0].record.events
    assert [found[2][0].explain(step).rate for step in range(40)] == [
        whole[2][0].explain(step).rate for step in range(40)
    ]
    assert not (tmp_path / "b").exists()


def test_saved_at_epochs_ends(tmp_path):
    one = run(tmp_path / "a", save_freq="epoch")
    for after in (12, 3):
        cut_off(tmp_path / "b", after, save_freq="epoch")
    same(run(tmp_path / "b", save_freq="epoch"), one)


def test_killed_with_sigkill_at_random_moments(tmp_path):
    """True processes and true kills; where within a batch they hit differs from run to run."""
    script = Path(__file__).with_name("resume_runs.py")
    command = [sys.executable, str(script), str(tmp_path)]
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # NumPy's threads: it forks
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=alone)
    assert done.returncode == 0, done.stderr or "it got stuck"
    assert int(done.stdout.splitlines()[-1]) >= 1, "it has to have been killed"
    results = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("whole", "cut")]
    assert results[0] == results[1]
    assert not (tmp_path / "cut").exists()


@pytest.mark.parametrize("first", [True, False])
def test_the_place_in_the_list_doesnt_matter(tmp_path, first):
    """A cut made by a callback behind the backup was lost with Keras's own."""

    def fit(folder, more=()):
        backup = BackupAndRestore(folder)
        others = [keras_lr.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=9.0)]
        model, (x, y) = built(), data()
        callbacks = [backup, *others] if first else [*others, backup]
        history = model.fit(x, y, epochs=5, verbose=0, callbacks=[*callbacks, *more]).history
        return model, history

    one = fit(tmp_path / "a")
    with pytest.raises(Cut):
        fit(tmp_path / "b", [cut_after(7)])
    same(fit(tmp_path / "b"), one)
    assert one[1]["learning_rate"][-1] < 1e-4


def test_early_stopping_stops_at_the_same_epoch_and_gives_the_best_weights(tmp_path):
    def callbacks():
        return [
            keras.callbacks.EarlyStopping(
                "val_loss", patience=2, min_delta=0.5, restore_best_weights=True
            )
        ]

    one = run(tmp_path / "a", callbacks=callbacks(), epochs=20)
    assert 3 <= len(one[1]["loss"]) < 20
    for after in (14,):
        cut_off(tmp_path / "b", after, callbacks=callbacks(), epochs=20)
    same(run(tmp_path / "b", callbacks=callbacks(), epochs=20), one)


def test_a_run_cut_off_after_it_was_stopped_isnt_taken_up_again(tmp_path):
    class CutAtTheEnd(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            raise Cut

    def stopping():
        return [keras.callbacks.EarlyStopping("loss", patience=1, min_delta=9.0)]

    with pytest.raises(Cut):
        run(tmp_path / "b", callbacks=stopping(), more=[CutAtTheEnd()], save_freq="epoch")
    model, history, _ = run(tmp_path / "b", callbacks=stopping(), save_freq="epoch")
    assert len(history["loss"]) == 2
    assert int(model.optimizer.iterations.numpy()) == 2 * BATCHES


def test_a_later_fit_trains_its_own_epochs(tmp_path):
    cut_off(tmp_path / "b", 20)
    model, *_ = run(tmp_path / "b")
    x, y = data()
    assert len(model.fit(x, y, epochs=3, verbose=0).history["loss"]) == 3
    backup = BackupAndRestore(tmp_path / "c", delete_checkpoint=False)
    for _ in range(2):
        history = model.fit(x, y, epochs=3, verbose=0, callbacks=[backup]).history
        assert len(history["loss"]) == 3


def test_states_are_kept_on_request_and_a_finished_run_isnt_trained_again(tmp_path):
    keep = {"backup": {"delete_checkpoint": False}, "save_freq": "epoch"}
    one = run(tmp_path / "b", **keep)
    assert len(list((tmp_path / "b").iterdir())) == 2
    again = run(tmp_path / "b", **keep)
    assert again[1] == one[1]
    for path in (tmp_path / "b").iterdir():
        path.write_bytes(b"x")
    with pytest.raises(OSError, match=r"No backup in .* can be read.*delete the folder"):
        run(tmp_path / "b", **keep)
    keep = {"callbacks": [], "save_freq": "epoch"}
    single = run(
        tmp_path / "c",
        **keep,
        backup={"double_checkpoint": False, "delete_checkpoint": False},
    )
    assert len(list((tmp_path / "c").iterdir())) == 1
    longer = run(tmp_path / "c", epochs=EPOCHS + 2, **keep)
    assert len(longer[1]["loss"]) == EPOCHS + 2
    assert longer[1]["loss"][:EPOCHS] == single[1]["loss"]


@pytest.mark.parametrize("damage", ["truncated", "changed", "foreign"])
def test_a_damaged_state_gives_way_to_the_one_before_with_a_warning(whole, tmp_path, damage):
    cut_off(tmp_path / "b", 14)
    newest = max((tmp_path / "b").glob("*.state"))
    content = newest.read_bytes()
    middle = len(content) // 2
    newest.write_bytes(
        {
            "truncated": content[:middle],
            "changed": content[:middle] + b"?" + content[middle + 1 :],
            "foreign": b"something else",
        }[damage]
    )
    with pytest.warns(UserWarning, match=r"(checksum is wrong|no backup of).*before it is used"):
        found = run(tmp_path / "b")
    same(found, whole)


def test_no_save_that_fails_costs_the_one_before(whole, tmp_path, monkeypatch):
    from keras_lr.state import archive

    def full(*arguments):
        raise OSError("No space left on device")

    class Full(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                monkeypatch.setattr(archive, "_bytes", full)

    with pytest.raises(OSError, match="No space"):
        run(tmp_path / "b", more=[Full()])
    monkeypatch.undo()
    same(run(tmp_path / "b"), whole)


def test_gradient_accumulation_and_optimizer_variables(tmp_path):
    def model():
        return built(keras.optimizers.SGD(0.1, momentum=0.9, gradient_accumulation_steps=2))

    one = run(tmp_path / "a", model=model())
    for after in (8, 11):
        cut_off(tmp_path / "b", after, model=model())
    same(run(tmp_path / "b", model=model()), one)


@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="Keras refuses steps_per_execution on torch"
)
def test_executions_of_several_steps(tmp_path):
    def model():
        return built(steps_per_execution=2)

    one = run(tmp_path / "a", model=model())
    for after in (2, 4):
        cut_off(tmp_path / "b", after, model=model())
    same(run(tmp_path / "b", model=model()), one)


def sequence(x, y):
    class Sequence(keras.utils.PyDataset):
        def __len__(self):
            return len(x) // 8

        def __getitem__(self, index):
            return x[8 * index : 8 * index + 8], y[8 * index : 8 * index + 8]

    return Sequence()


def endless(x, y):
    for k in range(1000):
        order = np.random.default_rng(k).permutation(len(x))[:8]
        yield x[order], y[order]


def loader(x, y):
    from torch.utils.data import DataLoader, TensorDataset  # type: ignore[import-not-found]

    return DataLoader(TensorDataset(*map(importlib.import_module("torch").tensor, (x, y))), 8, True)


def dataset(x, y):
    tf = importlib.import_module("tensorflow")
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(8)


@pytest.mark.parametrize(
    "kind", ["batch", "unshuffled", "steps_per_epoch", "sequence", "generator", "loader", "tf.data"]
)
def test_the_order_of_the_data(tmp_path, kind):
    backend = keras.backend.backend()
    needed = {"loader": "torch", "tf.data": "tensorflow"}.get(kind, backend)
    if backend != needed:
        pytest.skip(f"{kind} needs {needed}, which isn't installed beside {backend}")
    x, y = data(200 if kind == "steps_per_epoch" else 72)
    own = {"y": None, "batch_size": None, "validation_split": 0, "shuffle": False}

    def fit():
        return {
            "batch": lambda: {"shuffle": "batch"},
            "unshuffled": lambda: {"shuffle": False},
            "steps_per_epoch": lambda: {
                "x": x,
                "y": y,
                "steps_per_epoch": 4,
                "validation_split": 0,
            },
            "sequence": lambda: {"x": sequence(x, y), **own},
            "generator": lambda: {"x": endless(x, y), "steps_per_epoch": 4, **own},
            "loader": lambda: {"x": loader(x, y), **own},
            "tf.data": lambda: {"x": dataset(x, y), **own},
        }[kind]()

    one = run(tmp_path / "a", callbacks=[], **fit())
    for after in (6, 8):
        cut_off(tmp_path / "b", after, callbacks=[], **fit())
    same(run(tmp_path / "b", callbacks=[], **fit()), one)


def test_keras_own_callbacks_that_average_and_keep_the_best(tmp_path):
    def fit(name, after=None):
        model = built(keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.9))
        best = keras.callbacks.ModelCheckpoint(
            tmp_path / f"{name}.weights.h5",
            monitor="val_loss",
            save_best_only=True,
            save_weights_only=True,
        )
        callbacks = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True), best]
        if after is not None:
            return cut_off(tmp_path / name, after, model=model, callbacks=callbacks)
        return run(tmp_path / name, model=model, callbacks=callbacks)

    one = fit("a")
    for after in (12, 5):
        fit("b", after)
    found = fit("b")
    same(found, one)
    assert found[2][1].best == one[2][1].best == min(one[1]["val_loss"])


def test_no_batch_is_trained_on_twice(tmp_path):
    for after in (7, 7):
        cut_off(tmp_path / "b", after, save_freq=3, callbacks=[])
    model, history, _ = run(tmp_path / "b", save_freq=3, callbacks=[])
    assert int(model.optimizer.iterations.numpy()) == EPOCHS * BATCHES
    assert len(history["loss"]) == EPOCHS


def test_the_rest_of_an_interrupted_notebook(tmp_path):
    """The same model and callback again, in the same process, after Ctrl-C."""
    model, (x, y) = built(), data()
    backup = BackupAndRestore(tmp_path / "b", save_freq=4)
    control = keras_lr.LearningRate("linear", rules=[rules.Divergence()])

    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations.numpy() == 18:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=4, batch_size=8, verbose=0, callbacks=[backup, control, Interrupt()])
    assert (tmp_path / "b").exists()
    history = model.fit(
        x, y, epochs=4, batch_size=8, verbose=0, callbacks=[backup, control]
    ).history
    other = built()
    control = keras_lr.LearningRate("linear", rules=[rules.Divergence()])
    backup = BackupAndRestore(tmp_path / "c")
    expected = other.fit(
        x, y, epochs=4, batch_size=8, verbose=0, callbacks=[backup, control]
    ).history
    assert history == expected
    assert weights(model) == weights(other)
