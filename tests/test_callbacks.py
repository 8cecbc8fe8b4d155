"""LearningRate in real fits."""

import warnings

import keras
import numpy as np
import pytest

import keras_lr
from helpers import applied_rates, classifier, data, ones, unit_gradient
from keras_lr import rules, schedules
from keras_lr.callbacks import LearningRate, LearningRateScheduler, ReduceLROnPlateau
from keras_lr.errors import InvalidInput, TrainingDiverged

FLAT = {"monitor": "loss", "min_delta": 100.0}  # no improvement is ever large enough


def fit(model, callbacks, *, epochs=4, **arguments):
    x, y = data()
    keras.utils.set_random_seed(0)
    return model.fit(x, y, epochs=epochs, verbose=0, callbacks=callbacks, **arguments)


def sgd(rate=0.1, **arguments):
    keras.utils.set_random_seed(0)
    return classifier(keras.optimizers.SGD(rate, **arguments))


class Poison(keras.callbacks.Callback):
    """Breaks the weights at the end of given epochs' first batch."""

    def __init__(self, *epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_begin(self, epoch, logs=None):
        if epoch in self.epochs:
            weight = self.model.trainable_variables[0]
            weight.assign(np.full(weight.shape, np.nan))


class TestRules:
    def test_a_plateau_cuts_logs_and_says_why(self, capsys):
        callback = LearningRate(rules=[rules.Plateau(patience=1, **FLAT)], verbose=1)
        history = fit(sgd(0.1), [callback]).history
        np.testing.assert_allclose(history["learning_rate"], [0.1, 0.1, 0.05, 0.025], rtol=1e-6)
        assert [event.epoch for event in callback.record.events] == [1, 2, 3]
        assert {event.cause for event in callback.record.events} == {"plateau"}
        assert "has not improved" in callback.record.events[0].reason
        assert "plateau" in capsys.readouterr().out

    def test_cuts_stay_after_fit_and_the_next_fit_goes_on(self):
        """Five fits of three epochs cut where one of fifteen does."""
        model, callback = sgd(0.1), LearningRate(rules=[rules.Plateau(patience=4, **FLAT)])
        several = []
        for _ in range(5):
            several += fit(model, [callback], epochs=3).history["learning_rate"]
        once = fit(
            sgd(0.1), [LearningRate(rules=[rules.Plateau(patience=4, **FLAT)])], epochs=15
        ).history["learning_rate"]
        np.testing.assert_allclose(several, once, rtol=1e-6)
        assert keras_lr.get_learning_rate(model) == pytest.approx(0.1 * 0.5**3)

    def test_another_model_starts_anew(self):
        callback = LearningRate(rules=[rules.Plateau(patience=1, **FLAT)])
        fit(sgd(0.1), [callback])
        history = fit(sgd(0.2), [callback]).history["learning_rate"]
        np.testing.assert_allclose(history, [0.2, 0.2, 0.1, 0.05], rtol=1e-6)

    def test_a_rate_set_between_fits_is_a_new_base(self):
        model, callback = sgd(0.1), LearningRate(rules=[rules.Plateau(patience=1, **FLAT)])
        fit(model, [callback])
        keras_lr.set_learning_rate(model, 0.4)
        history = fit(model, [callback], epochs=2).history["learning_rate"]
        np.testing.assert_allclose(history, [0.4, 0.2], rtol=1e-6)

    def test_with_an_optimizer_that_was_built_with_a_schedule(self):
        own = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
        callback = LearningRate(rules=[rules.Plateau(patience=1, **FLAT)])
        history = fit(classifier(keras.optimizers.SGD(own)), [callback]).history["learning_rate"]
        last = [float(own(2 * epoch + 1)) for epoch in range(4)]
        np.testing.assert_allclose(history, np.array(last) * [1, 1, 0.5, 0.25], rtol=1e-5)

    def test_a_second_fit_goes_on_with_a_schedule_built_optimizer(self):
        own = keras.optimizers.schedules.ExponentialDecay(0.1, 10**6, 0.5)
        model = classifier(keras.optimizers.SGD(own))
        callback = LearningRate(rules=[rules.Plateau(patience=1, **FLAT)])
        fit(model, [callback], epochs=3)
        history = fit(model, [callback], epochs=1).history["learning_rate"]
        np.testing.assert_allclose(history, [0.025], rtol=1e-4)
        assert callback.explain(0).rate == pytest.approx(0.025, rel=1e-4)

    @pytest.mark.parametrize("built_with", ["number", "schedule"])
    def test_a_floor_holds(self, built_with):
        own = keras.optimizers.schedules.ExponentialDecay(0.01, 10**6, 0.5)
        rate = 0.01 if built_with == "number" else own
        callback = ReduceLROnPlateau("loss", patience=1, min_delta=100.0, min_lr=2e-3)
        history = fit(classifier(keras.optimizers.SGD(rate)), [callback]).history["learning_rate"]
        np.testing.assert_allclose(history, [0.01, 0.01, 2e-3, 2e-3], rtol=1e-4)

    def test_two_rules_multiply(self):
        callback = LearningRate(
            rules=[
                rules.Plateau(patience=1, **FLAT),
                rules.Plateau("accuracy", patience=2, factor=0.1, min_delta=100.0),
            ]
        )
        model = classifier(keras.optimizers.SGD(0.1), metrics=["accuracy"])
        history = fit(model, [callback]).history["learning_rate"]
        np.testing.assert_allclose(history, [0.1, 0.1, 0.05, 0.0025], rtol=1e-5)
        cuts = {"plateau(loss)": pytest.approx(0.25), "plateau(accuracy)": 0.1}
        assert callback.explain(7).reductions == cuts


class TestDivergence:
    @pytest.mark.parametrize("optimizer", ["sgd", "schedule", "adam"])
    def test_rolls_back_cuts_and_goes_on(self, optimizer):
        made = {
            "sgd": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
            "schedule": lambda: keras.optimizers.SGD(
                keras.optimizers.schedules.PiecewiseConstantDecay([10**6], [0.1, 0.1])
            ),
            "adam": lambda: keras.optimizers.Adam(0.1),
        }[optimizer]()
        model = classifier(made)
        callback = LearningRate(rules=[rules.Divergence()])
        kept = []

        class Keep(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                kept.append([v.numpy().copy() for v in self.model.trainable_variables])

        history = fit(model, [Poison(1), callback, Keep()]).history
        assert np.isnan(history["loss"]).tolist() == [False, True, False, False]
        np.testing.assert_allclose(history["learning_rate"], [0.1, 0.1, 0.05, 0.05], rtol=1e-6)
        for before, after in zip(kept[0], kept[1], strict=True):
            np.testing.assert_array_equal(before, after)
        (event,) = callback.record.events
        assert (event.cause, event.epoch, event.factor) == ("divergence", 1, 0.5)

    def test_at_its_floor_it_rolls_back_and_leaves_the_rate(self, capsys):
        model = sgd(0.1)
        callback = LearningRate(rules=[rules.Divergence(min_rate=0.1)], verbose=1)
        history = fit(model, [Poison(1), callback]).history
        np.testing.assert_allclose(history["learning_rate"], 0.1, rtol=1e-6)
        assert np.isnan(history["loss"]).tolist() == [False, True, False, False]
        (event,) = callback.record.events
        assert (event.cause, event.factor) == ("divergence", 1.0)
        assert "rolled back and left the rate at 0.1." in capsys.readouterr().out

    def test_a_nan_in_the_first_epoch_returns_to_the_start(self):
        model = sgd(0.1)
        start = [v.numpy().copy() for v in model.trainable_variables]
        callback = LearningRate(rules=[rules.Divergence()])
        x, y = data()
        x[3, 1] = np.nan
        with pytest.raises(TrainingDiverged, match=r"end of epoch 0.*keras_lr\.find"):
            model.fit(x, y, epochs=9, verbose=0, callbacks=[callback])
        for before, after in zip(start, model.trainable_variables, strict=True):
            np.testing.assert_array_equal(before, after.numpy())
        assert isinstance(model.optimizer._learning_rate, keras.Variable)
        assert "make_train_function" not in vars(model)
        assert "gave up" in callback.record.events[-1].reason

    @pytest.mark.parametrize("optimizer", ["momentum", "adam"])
    @pytest.mark.parametrize("built", [True, False])
    def test_the_first_epoch_of_a_model_and_an_optimizer_with_state(self, optimizer, built):
        made = {
            "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
            "adam": lambda: keras.optimizers.Adam(0.1),
        }[optimizer]()
        layers = [keras.layers.Dense(8, activation="relu"), keras.layers.Dense(3)]
        model = keras.Sequential([keras.Input((4,)), *layers] if built else layers)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(made, loss, metrics=["accuracy"])
        x, y = data()
        x[0, 0] = np.nan  # every epoch ends in NaN
        callback = LearningRate(rules=[rules.Divergence(max_rollbacks=1)])
        known = built or bool(model.trainable_variables)
        with pytest.raises(TrainingDiverged) as caught:
            model.fit(x, y, epochs=4, verbose=0, callbacks=[callback])
        if "keras.Input" in str(caught.value):
            assert not known  # TensorFlow makes the weights in the first step
        else:
            assert all(np.isfinite(v.numpy()).all() for v in model.trainable_variables)
            slots = model.optimizer.variables[2:]
            assert slots
            assert all((v.numpy() == 0).all() for v in slots)

    def test_an_explosion_in_the_first_epoch_is_noticed(self):
        random = np.random.default_rng(0)
        x = random.normal(size=(64, 3)).astype("float32")
        y = x.sum(1)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(4.0), "mse")
        callback = LearningRate(rules=[rules.Divergence(max_rollbacks=10)])
        losses = model.fit(x, y, batch_size=4, epochs=15, verbose=0, callbacks=[callback]).history[
            "loss"
        ]
        assert losses[-1] < 1.0
        assert callback.record.events[0].epoch == 0

    def test_the_schedule_goes_on_where_the_run_is(self):
        """A rollback restores `iterations` too; the schedule still ends with the run."""
        model = unit_gradient(keras.optimizers.SGD(0.5))
        x, y = ones(4)

        class Spike(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                logs["watched"] = float("nan") if epoch == 1 else 1.0

        callback = LearningRate(
            lambda step: 1.0 / (1.0 + step), rules=[rules.Divergence("watched", factor=0.1)]
        )
        with pytest.warns(UserWarning, match="none of the model's metrics"):
            rates = applied_rates(
                model, x, y, batch_size=2, epochs=3, callbacks=[Spike(), callback]
            )
        expected = 0.5 / (1.0 + np.arange(12))
        expected[8:] *= 0.1
        moved = np.delete(rates, 8)  # where the weight jumped back to what it was
        np.testing.assert_allclose(moved, np.delete(expected, 8), rtol=1e-3, atol=1e-7)
        assert int(model.optimizer.iterations.numpy()) == 8


class TestSchedules:
    def test_lengths_are_resolved_against_the_fit(self):
        schedule = schedules.Linear(start=1.0, end=0.0).warmup("1 epoch")
        model = unit_gradient(keras.optimizers.SGD(0.5))
        x, y = ones(4)
        rates = applied_rates(
            model, x, y, batch_size=2, epochs=3, callbacks=[LearningRate(schedule)]
        )
        plan = schedule.resolve(steps=12, steps_per_epoch=4)
        np.testing.assert_allclose(rates, 0.5 * plan(np.arange(12)), rtol=1e-4, atol=1e-7)

    @pytest.mark.parametrize(
        ("steps", "match"), [(100, "ends at step 100"), (2, "ends at step 2, 2 steps before")]
    )
    def test_a_schedule_that_does_not_fit_the_run_warns(self, steps, match):
        model = unit_gradient(keras.optimizers.SGD(0.5))
        x, y = ones(4)
        with pytest.warns(UserWarning, match=match):
            model.fit(
                x,
                y,
                batch_size=2,
                verbose=0,
                callbacks=[LearningRate(schedules.Cosine(length=steps))],
            )

    def test_data_without_a_length(self):
        def endless():
            while True:
                yield np.ones((2, 1), "float32"), np.zeros((2, 1), "float32")

        model = unit_gradient(keras.optimizers.SGD(0.5))
        weight = model.trainable_variables[0].numpy()
        with pytest.raises(InvalidInput, match="steps_per_epoch"):
            model.fit(
                endless(),
                epochs=2,
                shuffle=False,
                verbose=0,
                callbacks=[LearningRate(schedules.Cosine())],
            )
        np.testing.assert_array_equal(model.trainable_variables[0].numpy(), weight)
        model.fit(
            endless(),
            steps_per_epoch=4,
            shuffle=False,
            verbose=0,
            callbacks=[LearningRate(schedules.Cosine())],
        )

    def test_explain(self):
        callback = LearningRate(
            schedules.Linear(start=1.0, end=0.0), rules=[rules.Plateau(patience=1, **FLAT)]
        )
        with pytest.raises(InvalidInput, match="needs a run"):
            callback.explain(0)
        history = fit(sgd(0.1), [callback]).history["learning_rate"]
        for epoch, rate in enumerate(history):
            assert callback.explain(2 * epoch + 1).rate == pytest.approx(rate, rel=1e-5)
        assert "base 0.1 × schedule" in str(callback.explain(3))

    def test_explain_beside_other_callbacks(self):
        callback = LearningRate(schedules.StepDecay(0.1, every="2 epochs"))
        callbacks = [
            callback,
            LearningRateScheduler(lambda epoch: 0.1 * 0.9**epoch),
            ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100.0),
        ]
        history = fit(sgd(), callbacks).history["learning_rate"]
        told = [callback.explain(2 * epoch + 1) for epoch in range(4)]
        np.testing.assert_allclose([t.rate for t in told], history, rtol=1e-5)
        assert told[3].reductions == {"ReduceLROnPlateau": 0.25}

    def test_explain_of_an_optimizers_own_schedule(self):
        own = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
        callback = LearningRate(rules=[rules.Plateau(patience=1, **FLAT)])
        history = fit(classifier(keras.optimizers.SGD(own)), [callback]).history["learning_rate"]
        told = [callback.explain(2 * epoch + 1).rate for epoch in range(4)]
        np.testing.assert_allclose(told, history, rtol=1e-5)

    def test_a_keras_schedule_replaces_the_optimizers_own(self):
        decay = keras.optimizers.schedules.ExponentialDecay
        model = classifier(keras.optimizers.SGD(decay(0.5, 1, 0.5)))
        with pytest.warns(UserWarning, match="replaces it"):
            history = fit(model, [LearningRate(decay(0.1, 2, 0.5))]).history["learning_rate"]
        expected = [float(decay(0.1, 2, 0.5)(2 * epoch + 1)) for epoch in range(4)]
        np.testing.assert_allclose(history, expected, rtol=1e-5)

    @pytest.mark.parametrize("first", ["schedule", "scheduler"])
    def test_two_that_say_what_the_rate_is(self, first):
        model = sgd()
        callbacks = [
            LearningRate(keras.optimizers.schedules.ExponentialDecay(0.4, 1, 0.5)),
            LearningRateScheduler(lambda epoch: 0.01),
        ]
        if first == "scheduler":
            callbacks.reverse()
        weights = model.get_weights()
        with pytest.raises(InvalidInput, match="only one can"):
            fit(model, callbacks)
        for before, after in zip(weights, model.get_weights(), strict=True):
            np.testing.assert_array_equal(before, after)

    @pytest.mark.parametrize("wrong", [[rules.Plateau], ["plateau"], [None], 5, "plateau"])
    def test_rules_that_are_none(self, wrong):
        with pytest.raises(InvalidInput, match="rule objects"):
            LearningRate(rules=wrong)

    def test_no_warning_of_ours_in_a_healthy_run(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            fit(
                sgd(),
                [
                    LearningRate(
                        schedules.Cosine().warmup("10%"),
                        rules=[rules.Plateau("loss"), rules.Divergence()],
                    )
                ],
            )

    def test_a_metric_that_never_comes(self):
        callback = LearningRate(rules=[rules.Plateau("val_loss")])
        with pytest.warns(UserWarning, match="never saw 'val_loss'.*validation_data"):
            fit(sgd(), [callback])
