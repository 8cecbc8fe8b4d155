"""Oscillation in a fit: the cuts come at the updates at which the pure rule makes them."""

import keras
import numpy as np
import pytest

from elsewhere import predict_elsewhere
from keras_lr import LearningRate, rules, schedules
from oscillating import (
    Alignments,
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
RULES = {test: rules.Oscillation(test, **EARLY) for test in ("distance", "alignment")}
TESTS = pytest.mark.parametrize("test", sorted(RULES))


def fitted(model, rule, *, schedule=None, epochs=6, batch_size=8, data=None, callbacks=(), **fit):
    x, y = noisy() if data is None else data
    callback = LearningRate(schedule, rules=[rule])
    history = model.fit(
        x,
        y,
        batch_size=batch_size,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[callback, *callbacks],
        **fit,
    )
    return callback, history.history


@TESTS
@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
class TestOptimizers:
    @pytest.mark.deep(after=2)
    def test_a_fit_cuts_where_the_rule_does(self, name, test):
        rule, weights = RULES[test], Weights()
        model = linear(optimizer(name))
        rate = float(model.optimizer.learning_rate)
        callback, history = fitted(model, rule, callbacks=[weights])
        measured = (
            Distances(weights.seen)
            if test == "distance"
            else Alignments(weights.seen, *noisy(), batch_size=8)
        )
        expected = expected_cuts(rule, rate, measured)
        assert len(expected) >= 1
        found = cuts_of(callback)
        assert [step for step, _ in found] == [step for step, _ in expected]
        np.testing.assert_allclose([r for _, r in found], [r for _, r in expected], rtol=1e-6)
        assert history["learning_rate"][-1] == pytest.approx(expected[-1][1])
        assert float(model.optimizer.learning_rate) == pytest.approx(expected[-1][1])

    def test_a_healthy_fit_is_left_alone(self, name, test):
        callback, history = fitted(linear(optimizer(name, high=False)), RULES[test], epochs=4)
        assert callback.record.events == []
        assert len(set(history["learning_rate"])) == 1


@TESTS
class TestTold:
    def test_explained_to_the_step(self, test):
        model = linear(optimizer("sgd"))
        callback, _ = fitted(model, RULES[test])
        step, rate = cuts_of(callback)[0]
        assert callback.explain(step - 1).rate == pytest.approx(0.15)
        assert callback.explain(step).rate == pytest.approx(rate)
        assert callback.explain(step).reductions == {"oscillation": 0.5}
        event = callback.record.events[0]
        assert event.epoch == step // 40
        assert ("power" if test == "distance" else "alignment") in event.reason

    def test_printed(self, test, capsys):
        x, y = noisy()
        callback = LearningRate(rules=[RULES[test]], verbose=1)
        model = linear(optimizer("sgd"))
        model.fit(x, y, batch_size=8, epochs=5, verbose=0, callbacks=[callback], shuffle=False)
        step, rate = cuts_of(callback)[0]
        assert f"reduced the rate to {rate:.4g} at step {step}." in capsys.readouterr().out

    def test_the_optimizer_is_plain_afterwards(self, test):
        model = linear(optimizer("adam"))
        model.optimizer.build(model.trainable_variables)
        plain = len(model.optimizer.variables)
        fitted(model, RULES[test], epochs=3)
        assert len(model.optimizer.variables) == plain
        assert not {"_clip_gradients", "_backend_apply_gradients"} & set(vars(model.optimizer))

    def test_min_rate(self, test):
        rule = rules.Oscillation(test, **EARLY, min_rate=0.1)
        callback, _ = fitted(linear(optimizer("sgd")), rule, epochs=6)
        assert [rate for _, rate in cuts_of(callback)] == [pytest.approx(0.1)]

    def test_a_second_fit_goes_on_from_the_cut_rate(self, test):
        model = linear(optimizer("sgd"))
        callback, _ = fitted(model, RULES[test], epochs=4)
        cut = float(model.optimizer.learning_rate)
        x, y = noisy()
        model.fit(x, y, batch_size=8, epochs=3, verbose=0, callbacks=[callback], shuffle=False)
        assert callback.explain(0).rate == pytest.approx(cut)
        assert callback.explain(0).base == pytest.approx(0.15)


@TESTS
class TestCheckpoints:
    def test_a_model_saved_in_mid_epoch_is_plain_and_has_the_cut_rate(self, test, tmp_path):
        path = tmp_path / "model.keras"

        class Save(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                if batch == 30 and self.epoch == 4:
                    self.model.save(path)

            def on_epoch_begin(self, epoch, logs=None):
                self.epoch = epoch

        model = linear(optimizer("adam"))
        callback, _ = fitted(model, RULES[test], callbacks=[Save()])
        loaded = keras.saving.load_model(path)
        assert len(loaded.optimizer.variables) == len(model.optimizer.variables)
        assert float(loaded.optimizer.learning_rate) == pytest.approx(callback.explain(190).rate)
        assert float(loaded.optimizer.learning_rate) < 0.15
        x = noisy()[0][:4]
        np.testing.assert_allclose(
            predict_elsewhere(path, x), loaded.predict(x, verbose=0), rtol=1e-5
        )


class TestAssigned:
    @TESTS
    def test_a_rate_assigned_from_outside_is_a_new_base(self, test):
        class Assign(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                if epoch == 3:
                    self.model.optimizer.learning_rate = 0.12

        model = linear(optimizer("sgd"))
        callback, history = fitted(model, RULES[test], callbacks=[Assign()], epochs=8)
        events = callback.record.events
        before = [e for e in events if e.cause == "oscillation" and e.step < 160]
        after = [e for e in events if e.cause == "oscillation" and e.step >= 160]
        assert [e.cause for e in events].count("set") == 1
        assert len(before) >= 1
        assert len(after) >= 1
        assert after[0].rate == pytest.approx(0.06)
        assert history["learning_rate"][-1] == pytest.approx(0.12 * 0.5 ** len(after))
        assert callback.explain(319).rate == pytest.approx(history["learning_rate"][-1])


class TestBesideOthers:
    def test_two_tests_together(self):
        x, y = noisy()
        both = LearningRate(rules=list(RULES.values()))
        model = linear(optimizer("sgd"))
        history = model.fit(
            x, y, batch_size=8, epochs=6, shuffle=False, verbose=0, callbacks=[both]
        ).history
        reasons = [e.reason for e in both.record.events]
        assert any("power" in reason for reason in reasons)
        assert any("alignment" in reason for reason in reasons)
        assert history["learning_rate"][-1] == pytest.approx(0.15 * 0.5 ** len(reasons))

    def test_with_a_plateau_and_its_floor(self):
        x, y = noisy()
        callback = LearningRate(
            rules=[RULES["distance"], rules.Plateau("loss", patience=1, min_delta=0.5)]
        )
        model = linear(optimizer("sgd"))
        history = model.fit(
            x, y, batch_size=8, epochs=5, shuffle=False, verbose=0, callbacks=[callback]
        ).history
        causes = [e.cause for e in callback.record.events]
        assert {"oscillation", "plateau"} == set(causes)
        assert history["learning_rate"][-1] * 0.5 ** (
            callback.record.events[-1].epoch == 4 and causes[-1] == "plateau"
        ) == pytest.approx(0.15 * 0.5 ** len(causes))
        assert float(model.optimizer.learning_rate) == pytest.approx(0.15 * 0.5 ** len(causes))
        for event in callback.record.events:
            assert callback.explain(event.step).rate <= event.rate * (1 + 1e-6)

    @TESTS
    def test_a_schedule_multiplies(self, test):
        schedule = schedules.Constant(0.5).cooldown("25%")
        callback, history = fitted(
            linear(optimizer("sgd")), RULES[test], schedule=schedule, epochs=8
        )
        cuts = cuts_of(callback)
        assert len(cuts) >= 1
        assert max(step for step, _ in cuts) < 240  # none once the rate falls
        plan = callback.plan
        factor = 0.5 ** len(cuts)
        assert history["learning_rate"][-1] == pytest.approx(0.15 * factor * plan(319), rel=1e-4)

    def test_beside_a_full_length_decay_it_says_that_it_does_nothing(self):
        model = linear(optimizer("sgd"))
        with pytest.warns(UserWarning, match="does nothing beside cosine"):
            callback, _ = fitted(model, RULES["distance"], schedule=schedules.Cosine())
        assert callback.record.events == []

    def test_a_run_that_is_too_short_says_so(self):
        model = linear(optimizer("sgd"))
        with pytest.warns(UserWarning, match="needs 57 updates, and the run has 40"):
            fitted(model, RULES["distance"], epochs=1)

    def test_a_rollback_begins_a_new_phase(self):
        class Break(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                if epoch == 1:
                    logs["loss"] = float("nan")

        x, y = noisy()
        callback = LearningRate(
            rules=[rules.Oscillation(**{**EARLY, "growth": 1.2}), rules.Divergence()],
        )
        model = linear(optimizer("sgd"))
        model.fit(
            x, y, batch_size=8, epochs=4, shuffle=False, verbose=0, callbacks=[Break(), callback]
        )
        steps = [e.step for e in callback.record.events if e.cause == "oscillation"]
        assert min(step for step in steps if step >= 80) >= 80 + 46
        assert {e.cause for e in callback.record.events} == {"oscillation", "divergence"}
        product = np.prod([e.factor for e in callback.record.events])
        assert float(model.optimizer.learning_rate) == pytest.approx(0.15 * product)
