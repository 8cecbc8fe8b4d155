"""What hurts about the callbacks: what Keras's do, then what happens here. A test a row of
docs/keras.md."""

import keras
import numpy as np
import pytest

from helpers import applied_rates, classifier, data, ones, unit_gradient
from keras_lr import rules
from keras_lr.callbacks import LearningRate, LearningRateScheduler, ReduceLROnPlateau
from keras_lr.errors import InvalidInput, TrainingDiverged

Decay = keras.optimizers.schedules.ExponentialDecay
KerasScheduler = keras.callbacks.LearningRateScheduler
KerasPlateau = keras.callbacks.ReduceLROnPlateau
NEVER_BETTER = {"patience": 1, "min_delta": 100.0}


class Log(keras.callbacks.Callback):
    """Logs a metric of given values."""

    def __init__(self, values, name="loss"):
        super().__init__()
        self.values, self.name = values, name

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]


def rates(optimizer, *callbacks, epochs=4):
    """The rate of each epoch's only update."""
    x, y = ones(1)
    model = unit_gradient(optimizer)
    return applied_rates(model, x, y, batch_size=2, epochs=epochs, callbacks=list(callbacks))


def test_plateau_with_a_schedule():
    """Plateau with a schedule crashes late, at its first cut."""
    with pytest.raises(TypeError, match="not settable"):
        rates(keras.optimizers.SGD(Decay(0.5, 1, 0.5)), KerasPlateau("loss", **NEVER_BETTER))
    ours = ReduceLROnPlateau("loss", factor=0.1, **NEVER_BETTER)
    moved = rates(keras.optimizers.SGD(Decay(0.5, 1, 0.5)), ours)
    np.testing.assert_allclose(moved, 0.5 ** np.arange(1, 5) * [1, 1, 0.1, 0.01], rtol=1e-3)


def test_scheduler_with_a_schedule():
    """`LearningRateScheduler` with a schedule: the same TypeError, in epoch 1."""
    with pytest.raises(TypeError, match="not settable"):
        rates(keras.optimizers.SGD(Decay(0.5, 1, 0.5)), KerasScheduler(lambda epoch: 0.25))
    with pytest.warns(UserWarning, match="replaces it"):
        moved = rates(
            keras.optimizers.SGD(Decay(0.5, 1, 0.5)),
            LearningRateScheduler(lambda epoch: 0.5 - 0.125 * epoch),
        )
    np.testing.assert_allclose(moved, [0.5, 0.375, 0.25, 0.125], rtol=1e-4)


def test_scheduler_and_the_functions_own_type_error():
    """`LearningRateScheduler` swallows the user's TypeError: a wrong rate, silently."""

    def broken(epoch, rate=None):
        return 0.5 if rate is None else {} + rate

    np.testing.assert_allclose(rates(keras.optimizers.SGD(0.25), KerasScheduler(broken)), 0.5)
    with pytest.raises(TypeError, match="unsupported operand"):
        rates(keras.optimizers.SGD(0.25), LearningRateScheduler(broken))


@pytest.mark.parametrize(
    ("function", "first"),
    [(lambda epoch, rate: rate * keras.ops.exp(-0.1), 0.5 * np.exp(-0.1)), (lambda epoch: 1, 1.0)],
)
def test_scheduler_and_results_that_are_no_float(function, first):
    """Its own docstring example fails; also an int."""
    with pytest.raises(ValueError, match="should be a float"):
        rates(keras.optimizers.SGD(0.5), KerasScheduler(function))
    moved = rates(keras.optimizers.SGD(0.5), LearningRateScheduler(function))
    np.testing.assert_allclose(moved[0], first, rtol=1e-4)


def test_scheduler_and_a_schedule_object():
    """`LearningRateScheduler` rejects a schedule object."""
    with pytest.raises(ValueError, match="should be a float"):
        rates(keras.optimizers.SGD(0.5), KerasScheduler(Decay(0.5, 1, 0.5)))
    moved = rates(keras.optimizers.SGD(0.125), LearningRateScheduler(Decay(0.5, 1, 0.5)))
    np.testing.assert_allclose(moved, 0.5 ** np.arange(1, 5), rtol=1e-3)


@pytest.mark.parametrize("order", [1, -1])
def test_scheduler_and_plateau_cuts(order):
    """`LearningRateScheduler` erases plateau cuts."""
    theirs = [KerasScheduler(lambda epoch: 0.5), KerasPlateau("loss", **NEVER_BETTER)]
    np.testing.assert_allclose(rates(keras.optimizers.SGD(0.5), *theirs[::order]), 0.5, rtol=1e-4)
    ours = [
        LearningRateScheduler(lambda epoch: 0.5),
        ReduceLROnPlateau("loss", factor=0.5, **NEVER_BETTER),
    ]
    moved = rates(keras.optimizers.SGD(0.5), *ours[::order])
    np.testing.assert_allclose(moved, [0.5, 0.5, 0.25, 0.125], rtol=1e-4)


def test_plateau_over_several_fits():
    """A plateau callback is reset by every `fit`: in five fits of three epochs it never cuts."""

    def after_five_fits(callback):
        keras.utils.set_random_seed(0)
        model = classifier(keras.optimizers.SGD(0.5))
        x, y = data()
        for _ in range(5):
            model.fit(x, y, epochs=3, verbose=0, callbacks=[callback])
        return float(model.optimizer.learning_rate.numpy())

    arguments = {"factor": 0.5, "patience": 4, "min_delta": 100.0}
    assert after_five_fits(KerasPlateau("loss", **arguments)) == 0.5
    # as in one fit of 15 epochs: after epochs 5, 9 and 13
    assert after_five_fits(ReduceLROnPlateau("loss", **arguments)) == 0.5 * 0.5**3


def test_absolute_min_delta():
    """Absolute `min_delta`: with a small loss the rate falls while training improves."""
    improving = [1e-5 * 0.7**epoch for epoch in range(8)]
    theirs = rates(
        keras.optimizers.SGD(0.5), Log(improving), KerasPlateau("loss", patience=2), epochs=8
    )
    assert theirs[-1] < 1e-3
    for ours in (
        ReduceLROnPlateau("loss", patience=2, threshold="relative"),
        LearningRate(rules=[rules.Plateau("loss", patience=2)]),
    ):
        moved = rates(keras.optimizers.SGD(0.5), Log(improving), ours, epochs=8)
        np.testing.assert_allclose(moved, 0.5, rtol=1e-4)


def test_a_monitor_that_is_nan():
    """NaN monitor: the plateau cuts again and again on dead weights."""
    dead = [1.0, *[float("nan")] * 5]
    theirs = KerasPlateau("loss", patience=1)
    assert rates(keras.optimizers.SGD(0.5), Log(dead), theirs, epochs=6)[-1] < 1e-3
    ours = ReduceLROnPlateau("loss", patience=1)
    np.testing.assert_allclose(rates(keras.optimizers.SGD(0.5), Log(dead), ours, epochs=6), 0.5)


def test_weights_that_are_nan():
    """A NaN in the weights: `Divergence` rolls back, cuts and goes on; too often, it gives up."""
    x, y = ones(1)
    once = np.array([1.0, float("inf"), 1.0, 1.0])

    class Poison(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if not np.isfinite(once[epoch]):
                weight = self.model.trainable_variables[0]
                weight.assign(weight * float("nan"))
                logs["loss"] = float("nan")

    model = unit_gradient(keras.optimizers.SGD(0.5))
    control = LearningRate(rules=[rules.Divergence("loss")])
    fit = {"batch_size": 2, "epochs": 4, "verbose": 0, "callbacks": [Poison(), control]}
    history = model.fit(x, y, **fit).history
    np.testing.assert_allclose(history["learning_rate"], [0.5, 0.5, 0.25, 0.25], rtol=1e-5)
    np.testing.assert_allclose(model.trainable_variables[0].numpy(), [[-1.0]], rtol=1e-4)

    once[:] = float("inf")
    control = LearningRate(rules=[rules.Divergence("loss", max_rollbacks=1)])
    fit["callbacks"] = [Poison(), control]
    with pytest.raises(TrainingDiverged):
        model.fit(x, y, **fit)
    assert np.isfinite(model.trainable_variables[0].numpy()).all()


def test_mode_auto():
    """Mode auto raises for custom metrics and for a loss of a multi-output model, in epoch 1."""
    values = [1.0, 0.5, 0.5, 0.5]
    for name in ("val_a_loss", "my_error"):
        theirs = KerasPlateau(name, patience=1)
        with pytest.raises(ValueError, match="automatically determine"):
            rates(keras.optimizers.SGD(0.5), Log(values, name), theirs)
        ours = ReduceLROnPlateau(name, factor=0.5, patience=1)
        with pytest.warns(UserWarning, match="none of the model's metrics"):
            moved = rates(keras.optimizers.SGD(0.5), Log(values, name), ours)
        np.testing.assert_allclose(moved, [0.5, 0.5, 0.5, 0.25], rtol=1e-4)
    with pytest.raises(InvalidInput, match=r'mode="min".*mode="max"'):
        ReduceLROnPlateau("score_of_mine")


@pytest.mark.parametrize("wrong", [{"factor": -1}, {"factor": 0}, {"patience": -3}, {"min_lr": -1}])
def test_plateau_arguments(wrong):
    """Keras's plateau takes a factor of -1 or 0, a patience of -3, a min_lr of -1."""
    KerasPlateau("loss", **wrong)
    with pytest.raises(InvalidInput, match=r"must be.*Received"):
        ReduceLROnPlateau("loss", **wrong)


def test_the_loss_in_batch_logs():
    """Batch `logs["loss"]` is a running mean; a rule with `every` sees the mean since its last look."""
    x = np.arange(8, dtype="float32").reshape(-1, 1)
    in_logs, seen = [], []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            in_logs.append(logs["loss"])

    def model():
        made = unit_gradient(keras.optimizers.SGD(1e-6))
        made.compile(made.optimizer, loss=lambda y, y_pred: y + 0 * y_pred)
        return made

    fit = {"batch_size": 1, "verbose": 0, "shuffle": False}
    model().fit(x, x, callbacks=[Watch()], **fit)
    np.testing.assert_allclose(in_logs, np.arange(8) / 2)

    class Look(rules.Plateau):
        def update(self, state, observation):
            seen.append(observation.values["loss"])
            return super().update(state, observation)

    look = LearningRate(rules=[Look("loss", every=2, patience="5 looks")])
    model().fit(x, x, callbacks=[look], **fit)
    np.testing.assert_allclose(seen, [0.5, 2.5, 4.5, 6.5], rtol=1e-5)
