"""The race: short runs at many rates, side by side, judged with the noise in mind."""

import keras
import numpy as np
import pytest

from keras_lr import find
from keras_lr.errors import RateNotFound
from keras_lr.finder.race import CONSTANT, Field, judge, race_length

RATES = np.geomspace(1e-4, 1.0, 16)


def field(best=1e-2, spread=0.02, steps=100, diverged_above=0.5, seed=0, depth=2.0):
    """Curves that fall most at one rate, all with the same noise of the batches on them."""
    generator = np.random.default_rng(seed)
    away = np.log10(RATES / best)
    ends = 2.3 - depth * np.exp(-(away**2))
    time = np.linspace(0, 1, steps)
    curves = 2.3 + (ends - 2.3)[:, None] * (1 - np.exp(-5 * time))
    curves = curves + generator.normal(0, spread, size=steps)
    curves = curves + generator.normal(0, spread / 10, size=curves.shape)
    curves[diverged_above < RATES, steps // 2 :] = np.nan
    return Field(RATES, curves.astype("float32"))


def test_the_best_rate_is_found_between_the_members():
    for best in (5e-3, 1e-2, 2.3e-2):
        finding = judge(field(best), decays=True)
        assert finding.learning_rate == pytest.approx(best, rel=0.15)
        assert finding.band == pytest.approx(
            (finding.learning_rate / 2, finding.learning_rate * 2**0.5)
        )


def test_a_constant_rate_gets_less():
    decayed, constant = judge(field(), decays=True), judge(field(), decays=False)
    assert constant.learning_rate == pytest.approx(decayed.learning_rate / CONSTANT)
    assert "constant" in constant.reason


def test_members_that_diverged_are_out():
    finding = judge(field(best=0.3, diverged_above=0.45), decays=True)
    assert np.isnan(finding.losses[RATES > 0.45]).all()
    assert np.isfinite(finding.losses[RATES <= 0.45]).all()
    assert finding.learning_rate <= 0.45
    only_once = field()
    only_once.curves[9, 3] = np.inf  # a single infinite loss, recovered from, is a divergence too
    assert np.isnan(judge(only_once, decays=True).losses[9])


def test_it_is_not_above_the_best_where_the_lower_neighbour_is_as_good():
    ran = field(best=1.2e-2, spread=0.0)
    best = ran.best()
    generator = np.random.default_rng(1)
    for member in range(16):
        ran.curves[member] = ran.curves[best] + 0.5 * (member < best - 1) + 0.4 * (member > best)
    ran.curves[best + 1] = ran.curves[best] + 1e-4
    ran.curves[best - 1] = ran.curves[best] + 2e-4 + generator.normal(0, 0.01, size=100)
    assert judge(ran, decays=True).learning_rate <= RATES[best] * (1 + 1e-9)
    # Without the noise, the higher neighbour is better than the lower one, and it counts.
    ran.curves[best - 1] = ran.curves[best] + 2e-4
    assert judge(ran, decays=True).learning_rate > RATES[best]


def test_scores_that_are_not_positive():
    shifted = field()
    shifted = Field(shifted.rates, shifted.curves - 10)
    assert judge(shifted, decays=True).learning_rate == pytest.approx(1e-2, rel=0.2)


@pytest.mark.parametrize("seed", range(5))
def test_a_loss_that_never_fell_is_refused(seed):
    generator = np.random.default_rng(seed)
    curves = 2.3 + generator.normal(0, 0.3, size=100) + generator.normal(0, 0.02, size=(16, 100))
    finding = judge(Field(RATES, curves), decays=False)
    assert finding.learning_rate is None
    assert "never fell" in finding.reason


def test_all_diverged_is_refused():
    finding = judge(field(diverged_above=0.0), decays=False)
    assert finding.learning_rate is None
    assert "All 16 rates" in finding.reason
    assert "learning_rates=(1e-08, 1e-04)" in finding.reason


def test_the_edges_are_refused():
    low, high = (
        judge(field(best=1e-6), decays=False),
        judge(field(best=1e2, diverged_above=9), decays=False),
    )
    assert low.learning_rate is None
    assert "lowest rate tried, 0.0001, did best" in low.reason
    assert "learning_rates=(1e-06, 1e+00)" in low.reason
    assert high.learning_rate is None
    assert "learning_rates=(1e-04, 1e+02)" in high.reason


def test_a_field_is_joined_in_the_order_of_its_rates():
    whole = field()
    parts = Field(RATES[8:], whole.curves[8:]).joined(Field(RATES[:8], whole.curves[:8]))
    np.testing.assert_array_equal(parts.rates, RATES)
    np.testing.assert_array_equal(parts.curves, whole.curves)


def test_the_length_follows_the_run():
    assert [race_length(n) for n in (None, 10, 600, 1000, 2999, 10**6)] == [
        300,
        60,
        60,
        100,
        300,
        300,
    ]


# --- in the compiled engine -----------------------------------------------------------------------

needs_jax = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="the compiled engine is JAX's"
)


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(256, 8)).astype("float32")
    target = x @ generator.normal(size=(8, 1)) + 0.1 * generator.normal(size=(256, 1))
    return x, target.astype("float32")


def model_with(optimizer, layers=lambda: [], loss="mse", use_bias=True, **arguments):
    keras.utils.set_random_seed(1)
    last = keras.layers.Dense(1, use_bias=use_bias)
    model = keras.Sequential([keras.Input((8,)), *layers(), last])
    model.compile(optimizer, loss, **arguments)
    return model


def everything(model):
    return [np.array(v.numpy()) for v in [*model.variables, *model.optimizer.variables]]


@needs_jax
@pytest.mark.parametrize("decays", [False, True])
def test_members_train_as_fit_would(decays, data):
    """Each member's curve is what plain SGD on a linear model gives, computed by hand."""
    from keras_lr.finder.batches import Batches
    from keras_lr.finder.race import race

    model = model_with(keras.optimizers.SGD(0.1))
    rates = np.array([0.001, 0.03, 0.1])
    finding = race(model, Batches(*data), rates=rates, length=60, decays=decays, extend=False)
    assert finding.curves.shape == (3, 60)
    for rate, curve in zip(rates, finding.curves, strict=True):
        kernel, bias = (np.array(v.numpy(), float) for v in model.layers[0].weights)
        for step, (x, y) in zip(range(60), Batches(*data), strict=False):
            error = x @ kernel + bias - y
            assert curve[step] == pytest.approx(float((error**2).mean()), rel=1e-3, abs=1e-6)
            now = rate * (1 - step / 60) if decays else rate
            kernel -= now * 2 * x.T @ error / len(x)
            bias -= now * 2 * error.mean(axis=0)


@needs_jax
@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.SGD(0.01, momentum=0.9),
        lambda: keras.optimizers.Adam(),
        lambda: keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 50)),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=8.0),
        lambda: keras.optimizers.SGD(0.1, gradient_accumulation_steps=2),
    ],
    ids=["momentum", "adam", "schedule", "loss scale", "accumulation"],
)
@pytest.mark.deep(after=1)
def test_the_model_trains_on_as_if_it_had_not_been_raced(make, data):
    layers = lambda: [keras.layers.BatchNormalization(), keras.layers.Dropout(0.2)]  # noqa: E731
    losses = []
    for look in (False, True):
        model = model_with(make(), layers, metrics=["mae"])
        model.fit(*data, epochs=1, verbose=0)
        if look:
            before = everything(model)
            found = find(model, *data, epochs=1, learning_rates=(1e-4, 3.0), verbose=0)
            assert found.learning_rate > 0
            for a, b in zip(before, everything(model), strict=True):
                np.testing.assert_array_equal(a, b)
        losses.append(model.fit(*data, epochs=2, verbose=0).history)
    assert losses[0] == losses[1]


@needs_jax
def test_it_is_deterministic_and_the_seed_counts(data):
    found = [find(model_with("sgd"), *data, epochs=1, seed=s, verbose=0) for s in (0, 0, 1)]
    np.testing.assert_array_equal(found[0].curves, found[1].curves)
    assert not np.array_equal(found[0].curves, found[2].curves)
    assert found[0].learning_rate == pytest.approx(found[2].learning_rate, rel=1.0)


@needs_jax
def test_accumulation_races_updates(data):
    plain = find(model_with(keras.optimizers.SGD(0.1)), *data, batch_size=64, steps=60, verbose=0)
    accumulating = find(
        model_with(keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)),
        *data,
        batch_size=32,
        steps=60,
        verbose=0,
    )
    assert accumulating.curves.shape == plain.curves.shape == (16, 60)
    np.testing.assert_allclose(accumulating.curves[:8], plain.curves[:8], rtol=1e-2)


@needs_jax
def test_it_goes_beyond_its_range_once_by_default(data):
    x, y = data
    # Inputs twenty times smaller want rates four hundred times higher.
    little = model_with(keras.optimizers.SGD(0.1), use_bias=False)
    found = find(little, x / 20, y, epochs=1, verbose=0)
    assert len(found.rates) == 24
    assert found.learning_rate > 10
    with pytest.raises(RateNotFound, match="highest rate tried"):
        find(little, x / 20, y, epochs=1, learning_rates=(1e-3, 10.0), verbose=0)


@needs_jax
def test_the_very_rates_can_be_given(data):
    found = find(
        model_with("sgd"), *data, epochs=1, learning_rates=[0.3, 0.001, 0.1, 0.03], verbose=0
    )
    np.testing.assert_allclose(found.rates, [0.001, 0.03, 0.1, 0.3])


@needs_jax
def test_a_dataset_and_a_subclassed_model(data):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

    class Set(keras.utils.PyDataset):
        def __len__(self):
            return 7

        def __getitem__(self, index):
            rows = slice(32 * index, 32 * index + 32)
            return data[0][rows], data[1][rows]

    model = Net()
    model.compile("sgd", "mse")
    found = find(model, Set(), epochs=2, verbose=0)
    assert found.method == "race"
    assert 1e-2 < found.learning_rate < 1


@needs_jax
def test_labels_that_do_not_belong_are_refused(data):
    x, _ = data
    model = model_with(keras.optimizers.SGD(0.1), lambda: [keras.layers.Rescaling(0.0)])
    model.layers[-1].bias.assign([0.0])
    noise = np.random.default_rng(3).normal(size=(256, 1)).astype("float32")
    with pytest.raises(RateNotFound, match="never fell") as caught:
        find(model, x, noise, epochs=1, verbose=0)
    assert caught.value.finding.curves.shape[1] == 60
    model.compile("sgd", lambda y, p: keras.ops.log(-keras.ops.abs(keras.ops.mean(p)) - 1.0))
    with pytest.raises(RateNotFound, match="diverged"):
        find(model, x, noise, epochs=1, verbose=0)
