"""Odd, deep and hostile compositions, texts, configs, pictures: a right value or an instruction."""

import math
import re
from dataclasses import dataclass

import numpy as np
import pytest

from keras_lr.errors import InvalidInput
from keras_lr.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Linear,
    OneCycle,
    PlannedRate,
    Schedule,
    Tanh,
    TimeDecay,
    deserialize,
    draw,
    has_text,
    join,
    parse,
    plot,
    register,
    serialize,
    stretch,
    theory,
)
from keras_lr.schedules.depth import MOST_DEEP
from keras_lr.schedules.horizon import MOST_STEPS
from keras_lr.schedules.transforms.transform import Transform

# --- text and configs -----------------------------------------------------------------------------


@pytest.fixture
def registered():
    """Registers a class for as long as a test takes."""
    before = dict(SCHEDULES)
    yield register
    SCHEDULES.clear()
    SCHEDULES.update(before)


def test_booleans_are_written_and_read(registered):
    @registered
    @dataclass(frozen=True)
    class Switch(Schedule):
        on: bool = False
        more: tuple = ()

        def formula(self, step, xp):
            return xp.ones_like(step) * float(self.on)

    schedule = Switch(True, (True, False, None))
    assert str(schedule) == "switch(on=true, more=[true, false, none])"
    assert parse(str(schedule)) == schedule
    assert parse("switch(on=False)").on is False
    assert has_text(schedule.clip())


def test_a_class_that_is_not_registered_has_no_text():
    @dataclass(frozen=True)
    class Own(Schedule):
        def formula(self, step, xp):
            return xp.ones_like(step) * 1.0

    @dataclass(frozen=True)
    class MyCosine(Cosine):
        pass

    assert not has_text(Own())
    assert not has_text(MyCosine())
    assert not has_text(Own().clip())
    assert not has_text(Own().resolve(steps=5))
    assert has_text(Cosine().resolve(steps=5))


def nested(levels):
    schedule = Cosine(length=10)
    for _ in range(levels):
        schedule = schedule.clip()
    return schedule


def test_the_deepest_composition_survives_everything():
    deep = nested(MOST_DEEP - 1)
    assert deep(5) == deep.resolve(steps=10)(5) == pytest.approx(0.5)
    assert parse(str(deep)) == deep == deserialize(serialize(deep))
    assert hash(deep) == hash(parse(str(deep)))
    assert stretch(deep, 2)(10) == deep(5)
    assert str(deep.explain(5)).count("clip") == MOST_DEEP - 1
    brackets = Cosine(length=10)
    for _ in range(MOST_DEEP // 2 - 1):
        brackets = (brackets * 0.5).clip()
    assert parse(str(brackets * 0.5)) == brackets * 0.5
    joins = Cosine(length=1)
    for _ in range(MOST_DEEP - 2):
        joins = join([Cosine(length=1), joins])
    assert parse(str(joins)) == joins


@pytest.mark.parametrize(
    "build",
    [
        lambda: nested(MOST_DEEP),
        lambda: nested(3000),
        lambda: nested(MOST_DEEP - 1) * 0.5,
        lambda: join([nested(MOST_DEEP - 1), Cosine()]),
        lambda: parse("cosine" + "|clip()" * 2000),
        lambda: parse("clip()|" * 2000 + "cosine"),
        lambda: parse("join(cosine(length=1)," * 200 + "cosine"),
    ],
)
def test_too_deep_a_composition_is_refused(build):
    with pytest.raises(InvalidInput, match=rf"nested .*{MOST_DEEP} deep"):
        build()


def test_too_deep_a_config_is_refused():
    config = {"name": "cosine"}
    for _ in range(3000):
        config = {"name": "clip", "schedule": config}
    with pytest.raises(InvalidInput, match="deep"):
        deserialize(config)
    values = [1.0]
    for _ in range(3000):
        values = [values]
    with pytest.raises(InvalidInput):
        deserialize({"name": "piecewise", "boundaries": [5], "values": values})
    config["schedule"] = config
    with pytest.raises(InvalidInput, match="deep"):
        deserialize(config)


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("warmup(10%) | cosine | hold(50%)", Cosine().warmup("10%").hold("50%")),
        ("clip(0.1) | warmup(10%) | cosine", Cosine().warmup("10%").clip(0.1)),
        ("clip(0.1) | warmup(9) | cosine | hold(5)", Cosine().warmup(9).clip(0.1).hold(5)),
    ],
)
def test_leading_transforms_apply_first_and_the_nearest_before_the_others(text, schedule):
    assert parse(text) == schedule


def test_digits_are_ascii():
    with pytest.raises(InvalidInput):
        parse("constant(\u0663)")


@pytest.mark.parametrize(
    "config",
    [
        {"name": ["a"]},
        {"name": {}},
        {"name": 5},
        {"name": "cosine", 3: 4},
        {"name": "cosine", "length": {"a": 1}},
        {"name": "function", "function": ["x"]},
        {"name": "function", "function": 5},
        {"name": "keras", "config": 5},
        {"name": "keras", "config": None},
        {"name": "keras", "config": {"class_name": "Unheard", "config": {}}},
        {"name": "keras", "config": {"class_name": "os.system", "config": {}}},
        {"name": "one_cycle", "phases": [1]},
        {"name": "warmup", "schedule": [1], "length": 5},
        {"name": "product", "schedules": 5},
    ],
    ids=str,
)
def test_odd_configs_are_refused(config):
    with pytest.raises(InvalidInput):
        deserialize(config)


def test_odd_configs_of_planned_rates_are_refused():
    for config in ({}, None, {"base": 0.1}, {"schedule": 5, "base": 0.1}):
        with pytest.raises(InvalidInput, match=r"Received|dictionary"):
            PlannedRate.from_config(config)


@pytest.mark.parametrize(
    "build",
    [
        lambda: OneCycle(phases=np.array([2, 3])),
        lambda: OneCycle(shape=np.array(["a", "b"])),
        lambda: Cosine().warmup(5, shape=np.array(["a", "b"])),
        lambda: Cosine().cooldown(5, shape=np.array(["a", "b"])),
        lambda: TimeDecay(0.1, per=np.array([1, 2])),
        lambda: TimeDecay(0.1, per=np.array(["epoch", "epoch"])),
    ],
)
def test_arrays_are_no_choices(build):
    with pytest.raises(InvalidInput):
        build()


def test_phases_of_any_kind_of_integer():
    assert OneCycle(phases=np.int64(3)) == OneCycle(phases=3)
    with pytest.raises(InvalidInput, match="phases=2 or phases=3"):
        OneCycle(phases=3.0)


# --- totals, joins and advice ---------------------------------------------------------------------

LONGEST = Cosine(length=MOST_STEPS)


@pytest.mark.parametrize(
    "schedule",
    [
        LONGEST.warmup(MOST_STEPS),
        LONGEST.warmup(MOST_STEPS).k_decay(2.0),
        LONGEST.warmup(MOST_STEPS).noise(0.1),
        Constant().cooldown(MOST_STEPS, start=MOST_STEPS),
        Constant().cooldown(MOST_STEPS, start=MOST_STEPS).k_decay(2.0),
        join([LONGEST, LONGEST]),
        join([LONGEST, LONGEST]).k_decay(2),
        join([LONGEST, LONGEST]).noise(0.1),
    ],
    ids=str,
)
def test_totals_beyond_the_last_step_compute_compiled_too(schedule):
    from keras import ops

    assert schedule.span() == schedule.goal() == MOST_STEPS
    assert schedule.lead() <= MOST_STEPS
    steps = np.array([0, 5, MOST_STEPS], "int32")
    compiled = ops.convert_to_numpy(schedule(ops.convert_to_tensor(steps)))
    np.testing.assert_allclose(compiled, schedule(steps), atol=1e-6)


def test_a_join_that_starts_after_the_last_step_is_refused():
    with pytest.raises(InvalidInput, match=r"start at step 4294967294.*Shorten"):
        join([LONGEST] * 3)


@pytest.mark.parametrize(
    "schedules", [[Constant(), Linear(length=5)], [Cosine(), Linear(length=5)], ["cosine", "rex"]]
)
def test_a_join_without_an_end_is_refused_at_once(schedules):
    with pytest.raises(InvalidInput, match=r"boundaries=\['30%', \.\.\.\]"):
        join(schedules)
    assert join(schedules, boundaries=["30%"]).resolve(steps=10)(9) >= 0


def test_an_endless_schedule_with_a_relative_length_is_refused_when_laid_out():
    joined = join([Constant().warmup("5%"), Linear(length=5)])
    with pytest.raises(InvalidInput, match="can't tell when constant"):
        joined.resolve(steps=100)


def test_rates_in_a_join_are_told_where_they_go():
    import keras

    with pytest.raises(
        InvalidInput, match=r"join\(\[\.\.\.\]\)\.rate\(0\.1\)\. Received"
    ) as caught:
        join([Linear(length=5).rate(0.1), Cosine()])
    assert "Keras" not in str(caught.value)
    theirs = keras.optimizers.schedules.CosineDecay(0.1, 10)
    with pytest.raises(InvalidInput, match=r"\. Keras's own schedules"):
        join([theirs, Cosine()], [5])
    assert join([Linear(length=5), Cosine()]).rate(0.1).resolve(steps=10)(0) == 0.1


def advised(build, pattern):
    """What the error of `build` says to write."""
    with pytest.raises(InvalidInput) as caught:
        build()
    found = re.search(pattern, str(caught.value))
    assert found, str(caught.value)
    return found[1]


@pytest.mark.parametrize("lower", [20, 19.5, -20, 3.25])
@pytest.mark.parametrize("upper", [20, -20, 3.25])
def test_the_tangent_that_is_advised_is_one(lower, upper):
    if lower < upper:
        assert Tanh(lower=lower, upper=upper).lower == lower
        return
    line = advised(lambda: Tanh(lower=lower, upper=upper), r"Write (Tanh\(.*?\))")
    assert isinstance(eval(line, {"Tanh": Tanh}), Tanh)


@pytest.mark.parametrize(("high", "low"), [(0.1, 0.5), (1.0, 1.0000001), (0.1 + 0.2, 0.5)])
def test_the_limits_that_are_advised_are_taken(high, low):
    line = advised(lambda: Cosine().clip(low, high), r"Write (\.clip\(.*?\))")
    assert eval(f"Cosine(){line}", {"Cosine": Cosine}) == Cosine().clip(high, low)


@pytest.mark.parametrize(("start", "end"), [(1.0, 1.0000001), (0.1, 0.1 + 0.2)])
def test_the_rise_that_is_advised_is_the_one_that_was_meant(start, end):
    line = advised(lambda: Cosine(start, end), r"(Linear\(.*?\))")
    assert eval(line, {"Linear": Linear}) == Linear(start, end)


TRANSFORMS = [name for name, cls in SCHEDULES.items() if issubclass(cls, Transform)]


@pytest.mark.parametrize("name", [*TRANSFORMS, "stretch"])
def test_the_line_that_is_advised_for_a_lonely_transform_can_be_read(name):
    given = re.search(
        rf"{name}\(.*?\)", "cosine | stretch(2)" + SCHEDULES.get(name, Cosine).example
    )
    assert given
    line = advised(lambda: parse(given[0]), r"write e\.g\. (.*)\.\n")
    assert name in line
    parse(line)
    line = advised(lambda: parse(f"cosine * {given[0]}"), r"into brackets, \((.*)\)\.\n")
    parse(f"cosine * ({line})" if "rate(" not in line else line)


def test_lengths_that_are_advised_fit():
    with pytest.raises(InvalidInput, match=r"length=2 after the warmup"):
        Cosine(length=5).warmup(8).resolve(steps=10)
    assert Cosine(length=2).warmup(8).resolve(steps=10).end == 10
    with pytest.raises(InvalidInput) as caught:
        Cosine(length=5).warmup(10).resolve(steps=10)
    assert "length=0" not in str(caught.value)
    assert Cosine().warmup("5%").resolve(steps=10).end == 10
    with pytest.raises(InvalidInput, match=r"Write at most \.cooldown\(5\)\."):
        Cosine().warmup("95%").cooldown("10%").resolve(steps=100)
    assert Cosine().warmup("95%").cooldown(5).resolve(steps=100).end == 100
    with pytest.raises(InvalidInput, match=r"A cooldown of 5 steps .* \.cooldown\(3\)\."):
        Constant().cooldown(5).resolve(steps=3)
    assert Constant().cooldown(3).resolve(steps=3).end == 3


def test_a_list_of_no_names_says_so():
    with pytest.raises(InvalidInput, match=r"no argument 'x'\. There is none to choose from"):
        parse("product(cosine, cosine, x=1)")


# --- pictures and theory --------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [math.nan, math.inf, "x", -1, 0, True, 10**400, 1e39])
def test_the_rate_of_a_picture(rate):
    for picture in (draw, plot):
        with pytest.raises(InvalidInput, match="base_rate"):
            picture("cosine", 10, base_rate=rate)


@pytest.mark.parametrize("settings", [
    {"distance": 1e200},
    {"distance": 10**400},
    {"distance": "x"},
    {"gradient_norms": "x"},
    {"gradient_norms": None},
    {"gradient_norms": [[1], [2, 3]]},
    {"gradient_norms": [1.0] * 9 + [math.inf]},
    {"gradient_norms": 1e200},
    {"gradient_norms": 1e-200},
], ids=str)  # fmt: skip
def test_odd_settings_of_the_bound_are_refused(settings):
    with pytest.raises(InvalidInput, match="Received"):
        theory.bound("linear", 10, **settings)


def test_the_bound_of_tiny_and_huge_rates_and_norms():
    plain = theory.bound("linear", 100)
    for scale in (1e-120, 1e120):
        scaled = Linear()
        for _ in range(6):
            scaled = scaled * Constant(scale ** (1 / 6))
        found = theory.bound(scaled, 100)
        assert found.bound == pytest.approx(plain.bound)
        assert found.base * scale == pytest.approx(plain.base)
        assert found.at(1.0) == pytest.approx(plain.far / scale + plain.noise * scale)
    for norm in (1e-30, 1e30):
        found = theory.bound("linear", 100, gradient_norms=norm, distance=norm)
        assert found.base == pytest.approx(plain.base)
        assert found.bound / norm**2 == pytest.approx(plain.bound)


def test_the_bound_looks_at_a_plan_as_it_was_laid_out():
    plan = Linear().resolve(steps=1000)
    assert theory.bound(plan) == theory.bound(plan, 1000) == theory.bound("linear", 1000)
    with pytest.raises(InvalidInput, match="give the schedule, not its plan"):
        theory.bound(plan, 4000)
    with pytest.raises(InvalidInput, match="give the schedule, not its plan"):
        theory.transfer_rate(plan, plan, to_steps=4000)
    shorter = theory.transfer_rate(Linear(), "linear", steps=1000, to_steps=4000)
    assert shorter == pytest.approx(0.5, rel=0.01)


def test_the_bound_of_too_many_steps_is_refused():
    with pytest.raises(InvalidInput, match=r"steps=100000000.*Received: steps=2147483647"):
        theory.bound("linear", MOST_STEPS)
