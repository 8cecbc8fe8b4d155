"""Small models, data and trials that the tests of the engines share."""

import numpy as np

from keras_lr import rules, schedules
from keras_lr.engines import TrialSpec

CLASSES = 3


def images(samples=96, seed=0):
    """Learnable small images: the class is where the brightest of three pixels is."""
    x = np.random.default_rng(seed).normal(size=(samples, 8, 8, 1)).astype("float32")
    return x, x[:, 0, :CLASSES, 0].argmax(1)


def redrawn(x, y, size=24):
    """A `PyDataset` whose order is drawn anew after each epoch, by NumPy's own generator."""
    import keras

    class Redrawn(keras.utils.PyDataset):
        def __init__(self):
            super().__init__()
            self.order = np.arange(len(x))

        def __len__(self):
            return len(x) // size

        def __getitem__(self, index):
            rows = self.order[size * index : size * (index + 1)]
            return x[rows], y[rows]

        def on_epoch_end(self):
            self.order = np.random.permutation(len(x))

    return Redrawn()


def build(kind="dense", optimizer="sgd", **settings):
    """A compiled classifier of small images."""
    import keras

    layers = keras.layers
    inner = {
        "dense": [layers.Flatten(), layers.Dense(8, activation="relu")],
        "conv": [layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten()],
        "dropout": [layers.Flatten(), layers.Dense(8, activation="relu"), layers.Dropout(0.3)],
        # No bias below a batch norm: its gradient is zero but for rounding, which Adam makes a step of.
        "batchnorm": [
            layers.Flatten(),
            layers.Dense(8, use_bias=False),
            layers.BatchNormalization(),
        ],
    }[kind]
    model = keras.Sequential([keras.Input((8, 8, 1)), *inner, layers.Dense(CLASSES)])
    make = {
        "sgd": lambda: keras.optimizers.SGD(0.1, **settings),
        "adam": lambda: keras.optimizers.Adam(0.01, **settings),
        "rmsprop": lambda: keras.optimizers.RMSprop(0.01, **settings),
        "adamw": lambda: keras.optimizers.AdamW(0.01, **settings),
        "lion": lambda: keras.optimizers.Lion(0.01, **settings),
        "nadam": lambda: keras.optimizers.Nadam(0.01, **settings),
        "adadelta": lambda: keras.optimizers.Adadelta(0.01, **settings),
        "adamax": lambda: keras.optimizers.Adamax(0.01, **settings),
        "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)),
    }[optimizer]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(make(), loss=loss, metrics=["accuracy"])
    return model


def trials(**settings):
    """Trials with and without a schedule, with rules, and one that diverges."""
    cosine = schedules.as_schedule("cosine()")
    warm = schedules.as_schedule("warmup(20%) | cosine()")
    plateau = rules.Plateau("loss", patience=1, min_delta=0.5)
    first = {name: values[0] for name, values in settings.items()}
    last = {name: values[-1] for name, values in settings.items()}
    return [
        TrialSpec({"learning_rate": 0.01, **first}),
        TrialSpec({"learning_rate": 0.1, **last}, cosine, (plateau,)),
        TrialSpec({"learning_rate": 0.03, **last}, warm),
        TrialSpec({"learning_rate": 2.0, **last}, None, (rules.Divergence(spike=1.01),)),
        TrialSpec({"learning_rate": 1e30, **first}),
    ]


def never(*_):
    """Nothing is pruned."""
    return False


def assert_same_curves(got, wanted, rtol=1e-5, atol=1e-6):
    """Results are equal, trial by trial, to float tolerance."""
    assert len(got) == len(wanted)
    for number, (one, two) in enumerate(zip(got, wanted, strict=True)):
        assert (one.error, two.error) == (None, None)
        assert one.diverged == two.diverged, number
        assert set(one.history) == set(two.history), number
        for name, values in two.history.items():
            np.testing.assert_allclose(
                one.history[name], values, rtol=rtol, atol=atol, err_msg=f"trial {number}: {name}"
            )
