"""What a user is told by `LearningRate`: its plan, its refusals, and warnings at the user's line."""

import inspect
import warnings

import keras
import numpy as np
import pytest

from helpers import applied_rates, ones, unit_gradient
from keras_lr import rules
from keras_lr.callbacks import LearningRate
from keras_lr.errors import InvalidInput
from keras_lr.schedules import (
    Constant,
    Cosine,
    Horizon,
    InverseSqrt,
    Linear,
    OneCycle,
    fit_report,
    join,
    parse,
)

BATCHES = 6


def fit(model, *callbacks, epochs=2, **arguments):
    x, y = ones(BATCHES)
    return model.fit(
        x, y, batch_size=2, epochs=epochs, verbose=0, callbacks=[*callbacks], **arguments
    )


class TestPlan:
    def test_a_second_fit_goes_on_without_a_jump(self):
        model = unit_gradient(keras.optimizers.SGD(0.5))
        x, y = ones(BATCHES)
        stop = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", epoch == 3)
        )
        first = LearningRate(Cosine().warmup("1 epoch"))
        first.expects_early_end = True
        callbacks = [first, stop]
        begun = applied_rates(model, x, y, batch_size=2, epochs=10, callbacks=callbacks)
        assert len(begun) == 4 * BATCHES
        assert first.plan == Cosine().warmup("1 epoch").resolve(Horizon(60, 6.0, 2.0))

        callbacks = [LearningRate(first.plan.cooldown("2 epochs", start="4 epochs"))]
        ended = applied_rates(
            model, x, y, batch_size=2, initial_epoch=4, epochs=6, callbacks=callbacks
        )
        steps = np.arange(6 * BATCHES)
        expected = 0.5 * first.plan(steps) * np.clip((36 - steps) / 12, 0, 1)
        np.testing.assert_allclose([*begun, *ended], expected, rtol=1e-4, atol=1e-6)
        changes = np.abs(np.diff([*begun, *ended]))
        assert changes[4 * BATCHES - 1] <= changes[4 * BATCHES] < 0.05

    def test_what_it_is(self):
        callback = LearningRate(Cosine())
        with pytest.raises(InvalidInput, match=r"model\.fit\(callbacks=\[\.\.\.\]\) first"):
            _ = callback.plan
        during = []
        look = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: during.append(callback.plan)
        )
        model = unit_gradient(keras.optimizers.SGD(0.5))
        fit(model, callback, look)
        assert during == [callback.plan] * 2
        assert callback.plan.end == 2 * BATCHES
        fit(model, callback, epochs=3)
        assert callback.plan.end == 3 * BATCHES

    def test_without_a_schedule(self):
        assert LearningRate(rules=[rules.Plateau("loss")]).plan is None


@pytest.mark.parametrize("number", [0.1, 1, np.float32(0.5)])
def test_a_number_is_no_schedule(number):
    with pytest.raises(InvalidInput, match=r"compile with SGD\(.*Constant\(\)\.rate\(.*Constant\("):
        LearningRate(number)
    settings = LearningRate(momentum=number, weight_decay=number).settings
    assert settings == {"momentum": Constant(number), "weight_decay": Constant(number)}


class TestExplain:
    def test_the_parts_of_the_schedule_are_below(self):
        callback = LearningRate(Cosine().warmup(4))
        fit(unit_gradient(keras.optimizers.SGD(0.5)), callback)
        assert str(callback.explain(2)).splitlines() == [
            "step 2: 0.25 = base 0.5 × schedule 0.5",
            "  warmup(4): × 0.5 (step 2 of 4)",
            "    cosine(length=8): 1 at its step 0",
        ]
        assert callback.explain(2).parts == callback.plan.explain(2)

    def test_rates(self):
        callback = LearningRate(Linear().rate(0.2))
        fit(unit_gradient(keras.optimizers.SGD(0.5)), callback)
        assert str(callback.explain(6)).splitlines()[1:] == [
            "  the schedule gives rates:",
            "  rate(0.2): × 0.2",
            "    linear(length=12): 0.5",
        ]

    def test_no_schedule(self):
        callback = LearningRate(rules=[rules.Plateau("loss")])
        fit(unit_gradient(keras.optimizers.SGD(0.5)), callback)
        assert str(callback.explain(2)) == "step 2: 0.5 = base 0.5 × schedule 1"


class TestWarnings:
    def test_they_point_at_the_line_that_fits(self):
        class Stop(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                self.model.stop_training = True

        x, y = ones(BATCHES)
        model = unit_gradient(
            keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(1.0, 9, 0.5))
        )
        watching = LearningRate("linear(length=3 epochs)", [rules.Plateau("no_loss")])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            line = inspect.currentframe().f_lineno + 1
            model.fit(x, y, batch_size=2, epochs=10, verbose=0, callbacks=[watching, Stop()])
        told = [str(item.message) for item in caught if issubclass(item.category, UserWarning)]
        for words in ("ends at step 18", "built with Exp", "watches 'no_loss'", "stopped at step"):
            assert any(words in text for text in told), words
        ours = [item for item in caught if str(item.message) in told]
        assert {(item.filename, item.lineno) for item in ours} == {(__file__, line)}

    def test_the_schedule_is_named_as_it_was_written(self):
        model = unit_gradient(keras.optimizers.SGD(0.5, momentum=0.9))
        momentum = Linear(0.5, 0.9, length="50%")
        with pytest.warns(UserWarning, match="ends at step") as caught:
            fit(model, LearningRate(Cosine(length="3 epochs"), momentum=momentum), epochs=10)
        rate, other = [str(item.message) for item in caught if "ends at" in str(item.message)]
        assert rate.startswith("The schedule cosine(length=3 epochs) ends at step 18, 42 steps")
        assert rate.endswith("Leave length out to fill the run, cosine(), or train for 3 epochs.")
        assert other.startswith("The schedule linear(")
        assert "ends at step 30, 30 steps" in other


@pytest.mark.parametrize(
    ("schedule", "cure"),
    [
        (Cosine(length=80), "Leave length out to fill the run, cosine(), or train for 8 epochs."),
        (Cosine(length=85), "Leave length out to fill the run, cosine(), or train for 85 steps."),
        (
            OneCycle(length="1 epoch").rate(0.1),
            "Leave length out to fill the run, one_cycle() | rate(0.1), or train for 1 epoch.",
        ),
        (
            Linear(length=40).warmup(10),
            "Leave length out to fill the run, linear() | warmup(10), or train for 5 epochs.",
        ),
        (
            Cosine(length=2000),
            "Leave length out to fill the run, cosine(), or train for 200 epochs.",
        ),
        (
            Linear(length=20).repeat(times=3),
            "Leave length out to fill the run, linear() | repeat(times=3), or train for 6 epochs.",
        ),
        (
            InverseSqrt(10).cooldown(10, start=50, end=0.1),
            "To end with it, train for 6 epochs.",
        ),
        (join([Constant(), Cosine(length=30)], [10]), "To end with it, train for 4 epochs."),
    ],
    ids=str,
)
def test_what_to_write_for_a_misfit(schedule, cure):
    horizon = Horizon(100, 10)
    report = fit_report(schedule, horizon)
    assert report.endswith(f". {cure}")
    assert "ends at step" in fit_report(schedule.resolve(horizon), horizon)
    if "out to fill" in cure:
        text = cure.split("the run, ")[1].split(", or train")[0]
        assert fit_report(parse(text), horizon) is None
