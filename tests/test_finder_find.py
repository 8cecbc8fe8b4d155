"""`find`: bad input is refused before anything is trained; what it is told decides what it does."""

import importlib

import keras
import numpy as np
import pytest

import keras_lr
from keras_lr import schedules
from keras_lr.engines.fits import check_fits
from keras_lr.errors import InvalidInput
from keras_lr.finder.decay import decays
from keras_lr.finder.rates import check_learning_rates, default_rates

X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
Y = X.sum(axis=1, keepdims=True) + np.random.default_rng(1).normal(0, 0.1, size=(64, 1))


def model_with(optimizer="sgd", compiled=True):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    if compiled:
        model.compile(optimizer, "mse")
    return model


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "rnage"}, "Unknown method 'rnage'. Did you mean 'range'?"),
        ({"method": None}, "Unknown method None"),
        ({"learning_rates": (0.1, 0.1)}, "two different rates"),
        ({"learning_rates": (0.0, 0.1)}, "must be positive and finite"),
        ({"learning_rates": (-1, 0.1)}, "must be positive and finite"),
        ({"learning_rates": (1e-3, float("nan"))}, "must be positive and finite"),
        ({"learning_rates": 0.1}, r"a range or a list.*Received: 0\.1"),
        ({"learning_rates": "0.1"}, "a range or a list"),
        ({"learning_rates": ["0.1", "1"]}, "must be a positive number"),
        (
            {"learning_rates": (1e-3, 1e-2, 1e-1), "method": "range"},
            r"learning_rates=\(0\.001, 0\.1\)",
        ),
        ({"epochs": 0}, "epochs must be a positive whole number"),
        ({"steps": 1.5}, "steps must be a positive whole number"),
        ({"epochs": 3, "steps": 30}, "either epochs or steps"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"schedule": "csine"}, "cosine"),
        ({"seed": -1}, r"seed must be a whole number from 0 to 4294967295.*Received: seed=-1"),
        ({"seed": 2**32}, "seed must be a whole number"),
        ({"seed": "a"}, "seed must be a whole number"),
        ({"seed": None}, "seed must be a whole number"),
        ({"seed": 1.0}, "seed must be a whole number"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_trained(arguments, message, monkeypatch):
    monkeypatch.setattr(keras.Model, "fit", lambda *a, **k: pytest.fail("it trained"))
    with pytest.raises(InvalidInput, match=message):
        keras_lr.find(model_with(), X, Y, verbose=0, **arguments)


def test_bad_data_and_models_are_refused():
    with pytest.raises(InvalidInput, match=r"isn't compiled.*model\.compile"):
        keras_lr.find(model_with(compiled=False), X, Y)
    with pytest.raises(InvalidInput, match=r"compiled keras\.Model"):
        keras_lr.find(keras.layers.Dense(1), X, Y)
    with pytest.raises(InvalidInput, match=r"same length\. Received: x has 64, y has 60"):
        keras_lr.find(model_with(), X, Y[:60])
    with pytest.raises(InvalidInput, match="x holds 256 NaN"):
        keras_lr.find(model_with(), X * np.nan, Y)


def labelled(loss):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", loss)
    return model


SPARSE = keras.losses.SparseCategoricalCrossentropy


@pytest.mark.parametrize(
    ("model", "x", "y", "message"),
    [
        (model_with, X, None, r"there is no y\. Pass both, \(x, y\)"),
        (model_with, [X], None, "there is no y"),
        (model_with, X[:, :3], Y, r"x of shape \(64, 3\): .* \(None, 4\).*keras\.Input\(\(3,\)\)"),
        (lambda: labelled(SPARSE.__name__), X, np.arange(64) % 4, "labels go from 0 to 2.*0 to 3"),
        (lambda: labelled(SPARSE(name="mine")), X, np.arange(64) % 4.0, "labels go from 0 to 2"),
        (lambda: labelled(keras.losses.sparse_categorical_crossentropy), X, -np.ones(64), "-1 to"),
        (lambda: labelled(SPARSE()), X, np.eye(3)[np.arange(64) % 3], r"one-hot.*y\.argmax\(-1\)"),
        (
            lambda: labelled("categorical_crossentropy"),
            X,
            np.arange(64) % 3,
            r"class numbers.*SparseCategoricalCrossentropy.*to_categorical\(y, 3\)",
        ),
        (model_with, X, np.ones((64, 5, 2)), r"loss doesn't take y of shape \(64, 5, 2\)"),
    ],
)
@pytest.mark.parametrize("method", ["auto", "range"])
def test_data_that_does_not_fit_the_model_is_refused(method, model, x, y, message, monkeypatch):
    monkeypatch.setattr(keras.Model, "fit", lambda *a, **k: pytest.fail("it trained"))
    with pytest.raises(InvalidInput, match=message):
        keras_lr.find(model(), x, y, method=method, verbose=0)


def test_data_that_fits_is_let_pass():
    check_fits(labelled(SPARSE(ignore_class=-1)), X, np.arange(64) % 3 - 1 + np.zeros(64))
    check_fits(model_with(), X, Y[:, 0])

    class Own(keras.Model):
        def compute_loss(self, x=None, **_):
            return keras.ops.mean(x)

    inputs = keras.Input((4, 1))
    own = Own(inputs, keras.layers.Flatten()(inputs))
    own.compile("sgd", "mse")
    check_fits(own, X)  # a last axis of one is Keras's to add

    named = {"a": keras.Input((4,), name="a"), "b": keras.Input((2,), name="b")}
    model = keras.Model(named, keras.layers.Concatenate()(list(named.values())))
    model.compile("sgd", "mse")
    check_fits(model, {"a": X, "b": X[:, :2]}, X[:, [0, 1, 2, 3, 0, 1]])
    with pytest.raises(InvalidInput, match=r"x\['b'\] of shape \(64, 4\)"):
        check_fits(model, {"a": X, "b": X}, X)
    with pytest.raises(InvalidInput, match=r"x\[0\] of shape \(64, 2\)"):
        check_fits(model, [X[:, :2], X], X)
    with pytest.raises(InvalidInput, match=r"has 2 inputs.*x with 1 arrays"):
        check_fits(model, [X], X)


class Interrupt(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            raise KeyboardInterrupt


@pytest.mark.filterwarnings("ignore:The optimizer was built with CosineDecay")
@pytest.mark.parametrize("own", [None, "schedule"])
@pytest.mark.parametrize("method", ["auto", "range"])
def test_after_an_interrupted_fit(own, method):
    rate = keras.optimizers.schedules.CosineDecay(0.05, 1000) if own else 0.05
    model = model_with(keras.optimizers.SGD(rate, momentum=0.5))
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            X, Y, batch_size=8, verbose=0, callbacks=[keras_lr.LearningRate("cosine"), Interrupt()]
        )
    keras_lr.rate.get_learning_rate(model)  # as a user would look; takes the control down
    kept = [np.array(v) for v in (*model.get_weights(), *map(numpy, model.optimizer.variables))]
    finding = keras_lr.find(
        model, X, Y, method=method, learning_rates=(1e-4, 10), batch_size=8, verbose=0
    )
    assert finding.learning_rate > 1e-3
    now = [*model.get_weights(), *map(numpy, model.optimizer.variables)]
    for before, after in zip(kept, now, strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("method", ["auto", "range"])
def test_find_takes_down_what_an_interrupted_fit_left(method):
    model = model_with(keras.optimizers.SGD(0.05))
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            X, Y, batch_size=8, verbose=0, callbacks=[keras_lr.LearningRate("cosine"), Interrupt()]
        )
    assert not isinstance(model.optimizer._learning_rate, keras.Variable)
    keras_lr.find(model, X, Y, method=method, learning_rates=(1e-4, 10), batch_size=8, verbose=0)
    assert isinstance(model.optimizer._learning_rate, keras.Variable)
    assert keras_lr.get_learning_rate(model) == pytest.approx(0.05)
    assert "make_train_function" not in vars(model)
    assert not decays(None, model.optimizer, steps=100)
    model.fit(X, Y, batch_size=8, verbose=0)


def numpy(variable):
    return np.array(keras.ops.convert_to_numpy(variable))


def test_several_optimizers_are_refused_with_the_way_out():
    members = keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.1))
    members["sequential/dense/bias"] = keras.optimizers.Adam(0.1)
    several = keras.optimizers.MultiOptimizer(members)
    with pytest.raises(InvalidInput, match=r"one rate.*model\.compile\(optimizer=member"):
        keras_lr.find(model_with(several), X, Y)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (None, False),
        ("cosine", True),
        ("linear", True),
        (schedules.Cosine().warmup("5%"), True),
        (schedules.Constant().warmup("5%"), False),
        (schedules.Constant().cooldown("20%"), True),
        (schedules.StepDecay(0.5, every="3 epochs"), True),
        (lambda step: 1.0, False),
        (0.7, False),
    ],
)
def test_whether_the_run_decays(schedule, expected):
    optimizer = keras.optimizers.SGD(0.1)
    assert decays(schedule, optimizer, steps=100, steps_per_epoch=10) is expected


def test_the_optimizers_own_schedule_counts_unless_another_is_given():
    falling = keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 100))
    assert decays(None, falling, steps=100)
    assert decays(None, keras.optimizers.LossScaleOptimizer(falling), steps=100)
    assert not decays(None, falling, steps=10)  # the run ends before the rate has fallen
    assert not decays("constant", falling, steps=100)


def test_samples_of_a_schedule_are_those_of_its_batches():
    long = {"epochs": 2, "batch_size": 16, "schedule": "linear | warmup(320 samples)"}
    with pytest.raises(InvalidInput, match="takes 20 steps, but only 8 are there"):
        keras_lr.find(model_with(), X, Y, **long)


def test_epochs_of_a_schedule_need_a_known_length():
    with pytest.raises(InvalidInput, match="epoch"):
        decays(schedules.StepDecay(0.5, every="3 epochs"), keras.optimizers.SGD(0.1))


def test_default_rates_suit_the_optimizer():
    def span(optimizer):
        rates = default_rates(optimizer)
        assert len(rates) == 16
        return float(f"{rates[0]:.3g}"), float(f"{rates[-1]:.3g}")

    o = keras.optimizers
    assert span(o.SGD()) == (1e-3, 10)
    assert span(o.SGD(momentum=0.9)) == (1e-4, 1)
    assert span(o.LossScaleOptimizer(o.SGD(momentum=0.9))) == (1e-4, 1)
    assert span(o.Adam()) == span(o.AdamW()) == span(o.RMSprop()) == (3e-5, 0.3)
    assert span(o.Lion()) == (3e-6, 3e-2)

    class Mine(o.SGD):
        pass

    assert span(Mine()) == (1e-3, 10)


def test_rates_are_sorted_and_distinct():
    assert check_learning_rates(None) is None
    assert list(check_learning_rates(np.array([0.3, 0.1, 0.3]))) == [0.1, 0.3]


def test_what_it_says_and_gives(capsys):
    keras.utils.set_random_seed(0)
    finding = keras_lr.find(model_with(), X, Y, epochs=2)
    said = capsys.readouterr().out.splitlines()
    assert said[-1].startswith(f"find: {finding.learning_rate:.3g}. {finding.reason}")
    low, high = finding.band
    assert low < finding.learning_rate < high
    assert len(finding.rates) == len(finding.losses)
    assert (np.diff(finding.rates) > 0).all()
    assert finding.method == ("race" if keras.backend.backend() == "jax" else "range")
    keras_lr.find(model_with(), X, Y, epochs=2, verbose=0)
    assert not capsys.readouterr().out


def test_sample_weights_count():
    keras.utils.set_random_seed(0)
    weights = np.ones(64, "float32")
    for method in ("race", "range") if keras.backend.backend() == "jax" else ("range",):
        model = model_with()
        firsts = []
        for given in (None, weights / 2):
            found = keras_lr.find(
                model, X, Y, method=method, epochs=1, verbose=0, sample_weight=given
            )
            curve = found.curves[0] if method == "race" else found.details["batch_losses"]
            firsts.append(float(curve[0]))
        assert firsts[1] == pytest.approx(firsts[0] / 2)


def test_a_mixed_precision_model():
    policy = keras.dtype_policies.DTypePolicy("mixed_float16")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, dtype=policy)])
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), "mse")
    finding = keras_lr.find(model, X, Y, epochs=1, verbose=0)
    assert finding.learning_rate > 1e-3
    assert not model.optimizer.built


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="elsewhere there is no race to fail")
@pytest.mark.deep
def test_auto_takes_the_range_test_where_a_race_cannot_run(capsys):
    class Host(keras.Model):
        def train_step(self, state, data):
            assert np.asarray(data[0]).mean() > -9  # works eagerly, and can't be traced
            return super().train_step(state, data)

    inputs = keras.Input((4,))
    model = Host(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse", run_eagerly=True)
    with pytest.raises(Exception, match="Tracer"):
        keras_lr.find(model, X, Y, method="race", verbose=0)
    finding = keras_lr.find(model, X, Y, learning_rates=(1e-4, 10))
    assert finding.method == "range"
    said = capsys.readouterr().out
    assert "find: the race can't run here (TracerArrayConversionError: " in said
    assert "; so a range test" in said


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="elsewhere there is no race")
def test_auto_takes_the_range_test_where_a_race_would_not_fit(capsys, monkeypatch):
    monkeypatch.setattr(importlib.import_module("keras_lr.finder.find"), "ROOM", 100)
    assert keras_lr.find(model_with(), X, Y, learning_rates=(1e-4, 10)).method == "range"
    assert "16 copies of this model in training take 0 GiB; so a" in capsys.readouterr().out
