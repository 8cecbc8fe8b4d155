"""Oscillation on models whose weights come late, or get sparse gradients; several rules at once."""

import keras
import numpy as np
import pytest

from keras_lr import LearningRate, rules
from keras_lr.errors import InvalidInput
from oscillating import cuts_of, linear, noisy, optimizer

BACKEND = keras.backend.backend()
EARLY = {"first": 38, "growth": 1.5, "slope": 0.6, "chunk": 5, "chunks": 20, "width": 2.0}


def fit(model, *each, data=None, epochs=4, batch_size=8):
    x, y = noisy() if data is None else data
    callback = LearningRate(rules=each)
    model.fit(
        x, y, batch_size=batch_size, epochs=epochs, shuffle=False, verbose=0, callbacks=[callback]
    )
    return callback


class TestUnbuilt:
    @pytest.mark.parametrize("test", ["distance", "alignment"])
    @pytest.mark.parametrize("name", ["sgd", "adam"])
    @pytest.mark.deep(after=2)
    def test_a_model_that_knows_no_input_is_cut_like_one_that_does(self, test, name):
        def dense():
            return keras.layers.Dense(
                1, kernel_initializer=keras.initializers.GlorotUniform(seed=1)
            )

        known = keras.Sequential([keras.Input((8,)), dense()])
        late = keras.Sequential([dense()])
        found = []
        for model in (known, late):
            model.compile(optimizer(name), "mse", metrics=["mae"])
            found.append(cuts_of(fit(model, rules.Oscillation(test, **EARLY))))
        assert found[0] != []
        assert found[0] == found[1]

    def test_a_subclassed_model(self):
        class Mine(keras.Model):
            def __init__(self):
                super().__init__()
                self.dense = keras.layers.Dense(1)

            def call(self, inputs):
                return self.dense(inputs)

        model = Mine()
        model.compile(optimizer("sgd"), "mse")
        assert cuts_of(fit(model, rules.Oscillation(**EARLY))) != []

    def test_members_of_a_multi_optimizer(self):
        model = keras.Sequential([keras.layers.Dense(1)])
        one = keras.optimizers.SGD(0.15)
        model.compile(keras.optimizers.MultiOptimizer(lambda variable: one), "mse")
        assert cuts_of(fit(model, rules.Oscillation(**EARLY))) != []

    @pytest.mark.skipif(BACKEND != "tensorflow", reason="Keras builds the model itself elsewhere")
    def test_one_that_its_data_does_not_build_is_refused_before_training(self):
        seen = []

        class Mine(keras.Model):
            def call(self, inputs):
                seen.append(1)
                raise RuntimeError("needs more than an input")

        model = Mine()
        model.compile(optimizer("sgd"), "mse")
        with pytest.raises(InvalidInput, match=r"keras\.Input\(shape\), or write model\.build"):
            fit(model, rules.Oscillation(**EARLY))
        assert len(seen) == 1


def words():
    """Sentences of few words, so that each occurs several times in a batch."""
    random = np.random.default_rng(0)
    x = random.integers(0, 5, (320, 4)).astype("int32")
    return x, random.normal(size=(320, 1)).astype("float32")


def embedded(made, dense=False):
    """A model of `words`, by an `Embedding` or by the same lookup with a dense gradient."""

    class Lookup(keras.layers.Embedding):
        def call(self, inputs):
            return keras.ops.one_hot(inputs, self.input_dim) @ self.embeddings

    kind = Lookup if dense else keras.layers.Embedding
    layers = [
        keras.Input((4,), dtype="int32"),
        kind(5, 3, embeddings_initializer=keras.initializers.RandomUniform(seed=1)),
        keras.layers.Flatten(),
        keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed=2)),
    ]
    model = keras.Sequential(layers)
    model.compile(made, "mse")
    return model


class TestSparseGradients:
    @pytest.mark.parametrize("stride", [1, 3])
    @pytest.mark.deep(after=1)
    def test_an_embedding_is_judged_like_its_dense_twin(self, stride):
        rule = rules.Oscillation("alignment", chunk=2, chunks=4, width=0.5, stride=stride)
        sparse, dense = (
            cuts_of(fit(embedded(keras.optimizers.SGD(0.2), dense), rule, data=words()))
            for dense in (False, True)
        )
        assert sparse != []
        assert sparse == dense

    # Keras clips slices before those of one row are added up, and Adam makes much of a last digit.
    @pytest.mark.parametrize("stride", [1, 3])
    @pytest.mark.parametrize(
        "made",
        [
            lambda: keras.optimizers.SGD(0.2, clipnorm=1.0),
            lambda: keras.optimizers.SGD(0.2, global_clipnorm=1.0),
            lambda: keras.optimizers.Adam(0.1),
        ],
        ids=["clipped", "clipped together", "adam"],
    )
    @pytest.mark.deep(after=1)
    def test_with_whatever_is_done_to_the_slices(self, made, stride):
        rule = rules.Oscillation("alignment", chunk=2, chunks=4, width=0.5, stride=stride)
        assert cuts_of(fit(embedded(made()), rule, data=words())) != []


class TestSeveralStrides:
    @pytest.mark.parametrize("strides", [(1, 3), (2, 3)])
    @pytest.mark.deep
    def test_each_rule_sees_its_own_updates_only(self, strides):
        """A factor near 1 lets both cut in one fit as each does alone."""
        each = [
            rules.Oscillation("alignment", 0.9999, **{**EARLY, "chunk": 3}, stride=stride)
            for stride in strides
        ]
        alone = [cuts_of(fit(linear(optimizer("sgd")), rule, epochs=6)) for rule in each]
        together = fit(linear(optimizer("sgd")), *each, epochs=6)
        found = sorted(step for step, _ in cuts_of(together))
        assert all(alone)
        assert found == sorted(step for cuts in alone for step, _ in cuts)
