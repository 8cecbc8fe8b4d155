"""Trials that go on as copies of others: both engines alike, and the same as one uncut training."""

import keras
import numpy as np
import pytest

from engine_models import assert_same_curves, build, images, never
from keras_lr import schedules
from keras_lr.engines import Job, TrialSpec
from keras_lr.engines.fit import FitEngine
from keras_lr.engines.trial import Become
from keras_lr.errors import InvalidInput

X, Y = images(64)
JAX = keras.backend.backend() == "jax"
RATES = (0.01, 0.1, 1e30)
SPECS = [TrialSpec({"learning_rate": rate}) for rate in RATES]


def exact(value):
    return float(np.float32(value))


def exchange(seen=None):
    """Member 0 becomes 1 after two epochs, and 1 becomes that after three; the lost one becomes 1."""

    def between(epoch, logs):
        if seen is not None:
            seen.append((epoch, sorted(logs)))
        found = {i: Become(1, 1.25) for i, each in logs.items() if not np.isfinite(each["loss"])}
        if epoch == 1:
            found[0] = Become(1, exact(0.8))
        if epoch == 2:
            found[1] = Become(0, exact(0.64))
        return found

    return between


def job(build_model, **changes):
    arguments = {"epochs": 4, "batch_size": 16, "validation_split": 0.25, "seed": 3, **changes}
    x, y = arguments.pop("x", X), arguments.pop("y", Y)
    return Job(build_model, x, y, **arguments)


def compiled(given, specs, *rest):
    from keras_lr.engines.compiled.engine import CompiledEngine

    return CompiledEngine(given, fall_back=False).run(specs, *rest)


def uncut(given):
    """The path of member 1, trained by one fit."""
    path = schedules.Piecewise(["2 epochs", "3 epochs"], [1.0, 0.8, 0.64])
    return FitEngine(given).run([TrialSpec({"learning_rate": 0.1}, path)], never, lambda *_: True)[
        0
    ]


def assert_ends_alike(got, wanted):
    for name, values in wanted.history.items():
        assert got.history[name][-1] == pytest.approx(values[-1], rel=1e-5), name
    for one, two in zip(got.weights, wanted.weights, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("kind", "optimizer"), [("dropout", "sgd"), ("batchnorm", "adam")])
@pytest.mark.deep
def test_a_copy_trains_as_one_uncut_training_of_its_path(kind, optimizer):
    settings = {"momentum": 0.9} if optimizer == "sgd" else {}
    given = job(lambda: build(kind, optimizer, **settings))
    seen, ends = [], []
    by_fit = FitEngine(given).run(SPECS, never, lambda i, r: ends.append(i) or True, exchange(seen))
    assert seen == [(epoch, [0, 1, 2]) for epoch in range(3)], "not after the last epoch"
    assert ends == [0, 1, 2]
    assert [result.diverged for result in by_fit] == [False] * 3
    assert np.isnan(by_fit[2].history["loss"][0])
    assert by_fit[2].history["learning_rate"][1:] == pytest.approx([0.125] * 3)
    wanted = uncut(given)
    assert_ends_alike(by_fit[1], wanted)
    if JAX:
        in_one = compiled(given, SPECS, never, lambda *_: True, exchange())
        assert_same_curves(in_one, by_fit)
        assert_ends_alike(in_one[1], wanted)


@pytest.mark.skipif(not JAX, reason="the compiled engine is JAX's")
def test_other_settings_and_a_schedule_go_with_a_copy():
    given = job(
        lambda: build("dense", "sgd", momentum=0.9), epochs=2, validation_split=0.0
    )  # each epoch of a fit with a schedule is compiled anew
    cosine = schedules.as_schedule("cosine()")
    specs = [TrialSpec({"learning_rate": 0.1, "momentum": m}, cosine) for m in (0.5, 0.9)]

    def between(epoch, logs):
        return {0: Become(1, 1.25, {"momentum": 0.72})} if epoch == 0 else {}

    by_fit = FitEngine(given).run(specs, never, never, between)
    in_one = compiled(given, specs, never, never, between)
    assert_same_curves(in_one, by_fit)
    alone = FitEngine(given).run(specs[1:], never, never)
    assert_same_curves(by_fit[1:], alone)
    assert by_fit[0].history["loss"][1:] != pytest.approx(by_fit[1].history["loss"][1:], rel=1e-3)


@pytest.mark.parametrize("engine", [compiled, lambda given, *rest: FitEngine(given).run(*rest)])
def test_who_is_lost_and_not_replaced_ends_and_who_is_pruned_is_out(engine):
    if engine is compiled and not JAX:
        pytest.skip("the compiled engine is JAX's")
    seen = []

    def report(trial, epoch, logs):
        return (trial, epoch) == (0, 1)

    def between(epoch, logs):
        seen.append(sorted(logs))
        return {}

    ended = engine(job(lambda: build()), SPECS, report, never, between)
    assert [len(result.history["loss"]) for result in ended] == [2, 4, 1]
    assert [result.pruned for result in ended] == [True, False, False]
    assert [result.diverged for result in ended] == [False, False, True]
    assert seen == [[0, 1, 2], [1], [1]]


class Shuffled(keras.utils.PyDataset):
    """Batches in an order of its own, drawn anew after each epoch."""

    def __init__(self):
        super().__init__()
        self.random = np.random.default_rng(1)
        self.order = self.random.permutation(len(X))

    def __len__(self):
        return 4

    def __getitem__(self, index):
        rows = self.order[16 * index : 16 * index + 16]
        return X[rows], Y[rows]

    def on_epoch_end(self):
        self.order = self.random.permutation(len(X))


def test_data_with_an_order_of_its_own_is_the_same_for_every_member():
    from keras_lr.engines.origin import Origin

    data = Shuffled()
    given = job(
        lambda: build(), x=data, y=None, validation_split=0.0, batch_size=None,
        origin=Origin.take(data),
    )  # fmt: skip
    by_fit = FitEngine(given).run(SPECS[:2], never, lambda *_: True, exchange())
    assert_ends_alike(by_fit[1], uncut(given))


def test_what_was_recorded_of_a_generator_goes_on_from_epoch_to_epoch():
    from keras_lr.engines.recording import Recording

    batches = [(X[16 * i : 16 * i + 16], Y[16 * i : 16 * i + 16]) for i in (0, 1, 2, 3)] * 3
    given = job(
        lambda: build(), x=Recording(iter(batches), 12, "x"), y=None, validation_split=0.0,
        batch_size=None, steps_per_epoch=3,
    )  # fmt: skip
    by_fit = FitEngine(given).run(SPECS[:2], never, lambda *_: True, exchange())
    assert_ends_alike(by_fit[1], uncut(given))
    with pytest.raises(InvalidInput, match="Leave steps_per_epoch out"):
        FitEngine(job(lambda: build(), steps_per_epoch=2)).run(SPECS, never, never, exchange())


@pytest.mark.skipif(not JAX, reason="the compiled engine is JAX's")
def test_copies_need_one_structure():
    specs = [TrialSpec({"learning_rate": 0.1, "nesterov": flag}) for flag in (True, False)]
    with pytest.raises(InvalidInput, match="need one structure"):
        compiled(job(lambda: build()), specs, never, never, exchange())
