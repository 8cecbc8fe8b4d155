"""Groups whose rate follows a schedule of its own, under LearningRate."""

import keras
import numpy as np
import pytest

import keras_lr
from helpers import data, ones
from keras_lr import LearningRate, rules, schedules
from keras_lr.callbacks import LearningRateScheduler
from keras_lr.errors import InvalidInput
from keras_lr.optimizers import freeze, per_layer, unfreeze

pytestmark = pytest.mark.skipif(
    not hasattr(keras.optimizers, "MultiOptimizer"), reason="this Keras has no MultiOptimizer"
)


@keras.saving.register_keras_serializable()
def difference(y, y_pred):
    """A loss whose gradient is 1."""
    return y_pred - y


def branches(optimizer, rates, **compile_arguments):
    """Three weights "a", "b" and "c" whose gradients are 1 at each step."""
    inputs = keras.Input((1,))
    outputs = keras.layers.add(
        [
            keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name=name)(inputs)
            for name in "abc"
        ]
    )
    model = keras.Model(inputs, outputs)
    optimizer = per_layer(optimizer, rates, model=model)
    model.compile(optimizer, loss=difference, **compile_arguments)
    return model


class Watch(keras.callbacks.Callback):
    """How far each weight moved at each step."""

    def on_train_begin(self, logs=None):
        self.seen = [self.now()]

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(self.now())

    def now(self):
        return [
            float(keras.ops.convert_to_numpy(each).item())
            for each in self.model.trainable_variables
        ]

    @property
    def moved(self):
        return -np.diff(np.array(self.seen, "float64"), axis=0)


def run(model, batches=10, epochs=1, callbacks=(), **fit):
    x, y = ones(batches)
    watch = Watch()
    arguments = {"batch_size": 2, "epochs": epochs, "verbose": 0, **fit}
    history = model.fit(x, y, callbacks=[*callbacks, watch], **arguments)
    return watch.moved, history.history


def test_base_times_schedule_times_group_times_reduction():
    model = branches(keras.optimizers.SGD(0.5), {"a": "linear()", "b": 0.1})
    cuts = rules.Plateau("loss", mode="max", factor=0.5, patience=1)
    control = LearningRate("constant(0.8)", rules=[cuts])
    moved, logs = run(model, epochs=3, callbacks=[control])
    linear = 1 - np.arange(30) / 30
    reduction = np.repeat([1, 1, 0.5], 10)
    np.testing.assert_allclose(moved[:, 0], 0.5 * 0.8 * linear * reduction, rtol=2e-4, atol=1e-6)
    np.testing.assert_allclose(moved[:, 1], 0.1 * 0.5 * 0.8 * reduction, rtol=2e-4, atol=1e-6)
    np.testing.assert_allclose(moved[:, 2], 0.5 * 0.8 * reduction, rtol=2e-4, atol=1e-6)
    assert [key for key in logs if "rate" in key] == [
        "learning_rate_a",
        "learning_rate_b",
        "learning_rate_rest",
    ]
    assert logs["learning_rate_a"][-1] == pytest.approx(0.5 * 0.8 * 0.5 / 30)
    assert logs["learning_rate_b"] == pytest.approx([0.04, 0.04, 0.02])
    told = control.explain(25, member="a")
    assert told.group == {"a": pytest.approx(linear[25])}
    assert told.rate == pytest.approx(0.5 * 0.8 * 0.5 * linear[25])
    assert "a 0.1667" in str(told)
    assert control.explain(25, member="rest").rate == pytest.approx(0.2)
    assert control.explain(25).rate == told.rate
    with pytest.raises(InvalidInput, match="Did you mean 'rest'"):
        control.explain(25, member="resd")
    assert keras_lr.get_learning_rate(model) == {
        "a": pytest.approx(0.125),  # the last epoch was cut from too
        "b": pytest.approx(0.0125),
        "rest": pytest.approx(0.125),
    }


@pytest.mark.parametrize("jit", [False, True])
def test_a_group_is_frozen_bit_for_bit_until_its_time_and_from_its_time_on(jit):
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5, use_ema=True, ema_momentum=0.5)
    compiled = jit and keras.backend.backend() != "torch"
    model = branches(optimizer, {"a": unfreeze("30%"), "b": freeze("30%")}, jit_compile=compiled)
    model.set_weights([np.full((1, 1), 0.3, "float32")] * 3)
    moved, _ = run(model, callbacks=[LearningRate()])
    assert [list(column != 0) for column in moved.T] == [
        [False] * 3 + [True] * 7,
        [True] * 3 + [False] * 7,
        [True] * 10,
    ]


def test_a_momentum_does_not_carry_a_frozen_group_on():
    model = branches(keras.optimizers.SGD(0.1, momentum=0.9), {"a": freeze(4)})
    moved, _ = run(model, callbacks=[LearningRate()])
    assert (moved[4:, 0] == 0).all()
    assert (moved[4:, 1] > 0.3).all()


def test_what_is_frozen_now_is_not_in_the_norm():
    model = branches(keras.optimizers.SGD(1.0, global_clipnorm=1.0), {"a": unfreeze(2), "b": 0.5})
    moved, _ = run(model, batches=4, callbacks=[LearningRate()])
    two, three = 1 / np.sqrt(2), 1 / np.sqrt(3)
    np.testing.assert_allclose(
        moved, [[0, two / 2, two]] * 2 + [[three, three / 2, three]] * 2, rtol=1e-5
    )


def test_lengths_are_updates_under_accumulation_and_epochs_of_the_fit():
    optimizer = keras.optimizers.SGD(1.0, gradient_accumulation_steps=2)
    model = branches(optimizer, {"a": unfreeze("2 epochs"), "b": unfreeze(3)})
    moved, _ = run(model, batches=4, epochs=3, callbacks=[LearningRate()])
    assert list(moved[:, 0]) == [0] * 9 + [1, 0, 1]
    assert list(moved[:, 1]) == [0] * 7 + [1, 0, 1, 0, 1]
    assert list(moved[:, 2]) == [0, 1] * 6


def test_initial_epoch_enters_the_schedule_there():
    model = branches(keras.optimizers.SGD(1.0), {"a": unfreeze("2 epochs")})
    moved, _ = run(model, batches=2, epochs=4, initial_epoch=1, callbacks=[LearningRate()])
    assert list(moved[:, 0]) == [0, 0, 1, 1, 1, 1]


def test_training_without_learning_rate_is_refused():
    optimizer = keras.optimizers.Adam(1.0, use_ema=True)
    model = branches(optimizer, {"a": "cosine()"})
    before = [np.array(each) + 1 for each in model.get_weights()]
    model.set_weights(before)
    for callbacks in ([], [LearningRateScheduler(lambda epoch, rate: rate)]):
        with pytest.raises(InvalidInput, match=r"callbacks=\[keras_lr.LearningRate\(\)\]"):
            run(model, callbacks=callbacks)
        np.testing.assert_array_equal(model.get_weights(), before)
    run(model, callbacks=[LearningRate()])
    before = model.get_weights()
    with pytest.raises(InvalidInput, match="'a' follows cosine"):
        run(model)
    np.testing.assert_array_equal(model.get_weights(), before)
    x, y = ones(1)
    with pytest.raises(InvalidInput, match="In a loop of your own"):
        model.train_on_batch(x, y)


def test_after_an_interruption_too():
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    model = branches(keras.optimizers.SGD(1.0), {"a": "cosine()"})
    with pytest.raises(KeyboardInterrupt):
        run(model, callbacks=[LearningRate(), Stop()])
    x, y = ones(1)
    with pytest.raises(InvalidInput, match="'a' follows cosine"):
        model.train_on_batch(x, y)


def test_a_schedule_that_does_not_fit_is_refused_before_training():
    model = branches(keras.optimizers.SGD(1.0), {"a": "cosine() | warmup(50 epochs)"})
    with pytest.raises(InvalidInput, match="50 epochs"):
        run(model, callbacks=[LearningRate()])
    assert all((np.array(each) == 0).all() for each in model.get_weights())


def test_a_checkpoint_of_the_middle_goes_on(tmp_path):
    path = tmp_path / "model.keras"
    rates = {"a": unfreeze("50%"), "b": "linear()"}
    model = branches(keras.optimizers.Adam(0.1, global_clipnorm=0.5), rates)
    saving = keras.callbacks.ModelCheckpoint(path)
    stop = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", epoch == 1)
    )
    control = LearningRate("constant(0.5)")
    control.expects_early_end = True
    run(model, batches=4, epochs=4, callbacks=[control, saving, stop])
    again = keras.saving.load_model(path)
    assert again.optimizer.group_schedules == {
        "a": unfreeze("50%"),
        "b": schedules.Linear(),
    }
    for each in (model, again):
        run(each, batches=4, epochs=4, initial_epoch=2, callbacks=[LearningRate("constant(0.5)")])
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_in_mixed_precision_and_steps_per_execution():
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(6, name="first"),
                keras.layers.Dense(3, name="head"),
            ]
        )
    finally:
        keras.config.set_dtype_policy("float32")
    optimizer = per_layer(
        keras.optimizers.Adam(0.05, global_clipnorm=1.0), {"first": unfreeze("50%")}, model=model
    )
    several = 1 if keras.backend.backend() == "torch" else 2
    model.compile(
        keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=64.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=several,
    )
    before = [np.array(each) for each in model.get_weights()]
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(
            [
                np.array_equal(now, then)
                for now, then in zip(model.get_weights(), before, strict=True)
            ]
        )
    )
    x, y = data(32)
    model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[LearningRate(), watch])
    assert seen == [[True, True, False, False], [False] * 4]


def test_divergence_rolls_all_groups_back_and_cuts_them():
    model = branches(keras.optimizers.Adam(0.1), {"a": unfreeze("50%"), "b": None})
    hurt = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: (
            model.set_weights([np.full((1, 1), np.nan)] * 3) if epoch == 1 else None
        )
    )
    control = LearningRate(rules=[rules.Divergence(factor=0.5)])
    _, logs = run(model, batches=4, epochs=4, callbacks=[control, hurt])
    assert [event.cause for event in control.record.events] == ["divergence"]
    a, b, c = (float(each.item()) for each in model.get_weights())
    assert logs["learning_rate_a"] == pytest.approx([0, 0, 0.05, 0.05])
    assert logs["learning_rate_rest"][-1] == pytest.approx(0.05)
    assert np.isfinite([a, c]).all()
    assert a < 0
    assert b == 0
