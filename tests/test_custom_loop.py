"""Plans in training loops of one's own, on each backend's terms, and as Keras's schedules."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_lr
from helpers import applied_rates, classifier, data, ones, unit_gradient
from keras_lr import schedules
from keras_lr.callbacks import LearningRate
from keras_lr.errors import InvalidInput, UnresolvedSchedule
from keras_lr.schedules import SCHEDULES, Cosine, Exponential, Linear, PlannedRate, StepDecay

BACKEND = keras.backend.backend()
STEPS = 8
PLAN = (
    Cosine(end=0.1)
    .warmup("8 samples")
    .cooldown("1 epoch")
    .resolve(steps=STEPS, steps_per_epoch=4, batch_size=4)
)
RATES = 0.5 * PLAN(range(STEPS))


class TestLoops:
    """A weight with gradient 1 moves by exactly the rate."""

    @pytest.mark.skipif(BACKEND != "jax", reason="JAX's stateless loop")
    def test_stateless_in_jax(self):
        import jax

        model = unit_gradient(keras.optimizers.SGD(PLAN.to_keras(0.5)))
        optimizer = model.optimizer
        optimizer.build(model.trainable_variables)
        x, _ = ones(1)

        def loss(trainable, fixed):
            prediction, _ = model.stateless_call(trainable, fixed, x)
            return prediction.mean()

        @jax.jit
        def step(trainable, fixed, state):
            gradients = jax.grad(loss)(trainable, fixed)
            return optimizer.stateless_apply(state, gradients, trainable)

        trainable = [v.value for v in model.trainable_variables]
        fixed = [v.value for v in model.non_trainable_variables]
        state = [v.value for v in optimizer.variables]
        weights = [0.0]
        for _ in range(STEPS):
            trainable, state = step(trainable, fixed, state)
            weights.append(float(trainable[0][0, 0]))
        np.testing.assert_allclose(-np.diff(weights), RATES, rtol=1e-5, atol=1e-6)

    @pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's tape")
    def test_a_gradient_tape(self):
        import tensorflow as tf

        model = unit_gradient(keras.optimizers.SGD(PLAN.to_keras(0.5)))
        x, _ = ones(1)

        @tf.function
        def step():
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(model(x, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            model.optimizer.apply(gradients, model.trainable_variables)

        weights = [0.0]
        for _ in range(STEPS):
            step()
            weights.append(float(model.trainable_variables[0].numpy()[0, 0]))
        np.testing.assert_allclose(-np.diff(weights), RATES, rtol=1e-5, atol=1e-6)

    @pytest.mark.skipif(BACKEND != "torch", reason="torch's autograd")
    def test_torch_autograd(self):
        model = unit_gradient(keras.optimizers.SGD(PLAN.to_keras(0.5)))
        x, _ = ones(1)
        weights = [0.0]
        for _ in range(STEPS):
            model.zero_grad()
            model(x, training=True).mean().backward()
            variables = model.trainable_variables
            model.optimizer.apply([v.value.grad for v in variables], variables)
            weights.append(float(keras.ops.convert_to_numpy(variables[0])[0, 0]))
        np.testing.assert_allclose(-np.diff(weights), RATES, rtol=1e-5, atol=1e-6)

    def test_setting_the_rate_by_hand(self):
        model = unit_gradient(keras.optimizers.SGD(0.5))
        x, y = ones(1)
        weights = [0.0]
        for step in range(1, STEPS):
            keras_lr.set_learning_rate(model, 0.5 * PLAN(step))
            model.train_on_batch(x, y)
            weights.append(float(model.get_weights()[0][0, 0]))
        np.testing.assert_allclose(-np.diff(weights), RATES[1:], rtol=1e-5, atol=1e-6)

    @pytest.mark.skipif(BACKEND != "jax", reason="optax is JAX's")
    def test_optax(self):
        optax = pytest.importorskip("optax")
        import jax.numpy as jnp

        optimizer = optax.sgd(lambda step: 0.5 * PLAN(step))
        weight = jnp.zeros(())
        state = optimizer.init(weight)
        moved = []
        for _ in range(STEPS):
            update, state = optimizer.update(jnp.ones(()), state)
            moved.append(-float(update))
        np.testing.assert_allclose(moved, RATES, rtol=1e-6, atol=1e-8)

    @pytest.mark.skipif(BACKEND != "torch", reason="torch's own optimizer")
    def test_lambda_lr(self):
        import torch

        weight = torch.nn.Parameter(torch.zeros(()))
        optimizer = torch.optim.SGD([weight], lr=0.5)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, PLAN)
        rates = []
        for _ in range(STEPS):
            rates.append(scheduler.get_last_lr()[0])
            optimizer.step()
            scheduler.step()
        np.testing.assert_allclose(rates, RATES, rtol=1e-12)


class TestAsKerasSchedule:
    def test_in_a_fit_of_keras_alone(self):
        model = unit_gradient(keras.optimizers.SGD(PLAN.to_keras(0.5)))
        np.testing.assert_allclose(applied_rates(model, *ones(8), batch_size=2), RATES, atol=1e-6)

    def test_its_steps_stay_integers(self):
        last = 2**24 + 1
        plan = StepDecay(0.5, every=last).resolve(steps=2**25).to_keras(1.0)
        told = [float(plan(keras.ops.convert_to_tensor(last + side))) for side in (-1, 0)]
        assert told == [1.0, 0.5]

    def test_rates_need_no_base(self):
        plan = Cosine().rate(0.3).resolve(steps=10)
        assert float(plan.to_keras()(0)) == pytest.approx(0.3)
        theirs = schedules.as_schedule(keras.optimizers.schedules.ExponentialDecay(0.2, 10, 0.5))
        assert float(theirs.warmup(2).resolve(steps=20).to_keras()(2)) == pytest.approx(0.2)

    @pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"function", "keras"}))
    def test_every_schedule_round_trips(self, name):
        example = SCHEDULES[name].example
        if not example:
            pytest.skip("registered by another test, without an example")
        plan = schedules.parse(example).resolve(steps=100, steps_per_epoch=10, batch_size=4)
        mine = plan.to_keras(None if plan.absolute else 0.1)
        theirs = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(mine))
        assert isinstance(theirs, PlannedRate)
        assert theirs.get_config() == mine.get_config()
        for step in (0, 7, 50, 99, 105):
            assert float(theirs(step)) == float(mine(step))
        expected = plan(range(0, 110, 7)) * (1.0 if plan.absolute else 0.1)
        told = keras.ops.convert_to_numpy(mine(np.arange(0, 110, 7)))
        np.testing.assert_allclose(told, expected, rtol=2e-5, atol=1e-6)

    @pytest.mark.deep
    def test_a_saved_model(self, tmp_path):
        """It loads, in safe mode, wherever the class was imported, and goes on where it stood."""
        path = tmp_path / "model.keras"
        x, y = data()
        model = classifier(keras.optimizers.SGD(PLAN.to_keras(0.5), momentum=0.9))
        model.fit(x, y, verbose=0)
        model.save(path)
        script = (
            "import sys, keras_lr\n"
            "import keras\n"
            "from keras_lr.schedules import PlannedRate\n"
            "model = keras.models.load_model(sys.argv[1], safe_mode=True)\n"
            "print(int(model.optimizer.iterations.numpy()), float(model.optimizer.learning_rate))\n"
        )
        command = [sys.executable, "-W", "ignore", "-c", script, str(path)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        iterations, rate = ran.stdout.split()[-2:]
        assert int(iterations) == 2
        assert float(rate) == pytest.approx(RATES[2], rel=1e-5)

    def test_beside_the_callback(self):
        """It is one of Keras's schedules to LearningRate, too."""
        model = unit_gradient(keras.optimizers.SGD(0.1))
        callback = LearningRate(PLAN.to_keras(0.5))
        rates = applied_rates(model, *ones(8), batch_size=2, callbacks=[callback])
        np.testing.assert_allclose(rates, RATES, rtol=1e-4, atol=1e-6)

    @pytest.mark.parametrize(
        ("build", "match"),
        [
            (lambda: Linear(length=5).to_keras(), r"\.to_keras\(0\.1\)"),
            (lambda: Cosine().rate(0.1).resolve(steps=9).to_keras(0.1), "rates already"),
            (lambda: Linear(length=5).to_keras(0.0), "above 0"),
            (lambda: Linear(length=5).to_keras("0.1"), "base"),
        ],
    )
    def test_a_base_where_there_should_be_one(self, build, match):
        with pytest.raises(InvalidInput, match=match):
            build()


class TestTooEarly:
    """What isn't laid out over a run says what to call."""

    def test_called(self):
        with pytest.raises(UnresolvedSchedule, match=r"\.resolve\(steps=1000"):
            Cosine().warmup("5%")(3)
        with pytest.raises(UnresolvedSchedule, match=r"\.resolve\(steps=1000"):
            Cosine().to_keras(0.1)
        assert Exponential(0.5, every=10)(10) == 0.5  # all its lengths are steps

    @pytest.mark.parametrize("schedule", [Cosine(), Cosine().resolve(steps=10)])
    def test_given_to_an_optimizer(self, schedule):
        model = unit_gradient(keras.optimizers.SGD(schedule))
        with pytest.raises(InvalidInput, match=r"LearningRate\(schedule=.*to_keras\(0\.1\)"):
            model.fit(*ones(2), verbose=0)
        with pytest.raises(InvalidInput, match=r"to_keras\(0\.1\)"):
            keras_lr.get_learning_rate(model)

    def test_given_as_a_rate(self):
        model = unit_gradient(keras.optimizers.SGD(0.1))
        with pytest.raises(InvalidInput, match=r"LearningRate\(schedule="):
            keras_lr.set_learning_rate(model, Cosine())

    def test_in_a_fit_without_a_length(self):
        def endless():
            while True:
                yield np.ones((2, 1), "float32"), np.zeros((2, 1), "float32")

        model = unit_gradient(keras.optimizers.SGD(0.1, momentum=0.9))
        for callback in (LearningRate(Cosine()), LearningRate(momentum=Linear(0.5, 0.9))):
            with pytest.raises(InvalidInput, match="steps_per_epoch=N"):
                model.fit(endless(), shuffle=False, verbose=0, callbacks=[callback])
