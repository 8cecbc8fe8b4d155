"""A run that goes on with another plan, another model or other callbacks than it was saved with."""

import keras
import numpy as np
import pytest

import keras_lr
from keras_lr import rules, schedules
from keras_lr.callbacks import BackupAndRestore
from keras_lr.errors import InvalidInput
from resume_runs import BATCHES, Cut, built, cut_after, run, weights

pytestmark = pytest.mark.filterwarnings(
    "ignore:The run stopped at step",
    "ignore:The run went on for 18 steps after its plan",  # which is what "keep" was asked for
)


def go(folder, schedule, *, after=None, choice="error", epochs=4, **arguments):
    """A fit under a schedule, cut off or not; its rates a step, as they are explained."""
    control = keras_lr.LearningRate(schedule, arguments.pop("rules", ()))
    arguments = {"backup": {"on_change": choice}, "epochs": epochs, **arguments}
    if after is not None:
        with pytest.raises(Cut):
            run(folder, callbacks=[control], more=[cut_after(after)], **arguments)
        return None
    run(folder, callbacks=[control], **arguments)
    return [control.explain(step).rate for step in range(epochs * BATCHES)]


def rates(schedule, epochs):
    plan = schedules.as_schedule(schedule).resolve(steps=epochs * BATCHES, steps_per_epoch=BATCHES)
    return [0.05 * float(plan(step)) for step in range(epochs * BATCHES)]


@pytest.mark.parametrize("choice", ["error", "keep", "reanchor", "cooldown"])
@pytest.mark.deep(after=2)
def test_a_longer_run(tmp_path, choice):
    go(tmp_path, "cosine", after=12, choice=choice)  # saved after 10 of 36
    if choice == "error":
        expected = (
            r"The schedule has changed since the backup: it was cosine\(length=36\) over 36 updates, "
            r'and is cosine\(length=54\) over 54 updates.*"keep".*"reanchor".*"cooldown"'
        )
        with pytest.raises(InvalidInput, match=expected):
            go(tmp_path, "cosine", epochs=6)
        return
    found = go(tmp_path, "cosine", epochs=6, choice=choice)
    if choice == "keep":
        assert found == pytest.approx(rates("cosine", 4) + [0.0] * 18)
    elif choice == "reanchor":
        assert found == pytest.approx(rates("cosine", 6))
    else:
        before = rates("cosine", 4)[:11]
        assert found[:11] == pytest.approx(before)
        assert found[10:] == pytest.approx(list(np.linspace(before[10], 0, 45)[:44]))


def test_what_didnt_change_is_no_change(tmp_path):
    """Lengths in steps mean the same in a longer run."""
    go(tmp_path, "exponential(0.5, every=10)", after=12)
    found = go(tmp_path, "exponential(0.5, every=10)", epochs=5)
    assert found == pytest.approx(rates("exponential(0.5, every=10)", 5))


def test_code_isnt_stored(tmp_path):
    go(tmp_path, lambda step: 1.0 / (1.0 + step), after=12)
    with pytest.raises(InvalidInput, match=r"is code, which isn't stored.*reanchor"):
        go(tmp_path, "cosine", choice="keep")
    assert go(tmp_path, "cosine", choice="reanchor") == pytest.approx(rates("cosine", 4))


@pytest.mark.parametrize("choice", ["error", "reanchor"])
def test_another_size_of_batches(tmp_path, choice):
    go(tmp_path, "linear", after=13, choice=choice)  # saved after the first batch of epoch 2
    if choice == "error":
        with pytest.raises(InvalidInput, match=r"after 1 of an epoch's 9 batches.*has 18"):
            go(tmp_path, "linear", batch_size=4)
        return
    control = keras_lr.LearningRate("linear")
    model, *_ = run(
        tmp_path, callbacks=[control], batch_size=4, epochs=4, backup={"on_change": choice}
    )
    assert int(model.optimizer.iterations.numpy()) == 10 + 3 * 18 - 2
    plan = schedules.Linear().resolve(steps=72)
    assert control.explain(71).rate == pytest.approx(0.05 * float(plan(71)))


def test_other_rules(tmp_path):
    plateau = rules.Plateau("loss", patience=1, min_delta=0.9)
    go(tmp_path, None, after=30, rules=[plateau], save_freq="epoch")
    with pytest.raises(InvalidInput, match=r"rules have changed.*patience=1.*patience=2.*keep"):
        go(tmp_path, None, rules=[rules.Plateau("loss", patience=2)], save_freq="epoch")
    others = [rules.Divergence(), plateau]
    found = go(tmp_path, None, rules=others, save_freq="epoch", choice="keep")
    assert found[-1] == pytest.approx(0.05 * 0.5**2)  # what was cut before stays cut


def test_another_optimizer_or_model_is_named(tmp_path):
    with pytest.raises(Cut):
        run(tmp_path, callbacks=[], more=[cut_after(7)])
    with pytest.raises(InvalidInput, match=r"another optimizer: .*momentum.*velocity"):
        run(tmp_path, callbacks=[], model=built(keras.optimizers.RMSprop(0.05)))
    wider = keras.Sequential([keras.Input((4,)), keras.layers.Dense(9), keras.layers.Dense(3)])
    wider.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(
        InvalidInput, match=r"another model: .*\(4, 9\).* is .*\(4, 8\).* in the back"
    ):
        run(tmp_path, callbacks=[], model=wider)
    model, *_ = run(tmp_path, callbacks=[])  # nothing was hurt by trying
    assert int(model.optimizer.iterations.numpy()) == 5 * BATCHES


def test_a_rate_that_becomes_a_schedule_keeps_the_moments(tmp_path):
    with pytest.raises(Cut):
        run(tmp_path, callbacks=[], more=[cut_after(7)])
    scheduled = keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.05, 10, 0.9))
    with pytest.raises(InvalidInput, match=r"compiled with a number.*this one with a schedule"):
        run(tmp_path, callbacks=[], model=built(scheduled))

    class Look(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.seen = weights(self.model)

    look = Look()
    scheduled = keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.05, 10, 0.9))
    model, *_ = run(
        tmp_path, callbacks=[look], model=built(scheduled), backup={"on_change": "reanchor"}
    )
    slots = [np.frombuffer(each, "float32") for each in look.seen[-8:]]
    assert all(np.abs(each).max() > 0 for each in slots)
    assert int(model.optimizer.iterations.numpy()) == 5 * BATCHES


def test_a_users_callback(tmp_path):
    class Mine(keras.callbacks.Callback):
        """Its plain attributes that change are kept; what it was built with isn't."""

        def __init__(self, told):
            super().__init__()
            self.told, self.seen, self.by = told, [], {}
            self.model_once = object()

        def on_epoch_end(self, epoch, logs=None):
            self.seen.append(epoch)
            self.by[epoch] = np.float32(epoch)
            self.model_once = print

    class Speaking(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.count = 0

        def on_train_begin(self, logs=None):
            self.at_begin = self.count

        def on_epoch_end(self, epoch, logs=None):
            self.count += 1

        def get_state(self):
            return {"count": self.count}

        def set_state(self, state):
            self.count = state["count"]

    def callbacks(told):
        return [Mine(told), Speaking()]

    with pytest.raises(Cut):
        run(tmp_path, callbacks=callbacks("then"), more=[cut_after(20)], save_freq="epoch")
    mine, speaking = run(tmp_path, callbacks=callbacks("now"), save_freq="epoch")[2]
    assert mine.told == "now"
    assert mine.seen == [0, 1, 2, 3, 4]
    assert mine.by == {epoch: np.float32(epoch) for epoch in range(5)}
    assert (speaking.at_begin, speaking.count) == (2, 5)


def test_a_callback_that_is_gone_is_told(tmp_path):
    stopping = keras.callbacks.EarlyStopping("loss", patience=3)
    with pytest.raises(Cut):
        run(tmp_path, callbacks=[stopping], more=[cut_after(12)], save_freq="epoch")
    with pytest.warns(UserWarning, match="has the state of EarlyStopping"):
        run(tmp_path, callbacks=[], save_freq="epoch")


@pytest.mark.parametrize("append", [False, True])
def test_csv_rows_are_neither_doubled_nor_lost(tmp_path, append):
    def fit(name, after=None):
        logger = keras.callbacks.CSVLogger(str(tmp_path / f"{name}.csv"), append=append)
        if after is None:
            run(tmp_path / name, callbacks=[logger], save_freq=4)
        else:
            with pytest.raises(Cut):
                run(tmp_path / name, callbacks=[logger], more=[cut_after(after)], save_freq=4)
            logger.csv_file.write("7,torn")  # by a kill in the middle of a row
            logger.csv_file.close()
        return logger

    fit("a")
    for after in (12, 11):
        fit("b", after)
    assert fit("b").append is append
    assert (tmp_path / "b.csv").read_text() == (tmp_path / "a.csv").read_text()


def test_keras_scheduler_of_the_rate_isnt_called_twice_upon_it(tmp_path):
    def decays():
        return [keras_lr.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)]

    one = run(tmp_path / "a", callbacks=decays())
    for after in (12, 6):
        with pytest.raises(Cut):
            run(tmp_path / "b", callbacks=decays(), more=[cut_after(after)])
    found = run(tmp_path / "b", callbacks=decays())
    assert found[1] == one[1]
    assert weights(found[0]) == weights(one[0])
    assert one[1]["learning_rate"] == pytest.approx([0.025 * 0.5**k for k in range(5)])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"save_freq": 0}, "save_freq must be"),
        ({"save_freq": True}, "save_freq must be"),
        ({"save_freq": "batch"}, "save_freq must be"),
        ({"on_change": "kepp"}, "Did you mean 'keep'"),
        ({"backup_dir": ""}, "backup_dir must be"),
        ({"backup_dir": "gs://bucket"}, "backup_dir must be"),
    ],
)
def test_arguments_that_cant_work(tmp_path, arguments, told):
    with pytest.raises(InvalidInput, match=told):
        BackupAndRestore(**{"backup_dir": tmp_path, **arguments})


def test_places_where_it_cant_work(tmp_path):
    model = built()
    x, y = np.zeros((8, 4), "float32"), np.zeros(8)
    for other in (
        BackupAndRestore(tmp_path / "o"),
        keras.callbacks.BackupAndRestore(tmp_path / "o"),
    ):
        with pytest.raises(InvalidInput, match="Two callbacks would restore"):
            model.fit(x, y, verbose=0, callbacks=[BackupAndRestore(tmp_path / "b"), other])

    class Around(keras.callbacks.Callback):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def set_model(self, model):
            self.inner.set_model(model)

        def on_train_begin(self, logs=None):
            self.inner.on_train_begin(logs)

    with pytest.raises(InvalidInput, match="in the list given to fit itself"):
        model.fit(x, y, verbose=0, callbacks=[Around(BackupAndRestore(tmp_path / "b"))])
    assert model.evaluate(x, y, verbose=0, callbacks=[BackupAndRestore(tmp_path / "b")])
    model.fit(x, y, verbose=0, callbacks=[BackupAndRestore(tmp_path / "b")])
    assert not (tmp_path / "b").exists()


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="JAX and torch build a model before training"
)
def test_a_model_without_weights_yet(tmp_path):
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(InvalidInput, match=r"model\.build"):
        model.fit(np.ones((8, 2)), np.ones(8), verbose=0, callbacks=[BackupAndRestore(tmp_path)])
