"""Momentum and weight decay on a schedule, held against updates written out by hand."""

import keras
import numpy as np
import pytest

from helpers import classifier, data, ones
from keras_lr.callbacks import LearningRate
from keras_lr.schedules import Constant, Cosine, Exponential, Linear, OneCycle, Piecewise
from settings_runs import (
    BATCHES,
    CYCLED,
    EPOCHS,
    STEPS,
    TORCH,
    WITH_BETA_2,
    by_hand,
    moved,
    needs_multi,
    sgd,
    values,
)


@pytest.fixture
def dtype_policy():
    """Sets Keras's policy, for the test alone."""
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


class TestMomentum:
    @pytest.mark.parametrize("jit", [True, False])
    @pytest.mark.parametrize("nesterov", [True, False])
    def test_the_weights_move_as_written_out_by_hand(self, jit, nesterov):
        callback = LearningRate(Cosine(), momentum=CYCLED)
        steps = moved(sgd(nesterov=nesterov), callback, jit_compile=jit and not TORCH)
        expected = by_hand(values(CYCLED), 0.5 * values(Cosine()), nesterov=nesterov)
        np.testing.assert_allclose(steps, expected, rtol=1e-5, atol=1e-5)

    def test_eagerly(self):
        steps = moved(sgd(), LearningRate(momentum=CYCLED), run_eagerly=True)
        np.testing.assert_allclose(steps, by_hand(values(CYCLED), np.full(STEPS, 0.5)), rtol=1e-4)

    def test_through_zero(self):
        """At momentum 0 the slots go on: the next step starts from this step's direction."""
        schedule = Piecewise([2, 4], [0.9, 0.0, 0.9])
        steps = moved(sgd(), LearningRate(momentum=schedule))
        np.testing.assert_allclose(steps, by_hand(values(schedule), np.full(STEPS, 0.5)), rtol=1e-4)

    def test_a_number_and_a_text(self):
        steps = moved(sgd(), LearningRate(momentum=0.5))
        np.testing.assert_allclose(
            steps, by_hand(np.full(STEPS, 0.5), np.full(STEPS, 0.5)), rtol=1e-4
        )
        steps = moved(sgd(), LearningRate(momentum="linear(0.5, 0.9)"))
        linear = values(Linear(0.5, 0.9))
        np.testing.assert_allclose(steps, by_hand(linear, np.full(STEPS, 0.5)), rtol=1e-4)

    def test_a_callable_is_traced(self):
        callback = LearningRate(momentum=lambda step: 0.5 + 0.03 * step)
        expected = by_hand(0.5 + 0.03 * np.arange(STEPS), np.full(STEPS, 0.5))
        np.testing.assert_allclose(moved(sgd(), callback), expected, rtol=1e-4)

    @pytest.mark.skipif(TORCH, reason="Keras refuses steps_per_execution > 1 on torch")
    def test_steps_per_execution(self):
        steps = moved(sgd(), LearningRate(momentum=CYCLED), steps_per_execution=3)
        expected = by_hand(values(CYCLED), np.full(STEPS, 0.5)).reshape(-1, 3).sum(1)
        np.testing.assert_allclose(steps, expected, rtol=1e-4)

    def test_gradient_accumulation_counts_updates(self):
        optimizer = sgd(gradient_accumulation_steps=3)
        steps = moved(optimizer, LearningRate(momentum=CYCLED))
        expected = by_hand(values(CYCLED, 4), np.full(4, 0.5))
        np.testing.assert_allclose(steps.reshape(-1, 3)[:, 2], expected, rtol=1e-4)
        np.testing.assert_allclose(steps.reshape(-1, 3)[:, :2], 0, atol=1e-7)

    def test_initial_epoch(self):
        schedule = Linear(0.5, 0.9)
        steps = moved(sgd(), LearningRate(momentum=schedule), fit={"initial_epoch": 1})
        expected = by_hand(values(schedule)[BATCHES:], np.full(BATCHES, 0.5))
        np.testing.assert_allclose(steps, expected, rtol=1e-4)

    def test_inside_a_loss_scale(self):
        optimizer = keras.optimizers.LossScaleOptimizer(sgd(), initial_scale=4.0)
        steps = moved(optimizer, LearningRate(momentum=CYCLED))
        np.testing.assert_allclose(steps, by_hand(values(CYCLED), np.full(STEPS, 0.5)), rtol=1e-4)

    @pytest.mark.parametrize(
        "name", ["Adam", "AdamW", "Nadam", "Adamax", "Lion", "Lamb", "RMSprop", "Muon"]
    )
    @pytest.mark.parametrize("policy", ["float32", "bfloat16"])
    @pytest.mark.deep(after=1)
    def test_a_constant_schedule_is_what_the_optimizer_does_with_the_number(
        self, name, policy, dtype_policy
    ):
        """And one that changes does something else: beta_1 is reached, whatever the rule is."""
        if not hasattr(keras.optimizers, name):
            pytest.skip(f"this Keras has no {name}")
        if TORCH and (name, policy) == ("Nadam", "bfloat16"):
            pytest.skip("Keras's Nadam fails on torch in bfloat16, also without a schedule")
        dtype_policy(policy)
        epochs = 4 if policy == "float32" else 2
        x, y = data()

        def trained(setting, callback):
            keras.utils.set_random_seed(0)
            cls = getattr(keras.optimizers, name)
            key = "momentum" if name in ("RMSprop", "Muon") else "beta_1"
            # In bfloat16 Keras's default of 0.999 is 1, by whose complement the rules divide.
            others = {"beta_2": 0.9} if name in WITH_BETA_2 else {}
            made = cls(0.01, **{key: setting}, **others)
            if name == "Muon":  # of a single kernel it keeps the direction, whatever its momentum
                model = classifier(made)
            else:  # one layer: what takes the time is compiling each variable's update
                layer = keras.layers.Dense(3, activation="softmax")
                model = keras.Sequential([keras.Input((4,)), layer])
                model.compile(made, "sparse_categorical_crossentropy")
            callbacks = [] if callback is None else [callback]
            # Lion takes signs, which turn where small batches disagree.
            size = 8 if name == "Lion" else 32
            model.fit(x, y, size, epochs, verbose=0, shuffle=False, callbacks=callbacks)
            return np.concatenate([w.astype("float32").ravel() for w in model.get_weights()])

        plain = trained(0.8, None)
        constant = trained(0.9, LearningRate(momentum=Constant(0.8)))
        close = {"rtol": 1e-4, "atol": 1e-6} if policy == "float32" else {"atol": 2**-6}
        np.testing.assert_allclose(constant, plain, **close)
        changing = trained(0.9, LearningRate(momentum=Linear(0.95, 0.4)))
        assert np.abs(changing - plain).max() > 1e-4

    @needs_multi
    def test_members_of_a_multi_optimizer(self):
        """Those that have momentum follow; the others are left alone."""
        members = {"one": sgd(), "two": keras.optimizers.SGD(0.25), "three": sgd(0.5, 0.8)}
        layers = [
            keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name=name)
            for name in members
        ]
        inputs = keras.Input((1,))
        outputs = keras.layers.Add()([layer(inputs) for layer in layers])
        model = keras.Model(inputs, outputs)
        model.compile(
            keras.optimizers.MultiOptimizer(lambda v: members[v.path.split("/")[-2]]),
            loss=lambda y, y_pred: y_pred - y,
        )
        callback = LearningRate(momentum=CYCLED)
        history = model.fit(
            *ones(BATCHES), batch_size=2, epochs=EPOCHS, verbose=0, callbacks=[callback]
        ).history
        cycled = by_hand(values(CYCLED), np.full(STEPS, 0.5)).sum()
        weights = [float(layer.get_weights()[0][0, 0]) for layer in layers]
        np.testing.assert_allclose(weights, [1 - cycled, 1 - 0.25 * STEPS, 1 - cycled], rtol=1e-4)
        logged = [key for key in history if key.startswith("momentum")]
        assert sorted(logged) == sorted(f"momentum_{members[n].name}" for n in ("one", "three"))
        assert [members[name].momentum for name in members] == [0.9, 0.0, 0.8]

    @pytest.mark.skipif(not TORCH, reason="torch's own scheduler")
    def test_as_torch_s_one_cycle_does(self):
        import torch

        weight = torch.nn.Parameter(torch.zeros(1))
        theirs = torch.optim.SGD([weight], lr=0.5, momentum=0.9)
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            theirs, max_lr=0.5, total_steps=STEPS, base_momentum=0.85, max_momentum=0.95
        )
        expected = []
        for _ in range(STEPS):
            before = weight.item()
            theirs.zero_grad()
            weight.sum().backward()
            theirs.step()
            cycle.step()
            expected.append(before - weight.item())
        # torch multiplies by the rate outside the buffer, Keras inside; at a rate of 1 the buffers
        # are the same.
        callback = LearningRate(momentum=OneCycle(0, 0).between(0.95, 0.85))
        buffers = moved(sgd(1.0), callback)
        np.testing.assert_allclose(
            buffers * 0.5 * values(OneCycle()), expected, rtol=1e-4, atol=1e-6
        )


class TestWeightDecay:
    @pytest.mark.parametrize("jit", [True, False])
    def test_the_weights_move_as_written_out_by_hand(self, jit):
        schedule = Cosine().between(0.0, 0.3)
        steps = moved(
            sgd(weight_decay=0.1),
            LearningRate(Linear(), momentum=CYCLED, weight_decay=schedule),
            jit_compile=jit and not TORCH,
        )
        expected = by_hand(values(CYCLED), 0.5 * values(Linear()), decays=values(schedule))
        np.testing.assert_allclose(steps, expected, rtol=1e-4, atol=1e-5)
        plain = by_hand(values(CYCLED), 0.5 * values(Linear()))
        assert np.abs(plain - expected).max() > 0.05

    def test_the_decoupled_one_of_adamw(self):
        """Without a gradient, decay is all that moves a weight."""
        model = keras.Sequential(
            [keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")]
        )
        model.compile(keras.optimizers.AdamW(0.5, weight_decay=0.01), loss=lambda y, p: 0.0 * p)
        schedule = Linear(0.2, 0.0)
        model.fit(
            *ones(BATCHES), batch_size=2, verbose=0, callbacks=[LearningRate(weight_decay=schedule)]
        )
        expected = np.prod(1 - 0.5 * values(schedule, BATCHES))
        np.testing.assert_allclose(model.get_weights()[0], expected, rtol=1e-5)

    def test_what_is_excluded_stays_excluded(self):
        optimizer = sgd(weight_decay=0.1)
        optimizer.exclude_from_weight_decay(var_names=["kernel"])
        model = keras.Sequential(
            [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")]
        )
        model.compile(optimizer, loss=lambda y, y_pred: y_pred - y)
        callback = LearningRate(momentum=0.5, weight_decay=0.3)
        model.fit(*ones(BATCHES), batch_size=2, verbose=0, callbacks=[callback])
        halves, rates = np.full(BATCHES, 0.5), np.full(BATCHES, 0.5)
        kernel, bias = (-float(w.ravel()[0]) for w in model.get_weights())
        assert kernel == pytest.approx(by_hand(halves, rates).sum(), rel=1e-4)
        decayed = by_hand(halves, rates, decays=np.full(BATCHES, 0.3)).sum()
        assert bias == pytest.approx(decayed, rel=1e-4)

    def test_from_none_at_all(self):
        """A decay that was 0 at the start is one that the optimizer was compiled with."""
        schedule = Exponential(0.5, every=2)
        steps = moved(sgd(weight_decay=0.0), LearningRate(weight_decay=schedule))
        expected = by_hand(np.full(STEPS, 0.9), np.full(STEPS, 0.5), decays=values(schedule))
        np.testing.assert_allclose(steps, expected, rtol=1e-4, atol=1e-5)
