"""The Keras-named callbacks: what Keras's do, without their traps."""

import keras
import numpy as np
import pytest

from helpers import classifier, data
from keras_lr import schedules
from keras_lr.callbacks import (
    LearningRate,
    LearningRateMonitor,
    LearningRateScheduler,
    ReduceLROnPlateau,
)
from keras_lr.errors import InvalidInput


def fit(model, callbacks, *, epochs=4):
    x, y = data()
    keras.utils.set_random_seed(0)
    return model.fit(x, y, epochs=epochs, verbose=0, callbacks=callbacks)


def sgd(rate=0.1):
    keras.utils.set_random_seed(0)
    return classifier(keras.optimizers.SGD(rate))


@pytest.mark.parametrize(
    "function",
    [
        lambda epoch: 0.1 / (1 + epoch),
        lambda epoch, rate: rate * 0.5,
        lambda epoch, rate=None: 0.3 if rate is None else rate * 0.9,
    ],
)
def test_scheduler_equals_keras(function):
    histories = [
        fit(sgd(0.2), [made(function)]).history
        for made in (LearningRateScheduler, keras.callbacks.LearningRateScheduler)
    ]
    for key in ("learning_rate", "loss"):
        np.testing.assert_allclose(histories[0][key], histories[1][key], rtol=1e-6)


@pytest.mark.parametrize(
    "function", [lambda e: 1, lambda e: np.float32(0.5), lambda e, r: r * keras.ops.exp(-0.1)]
)
def test_scheduler_takes_any_number(function):
    assert len(fit(sgd(0.2), [LearningRateScheduler(function)]).history["learning_rate"]) == 4


def test_scheduler_takes_a_keras_schedule():
    decay = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    history = fit(sgd(0.2), [LearningRateScheduler(decay)]).history["learning_rate"]
    np.testing.assert_allclose(history, 0.1 * 0.5 ** np.arange(4), rtol=1e-6)


def test_the_functions_own_error_is_raised():
    def broken(epoch, rate=None):
        return 0.5 if rate is None else {} + rate

    with pytest.raises(TypeError, match="unsupported operand"):
        fit(sgd(), [LearningRateScheduler(broken)])


@pytest.mark.parametrize("value", [float("nan"), -0.1, "0.1", None])
def test_scheduler_refuses_what_is_no_rate(value):
    with pytest.raises(InvalidInput, match="must return a rate"):
        fit(sgd(), [LearningRateScheduler(lambda epoch: value)])


def test_scheduler_sends_our_schedules_where_they_belong():
    with pytest.raises(InvalidInput, match=r'LearningRate\(schedule="cosine\(\)"\)'):
        LearningRateScheduler(schedules.Cosine())


def test_scheduler_replaces_a_schedule():
    own = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    model = classifier(keras.optimizers.SGD(own))
    with pytest.warns(UserWarning, match="replaces it") as told:
        history = fit(model, [LearningRateScheduler(lambda epoch: 0.3 - 0.1 * epoch)], epochs=3)
    places = [each.filename for each in told if "replaces it" in str(each.message)]
    assert places == [__file__]  # not Keras's
    np.testing.assert_allclose(history.history["learning_rate"], [0.3, 0.2, 0.1], rtol=1e-5)
    assert model.optimizer._learning_rate is own


def test_plateau_equals_keras():
    arguments = {"monitor": "loss", "factor": 0.3, "patience": 1, "min_delta": 0.05}
    histories = [
        fit(sgd(0.2), [made(**arguments)], epochs=12).history
        for made in (ReduceLROnPlateau, keras.callbacks.ReduceLROnPlateau)
    ]
    assert histories[0]["learning_rate"][-1] < 0.2
    np.testing.assert_allclose(
        histories[0]["learning_rate"], histories[1]["learning_rate"], rtol=1e-6
    )
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-5)


@pytest.mark.parametrize("rate", [0.2, 0.1])
def test_what_is_printed_is_what_keras_prints(rate, capsys):
    def printed(plateau, scheduler):
        arguments = {"factor": 0.5, "patience": 1, "min_delta": 100.0, "verbose": 1}
        fit(sgd(rate), [plateau("loss", **arguments)])
        fit(sgd(rate), [scheduler(lambda epoch: rate * 0.5**epoch, verbose=1)])
        return [line for line in capsys.readouterr().out.splitlines() if line]

    theirs = printed(keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)
    ours = printed(ReduceLROnPlateau, LearningRateScheduler)
    assert len(ours) == len(theirs) == 7
    for mine, their in zip(ours, theirs, strict=True):
        words, value = their.rstrip(".").rsplit(" ", 1)
        assert mine.startswith(words + " ")
        shown = mine.removeprefix(words).split()[0].rstrip(".")
        assert float(shown) == pytest.approx(float(value), rel=1e-6)
    assert "has not improved" in ours[0]


def test_plateau_has_the_attributes_of_keras_s():
    arguments = {
        "monitor": "loss",
        "factor": 0.25,
        "patience": 2,
        "mode": "min",
        "min_delta": -0.5,
        "cooldown": 2,
        "min_lr": 0.01,
    }
    theirs, ours = keras.callbacks.ReduceLROnPlateau(**arguments), ReduceLROnPlateau(**arguments)
    for name in arguments:
        assert getattr(ours, name) == getattr(theirs, name), name
    assert (ours.best, ours.wait, ours.cooldown_counter) == (None, 0, 0)
    assert not ours.in_cooldown()
    fit(sgd(), [ours], epochs=3)
    assert ours.in_cooldown()


def test_plateau_shows_its_counters():
    callback = ReduceLROnPlateau("loss", patience=3, min_delta=100.0, cooldown=2)
    fit(sgd(), [callback], epochs=3)
    assert (callback.wait, callback.cooldown_counter) == (2, 0)
    assert callback.best > 0


@pytest.mark.parametrize("first", ["scheduler", "plateau"])
def test_a_scheduler_and_a_plateau_compose(first):
    callbacks = [
        LearningRateScheduler(lambda epoch: 0.1 * 0.9**epoch),
        ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100.0),
    ]
    if first == "plateau":
        callbacks.reverse()
    history = fit(sgd(), callbacks).history["learning_rate"]
    expected = 0.1 * 0.9 ** np.arange(4) * [1, 1, 0.5, 0.25]
    np.testing.assert_allclose(history, expected, rtol=1e-5)


def test_a_schedule_and_a_plateau_compose():
    callbacks = [
        LearningRate(schedules.StepDecay(0.1, every="2 epochs")),
        ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100.0),
    ]
    history = fit(sgd(), callbacks).history["learning_rate"]
    np.testing.assert_allclose(history, np.array([1, 1, 0.05, 0.025]) * 0.1, rtol=1e-5)


def test_keras_s_own_plateau_composes_with_a_schedule():
    callbacks = [
        LearningRate(schedules.StepDecay(0.1, every="2 epochs")),
        keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100.0),
    ]
    history = fit(sgd(), callbacks).history["learning_rate"]
    # Keras's callback logs the rate of the epoch that follows, before its own cut.
    np.testing.assert_allclose(history, [0.1, 0.01, 0.005, 0.00025], rtol=1e-5)


def test_monitor():
    model = classifier(keras.optimizers.SGD(0.1, momentum=0.9))
    history = fit(model, [LearningRateMonitor(settings=("momentum", "beta_1"))]).history
    np.testing.assert_allclose(history["learning_rate"], 0.1, rtol=1e-6)
    assert history["momentum"] == [0.9] * 4
    assert "beta_1" not in history


def test_monitor_of_a_schedule_built_optimizer():
    own = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    model = classifier(keras.optimizers.SGD(own))
    history = fit(model, [LearningRateMonitor()]).history["learning_rate"]
    np.testing.assert_allclose(history, [float(own(2 * e + 1)) for e in range(4)], rtol=1e-6)
    assert model.optimizer._learning_rate is own


@pytest.mark.parametrize(
    "wrong", [{"factor": 1.0}, {"factor": -1}, {"patience": -3}, {"min_lr": -1}, {"mode": "x"}]
)
def test_plateau_refuses(wrong):
    with pytest.raises(InvalidInput, match="Received"):
        ReduceLROnPlateau(**wrong)
