"""Rates per layer of models that share layers, or have some that the loss doesn't depend on."""

import numpy as np
import pytest

from keras_lr.errors import InvalidInput
from keras_lr.optimizers import layerwise_decay, per_layer, unfreeze

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.skipif(
    not hasattr(keras.optimizers, "MultiOptimizer"), reason="this Keras has no MultiOptimizer"
)


class Ensemble(keras.Model):
    """A model with a layer that it doesn't use."""

    def __init__(self):
        super().__init__()
        self.unused = keras.layers.Dense(2, name="unused")
        self.used = keras.layers.Dense(1, name="used")

    def build(self, shape):
        self.unused.build(shape)
        self.used.build(shape)

    def call(self, x):
        return self.used(x)


def fitted(model, optimizer, **fit):
    model.compile(optimizer, "mse")
    x = np.ones((8, 2), "float32")
    before = [np.array(value) for value in model.get_weights()]
    model.fit(x, x[:, :1], batch_size=4, epochs=2, verbose=0, **fit)
    return before, [np.array(value) for value in model.get_weights()]


def ensemble():
    keras.utils.set_random_seed(0)
    model = Ensemble()
    model.build((None, 2))
    return model


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("settings", [{}, {"global_clipnorm": 1.0}, {"momentum": 0.9}])
def test_a_group_without_gradients_is_left_alone(settings):
    model = ensemble()
    sgd = keras.optimizers.SGD(0.1, **settings)
    before, after = fitted(model, per_layer(sgd, {"unused": 0.1}, model=model))
    plain = ensemble()
    _, expected = fitted(plain, keras.optimizers.SGD(0.1, **settings))
    for one, two in zip(after, expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6)
    assert not np.allclose(before[2], after[2])
    # What counts the updates of the run is in every group.
    assert [int(each.iterations) for each in model.optimizer.optimizers] == [4, 4]


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_under_a_schedule_too():
    import keras_lr

    model = ensemble()
    optimizer = per_layer("sgd", {"unused": unfreeze("1 epoch")}, model=model)
    control = keras_lr.LearningRate("cosine()")
    before, after = fitted(model, optimizer, callbacks=[control])
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.allclose(before[2], after[2])
    assert control.explain(2, member="unused").group == {"unused": 1.0}


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="JAX gives gradients of 0 where there are none"
)
def test_it_is_told():
    model = ensemble()
    with pytest.warns(UserWarning, match="unused' trains nothing"):
        fitted(model, per_layer("sgd", {"unused": 0.1}, model=model))


def test_a_loss_that_depends_on_nothing_is_an_error_still():
    model = ensemble()
    optimizer = per_layer(keras.optimizers.SGD(global_clipnorm=1.0), {"unused": 2}, model=model)
    optimizer.build(model.trainable_variables)
    with pytest.raises(ValueError, match="No gradients provided"):
        optimizer.apply([None] * 4, model.trainable_variables)


def siamese():
    """Two sub-models that share an encoder."""
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="code")], name="enc")

    def tower(name):
        inputs = keras.Input((2,))
        return keras.Model(inputs, keras.layers.Dense(1, name="out")(encoder(inputs)), name=name)

    inputs = keras.Input((2,))
    both = keras.layers.Add()([tower("a")(inputs), tower("b")(inputs)])
    return keras.Model(inputs, both)


def rates(model, mapping):
    """Of each weight, by its path's end."""
    optimizer = per_layer(keras.optimizers.SGD(1.0), mapping, model=model)
    optimizer.build(model.trainable_variables)
    return [
        next(
            round(float(member.learning_rate), 6)
            for member in optimizer.optimizers
            if any(each is variable for each in member._trainable_variables)
        )
        for variable in model.trainable_variables
    ]


def test_a_shared_model_is_in_each_that_shares_it():
    # The kernel and the bias of the code, of a's output, and of b's.
    assert rates(siamese(), {"b": 0.1}) == [0.1, 0.1, 1, 1, 0.1, 0.1]
    assert rates(siamese(), {"a": 0.1}) == [0.1, 0.1, 0.1, 0.1, 1, 1]
    assert rates(siamese(), {"b/enc": 0.1}) == [0.1, 0.1, 1, 1, 1, 1]
    model = siamese()
    assert rates(model, {model.get_layer("b"): 0.1}) == [0.1, 0.1, 1, 1, 0.1, 0.1]
    # The first key that covers a variable decides.
    assert rates(siamese(), {"a": 0.1, "b": 0.2}) == [0.1, 0.1, 0.1, 0.1, 0.2, 0.2]


def test_a_layer_that_two_share_and_nothing_else():
    shared = keras.layers.Dense(2, name="shared")
    tied = [
        keras.Sequential([keras.Input((2,)), shared], name="one"),
        keras.Sequential([keras.Input((2,)), shared], name="two"),
    ]
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1, name="head")(tied[1](tied[0](inputs))))
    assert rates(model, {"two": 0.1}) == [0.1, 0.1, 1, 1]
    with pytest.raises(InvalidInput, match="covered by the keys before it"):
        per_layer("sgd", {"one": 0.1, "two": 0.2}, model=model)


@pytest.mark.parametrize("wrong", [None, "model", 3])
def test_what_is_no_model(wrong):
    with pytest.raises(InvalidInput, match="those of a model"):
        layerwise_decay(wrong, 0.5)
    with pytest.raises(InvalidInput, match="those of a model"):
        per_layer("sgd", {"a": 0.1}, model=wrong)
