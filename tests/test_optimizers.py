"""SGD(lr, momentum, decay): Keras 2's arguments, Keras 2's values, a stock optimizer."""

import keras
import numpy as np
import pytest

from helpers import applied_rates, classifier, data, ones, unit_gradient
from keras_lr.errors import InvalidInput
from keras_lr.optimizers import SGD


def test_it_is_the_stock_class():
    assert type(SGD(lr=0.01, momentum=0.9)) is type(keras.optimizers.SGD())
    mine = SGD(lr=0.01, momentum=0.9, nesterov=True, name="one").get_config()
    assert mine == keras.optimizers.SGD(0.01, 0.9, nesterov=True, name="one").get_config()


def test_decay_has_keras_2_s_values():
    """Keras 2.3: `lr = lr * (1. / (1. + decay * iterations))`, before the update."""
    model = unit_gradient(SGD(lr=0.5, decay=0.25))
    x, y = ones(6)
    rates = applied_rates(model, x, y, batch_size=2, epochs=2)
    np.testing.assert_allclose(rates, [0.5 / (1 + 0.25 * k) for k in range(12)], rtol=1e-4)


def test_decay_per_epoch():
    model = unit_gradient(SGD(lr=0.5, decay=0.25, decay_per="epoch", steps_per_epoch=6))
    x, y = ones(6)
    rates = applied_rates(model, x, y, batch_size=2, epochs=3)
    expected = np.repeat([0.5 / (1 + 0.25 * epoch) for epoch in range(3)], 6)
    np.testing.assert_allclose(rates, expected, rtol=1e-4)


def test_it_saves_as_plain_keras(tmp_path):
    model = classifier(SGD(lr=0.01, momentum=0.9, decay=1e-4))
    model.fit(*data(), verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert isinstance(loaded.optimizer._learning_rate, keras.optimizers.schedules.InverseTimeDecay)


@pytest.mark.parametrize("rate", [-1, 0, float("nan"), float("inf"), "0.1", None, True, [0.1]])
@pytest.mark.parametrize("name", ["lr", "learning_rate"])
def test_refuses_what_is_no_rate(rate, name):
    if name == "lr" and rate is None:
        pytest.skip("lr=None means that lr was not given")
    with pytest.raises(InvalidInput, match=f"{name} must be"):
        SGD(**{name: rate})


@pytest.mark.parametrize("rate", [1, np.float32(0.5), np.float64(0.5), np.array(0.5)])
def test_takes_any_number(rate):
    assert float(SGD(rate).learning_rate) == float(rate)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"lr": 0.1, "learning_rate": 0.2}, "the same setting"),
        ({"decay": -1e-4}, "decay must be"),
        ({"decay": "1e-4"}, "decay must be"),
        ({"decay": 1e-4, "decay_per": "step"}, "decay_per"),
        ({"decay": 1e-4, "decay_per": "epoch"}, "steps_per_epoch"),
    ],
)
def test_refuses(arguments, match):
    with pytest.raises(InvalidInput, match=match):
        SGD(**arguments)


def test_decay_and_a_schedule():
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    with pytest.raises(InvalidInput, match="needs a number"):
        SGD(schedule, decay=1e-4)
    assert SGD(schedule)._learning_rate is schedule
