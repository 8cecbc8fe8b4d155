"""Oscillation over time: more cuts than fit a memory, rates assigned between two, fit after fit."""

import keras
import numpy as np
import pytest

from keras_lr import LearningRate, rules, schedules
from keras_lr.rate.detection.detector import Cut
from keras_lr.rate.moment import Assignment
from keras_lr.rate.product import Product
from oscillating import cuts_of, linear, noisy, optimizer

BACKEND = keras.backend.backend()
EARLY = {"first": 38, "growth": 1.5, "slope": 0.6, "chunk": 5, "chunks": 20, "width": 2.0}
TESTS = pytest.mark.parametrize("test", ["distance", "alignment"])
HASTY = rules.Oscillation(factor=0.95, first=2, growth=1.5, slope=1.99)


def fit(model, callback, *others, epochs=1, batch_size=8, first=0):
    x, y = noisy()
    return model.fit(
        x,
        y,
        batch_size=batch_size,
        epochs=epochs,
        initial_epoch=first,
        shuffle=False,
        verbose=0,
        callbacks=[callback, *others],
    )


class TestManyCuts:
    @pytest.mark.parametrize("accumulated", [None, 2])
    def test_every_cut_of_a_long_epoch_is_told(self, accumulated):
        made = keras.optimizers.SGD(0.1, gradient_accumulation_steps=accumulated)
        model = linear(made)
        callback = LearningRate(rules=HASTY)
        fit(model, callback, epochs=1 if accumulated is None else 2, batch_size=1)
        events = callback.record.events
        assert {event.cause for event in events} == {"oscillation"}
        assert len(events) > 64
        product = 0.1 * np.prod([event.factor for event in events])
        assert float(made.learning_rate.numpy()) == pytest.approx(product, rel=1e-4)
        for event in events:
            assert callback.explain(event.step).rate == pytest.approx(event.rate, rel=1e-4)

    @pytest.mark.skipif(BACKEND == "torch", reason="Keras refuses steps_per_execution on torch")
    def test_every_cut_of_a_long_execution_is_told(self):
        alone, together = LearningRate(rules=HASTY), LearningRate(rules=HASTY)
        fit(linear(keras.optimizers.SGD(0.1)), alone, batch_size=1)
        model = linear(keras.optimizers.SGD(0.1), steps_per_execution=320)
        fit(model, together, batch_size=1)
        assert [event.step for event in together.record.events] == [
            event.step for event in alone.record.events
        ]


class TestAssignedBetweenCuts:
    def test_it_is_told_where_it_lies(self):
        class Assign(keras.callbacks.Callback):
            async_safe = False

            def on_train_batch_end(self, batch, logs=None):
                if batch == 13:
                    self.model.optimizer.learning_rate = 0.3

        model = linear(keras.optimizers.SGD(0.1))
        callback = LearningRate(rules=rules.Oscillation(first=2, growth=2, slope=1.99))
        fit(model, callback, Assign())
        events = callback.record.events
        at = next(index for index, event in enumerate(events) if event.cause == "set")
        [told] = [event for event in events if event.cause == "set"]
        before, after = events[at - 1], events[at + 1]
        assert told.rate == pytest.approx(0.3)
        assert before.step < told.step <= 14 <= after.step
        assert after.rate == pytest.approx(0.15)
        assert callback.explain(before.step).rate == pytest.approx(before.rate)
        for step in range(14, after.step):
            assert callback.explain(step).rate == pytest.approx(0.3)
        assert callback.explain(after.step).rate == pytest.approx(0.15)
        assert [event.step for event in events] == sorted(event.step for event in events)

    def test_one_that_nobody_heard_of_lies_after_the_cut_before(self):
        made = keras.optimizers.SGD(0.125)
        made.build([keras.Variable([1.0])])
        found = [Cut(0, 0, 12, 0.125, 0.0625, 0.0), Cut(0, 0, 16, 0.5, 0.25, 0.0)]

        class Found:
            def look(self):
                return [found.pop(0) for _ in list(found)]

        product = Product([made])
        product.factors["owner"] = (1.0,)
        product._in_steps.append(("owner", Found()))
        product.place.start(0)
        product.mark()
        made.iterations.assign(40)
        made.learning_rate = 0.25
        assert product.adopt(0)
        assert product.assignments == [Assignment(13, 0, 0.5, before=0.0625)]
        bases = [(each.batch, each.bases[0]) for each in product.moments]
        assert bases == [
            (0, 0.125),
            (12, 0.125),
            (13, 1.0),
            (16, 1.0),
        ]
        made.learning_rate = 0.2
        assert product.adopt()
        assert product.assignments[1:] == [Assignment(40, 0, pytest.approx(0.2), before=0.25)]

    def test_one_that_a_rule_between_steps_finds_is_told_too(self):
        class Assign(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                if batch == 13:
                    self.model.optimizer.learning_rate = 0.3

        model = linear(keras.optimizers.SGD(0.01))
        plateau = rules.Plateau("loss", every=10, patience="1 looks", min_delta=10.0)
        callback = LearningRate(rules=plateau)
        fit(model, callback, Assign())
        events = callback.record.events
        [told] = [event for event in events if event.cause == "set"]
        assert told.rate == pytest.approx(0.3)
        assert told.step <= 14
        assert callback.explain(14).rate == pytest.approx(0.3)

    def test_a_member_is_named(self):
        class Assign(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 1:
                    head.learning_rate = 0.3

        body, head = (keras.optimizers.SGD(0.01, name=name) for name in ("body", "head"))
        model = keras.Sequential(
            [keras.Input((8,)), keras.layers.Dense(4), keras.layers.Dense(1, name="head")]
        )
        multi = keras.optimizers.MultiOptimizer(
            lambda variable: head if "head" in variable.path else body
        )
        model.compile(multi, "mse")
        callback = LearningRate(rules=rules.Plateau("loss"))
        fit(model, callback, Assign(), epochs=2)
        [told] = callback.record.events
        assert (told.member, told.step, told.rate) == ("head", 40, pytest.approx(0.3))


@pytest.mark.filterwarnings("ignore:.*decides nothing in this fit:UserWarning")
class TestPhases:
    """Fits of one epoch each are to be cut where one fit of all of them is."""

    def of_one(self, test, epochs=6, made=None, **rule):
        callback = LearningRate(rules=rules.Oscillation(test, **{**EARLY, **rule}))
        fit(linear(made or optimizer("sgd")), callback, epochs=epochs)
        return [step for step, _ in cuts_of(callback)]

    def of_many(self, test, between=lambda model: None, fits=6, made=None, **rule):
        callback = LearningRate(rules=rules.Oscillation(test, **{**EARLY, **rule}))
        model = linear(made or optimizer("sgd"))
        for _ in range(fits):
            fit(model, callback)
            between(model)
        return [e.fit * 40 + e.step for e in callback.record.events if e.cause == "oscillation"]

    @TESTS
    @pytest.mark.parametrize("name", ["sgd", "adam"])
    @pytest.mark.deep(after=1)
    def test_a_phase_goes_on_in_the_next_fit(self, test, name):
        alone = self.of_one(test, made=optimizer(name))
        assert alone != []
        assert self.of_many(test, made=optimizer(name)) == alone

    @pytest.mark.deep
    def test_with_a_stride_too(self):
        found = self.of_many("alignment", stride=3, chunk=4, chunks=10)
        assert found != []
        assert found[0] >= 120

    @TESTS
    @pytest.mark.parametrize(
        "change",
        [
            lambda model: model.set_weights([2 * each for each in model.get_weights()]),
            lambda model: setattr(model.optimizer, "learning_rate", 0.14),
            lambda model: model.fit(*noisy(), batch_size=8, verbose=0),
        ],
        ids=["weights", "rate", "fit"],
    )
    @pytest.mark.deep(after=1)
    def test_not_where_someone_has_changed_the_model(self, test, change):
        done = []

        def once(model):
            if not done:
                change(model)
            done.append(1)

        def found(between):
            return self.of_many(test, between, fits=3, first=20, growth=1.5, chunk=3)

        assert min(found(lambda model: None), default=999) <= 80
        done.clear()
        needed = 30 if test == "distance" else 60
        late = [step for step in found(once) if step >= 40]
        assert all(step >= 40 + needed for step in late)

    def test_not_with_another_rule(self):
        callback = LearningRate(rules=rules.Oscillation(**EARLY))
        model = linear(optimizer("sgd"))
        fit(model, callback)
        callback.rules = (rules.Oscillation(**{**EARLY, "slope": 0.61}),)
        fit(model, callback)
        assert cuts_of(callback) == []

    def test_a_schedule_that_begins_anew_begins_a_phase(self):
        schedule = schedules.Constant().warmup("10%")
        callback = LearningRate(schedule, rules=rules.Oscillation(**EARLY))
        model = linear(optimizer("sgd"))
        for _ in range(3):
            fit(model, callback)
        assert cuts_of(callback) == []

    def test_weights_that_are_restored_when_a_fit_ends_begin_a_phase(self):
        class Restore(keras.callbacks.Callback):
            def on_train_begin(self, logs=None):
                self.first = self.model.get_weights()

            def on_train_end(self, logs=None):
                self.model.set_weights([1.5 * each for each in self.first])

        callback = LearningRate(rules=rules.Oscillation(**EARLY))
        model, x, y = linear(optimizer("sgd")), *noisy()
        for _ in range(3):
            model.fit(x, y, batch_size=8, verbose=0, callbacks=[Restore(), callback])
        assert cuts_of(callback) == []
