"""Norms measured inside the step, against the weights before and after it on the host."""

import keras
import numpy as np
import pytest

from helpers import classifier, data
from keras_lr import LearningRate, schedules
from keras_lr.callbacks import LearningRateMonitor
from keras_lr.callbacks.monitoring import measuring
from keras_lr.callbacks.monitoring.groups import norms
from keras_lr.errors import InvalidInput
from keras_lr.rate.detection.norms import Measured
from keras_lr.watch import Run
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
@pytest.mark.deep(after=2)
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


SKIPPED = (1, 2, 4, 8)
"""Batches of an epoch, from 1, whose loss is no number: a loss scale skips their updates."""
APART = {
    "executions": ({"every": 3, "execution": 4}, [4, 8, 12, 16]),
    "intervals that don't divide the epoch": ({"every": 12}, [12]),
    "epochs with skipped steps": ({"scaled": True}, []),
    "intervals with skipped steps": ({"every": 3, "scaled": True}, [1, 3, 4, 5, 8]),
    "data without a length": ({"endless": True}, []),
}

if keras.backend.backend() == "torch":  # where Keras has no executions of several steps
    del APART["executions"]


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("case", APART)
@pytest.mark.deep(after=2)
def test_what_is_told_at_a_step_is_of_that_step(case, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "SPARE", 1)
    given, steps = APART[case]
    x, y = data(32)
    if given.get("scaled"):
        x[[4 * (batch - 1) for batch in SKIPPED]] = np.nan

    epochs = 1 if given.get("endless") else 2

    def fit(*callbacks, execution=1):
        keras.utils.set_random_seed(0)
        made = keras.optimizers.SGD(0.1, momentum=0.9)
        if given.get("scaled"):
            made = keras.optimizers.LossScaleOptimizer(made, initial_scale=1.0)
        model = classifier(made)
        model.compile(made, loss=model.loss, steps_per_execution=execution)
        fit = {"epochs": epochs, "shuffle": False, "verbose": 0, "callbacks": list(callbacks)}
        if given.get("endless"):
            return model.fit(((x[4 * i :][:4], y[4 * i :][:4]) for i in range(8)), **fit).history
        return model.fit(x, y, batch_size=4, **fit).history

    weights = Weights()
    fit(weights)
    path = tmp_path / "run.jsonl"
    monitor = LearningRateMonitor((), record=path, every=given.get("every", "epoch"))
    history = fit(monitor, execution=given.get("execution", 1))
    skipped = [*SKIPPED, *(8 + at for at in SKIPPED)] if given.get("scaled") else []
    updates = [at for at in range(1, 17) if at not in skipped]  # the batch of each
    for epoch in range(epochs):
        last = max(at for at in updates if at <= 8 * (epoch + 1))
        for name, value in expected(weights, last).items():
            assert history[name][epoch] == pytest.approx(value, rel=2e-3), name
    assert len(history["gradient_norm"]) == epochs
    curves = Run.read(path).steps
    assert not steps or list(curves["learning_rate"].steps) == steps
    if case == "intervals with skipped steps":  # the fifth update is told later, by a skipped step
        assert list(curves["update_ratio"].steps) == [1, 3, 4, 8]
    for at, value in zip(*vars(curves["update_ratio"]).values(), strict=True) if steps else ():
        true = expected(weights, updates[at - 1])["update_ratio"]
        assert value == pytest.approx(true, rel=2e-3)


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


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")  # Keras's own
def test_a_frozen_model_and_one_without_an_optimizer():
    model = classifier("sgd")
    model.trainable = False
    model.compile("sgd", loss=model.loss)
    monitor = LearningRateMonitor((), statistics=(*NAMES, "alignment"))
    history, _ = fitted(model, monitor, epochs=1)
    assert set(history) == {"loss", "learning_rate"}
    model.compile(None, loss=model.loss)
    with pytest.raises(InvalidInput, match=r"has no optimizer.*model\.compile\("):
        fitted(model, LearningRateMonitor())


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
