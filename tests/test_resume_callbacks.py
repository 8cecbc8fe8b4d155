"""The state of the callbacks of a run that goes on: their own words, their attributes, their files."""

import collections
import dataclasses
import random

import keras
import numpy as np
import pytest

import keras_lr
from keras_lr import rules
from keras_lr.callbacks import BackupAndRestore
from keras_lr.callbacks.backup import attributes
from keras_lr.errors import InvalidInput
from resume_runs import BATCHES, Cut, built, cut_after, data, run


def cut_off(folder, callbacks, after=20, **arguments):
    with pytest.raises(Cut):
        run(folder, callbacks=callbacks, more=[cut_after(after)], save_freq="epoch", **arguments)


class Counts(keras.callbacks.Callback):
    """Gives its state as it was told to, and notes what comes back."""

    def __init__(self, state):
        super().__init__()
        self.state, self.got = state, ()

    def get_state(self):
        return self.state

    def set_state(self, state):
        self.got = (state,)


STATES = [
    [3],
    {"n": 3, "best": 0.5},
    7,
    None,
    (1, {2, 3}),
    {(1, "a"): collections.deque([1, 2], maxlen=2)},
    {"c": collections.Counter("aab"), "o": collections.OrderedDict(b=1, a=2), "z": 1 + 2j},
    {"d": collections.defaultdict(list, {"a": [1]}), "b": b"\x00", "f": frozenset([(1, 2)])},
]


def test_callbacks_get_back_exactly_what_they_gave(tmp_path):
    cut_off(tmp_path, [Counts(state) for state in STATES])
    callbacks = run(tmp_path, callbacks=[Counts(None) for _ in STATES], save_freq="epoch")[2]
    for callback, state in zip(callbacks, STATES, strict=True):
        (found,) = callback.got
        assert found == state
        assert repr(found) == repr(state)
        assert type(found) is type(state)


def test_methods_of_these_names_that_are_something_else(tmp_path):
    class Store(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seen = []

        def get_state(self, key):
            raise AssertionError

        def set_state(self, key, value):
            raise AssertionError

        def on_epoch_end(self, epoch, logs=None):
            self.seen.append(epoch)

    cut_off(tmp_path, [Store()])
    (store,) = run(tmp_path, callbacks=[Store()], save_freq="epoch")[2]
    assert store.seen == [0, 1, 2, 3, 4]


def test_a_state_taken_by_hand(tmp_path):
    """Without a backup, `LearningRate` goes on from what its rules knew."""
    taken = []

    class Take(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            taken.append(control.get_state())

    control = keras_lr.LearningRate(rules=[rules.Plateau("loss", patience=1, min_delta=0.9)])
    run(None, callbacks=[control, Take()], epochs=3)
    later = keras_lr.LearningRate(rules=[rules.Plateau("loss", patience=1, min_delta=0.9)])
    later.set_state(taken[-1])
    run(None, callbacks=[later], epochs=1)
    # A new rule has nothing to compare the first epoch with.
    assert (BATCHES, "plateau") in [(each.step, each.cause) for each in later.record.events]


class Collects(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.last, self.seen = collections.deque(maxlen=2), set()
        self.by, self.count = collections.defaultdict(int), collections.Counter()
        self.rng, self.old = np.random.default_rng(0), np.random.RandomState(0)
        self.python, self.alias = random.Random(0), self.rng
        self.total = np.zeros(2)
        self.drawn = None

    def on_epoch_end(self, epoch, logs=None):
        self.last.append(epoch)
        self.seen.add(epoch)
        self.by[epoch % 2] += 1
        self.count["epochs"] += 1
        self.total += epoch  # in place
        self.drawn = self.alias.random(), self.old.rand(), self.python.random()


def test_collections_and_generators_go_on(tmp_path):
    cut_off(tmp_path, [Collects()])
    (found,) = run(tmp_path, callbacks=[Collects()], save_freq="epoch")[2]
    (whole,) = run(None, callbacks=[Collects()])[2]
    for name in ("last", "seen", "by", "count", "drawn"):
        assert getattr(found, name) == getattr(whole, name), name
    assert found.last.maxlen == 2
    assert found.by["new"] == 0
    assert found.total.tolist() == [10.0, 10.0]


def test_state_that_cant_be_saved_is_warned_of_before_training(tmp_path):
    @dataclasses.dataclass
    class Best:
        loss: float = 0.0

    class Mine(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.best, self.machinery, self.later = Best(), [print, keras.layers.Dense(1)], []

        def on_train_batch_begin(self, batch, logs=None):
            raise Cut

    with (
        pytest.raises(Cut),
        pytest.warns(UserWarning, match=r"attribute best of the callback Mine") as told,
    ):
        run(tmp_path, callbacks=[Mine()])
    assert len([each for each in told if "callback Mine" in str(each.message)]) == 1


def test_state_that_comes_later_and_cant_be_saved_is_warned_of_once(tmp_path):
    class Mine(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.later = []

        def on_epoch_end(self, epoch, logs=None):
            self.later.append(keras.ops.ones(()))

    with pytest.warns(UserWarning, match="attribute later of the callback Mine") as told:
        run(tmp_path, callbacks=[Mine()], save_freq="epoch", epochs=3)
    assert len([each for each in told if "callback Mine" in str(each.message)]) == 1


def test_callbacks_that_are_equal_or_have_no_hash(tmp_path):
    @dataclasses.dataclass
    class Waits(keras.callbacks.Callback):
        patience: int = 3

        def __post_init__(self):
            super().__init__()
            self.seen = 0

        def on_epoch_end(self, epoch, logs=None):
            self.seen += 1

    cut_off(tmp_path, [Waits(), Waits()])
    found = run(tmp_path, callbacks=[Waits(), Waits()], save_freq="epoch")[2]
    assert [each.seen for each in found] == [5, 5]


def stoppings(*monitors):
    return [keras.callbacks.EarlyStopping(each, mode="min", patience=50) for each in monitors]


def test_each_of_two_of_a_class_gets_its_own_state(tmp_path):
    cut_off(tmp_path, stoppings("loss", "accuracy"))
    found = run(tmp_path, callbacks=stoppings("accuracy", "loss"), save_freq="epoch")[2]
    whole = run(None, callbacks=stoppings("loss", "accuracy"))[2]
    assert [each.best for each in found] == [each.best for each in reversed(whole)]


def test_one_that_watches_something_else_starts_anew(tmp_path):
    cut_off(tmp_path, stoppings("loss"))
    with pytest.warns(UserWarning, match=r"EarlyStopping has monitor='loss'.*monitor='accuracy'"):
        run(tmp_path, callbacks=stoppings("accuracy"), save_freq="epoch")


def test_a_setting_that_says_how_long_may_change(tmp_path):
    cut_off(tmp_path, stoppings("loss"))
    patient = keras.callbacks.EarlyStopping("loss", mode="min", patience=60)
    run(tmp_path, callbacks=[patient], save_freq="epoch")
    assert patient.best == run(None, callbacks=stoppings("loss"))[2][0].best
    assert patient.patience == 60


def test_arrays_that_dont_change_arent_copied(monkeypatch):
    callback = keras.callbacks.Callback()
    callback.held, callback.grows = np.zeros(1000), np.zeros(3)
    followed = attributes.Attributes([callback])
    copied = []
    deep = attributes.copy.deepcopy
    monkeypatch.setattr(
        attributes.copy, "deepcopy", lambda value: copied.append(value) or deep(value)
    )
    callback.grows += 1  # in place, which identity doesn't tell
    found = followed.take()[callback]
    assert list(found) == ["grows"]
    assert len(copied) == 1
    assert copied[0] is callback.grows


def test_what_cant_be_saved_is_refused_before_training(tmp_path):
    trained = []

    class Batches(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            trained.append(batch)

    told = r"callback Counts gives.*numbers, strings.*Counts\.get_state\(\)\['a'\]\[1\].*len"
    with pytest.raises(InvalidInput, match=told):
        run(tmp_path, callbacks=[Counts({"a": [1, len]}), Batches()])
    assert trained == []
    late = Counts(1)
    late.on_epoch_end = lambda epoch, logs=None: setattr(late, "state", len)
    with pytest.raises(InvalidInput, match="callback Counts gives"):
        run(tmp_path, callbacks=[late])


# -- CSVLogger ---------------------------------------------------------------------------------------


def logged(folder, file, after=None, *, append=False):
    logger = keras.callbacks.CSVLogger(str(file), append=append)
    if after is None:
        run(folder, callbacks=[logger], save_freq="epoch")
    else:
        cut_off(folder, [logger], after)
        logger.csv_file.close()
    return file.read_text()


def test_another_file_is_never_cut(tmp_path):
    logged(tmp_path / "b", tmp_path / "one.csv", 20)
    rows = (tmp_path / "one.csv").read_text()
    other = tmp_path / "other.csv"
    other.write_text("theirs\n" + "1\n" * 500)
    with pytest.warns(UserWarning, match=r"filename='.*one.csv'.*filename='.*other.csv'"):
        found = logged(tmp_path / "b", other, append=True)
    assert found.startswith("theirs\n" + "1\n" * 500)
    assert (tmp_path / "one.csv").read_text() == rows


@pytest.mark.parametrize(
    ("theirs", "told"), [("a,b\n" + "1,2\n" * 500, "other rows"), ("a\n", "lacks")]
)
def test_a_file_that_was_replaced_is_never_cut(tmp_path, theirs, told):
    file = tmp_path / "log.csv"
    logged(tmp_path / "b", file, 20)
    file.write_text(theirs)
    with pytest.warns(UserWarning, match=told):
        assert logged(tmp_path / "b", file).startswith(theirs)


def test_a_folder_that_was_moved_is_known_by_its_rows(tmp_path, monkeypatch):
    whole = logged(None, tmp_path / "whole.csv")
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    monkeypatch.chdir(here)
    logger = keras.callbacks.CSVLogger("log.csv")
    cut_off(tmp_path / "b", [logger], 20)
    logger.csv_file.write("7,torn")
    logger.csv_file.close()
    monkeypatch.chdir(tmp_path)
    here.rename(there)
    monkeypatch.chdir(there)
    run(tmp_path / "b", callbacks=[keras.callbacks.CSVLogger("log.csv")], save_freq="epoch")
    assert (there / "log.csv").read_text() == whole


def test_a_relative_name_in_another_folder_is_another_file(tmp_path, monkeypatch):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    logger = keras.callbacks.CSVLogger("log.csv")
    cut_off(tmp_path / "b", [logger], 20)
    logger.csv_file.close()
    monkeypatch.chdir(tmp_path / "there")
    theirs = "theirs\n" + "1\n" * 500
    (tmp_path / "there" / "log.csv").write_text(theirs)
    with pytest.warns(UserWarning, match="rows from before stay where they are"):
        run(
            tmp_path / "b",
            callbacks=[keras.callbacks.CSVLogger("log.csv", append=True)],
            save_freq="epoch",
        )
    assert (tmp_path / "there" / "log.csv").read_text().startswith(theirs)


def test_a_folder_serves_one_fit(tmp_path):
    """The lock, between two fits of one process."""
    x, y = data()

    class Another(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            built().fit(x, y, verbose=0, callbacks=[BackupAndRestore(tmp_path)])

    with pytest.raises(InvalidInput, match="a folder of its own"):
        run(tmp_path, callbacks=[Another()])
