"""Oscillation under what compile and fit can be told: nothing of it moves a cut."""

import keras
import numpy as np
import pytest

from keras_lr import LearningRate, rules
from oscillating import (
    Distances,
    Weights,
    cuts_of,
    expected_cuts,
    linear,
    noisy,
    optimizer,
)

BACKEND = keras.backend.backend()
EARLY = {"first": 38, "growth": 1.5, "slope": 0.6, "chunk": 5, "chunks": 20, "width": 2.0}
TESTS = pytest.mark.parametrize("test", ["distance", "alignment"])


def fitted(model, test, *, epochs=5, batch_size=8, data=None, **rule):
    x, y = noisy() if data is None else data
    callback = LearningRate(rules=[rules.Oscillation(test, **{**EARLY, **rule})])
    model.fit(
        x, y, batch_size=batch_size, epochs=epochs, shuffle=False, verbose=0, callbacks=[callback]
    )
    return callback


def same_cuts(one, other):
    """Whether two fits were cut at the same updates to the same rates."""
    ours, theirs = cuts_of(one), cuts_of(other)
    assert theirs != []
    assert [step for step, _ in ours] == [step for step, _ in theirs]
    return [rate for _, rate in ours] == pytest.approx([rate for _, rate in theirs])


@TESTS
class TestSteps:
    @pytest.mark.skipif(BACKEND == "torch", reason="Keras refuses steps_per_execution on torch")
    def test_several_steps_in_one_execution(self, test):
        alone = fitted(linear(optimizer("sgd")), test)
        together = fitted(linear(optimizer("sgd"), steps_per_execution=4), test)
        assert same_cuts(together, alone)

    @pytest.mark.skipif(
        BACKEND == "torch", reason="torch.compile needs a C++ compiler and minutes on a CPU"
    )
    def test_compiled(self, test):
        alone = fitted(linear(optimizer("sgd")), test)
        compiled = fitted(linear(optimizer("sgd"), jit_compile=True), test)
        assert same_cuts(compiled, alone)

    @pytest.mark.parametrize("how", [{"jit_compile": False}, {"run_eagerly": True}])
    @pytest.mark.deep
    def test_not_compiled(self, test, how):
        # Such steps are slow: few of them, and cuts as early as can be.
        few = {"epochs": 2, "data": noisy(96), "first": 4, "chunk": 2, "chunks": 4, "width": 0.1}
        alone = fitted(linear(optimizer("sgd")), test, **few)
        assert same_cuts(fitted(linear(optimizer("sgd"), **how), test, **few), alone)

    @pytest.mark.parametrize("name", ["sgd", "adam"])
    @pytest.mark.deep(after=1)
    def test_accumulated_gradients_are_those_of_big_batches(self, test, name):
        big = fitted(linear(optimizer(name)), test)
        accumulated = optimizer(name, gradient_accumulation_steps=4)
        small = fitted(linear(accumulated), test, batch_size=2)
        assert cuts_of(small) != []
        assert [step for step, _ in cuts_of(small)] == [step for step, _ in cuts_of(big)]
        for step, rate in cuts_of(small):
            assert small.explain(step).rate == pytest.approx(rate)
            assert small.explain(step - 1).rate == pytest.approx(2 * rate)

    @pytest.mark.deep(after=1)
    def test_clipped_gradients(self, test):
        callback = fitted(linear(optimizer("sgd", global_clipnorm=5.0)), test)
        assert cuts_of(callback) != []

    @pytest.mark.deep(after=1)
    def test_weight_decay_and_averages(self, test):
        made = keras.optimizers.AdamW(0.15, weight_decay=1e-3, use_ema=True)
        assert cuts_of(fitted(linear(made), test)) != []


@TESTS
class TestPrecision:
    @pytest.mark.deep(after=1)
    def test_float16_with_a_loss_scale(self, test):
        """Its first updates overflow and are skipped; they are no updates."""
        inner = optimizer("sgd")
        scaled = keras.optimizers.LossScaleOptimizer(inner, initial_scale=2.0**16)
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_float16")
        try:
            model = linear(scaled)
            callback = fitted(model, test, epochs=6)
        finally:
            keras.config.set_dtype_policy(policy)
        done = int(inner.iterations.numpy())
        steps = [step for step, _ in cuts_of(callback)]
        assert steps != []
        assert done < 240  # some were skipped
        first = 57 if test == "distance" else 100
        assert steps[0] >= first
        assert float(inner.learning_rate) == pytest.approx(0.15 * 0.5 ** len(steps))

    @pytest.mark.deep(after=1)
    def test_bfloat16(self, test):
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            callback = fitted(linear(optimizer("sgd")), test)
        finally:
            keras.config.set_dtype_policy(policy)
        assert cuts_of(callback) != []


class TestMembers:
    @TESTS
    @pytest.mark.deep(after=1)
    def test_each_member_is_judged_by_itself(self, test):
        """Two layers at rates a thousand times apart, each with phases of its own."""
        high = keras.optimizers.SGD(0.15, name="high")
        low = keras.optimizers.SGD(1e-4, name="low")
        model = keras.Sequential(
            [
                keras.Input((8,)),
                keras.layers.Dense(8, use_bias=False, kernel_initializer="identity", name="body"),
                keras.layers.Dense(1, name="head"),
            ]
        )
        model.compile(
            keras.optimizers.MultiOptimizer(
                lambda variable: low if "body" in variable.path else high
            ),
            "mse",
        )
        weights, (x, y) = Weights(), noisy()
        rule = rules.Oscillation(test, **EARLY)
        callback = LearningRate(rules=[rule])
        model.fit(
            x, y, batch_size=8, epochs=5, shuffle=False, verbose=0, callbacks=[callback, weights]
        )
        assert {e.member for e in callback.record.events} >= {"high"}
        parts = {"low": slice(0, 64), "high": slice(64, None)}
        for optimizer_, base in ((high, 0.15), (low, 1e-4)):
            name = optimizer_.name
            mine = [e for e in callback.record.events if e.member == name]
            assert float(optimizer_.learning_rate) == pytest.approx(base * 0.5 ** len(mine))
            explained = callback.explain(199, member=name)
            assert explained.rate == pytest.approx(base * 0.5 ** len(mine))
            if test == "distance":
                measured = Distances([each[parts[name]] for each in weights.seen])
                expected = expected_cuts(rule, base, measured)
                assert [e.step for e in mine] == [step for step, _ in expected]


class TestStride:
    def test_pairs_in_a_stride_are_found_later(self):
        every = fitted(linear(optimizer("sgd")), "alignment", epochs=3)
        third = fitted(linear(optimizer("sgd")), "alignment", epochs=9, stride=3)
        assert cuts_of(every)[0][0] == 100
        assert cuts_of(third)[0][0] >= 298
        assert cuts_of(third)[0][0] % 3 == 1


class TestOwnSchedules:
    def test_a_step_schedule_of_the_optimizer_is_multiplied(self):
        own = keras.optimizers.schedules.PiecewiseConstantDecay([150], [0.15, 0.1])
        model = linear(keras.optimizers.SGD(own))
        callback = fitted(model, "distance")
        cuts = cuts_of(callback)
        assert cuts[0] == (57, pytest.approx(0.075))
        assert callback.explain(199).rate == pytest.approx(0.1 * 0.5 ** len(cuts))
        assert model.optimizer._learning_rate is own

    def test_beside_a_decay_of_its_own_it_says_that_it_does_nothing(self):
        own = keras.optimizers.schedules.CosineDecay(0.15, 200)
        with pytest.warns(UserWarning, match="the optimizer's own schedule, which falls from"):
            callback = fitted(linear(keras.optimizers.SGD(own)), "distance")
        assert cuts_of(callback) == []


@TESTS
def test_weights_are_those_of_a_fit_without_until_the_first_cut(test):
    """Watching changes nothing."""
    plain, watched = linear(optimizer("adam")), linear(optimizer("adam"))
    x, y = noisy()
    plain.fit(x, y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    with pytest.warns(UserWarning, match="decides nothing"):
        fitted(watched, test, epochs=1)
    for ours, theirs in zip(watched.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-6)
