"""A run that ends elsewhere than its schedule is told so."""

import warnings

import keras
import numpy as np
import pytest

from helpers import ones, unit_gradient
from keras_lr import rules
from keras_lr.callbacks import LearningRate
from keras_lr.errors import TrainingDiverged
from keras_lr.schedules import (
    Constant,
    Cosine,
    Linear,
    OneCycle,
    StepDecay,
    end_report,
    warmup_stable_decay,
)

BATCHES, EPOCHS = 6, 10


class StopAt(keras.callbacks.Callback):
    """Ends the run at the end of an epoch, or after some batches of it."""

    def __init__(self, epoch, batch=None):
        super().__init__()
        self.at = (epoch, batch)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        if (epoch, None) == self.at:
            self.model.stop_training = True


def run(callback, *callbacks, optimizer=None, data=None, epochs=EPOCHS, **arguments):
    model = unit_gradient(optimizer or keras.optimizers.SGD(0.5))
    given = {"x": ones(BATCHES)[0], "y": ones(BATCHES)[1], "batch_size": 2}
    model.fit(
        **(given if data is None else data),
        epochs=epochs,
        verbose=0,
        callbacks=[callback, *callbacks],
        **arguments,
    )
    return callback.record.ending


class TestReport:
    def test_stopped_early(self):
        plan = Linear(1.0, 0.1).resolve(steps=1000)
        assert end_report(plan, 400) == (
            "The run stopped at step 400 of 1000 (40 %): the last factor of linear(end=0.1, "
            "length=1000) was 0.641, 6.41 times its final 0.1."
        )

    def test_down_to_nothing(self):
        told = end_report(Cosine().rate(0.5).resolve(steps=1000), 500)
        assert "last rate of" in told
        assert told.endswith("was 0.251, not yet its final 0.")

    def test_on_the_way_up(self):
        told = end_report(Linear(0.0, 1.0).resolve(steps=1000), 400)
        assert told.endswith("was 0.399, not yet its final 1.")

    def test_cut_off_by_the_run_itself(self):
        """Measured against what the run would have reached."""
        plan = Linear(length=2000).resolve(steps=1000)
        assert end_report(plan, 500).endswith("was 0.75, 1.5 times its final 0.5.")
        assert end_report(plan, 1000) is None

    def test_went_on(self):
        assert end_report(Cosine().resolve(steps=1000), 1200) == (
            "The run went on for 200 steps after its plan of 1000 ended: the last factor of "
            "cosine(length=1000), 0, stayed in them, so nothing was learned."
        )

    @pytest.mark.parametrize(
        ("schedule", "done"),
        [
            (Constant(), 10),  # never ends
            (StepDecay(0.5, every=100), 500),
            (Cosine(), 1000),  # as planned
            (Cosine(), 999),  # rounding
            (Cosine(), 1001),
            (Cosine(), 0),  # nothing was done at all
            (Cosine(length=300), 400),  # the plan was over
            (Cosine(end=1.0), 400),  # nothing is lost
            (OneCycle(), 1000),
        ],
    )
    def test_nothing_to_tell(self, schedule, done):
        assert end_report(schedule.resolve(steps=1000), done) is None


class TestInFit:
    @pytest.mark.parametrize(("stop", "done"), [((3, None), 24), ((3, 1), 20)])
    def test_a_run_that_was_stopped(self, stop, done):
        callback = LearningRate(Linear(1.0, 0.1))
        with pytest.warns(UserWarning, match=rf"stopped at step {done} of 60 \(") as caught:
            ending = run(callback, StopAt(*stop))
        assert ending in [str(item.message) for item in caught]
        assert f"{callback.explain(done - 1).schedule:.3g}, " in ending

    def test_early_stopping(self):
        callback = LearningRate(Cosine(end=0.01))
        stopping = keras.callbacks.EarlyStopping("loss", patience=2, min_delta=1e9)
        with pytest.warns(UserWarning, match=r"step 18 of 60 \(30 %\).* times its final 0\.01"):
            run(callback, stopping)

    def test_updates_are_counted_and_not_batches(self):
        optimizer = keras.optimizers.SGD(0.5, gradient_accumulation_steps=2)
        with pytest.warns(UserWarning, match="step 12 of 30"):
            run(LearningRate(Cosine()), StopAt(3), optimizer=optimizer)

    def test_from_an_initial_epoch(self):
        with pytest.warns(UserWarning, match="step 24 of 60"):
            run(LearningRate(Cosine()), StopAt(3), initial_epoch=2)

    def test_data_that_ran_out(self):
        pairs = [(np.ones((2, 1), "float32"), np.zeros((2, 1), "float32"))] * 8
        data = {"x": (pair for pair in pairs), "steps_per_epoch": BATCHES, "shuffle": False}
        callback = LearningRate(Cosine())
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            ending = run(callback, StopAt(1), data=data, epochs=2)
        assert "stopped at step 8 of 12" in ending
        assert ending in [str(item.message) for item in caught]

    def test_stopped_on_purpose(self):
        callback = LearningRate(Cosine())
        callback.expects_early_end = True
        assert "step 24 of 60" in run(callback, StopAt(3))

    @pytest.mark.parametrize(
        "schedule", [Cosine(), Constant(), None, OneCycle(), warmup_stable_decay("5%", "20%")]
    )
    def test_a_run_that_ended_as_planned(self, schedule):
        assert run(LearningRate(schedule), epochs=2) is None

    def test_updates_that_a_loss_scale_skipped_are_no_early_end(self):
        """Two of twelve steps overflow; the run was as long as it should be."""
        inner = keras.optimizers.SGD(0.5)
        scaled = keras.optimizers.LossScaleOptimizer(inner, initial_scale=2.0**126)
        x, y = ones(BATCHES)
        data = {"x": 8 * x, "y": y, "batch_size": 2}
        assert run(LearningRate(Cosine()), optimizer=scaled, data=data, epochs=2) is None
        assert int(inner.iterations.numpy()) == 10

    @pytest.mark.parametrize("schedule", [None, Constant(), StepDecay(0.5, every="1 epoch")])
    def test_a_plan_that_never_ends(self, schedule):
        assert run(LearningRate(schedule), StopAt(3)) is None

    def test_a_later_fit_tells_of_itself(self):
        callback = LearningRate(Cosine())
        with pytest.warns(UserWarning, match="stopped at"):
            assert run(callback, StopAt(3))
        assert run(callback) is None

    def test_a_divergence_is_told_by_its_own_error(self):
        class Spike(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                logs["loss"] = float("nan")

        callback = LearningRate(Cosine(), rules=[rules.Divergence(max_rollbacks=1)])
        model = unit_gradient(keras.optimizers.SGD(0.5))
        with pytest.raises(TrainingDiverged):
            model.fit(*ones(BATCHES), epochs=EPOCHS, verbose=0, callbacks=[Spike(), callback])
        assert callback.record.ending is None
