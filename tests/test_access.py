"""`get_learning_rate` and `set_learning_rate`: any optimizer, at any time, and never silently nothing."""

import warnings

import keras
import numpy as np
import pytest

import keras_lr
from helpers import applied_rates, classifier, data, ones, unit_gradient
from keras_lr import rules, schedules
from keras_lr.callbacks import LearningRate
from keras_lr.errors import InvalidInput

TORCH = keras.backend.backend() == "torch"
STOCK = [
    "SGD",
    "RMSprop",
    "Adam",
    "AdamW",
    "Adadelta",
    "Adagrad",
    "Adamax",
    "Adafactor",
    "Nadam",
    "Ftrl",
    "Lion",
    "Lamb",
    "Muon",
    "ScheduleFreeAdamW",
]


def read(variable):
    return float(keras.ops.convert_to_numpy(variable))


def multi():
    """A model with a member for each of its two layers."""
    members = [keras.optimizers.SGD(0.5, name="sgd"), keras.optimizers.Adam(0.25, name="adam")]
    model = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="one"),
            keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="two"),
        ]
    )
    chosen = dict(zip(("one", "two"), members, strict=True))
    model.compile(
        keras.optimizers.MultiOptimizer(lambda v: chosen[v.path.split("/")[-2]]),
        loss=lambda y, y_pred: y_pred - y,
    )
    return model, members


class At(keras.callbacks.Callback):
    """Calls a function once, after a batch."""

    def __init__(self, batch, function):
        super().__init__()
        self.batch, self.function = batch, function

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.batch:
            self.function()


@pytest.mark.parametrize("name", [name for name in STOCK if hasattr(keras.optimizers, name)])
@pytest.mark.deep(after=6)
def test_every_stock_optimizer(name):
    optimizer = getattr(keras.optimizers, name)(0.1)
    model = classifier(optimizer)
    x, y = data()
    model.fit(x, y, verbose=0)
    keras_lr.set_learning_rate(model, 0.02)
    assert keras_lr.get_learning_rate(model) == pytest.approx(0.02)
    assert read(optimizer.learning_rate) == pytest.approx(0.02)
    before = [v.numpy() for v in model.trainable_variables]
    if name in ("Ftrl", "ScheduleFreeAdamW"):
        return  # whose weights aren't the old ones and a step of the rate's length
    keras_lr.set_learning_rate(optimizer, 1e-12)
    model.fit(x, y, verbose=0)
    for old, new in zip(before, model.trainable_variables, strict=True):
        np.testing.assert_allclose(old, new.numpy(), atol=1e-6)  # so the compiled step knows it


@pytest.mark.parametrize("loss_scale", [False, True])
def test_a_member_by_its_name(loss_scale):
    model, members = multi()
    if loss_scale:
        model.compile(
            keras.optimizers.LossScaleOptimizer(model.optimizer, initial_scale=4.0), loss=model.loss
        )
    assert keras_lr.get_learning_rate(model) == {"sgd": 0.5, "adam": 0.25}
    keras_lr.set_learning_rate(model, {"adam": 1e-3})
    assert keras_lr.get_learning_rate(model) == {"sgd": 0.5, "adam": pytest.approx(1e-3)}
    keras_lr.set_learning_rate(model, {"sgd": 0.125, "adam": 0.0625})
    assert keras_lr.get_learning_rate(model) == {"sgd": 0.125, "adam": 0.0625}
    keras_lr.set_learning_rate(members[0], 0.75)
    assert keras_lr.get_learning_rate(members[0]) == 0.75
    keras_lr.set_learning_rate(model, 0.25)
    assert keras_lr.get_learning_rate(model) == {"sgd": 0.25, "adam": 0.25}


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ({"sdg": 0.1}, "no member 'sdg'. Did you mean 'sgd'"),
        (
            {"sgd": 0.1, "adam": float("nan")},
            r"learning_rate\['adam'\] must be positive and finite",
        ),
        ({"sgd": 0.1, "adam": [1e-3]}, r"learning_rate\['adam'\] must be a positive number"),
        ({}, "names no member"),
        (np.array([0.1, 0.2]), r"one number.*shape \(2,\).*dictionary"),
    ],
)
def test_what_names_no_rate_changes_nothing(value, match):
    model, _ = multi()
    with pytest.raises(InvalidInput, match=match):
        keras_lr.set_learning_rate(model, value)
    assert keras_lr.get_learning_rate(model) == {"sgd": 0.5, "adam": 0.25}


@pytest.mark.parametrize("value", [True, "0.1", None, float("inf"), -1, 0, 1j, np.bool_(True)])
def test_nonsense_is_refused(value):
    model = classifier("sgd")
    with pytest.raises(InvalidInput, match=r"learning_rate must be.*Received"):
        keras_lr.set_learning_rate(model, value)
    assert keras_lr.get_learning_rate(model) == pytest.approx(0.01)


@pytest.mark.parametrize("value", [1e-50, 1e39, np.float64(1e-46), 10**400, 10**39])
def test_what_the_variable_can_not_hold_is_refused(value):
    model = classifier("sgd")
    with pytest.raises(InvalidInput, match=r"learning_rate must be.*Received"):
        keras_lr.set_learning_rate(model, value)
    assert keras_lr.get_learning_rate(model) == pytest.approx(0.01)
    assert np.isfinite(keras_lr.get_learning_rate(model))
    keras_lr.set_learning_rate(model, 1e-30)
    assert keras_lr.get_learning_rate(model) == pytest.approx(1e-30)


@pytest.mark.parametrize(
    "value", [1, np.float32(0.5), np.array(0.5), np.array([0.5]), keras.ops.convert_to_tensor(0.5)]
)
def test_any_number_will_do(value):
    model = classifier("sgd")
    keras_lr.set_learning_rate(model, value)
    assert keras_lr.get_learning_rate(model) in (0.5, 1.0)


@pytest.mark.parametrize("wrong", [None, "sgd", 0.1, keras.layers.Dense(1)])
def test_what_has_no_rate_is_refused(wrong):
    with pytest.raises(InvalidInput, match="of a compiled model or of an optimizer"):
        keras_lr.get_learning_rate(wrong)
    with pytest.raises(InvalidInput, match="of a compiled model or of an optimizer"):
        keras_lr.set_learning_rate(wrong, 0.1)


def test_members_that_are_not_known_yet():
    optimizer = keras.optimizers.MultiOptimizer(lambda v: keras.optimizers.SGD(0.5))
    for call in (keras_lr.get_learning_rate, lambda o: keras_lr.set_learning_rate(o, 0.1)):
        with pytest.raises(InvalidInput, match="aren't known before it is built"):
            call(optimizer)


class TestInTheMiddleOfAnEpoch:
    X, Y = ones(6)

    @pytest.mark.parametrize("through", ["model", "optimizer", "loss_scale"])
    @pytest.mark.parametrize("controlled", [False, True])
    def test_the_next_update_uses_it(self, through, controlled):
        inner = keras.optimizers.SGD(0.5)
        wrapped = through == "loss_scale"
        scale = keras.optimizers.LossScaleOptimizer
        model = unit_gradient(scale(inner, initial_scale=4.0) if wrapped else inner)
        target = model if through == "model" else inner  # held since before the fit
        read_there = []

        def change():
            read_there.append(keras_lr.get_learning_rate(target))
            keras_lr.set_learning_rate(target, 0.125)

        callbacks = [At(2, change)]
        if controlled:
            callbacks.insert(0, LearningRate(lambda step: 0.5 + 0.0 * step))
        moved = applied_rates(model, self.X, self.Y, batch_size=2, callbacks=callbacks)
        before = 0.25 if controlled else 0.5
        assert read_there == [before]
        np.testing.assert_allclose(moved, [before] * 3 + [0.125] * 3, rtol=1e-4)

    def test_under_a_schedule_that_is_0(self):
        model = unit_gradient(keras.optimizers.SGD(0.5))

        def change():
            with pytest.raises(InvalidInput, match="the schedule is 0 at this step"):
                keras_lr.set_learning_rate(model, 0.125)

        schedule = schedules.Piecewise([2], [1.0, 0.0])
        applied_rates(
            model,
            self.X,
            self.Y,
            batch_size=2,
            callbacks=[LearningRate(schedule), At(3, change)],
        )
        assert keras_lr.get_learning_rate(model) == 0.5


class TestAnOptimizerBuiltWithASchedule:
    X, Y = ones(6)

    @staticmethod
    def built(with_):
        return {
            "schedule": lambda: keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5),
            "function": lambda: lambda: 0.5,
        }[with_]()

    @pytest.mark.parametrize("with_", ["schedule", "function"])
    def test_is_refused_with_two_lines_to_choose_from(self, with_):
        model = unit_gradient(keras.optimizers.SGD(self.built(with_)))
        with pytest.raises(InvalidInput, match=r"LearningRate\(schedule.*replace_schedule=True"):
            keras_lr.set_learning_rate(model, 0.1)
        assert keras_lr.get_learning_rate(model) == 0.5

    @pytest.mark.parametrize("with_", ["schedule", "function"])
    @pytest.mark.parametrize("trained", [False, True])
    def test_the_number_takes_the_place_of_the_schedule(self, with_, trained, tmp_path):
        model = unit_gradient(keras.optimizers.SGD(self.built(with_), momentum=0.9))
        if trained:
            model.fit(self.X, self.Y, batch_size=2, verbose=0)
        keras_lr.set_learning_rate(model, 0.125, replace_schedule=True)
        assert keras_lr.get_learning_rate(model) == 0.125
        for momentum in model.optimizer.variables[2:]:
            momentum.assign(np.zeros(momentum.shape))
        moved = applied_rates(model, self.X[:2], self.Y[:2], batch_size=2)
        np.testing.assert_allclose(moved, [0.125], rtol=1e-5)
        # Its checkpoints are those of an optimizer built with a number.
        path = tmp_path / "model.weights.h5"
        model.save_weights(path)
        plain = unit_gradient(keras.optimizers.SGD(0.25, momentum=0.9))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            plain.optimizer.build(plain.trainable_variables)
            plain.load_weights(path)
        assert keras_lr.get_learning_rate(plain) == 0.125
        assert int(plain.optimizer.iterations.numpy()) == (7 if trained else 1)

    def test_in_the_middle_of_training(self):
        model = unit_gradient(keras.optimizers.SGD(self.built("schedule")))
        change = At(2, lambda: keras_lr.set_learning_rate(model, 0.125, replace_schedule=True))
        moved = applied_rates(model, self.X, self.Y, batch_size=2, callbacks=[change])
        np.testing.assert_allclose(moved, [0.5, 0.25, 0.125, 0.125, 0.125, 0.125], rtol=1e-4)

    def test_under_rules_it_can_be_set_without(self):
        model = unit_gradient(keras.optimizers.SGD(self.built("schedule")))
        control = LearningRate(rules=[rules.Plateau("loss")])
        moved = applied_rates(
            model,
            self.X,
            self.Y,
            batch_size=2,
            callbacks=[control, At(2, lambda: keras_lr.set_learning_rate(model, 0.125))],
        )
        np.testing.assert_allclose(
            moved, [0.5, 0.25, 0.125, 0.125, 0.0625, 0.03125], rtol=1e-3
        )  # the schedule passes through 0.125 and goes on

    def test_an_optimizer_that_has_trained_needs_its_model(self):
        model = unit_gradient(keras.optimizers.SGD(self.built("schedule")))
        model.fit(self.X, self.Y, batch_size=2, verbose=0)
        with pytest.raises(InvalidInput, match="give the model"):
            keras_lr.set_learning_rate(model.optimizer, 0.1, replace_schedule=True)
        fresh = keras.optimizers.SGD(self.built("schedule"))
        keras_lr.set_learning_rate(fresh, 0.125, replace_schedule=True)
        moved = applied_rates(unit_gradient(fresh), self.X[:2], self.Y[:2], batch_size=2)
        np.testing.assert_allclose(moved, [0.125], rtol=1e-5)
