"""Values of the shapes and compositions against Keras, torch and the formulas; units; refusals."""

import doctest
import importlib
import math
import pkgutil
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

import keras_lr.schedules
from keras_lr.errors import InvalidInput, UnresolvedSchedule
from keras_lr.schedules import (
    Constant,
    Cosine,
    Exponential,
    Horizon,
    Linear,
    OneCycle,
    Piecewise,
    Polynomial,
    StepDecay,
    TimeDecay,
    fit_report,
    join,
    warmup_stable_decay,
)

STEPS = np.arange(0, 131)


def theirs(schedule):
    """The values of one of Keras's schedules, computed one by one."""
    return np.array([float(schedule(ops.convert_to_tensor(int(step)))) for step in STEPS[::7]])


def ours(schedule):
    return schedule(STEPS[::7])


keras_schedules = keras.optimizers.schedules


@pytest.mark.parametrize(
    ("schedule", "reference"),
    [
        (Cosine(end=0.1, length=100), keras_schedules.CosineDecay(1.0, 100, alpha=0.1)),
        (
            Cosine(end=0.1, length=100).warmup(20),
            keras_schedules.CosineDecay(0.0, 100, 0.1, warmup_target=1.0, warmup_steps=20),
        ),
        (Exponential(0.5, every=30), keras_schedules.ExponentialDecay(1.0, 30, 0.5)),
        (StepDecay(0.5, every=30), keras_schedules.ExponentialDecay(1.0, 30, 0.5, staircase=True)),
        (TimeDecay(0.01), keras_schedules.InverseTimeDecay(1.0, 1, 0.01)),
        (
            TimeDecay(0.3, per=25),
            keras_schedules.InverseTimeDecay(1.0, 25, 0.3, staircase=True),
        ),
        (
            Polynomial(end=0.1, power=2.0, length=100),
            keras_schedules.PolynomialDecay(1.0, 100, 0.1, power=2.0),
        ),
        (Linear(end=0.25, length=100), keras_schedules.PolynomialDecay(1.0, 100, 0.25)),
        (
            # Keras keeps the old value at the boundary itself.
            Piecewise([29, 71], [1.0, 0.5, 0.1]),
            keras_schedules.PiecewiseConstantDecay([28, 70], [1.0, 0.5, 0.1]),
        ),
    ],
    ids=lambda value: str(value) if not hasattr(value, "get_config") else "",
)
def test_shapes_equal_keras(schedule, reference):
    np.testing.assert_allclose(ours(schedule), theirs(reference), rtol=2e-5, atol=2e-7)


def one_cycle_of_torch(total, start, end, peak, cosine):
    """torch's OneCycleLR at max_lr=1, written again from its documentation."""
    values = []
    top, last = peak * total - 1, total - 1
    for step in range(total):
        low, high, share = (
            (start, 1.0, step / top) if step <= top else (1.0, end, (step - top) / (last - top))
        )
        if cosine:
            values.append(high + (low - high) / 2.0 * (1 + math.cos(math.pi * share)))
        else:
            values.append(low + (high - low) * share)
    return values


@pytest.mark.parametrize("shape", ["cosine", "linear"])
@pytest.mark.parametrize(("total", "peak"), [(100, 0.3), (37, 0.45), (10, 0.9)])
def test_one_cycle_is_torchs(shape, total, peak):
    schedule = OneCycle(peak=peak, shape=shape, length=total)
    expected = one_cycle_of_torch(total, 0.04, 4e-6, peak, shape == "cosine")
    np.testing.assert_allclose(schedule(range(total)), expected, rtol=1e-9, atol=1e-12)
    assert schedule(total - 1) == schedule(10 * total) == 4e-6


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="compares with torch itself")
@pytest.mark.parametrize("shape", ["cosine", "linear"])
def test_one_cycle_equals_torch_itself(shape):
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1.0, total_steps=60, anneal_strategy=shape[:6].replace("cosine", "cos")
    )
    rates = []
    for _ in range(60):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        if len(rates) < 60:
            scheduler.step()
    np.testing.assert_allclose(OneCycle(shape=shape, length=60)(range(60)), rates, rtol=1e-9)


def test_step_decay_halves_every_ten_epochs():
    plan = StepDecay(0.5, "10 epochs").resolve(steps=250, steps_per_epoch=10)
    assert plan([0, 99, 100, 199, 200, 249]).tolist() == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_time_decay_per_epoch_stays_during_an_epoch():
    plan = TimeDecay(0.1, per="epoch").resolve(steps=40, steps_per_epoch=10)
    epochs = np.repeat(np.arange(4), 10)
    np.testing.assert_allclose(plan(range(40)), 1 / (1 + 0.1 * epochs))


@pytest.mark.parametrize("per_epoch", [2.5, 10 / 3, 7 / 16])
def test_epochs_of_a_fraction_of_an_update_do_not_drift(per_epoch):
    steps = np.arange(3000)
    plan = TimeDecay(1.0, per="epoch").resolve(steps=3000, steps_per_epoch=per_epoch)
    epochs = np.floor(steps / per_epoch + 1e-9)
    np.testing.assert_allclose(plan(steps), 1 / (1 + epochs), rtol=1e-12)
    tensor = plan(ops.convert_to_tensor(steps.astype("int32")))
    np.testing.assert_allclose(ops.convert_to_numpy(tensor), 1 / (1 + epochs), rtol=1e-6)


def test_warmup_rises_to_the_first_value_and_shifts():
    inner = Linear(start=0.8, end=0.0, length=40)
    schedule = inner.warmup(10, start=0.5)
    steps = np.arange(60)
    expected = np.where(steps < 10, 0.8 * (0.5 + 0.05 * steps), inner(steps - 10))
    np.testing.assert_allclose(schedule(steps), expected, rtol=1e-12)
    cosine = Constant().warmup(10, "cosine")
    np.testing.assert_allclose(
        cosine(range(11)), (1 - np.cos(np.pi * np.arange(11) / 10)) / 2, atol=1e-12
    )
    assert Constant().warmup(0)([0, 1]).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("shape", "formula"),
    [
        ("linear", lambda p: 1 - p),
        ("cosine", lambda p: (1 + np.cos(np.pi * p)) / 2),
        ("1-sqrt", lambda p: 1 - np.sqrt(p)),
    ],
)
def test_cooldown_multiplies_the_end_of_the_run(shape, formula):
    plan = Exponential(0.5, every=50).cooldown("20%", shape, end=0.1).resolve(steps=100)
    steps = np.arange(120)
    fall = formula(np.clip((steps - 80) / 20, 0, 1))
    np.testing.assert_allclose(plan(steps), 0.5 ** (steps / 50) * (0.1 + 0.9 * fall), rtol=1e-9)


def test_warmup_stable_decay():
    plan = warmup_stable_decay("10%", "30%", end=0.01).resolve(steps=1000)
    steps = np.arange(1000)
    fall = 1 - 0.99 * (steps - 700) / 300
    expected = np.select([steps < 100, steps < 700], [steps / 100, np.ones(1000)], fall)
    np.testing.assert_allclose(plan(steps), expected, rtol=1e-12)
    assert plan.end is None  # it stays at 0.01, but nothing says that the constant is over


def test_join_runs_each_from_its_own_step_zero():
    plan = join([Linear(0.1, 1.0, length="10%"), Constant(), Cosine()], ["10%", "60%"])
    plan = plan.resolve(steps=100)
    steps = np.arange(100)
    expected = np.select(
        [steps < 10, steps < 60],
        [0.1 + 0.09 * steps, np.ones(100)],
        (1 + np.cos(np.pi * (steps - 60) / 40)) / 2,
    )
    np.testing.assert_allclose(plan(steps), expected, rtol=1e-9)
    assert plan.end == 100
    by_length = join([Linear(0, 1, length=5), Linear(1, 0.5, length=5), Cosine(0.5)])
    np.testing.assert_allclose(by_length.resolve(steps=20)([0, 5, 10, 15]), [0, 1, 0.5, 0.25])


def test_product_multiplies():
    plan = (Cosine() * StepDecay(0.5, "50%") * 0.1).resolve(steps=100)
    np.testing.assert_allclose(
        plan([0, 25, 50]), [0.1, 0.1 * (1 + math.cos(math.pi / 4)) / 2, 0.1 * 0.5 * 0.5]
    )
    assert (Cosine() * 0.1).resolve(steps=100).end == 100


def test_lengths_resolve_in_their_units():
    horizon = Horizon(steps=1000, steps_per_epoch=100)
    for length, steps in [(50, 50), ("5%", 50), ("0.5 epochs", 50), ("50 steps", 50), (None, 1000)]:
        plan = Linear(length=length).resolve(horizon)
        assert plan.schedule == Linear(length=steps)
        assert plan.end == steps
    nested = Cosine().warmup("10%").resolve(horizon)
    assert nested.schedule == Cosine(length=900).warmup(100)
    share = Cosine(length="50%").warmup("10%").resolve(horizon)
    assert share.schedule == Cosine(length=500).warmup(100)  # a share of the whole run
    assert share.end == 600


def test_a_schedule_in_steps_needs_no_run():
    assert Linear(length=10).warmup(10)(15) == 0.5
    assert join([Linear(0, 1, length=10), Constant()])([0, 5, 10]).tolist() == [0, 0.5, 1]
    assert TimeDecay(1.0)(1) == 0.5


@pytest.mark.parametrize(
    "schedule",
    [
        Cosine(),
        Linear(length="5%"),
        StepDecay(),
        TimeDecay(0.1, per="epoch"),
        Piecewise(["30%"], [1, 0.5]),
        Constant().warmup("5%"),
        Constant().cooldown(5),
        Cosine() * 0.5,
        join([Linear(length=5), Cosine()]),
        join([Constant(), Linear(length=5)]),
    ],
    ids=str,
)
def test_a_relative_length_must_be_resolved_first(schedule):
    with pytest.raises(UnresolvedSchedule, match=r"\.resolve\(steps="):
        schedule(0)


def test_resolve_needs_a_run():
    for wrong in [{}, {"horizon": Horizon(5), "steps": 5}, {"steps": 0}, {"steps": 2.5}]:
        with pytest.raises(InvalidInput):
            Cosine().resolve(**wrong)
    with pytest.raises(InvalidInput, match="steps_per_epoch"):
        Cosine(length="3 epochs").resolve(steps=100)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Cosine(length=950).warmup(100), "1050 steps, but only 1000.*length=900"),
        (Cosine(length="95%").warmup("10%"), "1050 steps, but only 1000"),
        (Constant().warmup(2000), "2000 steps, but only 1000"),
        (Cosine().warmup(1000), "1000 steps nothing is left"),
        (Constant().cooldown(2000), "2000 steps don't fit into 1000"),
        (warmup_stable_decay(600, "50%"), "600 steps and a cooldown of 500 steps.*1000"),
        (join([Linear(length=900), Linear(length=200)]), "200 steps long, but has 100"),
        (join([Linear(length=500), Constant()], [400]), "500 steps long, but has 400"),
        (join([Constant(), Constant()], [1000]), "boundary is step 1000, but only 1000"),
        (join([Cosine(), Constant()]), "when cosine.* is over"),
        (join([Constant(), Cosine()]), "when constant.* is over"),
        (Piecewise([500, "10%"], [1, 0.5, 0.1]), "'10%' is step 100, before 500"),
    ],
    ids=str,
)
def test_a_composition_that_does_not_fit_is_refused_with_numbers(schedule, words):
    with pytest.raises(InvalidInput, match=words):
        schedule.resolve(steps=1000)


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 7, 11, 30])
@pytest.mark.parametrize("share", [5, 33, 50, 60, 95])
def test_shares_fit_whatever_they_round_to(steps, share):
    schedules = [
        Cosine().warmup(f"{share}%"),
        Cosine(length=f"{100 - share}%").warmup(f"{share}%"),
        warmup_stable_decay(f"{share}%", f"{100 - share}%"),
        join([Linear(0, 1, length=f"{share}%"), Cosine()]),
        join([Constant(), Cosine(), Constant(0.1)], [f"{share / 2}%", f"{share}%"]),
        Piecewise([f"{share / 2}%", f"{share}%"], [1, 0.5, 0.1]),
    ]
    for schedule in schedules:
        values = schedule.resolve(steps=steps)(range(2 * steps))
        assert np.isfinite(values).all()
        assert values.min() >= 0
        assert values.max() <= 1


@pytest.mark.parametrize(
    "build",
    [
        lambda: Constant(-1),
        lambda: Constant(math.nan),
        lambda: Constant(True),
        lambda: Constant("0.1"),
        lambda: Linear(start=math.inf),
        lambda: Linear(length=0),
        lambda: Linear(length="0%"),
        lambda: Linear(length=-5),
        lambda: Linear(length=1.5),
        lambda: Linear(length=True),
        lambda: Linear(length="101%"),
        lambda: Linear(length="5 days"),
        lambda: Linear(length=2**31),
        lambda: Cosine("10 epochs"),
        lambda: Cosine(start=0.1, end=0.2),
        lambda: Polynomial(start=0.1, end=0.2),
        lambda: Polynomial(power=0),
        lambda: StepDecay(0.0),
        lambda: StepDecay(2.0),
        lambda: StepDecay(-0.5),
        lambda: StepDecay(every=0),
        lambda: StepDecay(every=math.nan),
        lambda: StepDecay(every=None),
        lambda: Exponential(1.5, 10),
        lambda: TimeDecay(-0.1),
        lambda: TimeDecay(0.1, per="day"),
        lambda: Piecewise([], [1]),
        lambda: Piecewise([20, 10], [1, 0.5, 0.1]),
        lambda: Piecewise(["20%", "20%"], [1, 0.5, 0.1]),
        lambda: Piecewise([10], [1, 0.5, 0.1]),
        lambda: Piecewise([10], [1, -0.5]),
        lambda: Piecewise(10, [1, 0.5]),
        lambda: Piecewise([10], 0.5),
        lambda: Piecewise([0], [1, 0.5]),
        lambda: OneCycle(peak=0),
        lambda: OneCycle(peak=1.0),
        lambda: OneCycle(start=2),
        lambda: OneCycle(shape="cos"),
        lambda: Cosine().warmup(-1),
        lambda: Cosine().warmup(None),
        lambda: Cosine().warmup(5, start=-0.1),
        lambda: Cosine().warmup(5, "1-sqrt"),
        lambda: Cosine().cooldown(5, end=2),
        lambda: Cosine().cooldown(5, "sqrt"),
        lambda: join([Cosine()]),
        lambda: join([Cosine(), Linear()], [1, 2]),
        lambda: join([Cosine(), Linear(), Linear()], [2, 1]),
        lambda: join(Cosine()),
        lambda: Cosine() * "what",
        lambda: Cosine() * -1,
    ],
)
def test_bad_input_is_refused_at_construction(build):
    with pytest.raises(InvalidInput, match=r"Received|Valid names"):
        build()


@pytest.mark.parametrize("step", [None, "5", True, [True], ["a"]])
def test_a_step_is_a_number(step):
    with pytest.raises(InvalidInput, match="step"):
        Constant()(step)


def test_numbers_give_floats_and_arrays_their_shape():
    schedule = Linear(length=10)
    for step in [5, 5.0, np.int64(5), np.float32(5), np.array(5), np.uint8(5)]:
        assert schedule(step) == 0.5
        assert isinstance(schedule(step), float)
    assert schedule(np.arange(6).reshape(2, 3)).shape == (2, 3)
    assert schedule([]).shape == (0,)
    assert schedule(-3) == 1.0  # before the start is the start
    assert schedule(np.arange(3, dtype="uint8")).dtype == np.float64


def test_settings_are_plain_floats():
    """NumPy's scalars would widen the compiled step to float64."""
    schedule = Linear(np.float32(0.5), np.int64(0), length=np.int32(7))
    assert (type(schedule.start), type(schedule.end), type(schedule.length)) == (float, float, int)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Cosine(), None),
        (Constant(), None),
        (StepDecay(), None),
        (Cosine(length=1001), None),  # rounding
        (OneCycle(), None),
        (Cosine(length=800), "step 800, 200 steps before.*factor, 0, .*nothing is learned"),
        (Linear(end=0.1, length=800), "200 steps before.*its last factor, 0.1, stays"),
        (Linear(length=2000), "cut off 1000 steps early, at a factor of 0.5 instead of 0"),
        (Cosine(length="50%").warmup("10%"), "step 600, 400 steps before"),
    ],
    ids=str,
)
def test_fit_report(schedule, words):
    horizon = Horizon(1000, 100)
    for given in (schedule, schedule.resolve(horizon)):
        report = fit_report(given, horizon)
        if words is None:
            assert report is None
        else:
            assert re.search(words, report)


def test_import_is_light():
    code = "import sys, keras_lr.schedules as s; s.Cosine(length=5)(range(9)); print('keras' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"


def test_docstring_examples():
    attempted = 0
    for module in pkgutil.iter_modules(keras_lr.schedules.__path__):
        result = doctest.testmod(importlib.import_module(f"keras_lr.schedules.{module.name}"))
        assert result.failed == 0, module.name
        attempted += result.attempted
    assert attempted > 20
