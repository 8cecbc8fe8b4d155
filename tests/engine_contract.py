"""What every engine is held to: jobs over models, optimizers, kinds of data and precisions.

An engine joins by a line in `ENGINES`. A case joins by a function below: it returns the job's
arguments, its trials, and how far two engines' curves may be apart at the end.
"""

from dataclasses import dataclass, field

import numpy as np

from engine_models import CLASSES, build, images
from keras_lr.engines import Job, TrialSpec
from keras_lr.schedules import as_schedule

EARLY = 1e-5
"""Relative difference that the losses of the first steps may have, in single precision."""


def _compiled(job):
    from keras_lr.engines.compiled.engine import CompiledEngine

    return CompiledEngine(job, fall_back=False)


ENGINES = {"compiled": _compiled}
"""Name to a function from a job to an engine that is compared with `FitEngine`."""


@dataclass
class Case:
    """A job and its trials.

    Args:
        job: Arguments of `Job`, `build_model` among them; lengths and batch size have defaults.
        specs: The trials.
        early: Relative difference of the first two epochs of two steps each.
        late: Of all epochs.
        compared: The first trials, which are compared; the others only run beside them.
    """

    job: dict
    specs: list = field(default_factory=lambda: rates(0.01, 0.1))
    early: float = EARLY
    late: float = 1e-4
    compared: int = 2

    def made(self) -> Job:
        """The job: five epochs of two steps, so that the first losses are those of early steps."""
        from keras_lr.engines.job_checks import check_job

        given = {"epochs": 5, "batch_size": 12, "steps_per_epoch": 2, **self.job}
        if "x" not in given:
            given["x"], given["y"] = images()
        return check_job(Job(**given))


def rates(*values, **settings):
    """A trial a rate; the second has a schedule as well."""
    plans = [None, as_schedule("warmup(30%) | cosine()")]
    return [
        TrialSpec({"learning_rate": rate, **settings}, plan)
        for rate, plan in zip(values, plans, strict=False)
    ]


def sequences(samples=96, steps=6, words=11):
    """Sequences of words whose class is what their first word is by thirds."""
    x = np.random.default_rng(1).integers(0, words, size=(samples, steps))
    return x, x[:, 0] % CLASSES


def compiled(inputs, outputs, optimizer, loss=None, **arguments):
    """A functional model, compiled."""
    import keras

    model = keras.Model(inputs, outputs)
    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, **{"metrics": ["accuracy"], **arguments})
    return model


def words_model(inner, optimizer):
    """A classifier of sequences: an embedding, `inner`, logits."""
    import keras

    layers = keras.layers
    inputs = keras.Input((6,), dtype="int32")
    hidden = layers.Embedding(11, 8)(inputs)
    for layer in inner:
        hidden = layer(hidden)
    return compiled(inputs, layers.Dense(CLASSES, dtype="float32")(hidden), optimizer)


def transformer(optimizer):
    """One block of attention over words, with normalisation and dropout."""
    import keras

    layers = keras.layers
    inputs = keras.Input((6,), dtype="int32")
    hidden = layers.Embedding(11, 8)(inputs)
    mixed = layers.MultiHeadAttention(2, 4, dropout=0.1)(hidden, hidden)
    hidden = layers.LayerNormalization()(layers.Add()([hidden, mixed]))
    wide = layers.Dense(16, "gelu")(hidden)
    narrow = layers.Dense(8)(wide)
    hidden = layers.LayerNormalization()(layers.Add()([hidden, narrow]))
    pooled = layers.GlobalAveragePooling1D()(hidden)
    return compiled(inputs, layers.Dense(CLASSES, dtype="float32")(pooled), optimizer)


# -- cases: each factor's values appear, most of them beside different others ----------------------


def dense_nesterov_sample_weights():
    weight = np.linspace(0.1, 2, 96).astype("float32")
    held_out = (*images(30, seed=1), np.linspace(2, 0.1, 30).astype("float32"))
    return Case(
        {"build_model": lambda: build(nesterov=True, momentum=0.8), "sample_weight": weight,
         "validation_data": held_out, "validation_batch_size": 16},
        rates(0.01, 0.1, momentum=0.9),
    )  # fmt: skip


def conv_adamw_class_weights():
    return Case(
        {"build_model": lambda: build("conv", "adamw"), "class_weight": {0: 1.0, 1: 3.0, 2: 0.5}},
        rates(0.001, 0.01, weight_decay=0.01),
    )


def lstm_rmsprop():
    import keras

    x, y = sequences()
    make = lambda: words_model([keras.layers.LSTM(6)], keras.optimizers.RMSprop(0.01))  # noqa: E731
    return Case(
        {"build_model": make, "x": x, "y": y, "validation_split": 0.25},
        rates(0.001, 0.01),
        compared=1,
    )


def gru_lion_that_accumulates():
    import keras

    x, y = sequences()

    def make():
        lion = keras.optimizers.Lion(0.001, gradient_accumulation_steps=2)
        return words_model([keras.layers.GRU(6)], lion)

    return Case({"build_model": make, "x": x, "y": y}, rates(0.0003, 0.001), compared=1)


def conv_nadam_bfloat16():
    import keras

    def make():
        layers = keras.layers
        inputs = keras.Input((8, 8, 1))
        hidden = layers.Conv2D(4, 3, activation="relu", dtype="mixed_bfloat16")(inputs)
        hidden = layers.Flatten(dtype="mixed_bfloat16")(hidden)
        outputs = layers.Dense(CLASSES, dtype="float32")(hidden)
        return compiled(inputs, outputs, keras.optimizers.Nadam(0.001))

    return Case({"build_model": make}, rates(0.001, 0.01), early=2e-3, late=2e-2)


def attention_adam():
    import keras

    x, y = sequences()
    make = lambda: transformer(keras.optimizers.Adam(0.01, clipnorm=1.0))  # noqa: E731
    return Case({"build_model": make, "x": x, "y": y}, rates(0.001, 0.01), compared=1)


def dense_muon_validation_dataset():
    import keras

    def make():
        model = build("dense")
        model.compile(keras.optimizers.Muon(0.01), model.loss, metrics=["accuracy"])
        return model

    held_out = Batches(*images(24, seed=1), size=8)
    return Case({"build_model": make, "validation_data": held_out}, rates(0.001, 0.01))


def dense_sgd_float16_loss_scale():
    import keras

    def make():
        layers = keras.layers
        inputs = keras.Input((8, 8, 1))
        hidden = layers.Flatten(dtype="mixed_float16")(inputs)
        hidden = layers.Dense(8, "relu", dtype="mixed_float16")(hidden)
        outputs = layers.Dense(CLASSES, dtype="float32")(hidden)
        # So large at first that updates are skipped until it has been halved often enough.
        scaled = keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(0.1, momentum=0.9), initial_scale=2.0**19
        )
        return compiled(inputs, outputs, scaled)

    specs = [TrialSpec({"learning_rate": 0.01}), TrialSpec({"learning_rate": 0.1})]
    return Case({"build_model": make}, specs, early=2e-3, late=2e-2)


def batchnorm_lamb():
    import keras

    def make():
        model = build("batchnorm")
        model.compile(keras.optimizers.Lamb(0.01), model.loss, metrics=["accuracy"])
        return model

    return Case({"build_model": make, "validation_split": 0.25}, rates(0.001, 0.01))


def dropout_adafactor_dataset():
    import keras

    def make():
        model = build("dropout")
        model.compile(keras.optimizers.Adafactor(0.01), model.loss, metrics=["accuracy"])
        return model

    return Case(
        {"build_model": make, "x": Batches(*images(), size=12), "y": None, "batch_size": None,
         "steps_per_epoch": None, "epochs": 2}
    )  # fmt: skip


def two_inputs_two_outputs_adagrad():
    import keras

    x, y = images()
    words, labels = sequences()

    def make():
        pictures = keras.Input((8, 8, 1), name="pictures")
        text = keras.Input((6,), dtype="int32", name="text")
        flat = keras.layers.Flatten()(pictures)
        mean = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(11, 4)(text))
        both = keras.layers.Concatenate()([flat, mean])
        outputs = {
            "kind": keras.layers.Dense(CLASSES, name="kind")(both),
            "size": keras.layers.Dense(1, name="size")(both),
        }
        sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        return compiled(
            {"pictures": pictures, "text": text}, outputs, keras.optimizers.Adagrad(0.1),
            {"kind": sparse, "size": "mse"}, loss_weights={"kind": 1.0, "size": 0.3},
            metrics={"kind": ["accuracy"], "size": ["mae"]},
        )  # fmt: skip

    targets = {"kind": y, "size": labels.astype("float32")[:, None]}
    weights = {"kind": np.linspace(0, 1, 96, dtype="f4"), "size": np.ones(96, "f4")}
    return Case(
        {"build_model": make, "x": {"pictures": x, "text": words}, "y": targets,
         "sample_weight": weights, "validation_split": 0.25}
    )  # fmt: skip


def dense_ftrl_generator():
    import keras

    def make():
        model = build("dense")
        model.compile(keras.optimizers.Ftrl(0.01), model.loss, metrics=["accuracy"])
        return model

    # Ftrl divides by the rate: a warmup from 0 is no number.
    def endless(seed):
        while True:
            seed += 1
            yield images(8, seed)

    return Case(
        {"build_model": make, "x": endless(0), "y": None, "batch_size": None,
         "validation_data": endless(99), "validation_steps": 2},
        [TrialSpec({"learning_rate": 0.01}), TrialSpec({"learning_rate": 0.1})],
    )  # fmt: skip


def own_train_step_averaged_weights():
    import keras

    class Halved(keras.Model):
        def compute_loss(self, *args, **kwargs):
            return 0.5 * super().compute_loss(*args, **kwargs)

        def train_step(self, *args, **kwargs):
            logs = super().train_step(*args, **kwargs)
            if isinstance(logs, tuple):  # JAX: the logs, and the state
                return {**logs[0], "twice": 2 * logs[0]["loss"]}, logs[1]
            return {**logs, "twice": 2 * logs["loss"]}

    def make():
        inputs = keras.Input((8, 8, 1))
        model = Halved(inputs, keras.layers.Dense(CLASSES)(keras.layers.Flatten()(inputs)))
        averaged = keras.optimizers.SGD(
            0.1, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=None
        )
        model.compile(averaged, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    return Case({"build_model": make})


def overwritten_by_averages_shuffled_dataset():
    import keras

    def make():
        model = build("dense")
        averaged = keras.optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=3)
        model.compile(averaged, model.loss, metrics=["accuracy"])
        return model

    data = Batches(*images(), size=12, shuffled=True)
    return Case(
        {"build_model": make, "x": data, "y": None, "batch_size": None, "steps_per_epoch": None,
         "epochs": 3}
    )  # fmt: skip


def Batches(x, y, size, *, shuffled=False):
    """A `PyDataset`; shuffled, it draws its own order after each epoch."""
    import keras

    class Dataset(keras.utils.PyDataset):
        def __init__(self):
            super().__init__()
            self.rng = np.random.default_rng(0)
            self.order = np.arange(len(x))
            self.reads = 0

        def __len__(self):
            return len(x) // size

        def __getitem__(self, index):
            self.reads += 1
            rows = self.order[size * index : size * (index + 1)]
            return x[rows], y[rows]

        def on_epoch_end(self):
            if shuffled:
                self.order = self.rng.permutation(len(x))

    return Dataset()


CASES = [
    dense_nesterov_sample_weights,
    conv_adamw_class_weights,
    lstm_rmsprop,
    gru_lion_that_accumulates,
    conv_nadam_bfloat16,
    attention_adam,
    dense_muon_validation_dataset,
    dense_sgd_float16_loss_scale,
    batchnorm_lamb,
    dropout_adafactor_dataset,
    two_inputs_two_outputs_adagrad,
    dense_ftrl_generator,
    own_train_step_averaged_weights,
    overwritten_by_averages_shuffled_dataset,
]
