"""`untouched`: a model that was trained inside it is bit for bit what it was before."""

import random

import keras
import numpy as np
import pytest

from keras_lr.errors import InvalidInput
from keras_lr.finder.preserve import untouched
from keras_lr.state.random_state import RandomState

BACKEND = keras.backend.backend()


@pytest.fixture
def data():
    generator = np.random.default_rng(1)
    x = generator.normal(size=(48, 6)).astype("float32")
    return x, (x.sum(axis=1) > 0).astype("int32")


class Subclassed(keras.Model):
    """No config, own metric, dropout and batch-norm: nothing that Keras could copy."""

    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(8, activation="relu")
        self.norm = keras.layers.BatchNormalization()
        self.drop = keras.layers.Dropout(0.3)
        self.last = keras.layers.Dense(2)

    def call(self, x, training=False):
        return self.last(self.drop(self.norm(self.first(x), training=training), training=training))


class OwnCompile(Subclassed):
    """A compile() of its own, and a training step that needs what it was given."""

    def compile(self, extra, **kwargs):
        super().compile(**kwargs)
        self.extra = extra

    def compute_loss(self, *args, **kwargs):
        return self.extra * super().compute_loss(*args, **kwargs)


def layers():
    return [
        keras.layers.Dense(8, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(2),
    ]


def functional():
    inputs = keras.Input((6,))
    outputs = inputs
    for layer in layers():
        outputs = layer(outputs)
    return keras.Model(inputs, outputs)


def adapted():
    normalization = keras.layers.Normalization()
    normalization.adapt(np.random.default_rng(2).normal(3, 2, size=(30, 6)).astype("float32"))
    return keras.Sequential([keras.Input((6,)), normalization, *layers()])


def plain():
    # No dropout: on torch it draws from torch's global generator, as does every new DataLoader.
    return keras.Sequential([keras.Input((6,)), *[layers()[i] for i in (0, 1, 3)]])


class SubclassedPlain(Subclassed):
    def __init__(self):
        super().__init__()
        self.drop = keras.layers.Identity()


MODELS = {
    "functional": functional,
    "sequential": lambda: keras.Sequential([keras.Input((6,)), *layers()]),
    "unbuilt": lambda: keras.Sequential(layers()),
    "adapted": adapted,
    "subclassed": Subclassed,
    "own compile": OwnCompile,
}
PLAIN = {"plain": plain, "plain subclassed": SubclassedPlain}


def compiled(kind, optimizer=None):
    keras.utils.set_random_seed(7)
    model = {**MODELS, **PLAIN}[kind]()
    arguments = {"extra": 2.0} if kind == "own compile" else {}
    model.compile(
        optimizer=optimizer or keras.optimizers.Adam(0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        **arguments,
    )
    return model


def everything(model):
    """Each variable of the model, its metrics and its optimizer."""
    variables = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
    return [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in variables]


def drawn():
    """Numbers from every global generator (which advances them)."""
    numbers = [random.random(), np.random.random(), float(keras.random.uniform(()))]
    if BACKEND == "torch":
        import torch

        numbers.append(float(torch.rand(())))
    if BACKEND == "tensorflow":
        import tensorflow as tf

        numbers.append(float(tf.random.uniform(())))
    return numbers


def train_inside(model, x, y):
    with untouched(model, sample=lambda: x[:4]) as working:
        drawn()
        working.fit(x, y, batch_size=16, epochs=2, verbose=0)
        working.stop_training = True
        return working


def interrupted(model, x, y):
    with untouched(model, sample=lambda: x[:4]) as working:
        working.fit(x, y, batch_size=16, verbose=0)
        1 / 0  # noqa: B018


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("trained", [False, True], ids=["fresh", "trained"])
@pytest.mark.deep(after=3)
def test_nothing_changes_and_training_goes_on_as_if_nothing_had_been(kind, trained, data):
    losses = []
    for look in (False, True):
        model = compiled(kind)
        if trained:
            model.fit(*data, batch_size=16, epochs=1, verbose=0)
        if look:
            # An unbuilt model that can't be copied is built by this, and has then more variables.
            before = None if kind in ("subclassed", "own compile") else everything(model)
            attributes = {k: v for k, v in vars(model).items() if not k.startswith("_")}
            working = train_inside(model, *data)
            if kind != "adapted":  # its copy is as good where the layer reads its own variables
                assert (working is model) == (kind in ("subclassed", "own compile"))
            if before is not None:
                after = everything(model)
                assert len(before) == len(after)
                for a, b in zip(before, after, strict=True):
                    np.testing.assert_array_equal(a, b)
            for name, value in attributes.items():
                if name != "built":
                    assert vars(model)[name] is value, name
            assert model.stop_training is False
        history = model.fit(*data, batch_size=16, epochs=2, verbose=0)
        losses.append([history.history["loss"], history.history["accuracy"], drawn()])
    assert losses[0] == losses[1]


def test_what_is_unbuilt_stays_unbuilt(data):
    model = compiled("unbuilt")
    train_inside(model, *data)
    assert not model.built
    assert not model.optimizer.built
    model = compiled("functional")
    train_inside(model, *data)
    assert not model.optimizer.built
    assert not hasattr(model, "history")


def test_an_exception_inside_restores_too(data):
    for kind in ("functional", "subclassed"):
        model = compiled(kind)
        model.fit(*data, batch_size=16, verbose=0)
        before = everything(model)
        with pytest.raises(ZeroDivisionError):
            interrupted(model, *data)
        for a, b in zip(before, everything(model), strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_working_model_starts_where_the_model_stands(data):
    for kind in PLAIN:
        model = compiled(kind)
        model.fit(*data, batch_size=16, epochs=2, verbose=0)
        with untouched(model, sample=lambda: data[0][:4]) as working:
            assert (working is model) == (kind == "plain subclassed")
            assert int(working.optimizer.iterations) == 6
            inside = working.fit(*data, batch_size=16, epochs=2, shuffle=False, verbose=0)
        outside = model.fit(*data, batch_size=16, epochs=2, shuffle=False, verbose=0)
        np.testing.assert_allclose(inside.history["loss"], outside.history["loss"], rtol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 20), momentum=0.9),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01)),
        lambda: keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 20), momentum=0.9)
        ),
        lambda: keras.optimizers.SGD(0.1, momentum=0.9, gradient_accumulation_steps=2),
    ],
    ids=["schedule", "loss scale", "loss scale of a schedule", "accumulation"],
)
@pytest.mark.deep(after=1)
def test_optimizers_are_copied_with_their_state_and_given_a_plain_rate(make, data):
    model = compiled("plain", make())
    model.fit(*data, batch_size=16, epochs=2, verbose=0)
    before = everything(model)
    with untouched(model, sample=lambda: data[0][:4]) as working:
        inside = working.fit(*data, batch_size=16, shuffle=False, verbose=0).history["loss"]
    with untouched(model, sample=lambda: data[0][:4], learning_rate=0.25) as working:
        inner = getattr(working.optimizer, "inner_optimizer", working.optimizer)
        assert float(inner.learning_rate) == 0.25
        assert isinstance(inner._learning_rate, keras.Variable)
        assert int(working.optimizer.iterations) == int(model.optimizer.iterations)
        working.fit(*data, batch_size=16, verbose=0)
    for a, b in zip(before, everything(model), strict=True):
        np.testing.assert_array_equal(a, b)
    outside = model.fit(*data, batch_size=16, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(inside, outside, rtol=1e-6)


def test_random_state_goes_back():
    keras.utils.set_random_seed(3)
    drawn()
    state = RandomState.take()
    first = drawn()
    name = keras.layers.Dense(1).name
    drawn()
    state.restore()
    assert drawn() == first
    assert keras.layers.Dense(1).name == name
    state.restore()
    assert drawn() == first


def test_a_model_without_an_optimizer_is_refused():
    with (
        pytest.raises(InvalidInput, match=r"isn't compiled.*model\.compile\("),
        untouched(functional()),
    ):
        pass
    with (
        pytest.raises(InvalidInput, match=r"needs a compiled keras\.Model"),
        untouched("model.keras"),
    ):
        pass


def test_an_optimizer_without_a_config_is_refused(data):
    class Odd(keras.optimizers.SGD):
        def __init__(self, needed):
            super().__init__(0.1)

    model = compiled("functional", Odd(3))
    with (
        pytest.raises(InvalidInput, match="can't be rebuilt"),
        untouched(model, sample=lambda: data[0][:4]),
    ):
        pass
