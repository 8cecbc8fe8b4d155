"""Units: lengths in samples, and every unit resolved against the fit that really runs."""

import json

import keras
import numpy as np
import pytest

from helpers import applied_rates, ones, unit_gradient
from keras_lr import schedules
from keras_lr.callbacks import LearningRate
from keras_lr.errors import InvalidInput
from keras_lr.rate import samples_per_batch
from keras_lr.schedules import Constant, Cosine, Horizon, Linear, Piecewise, StepDecay, join
from keras_lr.schedules.horizon import MOST_STEPS, resolve_length, tidy_length
from keras_lr.schedules.period import resolve_period, tidy_period

BACKEND = keras.backend.backend()
TORCH = BACKEND == "torch"


class TestSamples:
    def test_any_length_of_a_composition(self):
        by_samples = (
            join([Linear(0, 1, length="64 samples"), StepDecay(0.5, every="96 samples")])
            .warmup("32 samples")
            .cooldown("64 samples", start="320 samples")
            .clip(high=0.9)
        )
        by_steps = (
            join([Linear(0, 1, length=4), StepDecay(0.5, every=6)])
            .warmup(2)
            .cooldown(4, start=20)
            .clip(high=0.9)
        )
        plan = by_samples.resolve(steps=30, batch_size=16)
        np.testing.assert_array_equal(plan(range(40)), by_steps.resolve(steps=30)(range(40)))

    def test_a_boundary_between_batches_is_rounded_and_a_period_is_not(self):
        horizon = Horizon(100, batch_size=32)
        assert resolve_length("1000 samples", horizon) == 31
        assert resolve_period("1000 samples", horizon, "every") == 31.25
        halved = StepDecay(0.5, every="1000 samples").resolve(horizon)
        drops = np.flatnonzero(np.diff(halved(range(1001)))) + 1
        np.testing.assert_array_equal(drops, np.ceil(31.25 * np.arange(1, len(drops) + 1)))

    def test_a_fractional_batch(self):
        """70 samples in batches of 32 are 3 updates, whose mean size is 23.3."""
        assert resolve_length("70 samples", Horizon(30, 3, 70 / 3)) == 3
        assert resolve_length("700 samples", Horizon(30, 3, 70 / 3)) == 30

    @pytest.mark.parametrize(
        "text",
        [
            "cosine() | warmup(1000 samples)",
            "step_decay(factor=0.3, every=50000 samples)",
            "piecewise([100 samples, 1000 samples], values=[1.0, 0.5, 0.1])",
            "linear(length=1 sample)",
        ],
    )
    def test_text_and_config_round_trips(self, text):
        schedule = schedules.parse(text)
        assert str(schedule) == text
        config = json.loads(json.dumps(schedules.serialize(schedule)))
        assert schedules.deserialize(config) == schedule

    def test_equal_lengths_are_written_alike(self):
        assert tidy_length("1e3 samples") == tidy_length(" 1000samples") == "1000 samples"
        assert tidy_period("1 samples", "every") == "1 sample"

    def test_stretching_multiplies_them(self):
        assert (
            str(schedules.stretch(Cosine(length="100 samples"), 2.5))
            == "cosine(length=250 samples)"
        )

    @pytest.mark.parametrize(
        "build",
        [
            lambda: Cosine(length="0 samples"),
            lambda: Cosine(length="-5 samples"),
            lambda: Cosine(length="1.5 samples"),
            lambda: Cosine(length="5 sample s"),
            lambda: Cosine(length="nan samples"),
            lambda: Cosine().warmup("0 samples"),
            lambda: StepDecay(0.5, every="0 samples"),
            lambda: Piecewise(["200 samples", "100 samples"], [1, 0.5, 0.1]),
            lambda: Horizon(10, batch_size=0),
            lambda: Horizon(10, batch_size=-32),
            lambda: Horizon(10, batch_size=float("inf")),
            lambda: Horizon(10, steps_per_epoch=0),
            lambda: LearningRate(batch_size=0),
            lambda: LearningRate(batch_size="32"),
            lambda: Cosine().resolve(Horizon(10), batch_size=32),
        ],
    )
    def test_bad_input_is_refused(self, build):
        with pytest.raises(InvalidInput, match="Received"):
            build()

    def test_longer_than_a_step_counter_can_tell(self):
        billions = f"{MOST_STEPS * 8} samples"
        assert Cosine(length=billions).resolve(steps=100, batch_size=8).end == MOST_STEPS
        with pytest.raises(InvalidInput, match=f"more than {MOST_STEPS}"):
            Cosine(length=billions).resolve(steps=100, batch_size=1)
        with pytest.raises(InvalidInput, match=f"more than {MOST_STEPS}"):
            Cosine(length="1e9 epochs").resolve(steps=100, steps_per_epoch=10)

    def test_without_a_batch_size(self):
        with pytest.raises(InvalidInput, match=r"batch_size=32\).*LearningRate\("):
            Cosine().warmup("64 samples").resolve(steps=100, steps_per_epoch=10)

    def test_none_of_it(self):
        stable = schedules.warmup_stable_decay("0 samples", "64 samples")
        assert stable.resolve(steps=10, batch_size=16)(0) == 1


def rates(schedule, *, batches=6, batch_size=2, samples=None, optimizer=None, **arguments):
    """The rates that a fit applies at base 0.5, and the model."""
    compiled = {k: arguments.pop(k) for k in ("steps_per_execution",) if k in arguments}
    extra = {k: arguments.pop(k) for k in ("told",) if k in arguments}
    model = unit_gradient(optimizer or keras.optimizers.SGD(0.5), **compiled)
    x, y = ones(batches, batch_size) if samples is None else ones(samples, 1)
    callback = LearningRate(schedule, batch_size=extra.get("told"))
    return applied_rates(model, x, y, batch_size=batch_size, callbacks=[callback], **arguments)


UNITS = ["12 samples", "6 steps", 6, "1 epoch", "50%"]
"""The same length in a run of two epochs of 6 batches of 2."""


def expected(length=6, steps=12):
    return 0.5 * Linear(1.0, 0.2, length=length).resolve(steps=steps)(np.arange(steps))


@pytest.mark.filterwarnings("ignore:The schedule")  # it ends before the run, on purpose
class TestRealFits:
    @pytest.mark.parametrize("unit", UNITS)
    def test_batches(self, unit):
        applied = rates(Linear(1.0, 0.2, length=unit), epochs=2)
        np.testing.assert_allclose(applied, expected(), rtol=1e-4)

    @pytest.mark.skipif(TORCH, reason="Keras refuses steps_per_execution > 1 on torch")
    @pytest.mark.parametrize("unit", UNITS)
    def test_steps_per_execution(self, unit):
        applied = rates(Linear(1.0, 0.2, length=unit), epochs=2, steps_per_execution=3)
        np.testing.assert_allclose(applied, expected().reshape(-1, 3).sum(1), rtol=1e-4)

    @pytest.mark.parametrize("unit", ["12 samples", "3 steps", "1 epoch", "50%"])
    def test_gradient_accumulation_counts_updates(self, unit):
        optimizer = keras.optimizers.SGD(0.5, gradient_accumulation_steps=2)
        applied = rates(Linear(1.0, 0.2, length=unit), epochs=2, optimizer=optimizer)
        np.testing.assert_allclose(applied[::2], 0, atol=1e-7)
        np.testing.assert_allclose(applied[1::2], expected(3, 6), rtol=1e-4)

    @pytest.mark.parametrize("unit", UNITS)
    def test_initial_epoch(self, unit):
        applied = rates(Linear(1.0, 0.2, length=unit), epochs=2, initial_epoch=1)
        np.testing.assert_allclose(applied, expected()[6:], rtol=1e-4)

    @pytest.mark.parametrize("unit", UNITS)
    def test_validation_split(self, unit):
        """12 of 16 samples are trained on."""
        applied = rates(Linear(1.0, 0.2, length=unit), batches=8, validation_split=0.25, epochs=2)
        np.testing.assert_allclose(applied, expected(), rtol=1e-4)

    @pytest.mark.parametrize("unit", ["11 samples", "1 epoch", "6 steps"])
    def test_a_smaller_last_batch(self, unit):
        """As many samples as an epoch has are an epoch, also at the end of several."""
        applied = rates(Linear(1.0, 0.2, length=unit), samples=11, epochs=2)
        np.testing.assert_allclose(applied, expected(), rtol=1e-4)
        many = unit.replace("11 ", "33 ").replace("1 e", "3 e").replace("6 ", "18 ")
        applied = rates(Constant(1.0).hold(many) * Linear(length=many), samples=11, epochs=3)
        np.testing.assert_allclose(applied, 0.5 * (1 - np.arange(18) / 18), rtol=1e-4)

    def test_steps_per_epoch(self):
        """Of 6 batches, 3 are an epoch."""
        applied = rates(Linear(1.0, 0.2, length="12 samples"), epochs=4, steps_per_epoch=3)
        np.testing.assert_allclose(applied, expected(), rtol=1e-4)
        applied = rates(Linear(1.0, 0.2, length="2 epochs"), epochs=4, steps_per_epoch=3)
        np.testing.assert_allclose(applied, expected(), rtol=1e-4)

    @pytest.mark.parametrize("unit", [*UNITS[1:], "12 samples"])
    def test_a_generator(self, unit):
        def endless():
            while True:
                yield np.ones((2, 1), "float32"), np.zeros((2, 1), "float32")

        model = unit_gradient(keras.optimizers.SGD(0.5))
        told = 2 if "samples" in str(unit) else None
        callback = LearningRate(Linear(1.0, 0.2, length=unit), batch_size=told)
        applied = applied_rates(
            model, endless(), None, steps_per_epoch=6, epochs=2, shuffle=False, callbacks=[callback]
        )
        np.testing.assert_allclose(applied, expected(), rtol=1e-4)

    def test_a_generator_whose_batches_are_not_known(self):
        def endless():
            while True:
                yield np.ones((2, 1), "float32"), np.zeros((2, 1), "float32")

        model = unit_gradient(keras.optimizers.SGD(0.5))
        callback = LearningRate(Linear(length="12 samples"))
        with pytest.raises(InvalidInput, match=r"in fit LearningRate\(\.\.\., batch_size=32\)"):
            model.fit(endless(), steps_per_epoch=6, shuffle=False, verbose=0, callbacks=[callback])
        assert "make_train_function" not in vars(model)
        assert int(model.optimizer.iterations.numpy()) == 0

    def test_a_pydataset(self):
        class Batches(keras.utils.PyDataset):
            def __len__(self):
                return 6

            def __getitem__(self, index):
                return np.ones((2, 1), "float32"), np.zeros((2, 1), "float32")

        model = unit_gradient(keras.optimizers.SGD(0.5))
        callback = LearningRate(Linear(1.0, 0.2, length="12 samples"), batch_size=2)
        applied = applied_rates(model, Batches(), None, epochs=2, callbacks=[callback])
        np.testing.assert_allclose(applied, expected(), rtol=1e-4)

    def test_what_is_told_counts(self):
        applied = rates(Linear(1.0, 0.2, length="12 samples"), epochs=2, told=4)
        np.testing.assert_allclose(applied, expected(length=3), rtol=1e-4)

    @pytest.mark.skipif(
        not hasattr(keras.optimizers, "MultiOptimizer"), reason="this Keras has no MultiOptimizer"
    )
    @pytest.mark.parametrize("unit", ["12 samples", "1 epoch", "50%"])
    def test_members_that_accumulate_differently(self, unit):
        """Each member counts its own updates, so that both are there after one epoch."""
        members = {
            "one": keras.optimizers.SGD(0.5),
            "two": keras.optimizers.SGD(0.25, gradient_accumulation_steps=2),
        }
        dense = keras.layers.Dense
        model = keras.Sequential(
            [
                keras.Input((1,)),
                dense(1, use_bias=False, name="one"),
                dense(1, use_bias=False, name="two"),
            ]
        )
        model.compile(
            keras.optimizers.MultiOptimizer(lambda v: members[v.path.split("/")[-2]]), "mse"
        )
        x, y = ones(6)
        callback = LearningRate(Linear(1.0, 0.2, length=unit))
        history = model.fit(x, y, batch_size=2, epochs=2, verbose=0, callbacks=[callback]).history
        logged = {key: value for key, value in history.items() if key.startswith("learning_rate_")}
        first, second = (logged[f"learning_rate_{m.name}"] for m in members.values())
        np.testing.assert_allclose(first, [0.5 * (1 - 0.8 * 5 / 6), 0.1], rtol=1e-5)
        np.testing.assert_allclose(second, [0.25 * (1 - 0.8 * 2 / 3), 0.05], rtol=1e-5)


class TestTheDataItself:
    """What a running fit says of its batches, and what it doesn't."""

    def seen(self, *data, **arguments):
        found = []

        class Ask(keras.callbacks.Callback):
            def on_train_begin(self, logs=None):
                found.append(samples_per_batch(self.model))

        model = unit_gradient(keras.optimizers.SGD(0.5))
        model.fit(*data, verbose=0, callbacks=[Ask()], **arguments)
        assert samples_per_batch(model) is None  # no fit is running now
        return found[0]

    def test_arrays(self):
        assert self.seen(*ones(6)) == 12  # fewer than the default batch of 32
        assert self.seen(*ones(6), batch_size=4) == 4
        assert self.seen(*ones(11, 1), batch_size=4) == pytest.approx(11 / 3)

    def test_a_fit_of_ones_own_around_keras_s(self):
        class Mine(keras.Sequential):
            def fit(self, *args, **kwargs):
                return super().fit(*args, **kwargs)

        model = Mine([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        callback = LearningRate(Linear(length="12 samples"))
        model.fit(*ones(6), batch_size=2, verbose=0, callbacks=[callback])
        assert callback.explain(3).schedule == 0.5

    @pytest.mark.skipif(not TORCH, reason="torch's own loader")
    def test_torch_s_loader(self):
        import torch
        from torch.utils.data import DataLoader, TensorDataset

        pairs = TensorDataset(*(torch.as_tensor(a) for a in ones(11, 1)))
        assert self.seen(DataLoader(pairs, batch_size=4), shuffle=False) == pytest.approx(11 / 3)
        assert self.seen(DataLoader(pairs, batch_size=4, drop_last=True), shuffle=False) == 4

    @pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's own datasets")
    def test_tensorflow_s_datasets(self):
        import tensorflow as tf

        pairs = tf.data.Dataset.from_tensor_slices(ones(11, 1))
        assert self.seen(pairs.batch(4, drop_remainder=True), shuffle=False) == 4
        assert self.seen(pairs.batch(4), shuffle=False) is None
