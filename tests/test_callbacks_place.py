"""Where the run stands: epochs that run out of data, rollbacks, skipped updates, no length at all."""

import warnings

import keras
import numpy as np
import pytest

from helpers import applied_rates, ones, unit_gradient
from keras_lr import rules
from keras_lr.callbacks import LearningRate, LearningRateScheduler
from keras_lr.errors import InvalidInput
from keras_lr.schedules import Constant, Cosine, Linear, OneCycle, Piecewise, StepDecay

TORCH = keras.backend.backend() == "torch"
BATCHES = 6
X, Y = ones(BATCHES)
HALF = Linear(1.0, 0.1)


class Log(keras.callbacks.Callback):
    """Logs a metric that the rules watch."""

    def __init__(self, *values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        logs["watched"] = self.values[epoch]


class StopAfter(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            self.model.stop_training = True


def sgd(**arguments):
    return keras.optimizers.SGD(0.5, momentum=0.9, **arguments)


def fitted(callback, *callbacks, optimizer=None, **fit):
    """The rates of a fit, and what it warned of."""
    model = unit_gradient(optimizer or keras.optimizers.SGD(0.5))
    data = fit.pop("data", (X, Y))
    if len(data) == 2:
        fit = {"batch_size": 2, **fit}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # Keras's own: of any array with NumPy 2 on JAX or torch, and of data as it is here.
        warnings.filterwarnings("ignore", message="__array__ implementation")
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        moved = applied_rates(
            model,
            data[0],
            data[1] if len(data) == 2 else None,
            callbacks=[*callbacks, callback],
            **fit,
        )
    return moved, [str(item.message) for item in caught]


def pairs(batches):
    return ((np.ones((2, 1), "float32"), np.zeros((2, 1), "float32")) for _ in range(batches))


class TestEpochsThatRunOutOfData:
    """Each epoch was to have 10 batches, and the data has 6."""

    def test_a_rollback_goes_on_where_the_run_is(self):
        callback = LearningRate(HALF, rules=[rules.Divergence("watched", factor=0.5)])
        log = Log(1.0, float("nan"), 1.0, 1.0)
        moved, _ = fitted(callback, log, epochs=4, steps_per_epoch=10)
        plan = 0.5 * HALF.resolve(steps=40)(np.arange(24))
        plan[12:] *= 0.5
        kept = [step for step in range(24) if step != 12]  # where the weights were put back
        np.testing.assert_allclose(moved[kept], plan[kept], rtol=1e-3)
        assert [event.step for event in callback.record.events] == [12]
        told = [callback.explain(step).rate for step in range(24)]
        np.testing.assert_allclose(told, plan, rtol=1e-6)

    def test_a_cut_is_told_where_it_was(self):
        callback = LearningRate(HALF, rules=[rules.Plateau("watched", patience=1, mode="min")])
        moved, _ = fitted(callback, Log(1.0, 1.0, 1.0), epochs=3, steps_per_epoch=10)
        assert callback.record.events[0].step == 12
        told = [callback.explain(step).rate for step in range(18)]
        np.testing.assert_allclose(moved, told, rtol=1e-3)

    def test_a_base_that_someone_sets_is_told_where_it_was(self):
        callback = LearningRate(HALF)
        scheduler = LearningRateScheduler(lambda epoch: 0.5 / (1 + epoch))
        moved, _ = fitted(callback, scheduler, epochs=3, steps_per_epoch=10)
        told = [callback.explain(step).rate for step in range(18)]
        np.testing.assert_allclose(moved, told, rtol=1e-3)

    def test_the_ending_counts_what_was_done(self):
        callback = LearningRate(HALF)
        _, told = fitted(callback, epochs=2, steps_per_epoch=10)
        assert "stopped at step 12 of 20" in callback.record.ending
        assert callback.record.ending in told


class TestUpdatesThatALossScaleSkips:
    """The first two of each run overflow."""

    def run(self, callback, *callbacks, **fit):
        inner = keras.optimizers.SGD(0.5)
        scaled = keras.optimizers.LossScaleOptimizer(inner, initial_scale=2.0**126)
        return fitted(callback, *callbacks, optimizer=scaled, data=(8 * X, Y), **fit)

    def test_they_do_not_count(self):
        callback = LearningRate(HALF)
        moved, _ = self.run(callback, StopAfter(1), epochs=4)
        assert "stopped at step 10 of 24" in callback.record.ending
        told = [8 * callback.explain(step).rate for step in range(10)]
        np.testing.assert_allclose(moved[2:], told, rtol=1e-3)

    def test_batch_hooks_that_come_late(self):
        """All batches were there, in whatever order one hears of them: no early end."""

        class Late(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                callback.on_train_batch_end(0, {})

        callback = LearningRate(HALF)
        self.run(callback, Late(), epochs=2)
        assert callback.record.ending is None

    def test_a_batch_number_beyond_the_epoch(self):
        """Several steps an execution may end beyond it: not more than it has were seen."""

        class Beyond(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                callback.on_train_batch_end(BATCHES + 5, {})

        callback = LearningRate(HALF)
        self.run(callback, Beyond(), StopAfter(1), epochs=4)
        assert "stopped at step 10 of 24" in callback.record.ending


class TestEndingOfSettings:
    def test_each_is_told(self):
        momentum, decay = OneCycle(0, 0).between(0.95, 0.85), Linear(0.1, 0.0)
        callback = LearningRate(HALF, momentum=momentum, weight_decay=decay)
        optimizer = sgd(weight_decay=0.1)
        _, told = fitted(callback, StopAfter(0), optimizer=optimizer, epochs=3)
        assert len(told) == 3
        assert callback.record.ending == " ".join(told)
        for name in ("factor", "momentum", "weight_decay"):
            assert f"the last {name} of" in callback.record.ending
        assert "nothing was learned" not in callback.record.ending

    def test_without_a_schedule_of_the_rate(self):
        callback = LearningRate(momentum=Linear(0.5, 0.9))
        _, told = fitted(callback, StopAfter(0), optimizer=sgd(), epochs=3)
        assert told == [callback.record.ending]
        assert "the last momentum of linear(start=0.5, end=0.9, length=18)" in told[0]


class TestSettingsThatSomeoneAssigns:
    @pytest.mark.parametrize(("name", "value"), [("momentum", 0.1), ("weight_decay", 0.3)])
    def test_it_is_told_and_stays(self, name, value):
        class Assign(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                if batch == 2:
                    setattr(self.model.optimizer, name, value)

        model = unit_gradient(sgd(weight_decay=0.0))
        callback = LearningRate(**{name: 0.2})
        with pytest.warns(UserWarning, match=f"{name} was assigned .* its schedule decides") as got:
            moved = applied_rates(
                model, X, Y, batch_size=2, epochs=2, callbacks=[callback, Assign()]
            )
        assert len([one for one in got if name in str(one.message)]) == 1
        assert [(e.cause, e.step, e.factor) for e in callback.record.events] == [("set", 0, 1.0)]
        assert callback.record.events[0].reason.startswith(name)
        assert getattr(model.optimizer, name) == value
        if name == "momentum":
            np.testing.assert_allclose(moved[1:], 0.2 * moved[:-1] + 0.5, rtol=1e-4)
        assert callback.explain(8).rate == pytest.approx(0.5)

    def test_what_leaves_no_place_for_it(self):
        """None and 0 say "built without" before a fit; in one they are what comes after it."""

        class Assign(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                self.model.optimizer.weight_decay = None
                self.model.optimizer.momentum = 0.0

        optimizer = sgd(weight_decay=0.1)
        callback = LearningRate(momentum=0.2, weight_decay=0.0)
        _, told = fitted(callback, Assign(), optimizer=optimizer)
        assert len(told) == 2
        assert (optimizer.momentum, optimizer.weight_decay) == (0.0, None)


def test_two_momenta_are_refused_before_anything_is_placed():
    model = unit_gradient(sgd())
    both = [LearningRate(Cosine(), momentum=0.5), LearningRate(momentum=0.3)]
    with pytest.raises(InvalidInput, match="Two callbacks schedule momentum"):
        model.fit(X, Y, batch_size=2, verbose=0, callbacks=both)
    assert "apply" not in vars(model.optimizer)
    assert "get_config" not in vars(model.optimizer)
    assert isinstance(model.optimizer._learning_rate, keras.Variable)


class TestSizeOfABatch:
    @pytest.mark.parametrize("size", [2, 2.0, np.int64(2), np.float32(2), np.float64(2.0)])
    def test_any_positive_number(self, size):
        moved, _ = fitted(LearningRate(Linear(1.0, 0.2, length="12 samples"), batch_size=size))
        expected = 0.5 * Linear(1.0, 0.2).resolve(steps=BATCHES)(np.arange(BATCHES))
        np.testing.assert_allclose(moved, expected, rtol=1e-4)

    @pytest.mark.parametrize(
        "size", [0, -1, True, np.bool_(True), "32", np.float32("nan"), np.inf, 1j]
    )
    def test_what_is_none(self, size):
        with pytest.raises(InvalidInput, match="batch_size is the number of samples"):
            LearningRate(Cosine(), batch_size=size)


class TestDataWithoutALength:
    @pytest.mark.parametrize(
        "schedule",
        [
            Constant(0.5),
            Cosine(length=10),
            StepDecay(0.5, every=3),
            Piecewise([4], [1.0, 0.1]).warmup(2),
        ],
    )
    def test_a_schedule_in_steps_needs_none(self, schedule):
        callback = LearningRate(schedule)
        moved, told = fitted(callback, data=(pairs(8),), shuffle=False)
        expected = 0.5 * schedule.resolve(steps=1000)(np.arange(8))
        np.testing.assert_allclose(moved, expected, rtol=1e-4, atol=1e-7)
        assert (told, callback.record.ending) == ([], None)
        assert callback.explain(7).rate == pytest.approx(expected[7])

    def test_momentum_too(self):
        callback = LearningRate(momentum=Piecewise([3], [0.5, 0.0]))
        moved, told = fitted(callback, optimizer=sgd(), data=(pairs(8),), shuffle=False)
        np.testing.assert_allclose(moved[1:3], 0.5 * moved[:2] + 0.5, rtol=1e-4)
        np.testing.assert_allclose(moved[3:], 0.5, rtol=1e-4)
        assert told == []

    def test_a_rule_tells_its_step(self):
        callback = LearningRate(
            Constant(0.5), rules=[rules.Plateau("watched", patience=1, mode="min")]
        )
        fitted(callback, Log(1.0, 1.0), epochs=1, data=(pairs(8),), shuffle=False)
        assert callback.record.events == []
        assert callback.record.steps_per_epoch == 0

    @pytest.mark.parametrize("schedule", [Cosine(), Linear(length="1 epoch"), Cosine().warmup(2)])
    def test_one_that_depends_on_the_run_says_what_does(self, schedule):
        with pytest.raises(InvalidInput, match=r"steps_per_epoch=N.*length=.* depends on the run"):
            fitted(LearningRate(schedule), data=(pairs(8),), shuffle=False)

    def test_a_later_first_epoch_cannot_be_placed(self):
        with pytest.raises(InvalidInput, match="initial_epoch=1"):
            fitted(
                LearningRate(Cosine(length=10)),
                data=(pairs(8),),
                shuffle=False,
                initial_epoch=1,
                epochs=2,
            )
