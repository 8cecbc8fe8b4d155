"""Norms measured inside the step, against the weights before and after it on the host."""

import keras
import numpy as np
import pytest

from helpers import classifier, data
from keras_lr import LearningRate, schedules
from keras_lr.callbacks import LearningRateMonitor
from keras_lr.callbacks.monitoring.norms import norms
from keras_lr.errors import InvalidInput
from keras_lr.rate.detection.norms import Measured
from oscillating import Alignments, linear, noisy
from oscillating import Weights as Flat

NAMES = ("gradient_norm", "weight_norm", "update_ratio")


class Weights(keras.callbacks.Callback):
    """Each trainable variable before the first update and after each batch."""

    def on_train_begin(self, logs=None):
        self.seen = [self._now()]

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(self._now())

    def _now(self):
        return [
            np.array(keras.ops.convert_to_numpy(v), np.float64)
            for v in self.model.trainable_variables
        ]


def length(arrays):
    return np.sqrt(sum(np.sum(np.square(array)) for array in arrays))


def expected(weights, at, which=slice(None)):
    before, after = weights.seen[at - 1][which], weights.seen[at][which]
    changes = [new - old for new, old in zip(after, before, strict=True)]
    return {"weight_norm": length(after), "update_ratio": length(changes) / length(after)}


def fitted(model, monitor, *callbacks, epochs=2, **fit):
    x, y = data(40)
    weights = Weights()
    history = model.fit(
        x,
        y,
        batch_size=8,
        epochs=epochs,
        verbose=0,
        callbacks=[*callbacks, monitor, weights],
        **fit,
    )
    return history.history, weights


OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.1),
    "adam": lambda: keras.optimizers.Adam(0.1, clipnorm=0.1),
    "accumulating": lambda: keras.optimizers.SGD(0.1, gradient_accumulation_steps=5),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_last_update_of_each_epoch(name):
    model = classifier(OPTIMIZERS[name]())
    history, weights = fitted(model, LearningRateMonitor((), statistics=NAMES, groups="layer"))
    groups = {
        f"/{layer.name}": slice(2 * index, 2 * index + 2)
        for index, layer in enumerate(model.layers)
    }
    for epoch in range(2):
        for group, which in ({"": slice(None)} | groups).items():
            for key, value in expected(weights, 5 * (epoch + 1), which).items():
                assert history[f"{key}{group}"][epoch] == pytest.approx(value, rel=2e-3), key
    if name == "adam":
        assert max(history["gradient_norm"]) < 0.21  # each of four is clipped to 0.1
    assert not [v for v in model.optimizer.variables if "norms" in v.name]


def test_the_gradient_that_the_update_uses():
    x, y = noisy()
    model, weights = linear(keras.optimizers.SGD(1e-3)), Flat()
    monitor = LearningRateMonitor((), statistics="gradient_norm")
    history = model.fit(
        x, y, batch_size=8, shuffle=False, verbose=0, callbacks=[monitor, weights]
    ).history
    gradient = Alignments(weights.seen, x, y, batch_size=8).gradient(39)
    assert history["gradient_norm"] == [pytest.approx(np.linalg.norm(gradient), rel=1e-4)]


def test_groups_by_a_mapping_and_the_members_of_several_optimizers():
    model = classifier("sgd")
    named = {"kernels": ".*/kernel", "first bias": (f"{model.layers[0].name}/bias",)}
    history, weights = fitted(
        model, LearningRateMonitor((), statistics=NAMES, groups=named), epochs=1
    )
    ratios = {k: v[0] for k, v in history.items() if k.startswith("update_ratio")}
    for name, which in {"kernels": slice(0, 4, 2), "first bias": [1], "rest": [3]}.items():
        wanted = slice(which[0], which[0] + 1) if isinstance(which, list) else which
        assert ratios[f"update_ratio/{name}"] == pytest.approx(
            expected(weights, 5, wanted)["update_ratio"], rel=1e-4
        )
    members = [keras.optimizers.SGD(0.5, name="first"), keras.optimizers.Adam(0.1, name="second")]
    model.compile(
        keras.optimizers.MultiOptimizer(lambda v: members["bias" in v.path]), loss=model.loss
    )
    history, weights = fitted(model, LearningRateMonitor((), statistics="update_ratio"), epochs=1)
    for name, wanted in {
        "": slice(None),
        "/first": slice(0, 4, 2),
        "/second": slice(1, 4, 2),
    }.items():
        ratio = expected(weights, 5, wanted)["update_ratio"]
        assert history[f"update_ratio{name}"] == [pytest.approx(ratio, rel=1e-4)]


def test_beside_a_schedule_and_with_nothing_left_behind(tmp_path):
    model = classifier(keras.optimizers.Adam(0.1))
    monitor = LearningRateMonitor((), statistics=NAMES)
    path = tmp_path / "model.keras"
    save = keras.callbacks.ModelCheckpoint(str(path))
    history, weights = fitted(model, monitor, LearningRate(schedules.Cosine()), save)
    assert history["update_ratio"] == [
        pytest.approx(expected(weights, at)["update_ratio"], rel=1e-3) for at in (5, 10)
    ]
    plain = len(classifier(keras.optimizers.Adam(0.1)).optimizer.variables)
    assert len(model.optimizer.variables) == len(keras.saving.load_model(path).optimizer.variables)
    assert len(model.optimizer.variables) > plain
    fitted(model, LearningRateMonitor(()))


def test_weights_of_nothing_have_no_ratio():
    zero = Measured(3, np.array([[4.0], [0.0], [9.0]]))
    assert norms([zero, None], {"a": [(0, 0)], "b": [(1, 0)]}, NAMES) == {
        "gradient_norm": 2.0,
        "weight_norm": 0.0,
        "gradient_norm/a": 2.0,
        "weight_norm/a": 0.0,
    }


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ("layers", 'groups is "layer"'),
        ({}, 'groups is "layer"'),
        ({"a": "nothing"}, "matches no trainable variable"),
        ({1: "dense"}, "as a name"),
        ({"a": 3}, "A group is a layer"),
    ],
)
def test_groups_that_are_none(groups, told):
    with pytest.raises(InvalidInput, match=told):
        fitted(classifier("sgd"), LearningRateMonitor(statistics=NAMES, groups=groups))
