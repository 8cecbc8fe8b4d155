"""Rates per layer: true rates, one clip norm, frozen weights, saved and loaded."""

import numpy as np
import pytest

from helpers import data
from keras_lr.errors import InvalidInput
from keras_lr.optimizers import per_layer
from keras_lr.rate import get_learning_rate

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.skipif(
    not hasattr(keras.optimizers, "MultiOptimizer"), reason="this Keras has no MultiOptimizer"
)


def network(**head):
    """A model with a model inside it, batch normalization, and a head."""
    keras.utils.set_random_seed(1)
    backbone = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(6, name="first"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(5, activation="relu", name="second"),
        ],
        name="backbone",
    )
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(3, name="head", **head)(backbone(inputs)))


def trained(model, optimizer, *, epochs=2, **fit):
    x, y = data(48)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss)
    return model.fit(x, y, epochs=epochs, batch_size=8, shuffle=False, verbose=0, **fit)


def weights(model):
    return [np.array(value) for value in model.get_weights()]


def numpy_steps(kind, rate, gradients, value):
    """The same update by hand, in double precision."""
    value, m, v = np.float64(value), 0.0, 0.0
    for step, gradient in enumerate(gradients, 1):
        if kind == "adamw":
            value = value - value * 0.1 * rate
        if kind in ("sgd", "momentum"):
            m = (0.9 if kind == "momentum" else 0.0) * m - rate * gradient
            value = value + m
        else:
            m = 0.9 * m + 0.1 * gradient
            v = 0.999 * v + 0.001 * gradient**2
            alpha = rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            value = value - alpha * m / (np.sqrt(v) + 1e-7)
    return value


OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.1),
    "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    "adam": lambda: keras.optimizers.Adam(0.1),
    "adamw": lambda: keras.optimizers.AdamW(0.1, weight_decay=0.1),
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.deep(after=1)
def test_each_group_moves_by_its_own_rate(kind):
    model = network()
    optimizer = per_layer(OPTIMIZERS[kind](), {"first": 0.01, "head": 2.0}, model=model)
    variables = model.trainable_variables
    random = np.random.default_rng(0)
    gradients = [random.normal(size=(6, *each.shape)).astype("float32") for each in variables]
    before = [np.array(keras.ops.convert_to_numpy(each)) for each in variables]
    optimizer.build(variables)
    for step in range(6):
        optimizer.apply([keras.ops.convert_to_tensor(each[step]) for each in gradients], variables)
    for variable, start, seen in zip(variables, before, gradients, strict=True):
        factor = {"first": 0.01, "head": 2.0}.get(variable.path.split("/")[-2], 1.0)
        expected = numpy_steps(kind, 0.1 * factor, seen, start)
        moved = keras.ops.convert_to_numpy(variable) - start
        np.testing.assert_allclose(moved, expected - start, rtol=2e-4, atol=2e-7)
    assert type(optimizer) is keras.optimizers.MultiOptimizer
    assert {type(each) for each in optimizer.optimizers} == {type(OPTIMIZERS[kind]())}


SETTINGS = {
    "plain": {},
    "clipped": {"global_clipnorm": 0.2},
    "each clipped": {"clipnorm": 0.1},
    "accumulated": {"gradient_accumulation_steps": 2},
    "accumulated, clipped": {"gradient_accumulation_steps": 2, "global_clipnorm": 0.2},
    "averaged": {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3},
    "scaled, clipped": {"loss_scale_factor": 8.0, "global_clipnorm": 0.2},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.deep(after=1)
def test_with_factors_of_1_it_is_the_plain_optimizer(settings):
    def optimizer():
        made = keras.optimizers.AdamW(0.05, weight_decay=0.1, **settings)
        made.exclude_from_weight_decay(var_names=["bias"])
        return made

    plain, split = network(), network()
    trained(plain, optimizer())
    # Nearly 1, so that they are groups of their own.
    rates = {"first": 1 + 1e-9, "head": 1 + 2e-9}
    many = per_layer(optimizer(), rates, model=split)
    assert [each.name for each in many.optimizers] == ["first", "head", "rest"]
    trained(split, many)
    for ours, theirs in zip(weights(split), weights(plain), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-7)


def test_the_norm_is_that_of_all_groups():
    model = network()
    optimizer = per_layer(
        keras.optimizers.SGD(1.0, global_clipnorm=1.0), {"first": 0.5}, model=model
    )
    before = [keras.ops.convert_to_numpy(each) for each in model.trainable_variables]
    gradients = [keras.ops.ones(each.shape) for each in model.trainable_variables]
    norm = np.sqrt(sum(each.size for each in before))
    optimizer.apply(gradients, model.trainable_variables)
    for variable, start in zip(model.trainable_variables, before, strict=True):
        factor = 0.5 if "first/" in variable.path else 1.0
        moved = start - keras.ops.convert_to_numpy(variable)
        np.testing.assert_allclose(moved, factor / norm, rtol=1e-4)


def test_what_is_frozen_stays_bit_for_bit_and_is_not_in_the_norm():
    model = network(kernel_constraint=keras.constraints.MaxNorm(0.1))
    before = weights(model)
    optimizer = per_layer(
        keras.optimizers.AdamW(0.1, weight_decay=0.5, use_ema=True, ema_overwrite_frequency=2),
        {"head": None, "second": 0},
        model=model,
    )
    trained(model, optimizer)
    after = weights(model)
    names = [each.path for each in model.weights]
    for name, start, now in zip(names, before, after, strict=True):
        assert np.array_equal(start, now) == ("head" in name or "second" in name), name
    assert [each.name for each in optimizer.optimizers] == ["rest"]

    model = network()
    clipped = per_layer(keras.optimizers.SGD(1.0, global_clipnorm=1.0), {"head": None}, model=model)
    kernel = model.get_layer("backbone").get_layer("first").kernel
    start = keras.ops.convert_to_numpy(kernel)
    count = sum(each.numpy().size for each in model.get_layer("backbone").trainable_variables)
    gradients = [keras.ops.ones(each.shape) for each in model.trainable_variables]
    clipped.apply(gradients, model.trainable_variables)
    moved = start - keras.ops.convert_to_numpy(kernel)
    np.testing.assert_allclose(moved, 1 / np.sqrt(count), rtol=1e-4)


CASES = {
    "Keras's own": ({}, {"first": 0.5}),
    "one norm": ({"global_clipnorm": 0.2}, {"first": 0.5}),
    "frozen": ({}, {"first": None, "head": 2.0}),
}


@pytest.mark.parametrize(("settings", "rates"), CASES.values(), ids=CASES)
@pytest.mark.deep(after=1)
def test_a_saved_model_goes_on_as_if_nothing_had_been(settings, rates, tmp_path):
    model = network()
    trained(model, per_layer(keras.optimizers.Adam(0.02, **settings), rates, model=model))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.optimizer) is type(model.optimizer)
    x, y = data(48)
    for each in (model, again):
        each.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0)
    for ours, theirs in zip(weights(again), weights(model), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert get_learning_rate(again) == get_learning_rate(model)


def test_a_loaded_sequential_model_keeps_its_groups_though_its_paths_change(tmp_path):
    model = keras.Sequential([keras.layers.Dense(4, name="a"), keras.layers.Dense(3, name="b")])
    model.build((None, 4))
    trained(model, per_layer(keras.optimizers.Adam(0.1), {"a": 1e-6}, model=model))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    before = weights(again)
    assert [each.name for each in again.optimizer.optimizers] == ["a", "rest"]
    x, y = data(48)
    again.fit(x, y, verbose=0)
    moved = [np.abs(now - then).max() for now, then in zip(weights(again), before, strict=True)]
    assert max(moved[:2]) < 1e-5 < min(moved[2:])


def test_layers_of_one_name_are_told_apart(tmp_path):
    def tower(name):
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="same")], name=name)

    inputs = keras.Input((4,))
    left, right = tower("left"), tower("right")
    model = keras.Model(inputs, keras.layers.add([left(inputs), right(inputs)]))
    optimizer = per_layer(keras.optimizers.Adam(0.1), {left: 1e-6}, model=model)
    trained(model, optimizer)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    before = weights(again)
    x, y = data(48)
    again.fit(x, y, verbose=0)
    moved = [np.abs(now - then).max() for now, then in zip(weights(again), before, strict=True)]
    assert max(moved[:2]) < 1e-5 < min(moved[2:])


@pytest.mark.deep
def test_keras_alone_loads_it_where_it_is_keras_own(tmp_path):
    from elsewhere import predict_elsewhere

    model = network()
    trained(model, per_layer(keras.optimizers.Adam(0.02), {"backbone": 0.1}, model=model))
    model.save(tmp_path / "model.keras")
    x, _ = data(4)
    found = predict_elsewhere(tmp_path / "model.keras", x)
    np.testing.assert_allclose(found, model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("clip", [None, 0.5])
def test_under_mixed_precision(clip):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = network()
    finally:
        keras.config.set_dtype_policy("float32")
    optimizer = per_layer(
        keras.optimizers.SGD(0.05, global_clipnorm=clip), {"first": 0.0, "head": 0.5}, model=model
    )
    before = weights(model)
    history = trained(model, keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=64.0))
    assert np.isfinite(history.history["loss"]).all()
    moved = [not np.array_equal(a, b) for a, b in zip(weights(model), before, strict=True)]
    assert moved == ["first" not in each.path for each in model.weights]


def test_an_own_keras_schedule_is_multiplied(tmp_path):
    model = network()
    decay = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    optimizer = per_layer(keras.optimizers.SGD(decay), {"head": 0.5}, model=model)
    trained(model, optimizer)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for each in (model, again):
        rates = get_learning_rate(each)
        assert rates["head"] == pytest.approx(0.5 * rates["rest"])
        assert rates["rest"] == pytest.approx(0.1 * 0.5 ** (12 / 10))


def test_rates_of_layers_patterns_and_the_first_that_covers():
    model = network()

    def rates(given):
        optimizer = per_layer(keras.optimizers.SGD(1.0), given, model=model)
        optimizer.build(model.trainable_variables)
        return {
            variable.path.removeprefix("backbone/"): pytest.approx(float(each.learning_rate))
            for each in optimizer.optimizers
            for variable in each._trainable_variables
        }

    assert rates({".*/bias": 0.5, "backbone": 0.1}) == {
        "first/kernel": 0.1,
        "first/bias": 0.5,
        "norm/gamma": 0.1,
        "norm/beta": 0.1,
        "second/kernel": 0.1,
        "second/bias": 0.5,
        "head/kernel": 1.0,
        "head/bias": 0.5,
    }
    found = rates({(model.get_layer("head"), "norm"): 3, "backbone/(first|second)/kernel": 2})
    assert found["head/bias"] == found["norm/beta"] == 3
    assert found["first/kernel"] == 2
    assert found["first/bias"] == 1


def test_names_of_groups():
    model = network()

    def names(given):
        return [
            each.name
            for each in per_layer(keras.optimizers.SGD(1.0), given, model=model).optimizers
        ]

    assert names({"head": 0.1}) == ["head", "rest"]
    assert names({"head": 0.1, "norm": 0.1}) == ["head_and_norm", "rest"]
    assert names({".*/bias": 0.1, "(head|norm)": 0.2}) == ["bias", "head_norm", "rest"]
    assert names({"head": 1, "norm": 2}) == ["head_and_rest", "norm"]
    assert names({"rest|head": 2, ".*/(gamma|beta)": 3, "norm|.*": 4}) == [
        "rest_head",
        "gamma_beta",
        "norm",
    ]


def refused(*arguments, **keywords):
    with pytest.raises(InvalidInput) as error:
        per_layer(*arguments, **keywords)
    return str(error.value)


def test_refusals_say_what_to_write():
    model, other = network(), network()
    sgd = keras.optimizers.SGD(0.1)
    assert "Did you mean 'head'" in refused(sgd, {"haed": 1}, model=model)
    assert "backbone/first/kernel" in refused(sgd, {"first/kernl": 1}, model=model)
    assert "can't be read" in refused(sgd, {"(": 1}, model=model)
    assert "isn't in the model" in refused(sgd, {other.get_layer("head"): 1}, model=model)
    assert "no trainable variables" in refused(sgd, {model.layers[0]: 1}, model=model)
    assert "special ones first" in refused(sgd, {"backbone": 1, "norm": 2}, model=model)
    assert "as a key" in refused(sgd, {3: 1}, model=model)
    assert "rates is a mapping" in refused(sgd, {}, model=model)
    for value in (-1, float("nan"), float("inf"), True, [1]):
        assert "factor of the optimizer's" in refused(sgd, {"head": value}, model=model)
    assert "nothing would train" in refused(sgd, {".*": None}, model=model)
    assert "gives rates" in refused(sgd, {"head": "cosine() | rate(0.1)"}, model=model)
    fresh = keras.Sequential([keras.layers.Dense(2)])
    assert "model.build(input_shape)" in refused(sgd, {"dense": 1}, model=fresh)
    assert "Received: 3" in refused(3, {"head": 1}, model=model)
    wrapped = keras.optimizers.LossScaleOptimizer(sgd)
    assert "optimizer.inner_optimizer" in refused(wrapped, {"head": 1}, model=model)
    several = per_layer(sgd, {"head": 2}, model=model)
    assert "has several already" in refused(several, {"head": 1}, model=model)
    called = keras.optimizers.SGD(lambda: 0.1)
    assert "schedule=function" in refused(called, {"head": 1}, model=model)
    sgd.build(model.trainable_variables)
    assert "from_config" in refused(sgd, {"head": 1}, model=model)


def test_a_name_will_do():
    model = network()
    optimizer = per_layer("adam", {"head": 10}, model=model)
    assert get_learning_rate(optimizer) == {
        "head": pytest.approx(0.01),
        "rest": pytest.approx(1e-3),
    }


def test_a_changed_model_is_refused():
    model = network()
    optimizer = per_layer("sgd", {"first": None}, model=model)
    model.get_layer("backbone").trainable = False
    with pytest.raises(InvalidInput, match="made for 8 trainable variables"):
        trained(model, optimizer)
