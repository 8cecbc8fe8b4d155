"""Scheduled momentum and weight decay: what a fit leaves behind, tells, and refuses."""

import warnings

import keras
import numpy as np
import pytest

from elsewhere import predict_elsewhere
from helpers import applied_rates, classifier, data, ones, unit_gradient
from keras_lr import rules
from keras_lr.callbacks import LearningRate, LearningRateMonitor
from keras_lr.errors import InvalidInput
from keras_lr.schedules import Constant, Cosine, Linear, Piecewise, join
from settings_runs import (
    BATCHES,
    CYCLED,
    EPOCHS,
    STEPS,
    TORCH,
    moved,
    sgd,
    values,
)


class TestOnlyForTheFit:
    def test_the_number_is_back(self):
        model = unit_gradient(sgd(weight_decay=0.1))
        x, y = ones(BATCHES)
        callback = LearningRate(momentum=CYCLED, weight_decay=0.0)
        model.fit(x, y, batch_size=2, verbose=0, callbacks=[callback])
        assert (model.optimizer.momentum, model.optimizer.weight_decay) == (0.9, 0.1)
        assert "apply" not in vars(model.optimizer)
        model.optimizer.weight_decay = None
        again = applied_rates(model, x, y, batch_size=2)
        assert again[-1] == pytest.approx(0.9 * again[-2] + 0.5, rel=1e-4)

    @pytest.mark.parametrize("raised", [KeyboardInterrupt, RuntimeError])
    def test_after_an_interruption(self, raised, tmp_path):
        class Stop(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                if batch == 2:
                    raise raised

        model = unit_gradient(sgd())
        x, y = ones(BATCHES)
        with pytest.raises(raised):
            model.fit(x, y, batch_size=2, verbose=0, callbacks=[LearningRate(momentum=0.2), Stop()])
        assert model.optimizer.get_config()["momentum"] == 0.9
        again = applied_rates(model, x, y, batch_size=2)
        assert "apply" not in vars(model.optimizer)
        np.testing.assert_allclose(again[1:], 0.9 * again[:-1] + 0.5, rtol=1e-4)

    def test_the_checkpoint_is_plain_keras(self, tmp_path):
        path = tmp_path / "model.keras"
        x, y = data()
        model = classifier(sgd(0.1, weight_decay=0.01))
        kept = []

        class Look(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                kept.append(self.model.optimizer.get_config())

        callback = LearningRate("cosine()", momentum=CYCLED, weight_decay=Cosine())
        checkpoint = keras.callbacks.ModelCheckpoint(path)
        model.fit(x, y, epochs=2, verbose=0, callbacks=[callback, checkpoint, Look()])
        assert {config["momentum"] for config in kept} == {0.9}
        assert {config["weight_decay"] for config in kept} == {0.01}
        saved = keras.models.load_model(path)
        for mine, theirs in zip(model.optimizer.variables, saved.optimizer.variables, strict=True):
            np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
        told = predict_elsewhere(path, x[:3])
        np.testing.assert_allclose(told, model.predict(x[:3], verbose=0), rtol=1e-4, atol=1e-6)

    def test_every_step_uses_one_trace(self):
        traced = []

        def momentum(step):
            (traced if keras.ops.is_tensor(step) else numbers).append(step)
            return 0.5 + 0.01 * step

        class Count(keras.callbacks.Callback):
            def on_train_batch_begin(self, batch, logs=None):
                self.before = len(numbers)

            def on_train_batch_end(self, batch, logs=None):
                in_steps.append(len(numbers) - self.before)

        numbers, in_steps = [], []
        moved(sgd(), LearningRate(momentum=momentum), epochs=4, callbacks=[Count()])
        assert in_steps == [1 if TORCH else 0] * (4 * BATCHES)
        assert len(traced) == 0 if TORCH else 1 <= len(traced) <= 2

    def test_a_rollback_goes_on_where_the_run_is(self):
        class Spike(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                logs["watched"] = float("nan") if epoch == 1 else 1.0

        seen = Linear(0.5, 0.9)
        model = unit_gradient(sgd())
        callback = LearningRate(rules=[rules.Divergence("watched", factor=0.5)], momentum=seen)
        with pytest.warns(UserWarning, match="none of the model's metrics"):
            history = model.fit(
                *ones(BATCHES), batch_size=2, epochs=3, verbose=0, callbacks=[Spike(), callback]
            ).history
        expected = values(seen, 3 * BATCHES)[BATCHES - 1 :: BATCHES]
        np.testing.assert_allclose(history["momentum"], expected, rtol=1e-6)


class TestWhatIsTold:
    def test_logs_explain_and_the_monitor(self):
        model = unit_gradient(keras.optimizers.AdamW(0.5, weight_decay=0.01))
        decay = Linear(0.2, 0.1)
        callback = LearningRate(Cosine(), momentum=CYCLED, weight_decay=decay)
        monitor = LearningRateMonitor(settings=("beta_1", "beta_2"))
        history = model.fit(
            *ones(BATCHES), batch_size=2, epochs=EPOCHS, verbose=0, callbacks=[callback, monitor]
        ).history
        ends = np.array([BATCHES - 1, STEPS - 1])
        np.testing.assert_allclose(history["momentum"], values(CYCLED)[ends], rtol=1e-6)
        np.testing.assert_allclose(history["weight_decay"], values(decay)[ends], rtol=1e-6)
        np.testing.assert_allclose(history["beta_1"], values(CYCLED)[ends], rtol=1e-6)
        assert history["beta_2"] == [0.999] * 2
        told = callback.explain(7)
        assert told.settings == {
            "momentum": pytest.approx(values(CYCLED)[7]),
            "weight_decay": pytest.approx(values(decay)[7]),
        }
        assert (
            str(told)
            .splitlines()[0]
            .endswith(f"momentum {values(CYCLED)[7]:.4g}, weight_decay 0.1417")
        )

    def test_one_that_does_not_fit_the_run(self):
        callback = LearningRate(momentum=Linear(0.5, 0.9, length=4))
        with pytest.warns(UserWarning, match="8 steps before the run .* its last momentum, 0.9"):
            moved(sgd(), callback)


class TestRefused:
    @pytest.mark.parametrize(
        ("optimizer", "arguments", "match"),
        [
            (lambda: sgd(momentum=0.0), {"momentum": 0.9}, r"SGD\(\.\.\., momentum=0\.9\)"),
            (
                lambda: keras.optimizers.RMSprop(0.1),
                {"momentum": 0.9},
                r"RMSprop\(\.\.\., momentum=0\.9\)",
            ),
            (lambda: keras.optimizers.Adagrad(0.1), {"momentum": 0.9}, "Adagrad has none"),
            (sgd, {"weight_decay": 0.1}, r"SGD\(\.\.\., weight_decay=1e-4\)"),
            (sgd, {"momentum": Linear(0.5, 1.5)}, "below 1.* which gives 1 at step 6"),
            (sgd, {"momentum": Constant()}, r"between\(0\.95, 0\.85\)"),
            (sgd, {"momentum": Cosine().warmup(3)}, "gives 1 at step 3"),
            (sgd, {"momentum": "cosine() | between(0.9, 1.0)"}, "gives 1 at step 0"),
            (sgd, {"momentum": Cosine(length=20)}, "which gives 1 at step 0"),
        ],
    )
    def test_before_the_first_step(self, optimizer, arguments, match):
        model = unit_gradient(optimizer())
        x, y = ones(BATCHES)
        with pytest.raises(InvalidInput, match=match) as caught:
            model.fit(
                x, y, batch_size=2, epochs=2, verbose=0, callbacks=[LearningRate(**arguments)]
            )
        assert "Received" in str(caught.value)
        assert int(model.optimizer.iterations.numpy()) == 0
        assert "make_train_function" not in vars(model)
        assert "apply" not in vars(model.optimizer)

    def test_a_momentum_given_after_the_slots_were_left_out(self):
        model = unit_gradient(sgd(momentum=0.0))
        x, y = ones(BATCHES)
        model.fit(x, y, verbose=0)
        model.optimizer.momentum = 0.9
        with pytest.raises(InvalidInput, match="built without"):
            model.fit(x, y, verbose=0, callbacks=[LearningRate(momentum=0.5)])

    @pytest.mark.skipif(
        not hasattr(keras.optimizers, "ScheduleFreeAdamW"), reason="not in this Keras"
    )
    def test_schedule_free(self):
        model = unit_gradient(keras.optimizers.ScheduleFreeAdamW(0.1))
        with pytest.raises(InvalidInput, match="must stay what it is"):
            model.fit(*ones(BATCHES), verbose=0, callbacks=[LearningRate(momentum=0.5)])

    def test_two_of_them(self):
        model = unit_gradient(sgd())
        x, y = ones(BATCHES)
        both = [LearningRate(momentum=0.5), LearningRate(momentum=0.6)]
        with pytest.raises(InvalidInput, match="only one can"):
            model.fit(x, y, batch_size=2, verbose=0, callbacks=both)
        again = applied_rates(model, x, y, batch_size=2)
        np.testing.assert_allclose(again[1:], 0.9 * again[:-1] + 0.5, rtol=1e-4)

    def test_a_long_run_is_looked_at_where_it_turns(self):
        """A spike of one step in a million is seen, because the schedule marks its boundaries."""
        from keras_lr.callbacks.fit.layout import check_values

        spike = Piecewise([777_777, 777_778], [0.9, 1.5, 0.9])
        with pytest.raises(InvalidInput, match=r"gives 1\.5 at step 777777"):
            check_values("momentum", spike.resolve(steps=1_000_000))
        check_values("weight_decay", spike.resolve(steps=1_000_000))
        # And a peak that is reached in the last step before a boundary only.
        rise = join([Linear(0.0, 1.0, length=777_776), 0.5], boundaries=[777_777])
        with pytest.raises(InvalidInput, match=r"gives 1 at step 777776"):
            check_values("momentum", rise.resolve(steps=1_000_000))

    def test_a_healthy_run_says_nothing(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            moved(sgd(weight_decay=0.1), LearningRate("cosine()", momentum=CYCLED, weight_decay=0))
