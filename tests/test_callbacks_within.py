"""Inside an epoch: rules that look between steps, a NaN that strikes there, and what it costs Keras."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest

from helpers import applied_rates, classifier, data, ones, unit_gradient
from keras_lr.callbacks import LearningRate
from keras_lr.errors import TrainingDiverged
from keras_lr.rate.between_steps import BetweenSteps
from keras_lr.rules import KEEP, Decision, Divergence, Observation, Plateau

torch = keras.backend.backend() == "torch"
one_an_execution = pytest.param(
    2, marks=pytest.mark.skipif(torch, reason="Keras on torch takes one step an execution only")
)


@dataclass(frozen=True)
class Noted:
    """A rule of one's own that notes what it is shown, and cuts at one look."""

    every: int
    cut_at: int = -1
    monitor: str = "loss"
    name = "noted"
    restores = False

    def start(self):
        return ()

    def update(self, state, observation: Observation):
        state = (*state, (observation.step, observation.epoch, observation.values["loss"]))
        cut = len(state) - 1 == self.cut_at
        return state, Decision(factor=0.5, reason="as told") if cut else KEEP


def linear(x, y, rate=0.01, **arguments):
    """A model whose loss of each batch a test can compute, and its data."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((x.shape[1],)), keras.layers.Dense(1)])
    accumulated = arguments.pop("accumulated", None)
    optimizer = keras.optimizers.SGD(rate, gradient_accumulation_steps=accumulated)
    model.compile(optimizer, "mse", **arguments)
    return model


def losses_of_batches(x, y, *, epochs, batch_size, **arguments):
    """Each batch's own loss, from running means that are reset at each batch."""
    model, losses = linear(x, y, **arguments), []
    for _ in range(epochs):
        for begin in range(0, len(x), batch_size):
            batch = slice(begin, begin + batch_size)
            model.reset_metrics()
            losses.append(float(np.asarray(model.train_on_batch(x[batch], y[batch]))))
    return np.array(losses)


@pytest.fixture
def regression():
    random = np.random.default_rng(3)
    x = random.normal(size=(28, 3)).astype("float32")
    return x, (x.sum(1, keepdims=True) + random.normal(size=(28, 1))).astype("float32")


class TestLooks:
    @pytest.mark.parametrize("per_execution", [1, one_an_execution])
    @pytest.mark.parametrize("every", [2, 4, 20])
    def test_the_mean_of_each_chunk(self, regression, every, per_execution):
        """Seven batches an epoch, so that chunks go over the ends of epochs."""
        x, y = regression
        rule = Noted(every)
        control = LearningRate(rules=[rule])
        model = linear(x, y, steps_per_execution=per_execution)
        model.fit(x, y, batch_size=4, epochs=6, shuffle=False, verbose=0, callbacks=[control])
        single = losses_of_batches(x, y, epochs=6, batch_size=4)
        (seen,) = control._states.states
        if per_execution == 1:
            expected = single[: len(single) // every * every].reshape(-1, every).mean(1)
            assert [step for step, _, _ in seen] == list(range(every, 43, every))
            np.testing.assert_allclose([loss for _, _, loss in seen], expected, rtol=2e-5)
        # Whatever the chunks, their batches are those of the run, each once.
        steps = np.diff([0] + [step for step, _, _ in seen])
        total = sum(n * loss for n, (_, _, loss) in zip(steps, seen, strict=True))
        np.testing.assert_allclose(total, single[: sum(steps)].sum(), rtol=2e-5)

    def test_updates_are_counted_and_not_batches(self, regression):
        x, y = regression
        control = LearningRate(rules=[Noted(2)])
        model = linear(x, y, accumulated=2)
        model.fit(x, y, batch_size=4, epochs=4, shuffle=False, verbose=0, callbacks=[control])
        (seen,) = control._states.states
        assert [step for step, _, _ in seen] == [2, 4, 6, 8, 10, 12, 14]

    def test_a_cut_holds_from_the_next_step_on(self):
        model, x_y = unit_gradient(keras.optimizers.SGD(0.5)), ones(8)
        control = LearningRate(rules=[Noted(3, cut_at=0)])
        model.fit(*x_y, batch_size=2, epochs=1, verbose=0, callbacks=[control])
        weight = float(model.trainable_variables[0].numpy()[0, 0])
        assert weight == pytest.approx(-(3 * 0.5 + 5 * 0.25))
        (event,) = control.record.events
        assert (event.step, event.epoch, event.cause) == (3, 0, "noted")
        assert [control.explain(step).rate for step in (2, 3)] == [0.5, 0.25]

    def test_keras_need_not_wait_for_each_step(self):
        """A batch hook would make Keras wait, or call it late and in another thread."""
        assert not {"on_train_batch_end", "on_batch_end"} & set(vars(LearningRate))

    def test_training_on_a_batch_by_a_callback_is_no_step_of_the_fit(self, regression):
        x, y = regression

        class Extra(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                self.model.train_on_batch(x[:4], y[:4])

        control = LearningRate(rules=[Noted(7)])
        model = linear(x, y)
        model.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[control, Extra()])
        assert len(control._states.states[0]) == 2

    def test_a_fit_that_raised_leaves_nothing(self, regression):
        x, y = regression

        class Stop(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                raise KeyboardInterrupt

        model, control = linear(x, y), LearningRate(rules=[Noted(1)])
        with pytest.raises(KeyboardInterrupt):
            model.fit(x, y, batch_size=4, verbose=0, callbacks=[control, Stop()])
        seen = len(control._states.states[0])
        model.fit(x, y, batch_size=4, verbose=0)
        assert len(control._states.states[0]) == seen
        assert "make_train_function" not in vars(model)
        assert not hasattr(model.train_function, "between")

    def test_one_for_a_model(self, regression):
        model = linear(*regression)
        first = BetweenSteps.of(model)
        assert BetweenSteps.of(model) is first
        first.join("a", lambda: None)
        first.leave("a")
        assert "make_train_function" not in vars(model)


def poisoned(batches, at, batch_size=4):
    """Data of which one batch has a NaN."""
    x, y = data(samples=batches * batch_size)
    x[at * batch_size, 0] = np.nan
    return x, y


class TestNanInsideAnEpoch:
    def fit(self, x, y, rule, epochs=2, optimizer="adam", **arguments):
        keras.utils.set_random_seed(2)
        model = classifier(optimizer, metrics=["accuracy"], **arguments)
        control = LearningRate(rules=[rule])
        history = model.fit(
            x, y, batch_size=4, epochs=epochs, shuffle=False, verbose=0, callbacks=[control]
        )
        return model, control, history

    @pytest.mark.parametrize("per_execution", [1, one_an_execution])
    def test_the_rest_of_the_epoch_is_not_lost(self, per_execution):
        x, y = poisoned(40, at=13)
        model, control, history = self.fit(
            x, y, Divergence(), epochs=1, steps_per_execution=per_execution
        )
        (event,) = control.record.events
        assert event.cause == "divergence"
        assert 13 < event.step <= 24  # not at the epoch's end, 40
        assert np.isfinite(history.history["loss"]).all()
        weights = [v.numpy() for v in model.trainable_variables]
        assert all(np.isfinite(w).all() for w in weights)
        # It went on from the start of the epoch, over the batches that were left.
        left = slice(event.step * 4, None)
        keras.utils.set_random_seed(2)
        other = classifier("adam", metrics=["accuracy"])
        other.optimizer.learning_rate = 0.0005
        alone = other.fit(x[left], y[left], batch_size=4, shuffle=False, verbose=0).history
        for mine, theirs in zip(weights, other.trainable_variables, strict=True):
            np.testing.assert_allclose(mine, theirs.numpy(), rtol=1e-5, atol=1e-7)
        for name in ("loss", "accuracy"):
            np.testing.assert_allclose(history.history[name], alone[name], rtol=1e-5)

    def test_again_and_again_gives_up_at_once(self):
        x, y = poisoned(40, at=0)
        x[:] = np.nan
        with pytest.raises(TrainingDiverged, match="gave up after 2 rollbacks"):
            self.fit(x, y, Divergence(max_rollbacks=2), epochs=1)

    def test_seeds_go_back_and_the_order_of_the_data_goes_on(self):
        x, y = data(samples=40)
        seeds, orders = [], []

        class Look(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                seeds.append(noise.seed_generator.state.numpy().tolist())
                orders.append(np.random.get_state()[1:3])

            def on_epoch_end(self, epoch, logs=None):
                if epoch == 1:
                    model.trainable_variables[0].assign(np.full((4, 3), np.nan))

        keras.utils.set_random_seed(4)
        noise = keras.layers.GaussianNoise(0.1)
        model = keras.Sequential([keras.Input((4,)), noise, keras.layers.Dense(3)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1), loss)
        control = LearningRate(rules=[Divergence()])
        model.fit(x, y, batch_size=4, epochs=4, verbose=0, callbacks=[Look(), control])
        (event,) = control.record.events
        assert event.epoch == 1
        assert seeds[0] != seeds[1] == seeds[2] != seeds[3]
        if keras.backend.backend() == "jax":  # where Keras shuffles with NumPy's generator
            assert not np.array_equal(orders[1][0], orders[2][0]) or orders[1][1] != orders[2][1]

    def test_nothing_else_of_a_run_changes(self):
        """Dropout, momentum and shuffling: a healthy run with the rule is the run without it."""
        x, y = data(samples=160)

        def trained(callbacks):
            keras.utils.set_random_seed(4)
            model = keras.Sequential(
                [keras.Input((4,)), keras.layers.Dropout(0.3), keras.layers.Dense(3)]
            )
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss, metrics=["accuracy"])
            history = model.fit(x, y, batch_size=4, epochs=3, verbose=0, callbacks=callbacks)
            return history.history, [v.numpy() for v in model.variables]

        plain, expected = trained([])
        ours, weights = trained([LearningRate(rules=[Divergence()])])
        assert ours["loss"] == plain["loss"]
        assert ours["accuracy"] == plain["accuracy"]
        for mine, theirs in zip(weights, expected, strict=True):
            np.testing.assert_array_equal(mine, theirs)


class TestAReturnInsideAnEpoch:
    """What a look does holds for the very next step, whose trace the look may have changed."""

    @pytest.mark.parametrize("kind", ["best", "last good"])
    def test_the_schedule_stands_where_the_run_does(self, kind):
        model, (x, y) = unit_gradient(keras.optimizers.SGD(0.1)), ones(60)
        settings = {"mode": "max", "patience": "9 looks", "cooldown": "99 looks", "every": 3}
        best = Plateau("loss", restore_best=True, **settings)
        rule = best if kind == "best" else Divergence()
        if kind == "last good":
            x[2 * 24] = np.nan
        control = LearningRate("cosine()", rules=[rule])
        with np.errstate(all="ignore"):
            moved = applied_rates(
                model, x, y, batch_size=2, shuffle=False, epochs=1, callbacks=[control]
            )
        (event,) = control.record.events
        told = [control.explain(step).rate for step in range(60)]
        # At the event's own step the weight jumps back, to where an update at the told rate follows.
        after = slice(event.step + 1, None)
        np.testing.assert_allclose(moved[after], told[after], rtol=1e-3, atol=1e-7)
        assert event.step < 58
        if kind == "last good":
            weight = float(model.trainable_variables[0].numpy()[0, 0])
            assert weight == pytest.approx(-sum(told[event.step :]), rel=1e-3)
