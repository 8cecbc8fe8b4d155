"""What hurts about schedules: what Keras does, then what happens here. A test a row of
docs/keras.md."""

import keras
import numpy as np
import pytest

import keras_lr
from helpers import applied_rates, classifier, data, ones, unit_gradient
from keras_lr import schedules
from keras_lr.callbacks import LearningRate
from keras_lr.errors import InvalidInput

BACKEND = keras.backend.backend()
TORCH = BACKEND == "torch"
BATCHES = 4
Keras = keras.optimizers.schedules
LINE = schedules.Linear(1.0, 0.0)


def line(updates, base=0.5):
    return base * LINE.resolve(steps=updates)(np.arange(updates))


def rates(model, *callbacks, **fit):
    x, y = ones(BATCHES)
    return applied_rates(model, x, y, batch_size=2, callbacks=list(callbacks), **fit)


def sgd(**arguments):
    return keras.optimizers.SGD(0.5, **arguments)


def theirs(steps, **arguments):
    """An SGD with Keras's schedule of the same line."""
    return keras.optimizers.SGD(Keras.PolynomialDecay(0.5, steps, 0.0), **arguments)


def test_initial_epoch():
    """`initial_epoch` with a schedule: Keras's starts at step 0."""
    fit = {"epochs": 3, "initial_epoch": 1}
    np.testing.assert_allclose(rates(unit_gradient(theirs(12)), **fit), line(12)[:8], atol=1e-4)
    ours = rates(unit_gradient(sgd()), LearningRate(LINE), **fit)
    np.testing.assert_allclose(ours, line(12)[4:], atol=1e-6)


def test_a_second_fit_after_the_schedule_ended():
    """A second fit after a cosine ended: Keras's rate stays 0."""
    model = unit_gradient(theirs(4))
    rates(model)
    np.testing.assert_allclose(rates(model), 0.0, atol=1e-6)
    model = unit_gradient(sgd())
    rates(model, LearningRate(LINE))
    np.testing.assert_allclose(rates(model, LearningRate(LINE)), line(4), atol=1e-5)


class Own(Keras.LearningRateSchedule):
    """A schedule of one's own, as people write it: without a config."""

    def __call__(self, step):
        return 0.5 / (1.0 + keras.ops.cast(step, "float32"))


def plain(step):
    return 1.0 / (1.0 + step)


@pytest.mark.parametrize("schedule", [Own(), plain], ids=["schedule", "function"])
def test_a_schedule_without_a_config(schedule, tmp_path):
    """A custom schedule without config: NotImplementedError on save."""
    x, y = data()
    model = classifier(keras.optimizers.SGD(Own()))
    with pytest.raises(NotImplementedError, match="get_config"):
        model.save(tmp_path / "model.keras")
    model = classifier(sgd())
    keep = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    model.fit(x, y, epochs=2, verbose=0, callbacks=[LearningRate(schedule), keep])
    model.save(tmp_path / "model.keras")
    for name in ("1", "model"):
        loaded = keras.saving.load_model(tmp_path / f"{name}.keras")
        assert keras_lr.get_learning_rate(loaded) == 0.5


def test_gradient_accumulation():
    """Under gradient accumulation Keras's schedule counts micro-steps, `iterations` updates."""
    model = unit_gradient(theirs(8, gradient_accumulation_steps=2))
    moved = rates(model, epochs=2)[1::2]
    np.testing.assert_allclose(moved, line(8)[1::2], atol=1e-4)
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 4
    model = unit_gradient(sgd(gradient_accumulation_steps=2))
    moved = rates(model, LearningRate(LINE), epochs=2)[1::2]
    np.testing.assert_allclose(moved, line(4), atol=1e-6)


def test_several_steps_in_an_execution():
    """`steps_per_execution=4`: batch callbacks fire once per 4 batches (torch refuses it)."""
    x, y = ones(8)
    if TORCH:
        with pytest.raises(ValueError, match="steps_per_execution"):
            unit_gradient(sgd(), steps_per_execution=4).fit(x, y, batch_size=2, verbose=0)
        return
    fired = []

    class Count(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            fired.append(batch)

    model = unit_gradient(sgd(), steps_per_execution=4)
    callbacks = [LearningRate(LINE), Count()]
    moved = applied_rates(model, x, y, batch_size=2, callbacks=callbacks)
    assert fired == [3, 7]
    np.testing.assert_allclose(moved, line(8).reshape(2, 4).sum(1), rtol=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Keras.CosineDecay(0, 100, warmup_target=1e-3, warmup_steps=10),
        lambda: Keras.ExponentialDecay(1, 10, 0.5),
        lambda: Keras.InverseTimeDecay(1, 10, 0.5),
        lambda: Keras.PolynomialDecay(1, 10, 0.1),
        lambda: Keras.CosineDecayRestarts(1, 10),
    ],
    ids=["cosine", "exponential", "inverse", "polynomial", "restarts"],
)
def test_whole_numbers_as_rates_of_schedules(wrong):
    """Int arguments make a schedule compute in whole numbers: 0.0, or a crash on TensorFlow."""
    schedule = wrong()
    config = schedule.get_config()
    rate = config["initial_learning_rate"]
    meant = type(schedule).from_config({**config, "initial_learning_rate": float(rate)})

    def fifth(of):
        try:
            return float(of(keras.ops.convert_to_tensor(5, dtype="int32")))
        except Exception:
            return None

    assert fifth(schedule) != pytest.approx(fifth(meant), rel=1e-3)
    with pytest.raises(InvalidInput, match=rf"\({rate}\.0, \.\.\.\)\. Received"):
        LearningRate(schedule)
    with pytest.raises(InvalidInput, match=rf"\({rate}\.0, \.\.\.\)\. Received"):
        rates(unit_gradient(keras.optimizers.SGD(schedule)), LearningRate())
    LearningRate(meant)


def test_whole_numbers_among_values():
    """`PiecewiseConstantDecay` with an int among its values crashes on TensorFlow and torch."""
    schedule = Keras.PiecewiseConstantDecay([3], [1, 0.1])
    if BACKEND != "jax":
        with pytest.raises(Exception, match=r".*"):
            rates(unit_gradient(keras.optimizers.SGD(schedule)))
    with pytest.raises(InvalidInput, match=r"values=\[1\.0, 0\.1\]"):
        LearningRate(schedule)


def test_warmup_steps_without_a_target():
    """`warmup_steps` without `warmup_target` is ignored silently."""
    schedule = Keras.CosineDecay(0.5, 100, warmup_steps=10)
    assert float(schedule(0)) == 0.5
    with pytest.raises(InvalidInput, match=r"no warmup without a target.*warmup_target=0\.5"):
        LearningRate(schedule)
    with pytest.raises(InvalidInput, match=r"no warmup without a target.*warmup_target=0\.5"):
        rates(unit_gradient(keras.optimizers.SGD(schedule)), LearningRate())


def test_python_branches_in_a_schedule():
    """Python `if step < n` in a schedule body: tracer errors without advice; torch takes it."""

    def branches(step):
        return 0.5 if step < 2 else 0.25

    class Branches(Keras.LearningRateSchedule):
        def __call__(self, step):
            return branches(step)

    if not TORCH:
        with pytest.raises(Exception, match=r"(?i)bool|graph") as caught:
            rates(unit_gradient(keras.optimizers.SGD(Branches())))
        assert "keras.ops.where" not in str(caught.value)
        for schedule in (branches, Branches()):
            with pytest.raises(InvalidInput, match=r"keras\.ops\.where\(step < n, a, b\)"):
                rates(unit_gradient(sgd()), LearningRate(schedule))
    ours = LearningRate(lambda step: keras.ops.where(step < 2, 1.0, 0.5))
    np.testing.assert_allclose(rates(unit_gradient(sgd()), ours), [0.5, 0.5, 0.25, 0.25], rtol=1e-4)


def test_a_float_checkpoint_and_a_schedule(tmp_path):
    """A float-rate checkpoint into a schedule optimizer: iterations and moments are dropped."""
    path = tmp_path / "model.weights.h5"
    x, y = data()

    def adam(rate):
        model = classifier(keras.optimizers.Adam(rate))
        model.optimizer.build(model.trainable_variables)
        return model

    first = adam(0.01)
    first.fit(x, y, verbose=0)
    first.save_weights(path)
    dropped = adam(Keras.CosineDecay(0.01, 100))
    with pytest.warns(UserWarning, match="Skipping variable loading"):
        dropped.load_weights(path)
    assert int(dropped.optimizer.iterations.numpy()) == 0
    kept = adam(0.01)
    kept.load_weights(path)
    for mine, theirs in zip(kept.optimizer.variables, first.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    kept.fit(x, y, verbose=0, callbacks=[LearningRate(schedules.Cosine())])
    assert int(kept.optimizer.iterations.numpy()) == 4
