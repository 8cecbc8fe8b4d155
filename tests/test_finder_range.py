"""The range test through `fit`, on every backend."""

import keras
import numpy as np
import pytest

from keras_lr import find
from keras_lr.errors import InvalidInput, RateNotFound
from keras_lr.finder.batches import Batches
from keras_lr.finder.range_test import range_test

BACKEND = keras.backend.backend()


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(256, 8)).astype("float32")
    target = x @ generator.normal(size=(8, 1)) + 0.1 * generator.normal(size=(256, 1))
    return x, target.astype("float32")


def linear(optimizer, **arguments):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    model.compile(optimizer, "mse", **arguments)
    return model


def test_a_lucky_first_batch_does_not_end_the_sweep(monkeypatch):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    losses = iter([0.1] + [4.0] * 100)  # the first batch happens to be an easy one
    monkeypatch.setattr("keras_lr.finder.range_test._loss", lambda logs: next(losses))
    batches = Batches(np.ones((8, 1), "float32"), np.zeros((8, 1), "float32"))
    finding = range_test(model, batches, rates=(1e-6, 1e-3), updates=50, extend=False)
    assert len(finding.rates) == 50


def test_the_rate_of_each_update_and_its_own_loss(data):
    """Replay the sweep by hand: SGD on a linear model, so every loss follows from the rates."""
    model = linear(keras.optimizers.SGD(0.5))
    kernel, bias = (np.array(v.numpy(), float) for v in model.layers[0].weights)
    batches = Batches(*data, batch_size=32, seed=0)
    finding = range_test(model, batches, rates=(1e-4, 1.0), updates=50, extend=False)
    rates = np.geomspace(1e-4, 1.0, 50)
    np.testing.assert_allclose(finding.rates, rates[: len(finding.rates)], rtol=1e-5)
    for (x, y), rate, loss in zip(
        batches, finding.rates, finding.details["batch_losses"], strict=False
    ):
        error = x @ kernel + bias - y
        assert loss == pytest.approx(float((error**2).mean()), rel=1e-3)
        kernel -= rate * 2 * x.T @ error / len(x)
        bias -= rate * 2 * error.mean(axis=0)


def test_accumulated_gradients_count_updates(data):
    plain = linear(keras.optimizers.SGD(0.5))
    accumulating = linear(keras.optimizers.SGD(0.5, gradient_accumulation_steps=2))
    one = range_test(plain, Batches(*data, batch_size=64), rates=(1e-4, 1.0), updates=40)
    two = range_test(accumulating, Batches(*data, batch_size=32), rates=(1e-4, 1.0), updates=40)
    count = min(len(one.rates), len(two.rates))
    np.testing.assert_allclose(one.rates[:count], two.rates[:count], rtol=1e-6)
    np.testing.assert_allclose(
        one.details["batch_losses"][:count], two.details["batch_losses"][:count], rtol=1e-3
    )


def test_it_stops_once_the_loss_has_shot_up(data):
    finding = range_test(linear(keras.optimizers.SGD(0.5)), Batches(*data), updates=100)
    assert finding.rates[-1] < 10
    assert len(finding.rates) == len(finding.losses) == len(finding.details["batch_losses"])
    assert finding.learning_rate is not None
    assert finding.method == "range"
    assert finding.seconds > 0


def test_it_goes_on_beyond_a_range_that_ends_too_low(data):
    batches = Batches(*data, batch_size=256)  # all of it, so that the loss has no noise
    kept = range_test(linear("sgd"), batches, rates=(1e-6, 3e-3), updates=60, extend=False)
    assert len(kept.rates) == 60
    gone = range_test(linear("sgd"), batches, rates=(1e-6, 3e-3), updates=60, extend=True)
    assert gone.rates[-1] == pytest.approx(3e-3 * 3e3 ** (17 / 59), rel=1e-3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 50)),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=8.0),
        lambda: keras.optimizers.Adam(0.1),
    ],
    ids=["schedule", "loss scale", "adam"],
)
def test_other_optimizers(make, data):
    model = linear(make())
    model.fit(*data, epochs=1, verbose=0)
    before = [np.array(v.numpy()) for v in [*model.variables, *model.optimizer.variables]]
    finding = find(model, *data, method="range", learning_rates=(1e-5, 10), verbose=0)
    assert 1e-4 < finding.learning_rate < 1
    for a, v in zip(before, [*model.variables, *model.optimizer.variables], strict=True):
        np.testing.assert_array_equal(a, v.numpy())


class Drawing(keras.utils.PyDataset):
    """Shuffles with NumPy's global generator, as augmenting datasets do."""

    def __init__(self, x, y):
        super().__init__()
        self.arrays = x, y

    def __len__(self):
        return 8

    def __getitem__(self, index):
        rows = np.random.permutation(256)[:32]
        return tuple(array[rows] for array in self.arrays)


@pytest.mark.parametrize("source", ["arrays", "dataset"])
@pytest.mark.parametrize("built", [True, False])
@pytest.mark.deep(after=1)
def test_the_model_trains_on_as_if_it_had_not_been_tested(source, built, data):
    losses = []
    given = data if source == "arrays" else (Drawing(*data),)
    for look in (False, True):
        keras.utils.set_random_seed(1)
        inputs = [keras.Input((8,))] if built else []
        layers = [
            keras.layers.Dense(4),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.2),
        ]
        model = keras.Sequential([*inputs, *layers, keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse", metrics=["mae"])
        if look:
            find(model, *given, method="range", verbose=0)
        losses.append(model.fit(*given, epochs=2, verbose=0).history)
    assert losses[0] == losses[1]


class OwnStep(keras.Model):
    """Its logs have no loss."""

    def train_step(self, *arguments):
        result = super().train_step(*arguments)
        if BACKEND == "jax":
            return {"cost": result[0]["loss"]}, result[1]
        return {"cost": result["loss"]}


def test_a_training_step_that_reports_no_loss_is_refused(data):
    inputs = keras.Input((8,))
    model = OwnStep(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    with pytest.raises(InvalidInput, match=r'"loss".*Received: logs of cost'):
        find(model, *data, method="range", verbose=0)


def test_a_schedule_that_the_optimizer_was_built_with_counts(data):
    decaying = linear(keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 50)))
    constant = linear(keras.optimizers.SGD(0.1))
    high, low = (
        find(model, *data, method="range", steps=50, verbose=0) for model in (decaying, constant)
    )
    assert high.details["best"] == pytest.approx(low.details["best"])
    assert high.learning_rate == pytest.approx(2.5 * low.learning_rate)


@pytest.mark.skipif(BACKEND == "torch", reason="Keras on torch refuses steps_per_execution > 1")
def test_steps_per_execution(data):
    one = find(linear("sgd"), *data, method="range", verbose=0)
    many = find(linear("sgd", steps_per_execution=8), *data, method="range", verbose=0)
    np.testing.assert_allclose(one.losses, many.losses, rtol=1e-5)
    assert one.learning_rate == pytest.approx(many.learning_rate)


def test_steps_that_loss_scaling_skips_are_no_points(data):
    model = linear(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)))
    huge = data[0] * 1e3, data[1] * 1e3  # the gradients overflow at the initial scale of 2^15
    model.layers[0].kernel.assign(np.full((8, 1), 1e33, "float32"))
    model.compile(model.optimizer, lambda y, p: keras.ops.mean(keras.ops.abs(p - y)))
    finding = range_test(model, Batches(*huge), rates=(1e-6, 1e-3), updates=30, extend=False)
    assert (np.diff(finding.rates) > 0).all()


@pytest.mark.skipif(BACKEND != "tensorflow", reason="tf.distribute is TensorFlow's")
def test_the_users_strategy_is_kept(data):
    import tensorflow as tf

    with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
        model = linear("sgd")
    finding = find(model, *data, method="range", verbose=0)
    assert finding.learning_rate is not None
    model.fit(*data, epochs=1, verbose=0)


def test_refusals_come_with_what_was_measured(data):
    x, y = data
    noise = np.random.default_rng(5).normal(size=y.shape).astype("float32")
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    with pytest.raises(RateNotFound, match="never fell") as caught:
        find(model, x * 0, noise, method="range", verbose=0)
    finding = caught.value.finding
    assert finding.learning_rate is None
    assert finding.band is None
    assert len(finding.rates) == len(finding.losses) > 100

    model.compile("sgd", lambda y, p: keras.ops.log(-keras.ops.abs(keras.ops.mean(p)) - 1.0))
    with pytest.raises(RateNotFound, match="not finite at the first update"):
        find(model, x, y, method="range", verbose=0)

    with pytest.raises(RateNotFound, match=r"still falling.*learning_rates="):
        find(linear("sgd"), x, y, method="range", learning_rates=(1e-5, 1e-2), verbose=0)


def test_auto_says_why_it_takes_the_range_test(data, capsys):
    if BACKEND == "jax":
        find(linear("sgd"), *data, epochs=1)
        assert "a race of 16 rates" in capsys.readouterr().out
        return
    find(linear("sgd"), *data)
    said = capsys.readouterr().out
    assert said.startswith(f"find: a race needs Keras on JAX, and this is {BACKEND}; so a range")
    with pytest.raises(InvalidInput, match="KERAS_BACKEND=jax"):
        find(linear("sgd"), *data, method="race")
