"""The rate that reaches the weights, on stock optimizers in every wrapping."""

import warnings

import keras
import numpy as np
import pytest

import keras_lr
from elsewhere import optimizer_elsewhere
from helpers import applied_rates, classifier, data, ones, unit_gradient
from keras_lr import rules, schedules
from keras_lr.callbacks import LearningRate
from keras_lr.errors import InvalidInput

TORCH = keras.backend.backend() == "torch"
BATCHES, SIZE = 6, 2


def decay(step):
    return 1.0 / (1.0 + step)


def expected(base, updates):
    return base / (1.0 + np.arange(updates))


@pytest.mark.parametrize("jit", [True, False])
def test_schedule_reaches_the_weights(jit):
    model = unit_gradient(keras.optimizers.SGD(0.5), jit_compile=jit and not TORCH)
    x, y = ones(BATCHES)
    rates = applied_rates(model, x, y, batch_size=SIZE, epochs=2, callbacks=[LearningRate(decay)])
    np.testing.assert_allclose(rates, expected(0.5, 2 * BATCHES), rtol=1e-4)


def test_schedule_built_optimizer_multiplies_its_own_schedule():
    own = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    model = unit_gradient(keras.optimizers.SGD(own))
    x, y = ones(BATCHES)
    with pytest.warns(UserWarning, match="built with ExponentialDecay"):
        rates = applied_rates(model, x, y, batch_size=SIZE, callbacks=[LearningRate(decay)])
    np.testing.assert_allclose(rates, expected(0.5, BATCHES) * 0.5 ** np.arange(BATCHES), rtol=1e-3)
    assert model.optimizer._learning_rate is own
    assert [v.name for v in model.optimizer.variables] == ["iteration"]


def test_keras_schedule_gives_its_own_rates():
    own = keras.optimizers.schedules.PolynomialDecay(0.4, 5, 0.1)
    model = unit_gradient(keras.optimizers.SGD(0.01))
    x, y = ones(BATCHES)
    rates = applied_rates(model, x, y, batch_size=SIZE, callbacks=[LearningRate(own)])
    np.testing.assert_allclose(rates, [float(own(step)) for step in range(BATCHES)], rtol=1e-4)


def test_gradient_accumulation_counts_updates():
    model = unit_gradient(keras.optimizers.SGD(0.5, gradient_accumulation_steps=3))
    x, y = ones(BATCHES)
    rates = applied_rates(model, x, y, batch_size=SIZE, epochs=2, callbacks=[LearningRate(decay)])
    updates = rates.reshape(-1, 3)
    np.testing.assert_allclose(updates[:, :2], 0, atol=1e-7)
    np.testing.assert_allclose(updates[:, 2], expected(0.5, 4), rtol=1e-4)


@pytest.mark.skipif(TORCH, reason="Keras refuses steps_per_execution > 1 on torch")
def test_steps_per_execution():
    model = unit_gradient(keras.optimizers.SGD(0.5), steps_per_execution=3)
    x, y = ones(BATCHES)
    moved = applied_rates(model, x, y, batch_size=SIZE, callbacks=[LearningRate(decay)])
    np.testing.assert_allclose(
        moved, expected(0.5, BATCHES).reshape(-1, 3).sum(1), rtol=1e-4
    )  # one callback call for three updates


def test_loss_scale_optimizer():
    inner = keras.optimizers.SGD(0.5)
    model = unit_gradient(keras.optimizers.LossScaleOptimizer(inner, initial_scale=4.0))
    x, y = ones(BATCHES)
    rates = applied_rates(model, x, y, batch_size=SIZE, callbacks=[LearningRate(decay)])
    np.testing.assert_allclose(rates, expected(0.5, BATCHES), rtol=1e-4)
    assert isinstance(inner._learning_rate, keras.Variable)


needs_multi = pytest.mark.skipif(
    not hasattr(keras.optimizers, "MultiOptimizer"), reason="this Keras has no MultiOptimizer"
)


@needs_multi
def test_each_member_of_a_multi_optimizer_keeps_its_own_base():
    first, second = keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.25)
    model = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="one"),
            keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="two"),
        ]
    )
    chosen = {"one": first, "two": second}
    model.compile(
        keras.optimizers.MultiOptimizer(lambda v: chosen[v.path.split("/")[-2]]),
        loss=lambda y, y_pred: y_pred - y,
    )
    x, y = ones(1)
    callback = LearningRate(
        lambda step: 0.5 + 0.0 * step, rules=[rules.Plateau("loss", patience=1)]
    )
    history = model.fit(x, y, batch_size=SIZE, epochs=1, verbose=0, callbacks=[callback])
    weights = [float(v.numpy()[0, 0]) for v in model.trainable_variables]
    np.testing.assert_allclose(weights, [1 - 0.25, 1 - 0.125], rtol=1e-5)
    logged = {key: value for key, value in history.history.items() if "learning_rate" in key}
    assert sorted(value[0] for value in logged.values()) == [0.125, 0.25]
    assert len(logged) == 2
    assert sorted(keras_lr.get_learning_rate(model).values()) == [0.25, 0.5]


@pytest.mark.parametrize("built_with", ["number", "schedule"])
@pytest.mark.parametrize("during", [False, True])
def test_the_saved_model_is_plain_keras(tmp_path, built_with, during):
    """Also in the middle of training: a checkpoint holds no trace of keras_lr."""
    rate = {
        "number": lambda: 0.1,
        "schedule": lambda: keras.optimizers.schedules.CosineDecay(0.1, 100),
    }[built_with]()
    path = tmp_path / "model.keras"
    model = classifier(keras.optimizers.SGD(rate, momentum=0.9))
    x, y = data()
    callbacks = [LearningRate(schedules.Cosine(), rules=[rules.Plateau("loss")])]
    if during:
        callbacks.append(keras.callbacks.ModelCheckpoint(path))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The optimizer was built with CosineDecay")
        model.fit(x, y, epochs=2, verbose=0, callbacks=callbacks)
    if not during:
        model.save(path)
    saved = keras.models.load_model(path)
    for mine, theirs in zip(model.optimizer.variables, saved.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    elsewhere = optimizer_elsewhere(path)
    assert len(elsewhere) == len(saved.optimizer.variables)
    for theirs in saved.optimizer.variables:
        np.testing.assert_allclose(elsewhere[theirs.path], theirs.numpy(), rtol=1e-6)
    assert any(np.abs(v.numpy()).max() > 0 for v in saved.optimizer.variables[2:])


def test_without_a_schedule_the_step_is_not_traced_again():
    model = classifier(keras.optimizers.SGD(0.1))
    x, y = data()
    model.fit(x, y, verbose=0)
    before = model.train_function
    model.fit(x, y, verbose=0, callbacks=[LearningRate(rules=[rules.Plateau("loss")])])
    assert model.train_function is before


def test_training_after_the_fit_is_plain_again():
    model = unit_gradient(keras.optimizers.SGD(0.5))
    x, y = ones(BATCHES)
    model.fit(x, y, batch_size=SIZE, verbose=0, callbacks=[LearningRate(decay)])
    assert "make_train_function" not in vars(model)
    np.testing.assert_allclose(applied_rates(model, x, y, batch_size=SIZE), 0.5, rtol=1e-4)


def test_an_interrupted_fit_leaves_nothing_behind():
    model = unit_gradient(keras.optimizers.SGD(0.5))
    x, y = ones(BATCHES)

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=SIZE, verbose=0, callbacks=[LearningRate(decay), Stop()])
    assert model.optimizer.get_config()["learning_rate"] == 0.5
    np.testing.assert_allclose(applied_rates(model, x, y, batch_size=SIZE), 0.5, rtol=1e-4)
    assert isinstance(model.optimizer._learning_rate, keras.Variable)


@pytest.mark.parametrize("how", ["assign", "set"])
def test_a_rate_set_after_an_interrupted_fit_is_the_rate(how):
    model = unit_gradient(keras.optimizers.SGD(0.5))
    x, y = ones(BATCHES)

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=SIZE, verbose=0, callbacks=[LearningRate(decay), Stop()])
    if how == "assign":
        model.optimizer.learning_rate = 0.25
    else:
        keras_lr.set_learning_rate(model, 0.25)
    assert keras_lr.get_learning_rate(model) == 0.25
    np.testing.assert_allclose(applied_rates(model, x, y, batch_size=SIZE), 0.25, rtol=1e-4)


def test_a_schedule_starts_where_initial_epoch_says():
    model = unit_gradient(keras.optimizers.SGD(0.5))
    x, y = ones(BATCHES)
    rates = applied_rates(
        model, x, y, batch_size=SIZE, epochs=3, initial_epoch=2, callbacks=[LearningRate(decay)]
    )
    np.testing.assert_allclose(rates, expected(0.5, 3 * BATCHES)[2 * BATCHES :], rtol=1e-4)


def test_a_second_fit_starts_its_schedule_again():
    model = unit_gradient(keras.optimizers.SGD(0.5))
    x, y = ones(BATCHES)
    for _ in range(2):
        rates = applied_rates(model, x, y, batch_size=SIZE, callbacks=[LearningRate(decay)])
        np.testing.assert_allclose(rates, expected(0.5, BATCHES), rtol=1e-3)


def test_the_rate_can_be_set_while_a_schedule_is_at_work():
    model = unit_gradient(keras.optimizers.SGD(0.5))
    x, y = ones(BATCHES)

    class Set(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                keras_lr.set_learning_rate(self.model, 0.25)
                assert keras_lr.get_learning_rate(self.model) == pytest.approx(0.25)

    callback = LearningRate(decay)
    rates = applied_rates(model, x, y, batch_size=SIZE, epochs=2, callbacks=[callback, Set()])
    scale = 0.25 / expected(0.5, BATCHES + 1)[-1]
    np.testing.assert_allclose(rates[BATCHES:], scale * expected(0.5, 12)[BATCHES:], rtol=1e-3)
    assert [event.cause for event in callback.record.events] == ["set"]
    assert callback.explain(8).rate == pytest.approx(rates[8], rel=1e-3)


def test_get_and_set():
    model = classifier(keras.optimizers.Adam(1e-3))
    assert keras_lr.get_learning_rate(model) == pytest.approx(1e-3)
    keras_lr.set_learning_rate(model, np.float32(0.5))
    assert keras_lr.get_learning_rate(model.optimizer) == 0.5


@pytest.mark.parametrize("value", [-1, 0, float("nan"), float("inf"), "0.1", None, True])
def test_set_refuses_what_is_no_rate(value):
    model = classifier(keras.optimizers.SGD(0.1))
    with pytest.raises(InvalidInput, match="learning_rate must be"):
        keras_lr.set_learning_rate(model, value)
    assert keras_lr.get_learning_rate(model) == pytest.approx(0.1)


def test_set_refuses_an_optimizer_built_with_a_schedule():
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    with pytest.raises(InvalidInput, match="Compile it with a number"):
        keras_lr.set_learning_rate(keras.optimizers.SGD(schedule), 0.1)


def test_a_model_that_is_not_compiled():
    with pytest.raises(InvalidInput, match="Compile it first"):
        keras_lr.get_learning_rate(keras.Sequential([keras.layers.Dense(1)]))
