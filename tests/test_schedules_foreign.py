"""Schedules from elsewhere: Keras's own, plain callables, numbers, text."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_lr.errors import InvalidInput
from keras_lr.schedules import (
    Constant,
    Cosine,
    Function,
    Keras,
    as_schedule,
    deserialize,
    join,
    product,
    serialize,
)

keras_schedules = keras.optimizers.schedules


def compiled(function):
    """`function` of the step as the backend compiles a training step."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, autograph=False)
    return function


def test_as_schedule_takes_what_users_have():
    cosine = Cosine(length=10)
    assert as_schedule(cosine) is cosine
    assert as_schedule(cosine.resolve(steps=10)) == cosine
    assert as_schedule("cosine(length=10)") == cosine
    assert as_schedule(0.5) == Constant(0.5)
    assert as_schedule(np.float32(0.5)) == Constant(0.5)
    assert as_schedule(lambda step: 1.0)(3) == 1.0


def test_as_schedule_takes_a_planned_rate_apart():
    """So that its end, its marks and its parts are known."""
    plan = Cosine().warmup("10%").resolve(steps=20)
    schedule = as_schedule(plan.to_keras(0.5))
    assert str(schedule) == "cosine(length=18) | warmup(2) | rate(0.5)"
    assert (schedule.absolute, schedule.span()) == (True, 20)
    assert [mark.step for mark in schedule.marks()] == [2]
    rates = plan.schedule.rate(0.5)
    assert as_schedule(rates.to_keras()) == rates


@pytest.mark.parametrize("bad", [None, True, [1, 2], -1.0, math.nan, Cosine, {"name": "cosine"}])
def test_as_schedule_refuses_the_rest(bad):
    with pytest.raises(InvalidInput):
        as_schedule(bad)


KERAS = [
    keras_schedules.CosineDecay(0.1, 40, warmup_target=0.2, warmup_steps=10),
    keras_schedules.CosineDecayRestarts(0.1, 15),
    keras_schedules.ExponentialDecay(0.1, 10, 0.5),
    keras_schedules.PiecewiseConstantDecay([10, 20], [0.3, 0.2, 0.1]),
    keras_schedules.PolynomialDecay(0.1, 20, cycle=True),
    keras_schedules.InverseTimeDecay(0.1, 10, 0.5),
]


@pytest.mark.parametrize("theirs", KERAS, ids=lambda s: type(s).__name__)
def test_keras_schedules_keep_their_values_in_numbers_arrays_and_the_compiled_step(theirs):
    ours = as_schedule(theirs)
    assert ours.absolute
    steps = [0, 1, 9, 10, 11, 35, 60]
    expected = [float(theirs(ops.convert_to_tensor(step))) for step in steps]
    np.testing.assert_allclose(ours(steps), expected, rtol=1e-6)
    assert ours(11) == pytest.approx(expected[4], rel=1e-6)
    traced = compiled(ours.resolve(steps=60))(ops.convert_to_tensor(11))
    assert float(traced) == pytest.approx(expected[4], rel=1e-6)


def test_keras_schedules_compose_and_stay_rates():
    ours = as_schedule(keras_schedules.ExponentialDecay(0.1, 10, 0.5)).warmup(5).resolve(steps=50)
    assert ours.absolute
    np.testing.assert_allclose(ours([0, 1, 5, 15]), [0.0, 0.02, 0.1, 0.05], rtol=1e-6)
    assert (0.5 * ours).absolute
    assert not Cosine().warmup("5%").absolute


def test_rates_and_factors_do_not_mix():
    rates = keras_schedules.ExponentialDecay(0.1, 10, 0.5)
    with pytest.raises(InvalidInput, match="one kind"):
        join([rates, Cosine()], boundaries=[10])
    with pytest.raises(InvalidInput, match="no rate"):
        product(rates, rates)
    both = join([rates, keras_schedules.CosineDecay(0.05, 10)], boundaries=[10])
    assert both.absolute
    np.testing.assert_allclose(both([0, 10, 20]), [0.1, 0.05, 0.0], atol=1e-8)


def test_keras_schedules_survive_their_config():
    ours = as_schedule(keras_schedules.CosineDecay(0.1, 40)).warmup(5)
    again = deserialize(serialize(ours))
    np.testing.assert_array_equal(again(range(0, 50, 7)), ours(range(0, 50, 7)))
    assert again.absolute


class Branching(keras_schedules.LearningRateSchedule):
    """Right on numbers, wrong under tracing."""

    def __call__(self, step):
        step = ops.cast(step, "float32")
        return 0.1 if step < 3 else 0.01

    def get_config(self):
        return {}


def test_callables_answer_in_numbers_arrays_and_the_compiled_step():
    ours = as_schedule(lambda step: 0.95**step)
    assert ours(2) == pytest.approx(0.9025)
    np.testing.assert_allclose(ours([[0, 1], [2, 3]]), 0.95 ** np.array([[0, 1], [2, 3]]))
    traced = compiled(ours)(ops.convert_to_tensor(2))
    assert float(traced) == pytest.approx(0.9025, rel=1e-6)


def test_callables_may_answer_with_a_plain_constant():
    ours = as_schedule(lambda step: 1)
    assert ours([0, 5]).tolist() == [1.0, 1.0]
    assert float(compiled(ours)(ops.convert_to_tensor(2))) == 1.0


@pytest.mark.parametrize(
    "branching",
    [
        lambda step: 1.0 if step < 3 else 0.1,
        lambda step: ops.exp(-0.1 * step) if step < 3 else 0.1,
        lambda step: math.exp(-0.1 * step),
        Branching(),
    ],
    ids=["branch", "branch-ops", "math", "keras"],
)
def test_a_branch_on_the_step_gets_advice(branching):
    ours = as_schedule(branching)
    assert ours(range(5)).shape == (5,)  # numbers are fine
    traced = compiled(ours)
    if keras.backend.backend() == "torch":  # which runs the body with numbers
        assert float(traced(ops.convert_to_tensor(1))) == pytest.approx(ours(1))
        return
    with pytest.raises(InvalidInput, match=r"keras\.ops\.where.*Piecewise"):
        traced(ops.convert_to_tensor(1))


def test_the_users_own_error_is_raised_as_itself():
    def mistaken(step):
        return step + "1"

    ours = as_schedule(mistaken)
    with pytest.raises(TypeError, match="unsupported operand"):
        ours(0)
    with pytest.raises(TypeError, match="unsupported operand"):
        compiled(ours)(ops.convert_to_tensor(0))


@pytest.mark.parametrize("answer", [math.nan, math.inf, -0.1, None, "0.5", [1.0, 2.0]])
def test_a_callable_must_answer_with_a_factor(answer):
    with pytest.raises(InvalidInput, match="finite number, 0 or above"):
        as_schedule(lambda step: answer)(0)


def test_a_callable_takes_the_step_alone():
    def none():
        return 0.5

    def two(epoch, rate):
        return rate

    for wrong in (none, two):
        with pytest.raises(InvalidInput, match=rf"takes the step.*Received: .*{wrong.__name__}\("):
            as_schedule(wrong)
    for right in (lambda step, power=2.0: step**power, lambda *steps: 0.5, math.exp, np.exp):
        assert as_schedule(right)(0) in (0.0, 0.5, 1.0)


def test_what_the_answer_is_of_a_setting_too():
    with pytest.raises(InvalidInput, match="for momentum= and weight_decay=, the value"):
        as_schedule(lambda step: "a")(0)


@keras.saving.register_keras_serializable("keras_lr_tests")
def registered(step):
    return 1.0 / (1.0 + step)


def test_callables_are_stored_by_their_registered_name_only():
    assert deserialize(serialize(registered)) == Function(registered)
    with pytest.raises(InvalidInput, match="register_keras_serializable"):
        serialize(lambda step: 1.0)
    config = serialize(registered) | {"function": "keras_lr_tests>nobody"}
    with pytest.raises(InvalidInput, match="Import the module"):
        deserialize(config)


def test_constructors_refuse_the_wrong_kind():
    with pytest.raises(InvalidInput, match="LearningRateSchedule"):
        Keras(lambda step: 1.0)
    with pytest.raises(InvalidInput, match="callable"):
        Function(1.0)
