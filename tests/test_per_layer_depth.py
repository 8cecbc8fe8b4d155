"""Mappings by depth: layer-wise decay, discriminative rates, gradual unfreezing."""

import importlib.util
import runpy
import sys
import types
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_lr import LearningRate
from keras_lr.errors import InvalidInput
from keras_lr.optimizers import (
    discriminative,
    freeze,
    gradual_unfreezing,
    layerwise_decay,
    per_layer,
    unfreeze,
)
from keras_lr.schedules import Horizon, parse, serialize

pytestmark = pytest.mark.skipif(
    not hasattr(keras.optimizers, "MultiOptimizer"), reason="this Keras has no MultiOptimizer"
)


def network():
    """Four layers that train, the first two in a model inside it."""
    backbone = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, name="one"),
            keras.layers.ReLU(),
            keras.layers.Dense(5, name="two"),
        ],
        name="backbone",
    )
    inputs = keras.Input((4,))
    middle = keras.layers.LayerNormalization(name="three")(backbone(inputs))
    return keras.Model(inputs, keras.layers.Dense(3, name="head")(middle))


def by_name(rates):
    return {getattr(key, "name", key): value for key, value in rates.items()}


def test_layerwise_decay_by_its_formula():
    assert by_name(layerwise_decay(network(), 0.5)) == {
        "one": 0.125,
        "two": 0.25,
        "three": 0.5,
        "head": 1.0,
    }
    layers = ["one", ("two", "three"), "head"]
    assert layerwise_decay(network(), 0.5, layers=layers) == {
        "one": 0.25,
        ("two", "three"): 0.5,
        "head": 1.0,
    }


def test_layerwise_decay_is_timm_s(monkeypatch):
    torch = pytest.importorskip("torch", reason="timm runs on torch")
    if (found := importlib.util.find_spec("timm")) is None:
        pytest.skip("timm comes with the extra peers-torch")
    order = {"a": 0, "b": 1, "c": 2, "d": 3}
    # Its formula without the rest of timm: its models need torchvision's compiled operators.
    models = types.ModuleType("timm.models")
    models.group_parameters = lambda model, groups, reverse: {
        name: order[name[0]] for name, _ in model.named_parameters()
    }
    monkeypatch.setitem(sys.modules, "timm.models", models)
    path = Path(found.submodule_search_locations[0], "optim", "_param_groups.py")
    timm = runpy.run_path(str(path))
    theirs = torch.nn.ModuleDict({name: torch.nn.Linear(2, 2) for name in order})
    theirs.group_matcher = lambda coarse: None
    groups = timm["param_groups_layer_decay"](theirs, layer_decay=0.7)
    scales = {id(each): group["lr_scale"] for group in groups for each in group["params"]}
    ours = layerwise_decay(network(), 0.7, layers=list(order))
    assert ours == {
        name: pytest.approx(scales[id(theirs[name].weight)], rel=1e-12) for name in order
    }


def even_mults(start, stop, n):
    """What fastai does with `slice(start, stop)`: its formula, for comparison."""
    step = (stop / start) ** (1 / (n - 1))
    return [start * step**i for i in range(n)]


def test_discriminative_rates_are_fastai_s_spread():
    found = list(discriminative(network(), 0.01, 2.0).values())
    np.testing.assert_allclose(found, even_mults(0.01, 2.0, 4), rtol=1e-12)
    assert discriminative(network(), 0.1, layers=["head"]) == {"head": 1.0}


def test_the_factors_reach_the_optimizer():
    model = network()
    optimizer = per_layer(keras.optimizers.Adam(0.1), layerwise_decay(model, 0.5), model=model)
    assert [each.name for each in optimizer.optimizers] == ["one", "two", "three", "head"]
    rates = [float(each.learning_rate) for each in optimizer.optimizers]
    np.testing.assert_allclose(rates, [0.0125, 0.025, 0.05, 0.1], rtol=1e-6)


def test_gradual_unfreezing_from_the_head_down():
    run = Horizon(40, 10)
    for every, starts in (("1 epoch", [30, 20, 10]), (4, [12, 8, 4]), ("15%", [18, 12, 6])):
        rates = by_name(gradual_unfreezing(network(), every))
        assert list(rates) == ["one", "two", "three", "head"]
        assert rates.pop("head") == 1.0
        for schedule, start in zip(rates.values(), starts, strict=True):
            values = schedule.resolve(run)(np.arange(40))
            np.testing.assert_array_equal(values, np.arange(40) >= start)


def test_gradual_unfreezing_in_a_fit():
    model = network()
    thaw = gradual_unfreezing(model, 2)
    decay = layerwise_decay(model, 0.5)
    optimizer = per_layer(
        keras.optimizers.SGD(0.1), {key: thaw[key] * decay[key] for key in thaw}, model=model
    )
    model.compile(optimizer, "mse")
    x = np.ones((16, 4), "float32")
    control = LearningRate()
    model.fit(x, x[:, :3], batch_size=2, verbose=0, callbacks=[control])
    rates = {
        name: [control.explain(step, member=name).rate for step in range(8)]
        for name in ("one", "two", "three", "head")
    }
    steps = np.arange(8)
    np.testing.assert_allclose(rates["one"], 0.0125 * (steps >= 6))
    np.testing.assert_allclose(rates["two"], 0.025 * (steps >= 4))
    np.testing.assert_allclose(rates["three"], 0.05 * (steps >= 2))
    np.testing.assert_allclose(rates["head"], 0.1 * np.ones(8))


def test_a_group_whose_time_does_not_come_is_warned_of():
    model = network()
    optimizer = per_layer("sgd", gradual_unfreezing(model, 3), model=model)
    model.compile(optimizer, "mse")
    x = np.ones((16, 4), "float32")
    with pytest.warns(UserWarning, match="'one' doesn't train in this run"):
        model.fit(x, x[:, :3], batch_size=2, verbose=0, callbacks=[LearningRate()])


def test_a_schedule_of_rates_levels_groups_with_a_warning():
    model = network()
    model.compile(per_layer(keras.optimizers.SGD(0.1), {"head": 10}, model=model), "mse")
    x = np.ones((16, 4), "float32")
    control = LearningRate("linear() | rate(0.2)")
    with pytest.warns(UserWarning, match="compiled with head 1, rest 0.1"):
        history = model.fit(x, x[:, :3], batch_size=2, verbose=0, callbacks=[control])
    assert history.history["learning_rate_head"] == history.history["learning_rate_rest"]
    for group in ("head", "rest"):
        assert control.explain(4, member=group).rate == pytest.approx(0.1)


def test_unfreeze_and_freeze_have_a_text():
    assert parse(str(unfreeze("30%"))) == unfreeze("30%")
    assert serialize(freeze(3))["values"] == (1.0, 0.0) or serialize(freeze(3))["values"] == [
        1.0,
        0.0,
    ]


def refused(function, *arguments, **keywords):
    with pytest.raises(InvalidInput) as error:
        function(*arguments, **keywords)
    return str(error.value)


def test_refusals_say_what_to_write():
    model = network()
    for decay in (0, -1, float("nan"), "a", True):
        assert "decay is a factor" in refused(layerwise_decay, model, decay)
    assert "at most 1" in refused(layerwise_decay, model, 1.1)
    assert "lo is a factor" in refused(discriminative, model, 0)
    assert "layers is a list" in refused(layerwise_decay, model, 0.5, layers=[])
    assert "layers is a list" in refused(layerwise_decay, model, 0.5, layers="head")
    assert "don't join within the run" in refused(gradual_unfreezing, model, "40%")
    assert "every must be" in refused(gradual_unfreezing, model, "often")
    fresh = keras.Sequential([keras.layers.Dense(2)])
    assert "model.build(input_shape)" in refused(layerwise_decay, fresh, 0.5)


class Weighted(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = keras.layers.Dense(3)
        self.position = self.add_weight(shape=(4,), name="position")

    def call(self, inputs):
        return self.inner(inputs + self.position)


def test_weights_of_the_model_itself():
    model = Weighted()
    model(np.ones((2, 4)))
    assert "'position'" in refused(layerwise_decay, model, 0.5)
    rates = layerwise_decay(model, 0.5, layers=["position", model.inner])
    optimizer = per_layer(keras.optimizers.SGD(1.0), rates, model=model)
    assert [each.name for each in optimizer.optimizers] == ["position", model.inner.name]
    assert [float(each.learning_rate) for each in optimizer.optimizers] == [0.5, 1.0]
