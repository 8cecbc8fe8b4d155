"""The text form and the config of schedules, and what bad ones get."""

import json
from dataclasses import dataclass

import pytest

from keras_lr.errors import InvalidInput
from keras_lr.schedules import (
    Constant,
    Cosine,
    Geometric,
    Horizon,
    InverseSqrt,
    Join,
    Linear,
    OneCycle,
    Piecewise,
    PolynomialRestarts,
    Power,
    Product,
    Rex,
    Saturation,
    Schedule,
    StepDecay,
    Tanh,
    TimeDecay,
    as_schedule,
    deserialize,
    has_text,
    join,
    parse,
    register,
    serialize,
    warmup_stable_decay,
)


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("cosine", Cosine()),
        ("cosine()", Cosine()),
        (" cosine ( end = 0.01 ) ", Cosine(end=0.01)),
        ("linear(0, 1, length=100)", Linear(0, 1, length=100)),
        ("linear(length=100 steps)", Linear(length=100)),
        ("linear(length='5%')", Linear(length="5%")),
        ('linear(length="3 epochs")', Linear(length="3 epochs")),
        ("linear(length=2.5epochs)", Linear(length="2.5 epochs")),
        ("cosine(length=none)", Cosine()),
        ("step_decay(0.5, 10 epochs)", StepDecay(0.5, "10 epochs")),
        ("inverse_sqrt(1e2 steps)", InverseSqrt(100)),
        ("saturation(2.5) * rex(beta=.3)", Saturation(2.5) * Rex(beta=0.3)),
        ("power(2.0, -0.5)", Power(2.0, -0.5)),
        ("geometric(1e-7, 1)", Geometric(1e-7, 1)),
        ("tanh(lower=-5, upper=4)", Tanh(lower=-5, upper=4)),
        ("one_cycle(phases=3, peak=.2)", OneCycle(phases=3, peak=0.2)),
        ("polynomial_restarts(10%)", PolynomialRestarts("10%")),
        ("cosine(power=2)", Cosine(power=2)),
        ("time_decay(1e-4)", TimeDecay(1e-4)),
        ("time_decay(.1, per=epoch)", TimeDecay(0.1, per="epoch")),
        ("piecewise([30%, 60 %], [1, .5, .1])", Piecewise(["30%", "60%"], [1, 0.5, 0.1])),
        ("cosine() | warmup(5%)", Cosine().warmup("5%")),
        ("warmup(5%) | cosine()", Cosine().warmup("5%")),
        (
            "warmup(5%) | cooldown(20%) | constant | cooldown(10)",
            Constant().cooldown("20%").warmup("5%").cooldown(10),
        ),
        (
            "linear(end=0.01) | cooldown(20%, shape=1-sqrt)",
            Linear(end=0.01).cooldown("20%", "1-sqrt"),
        ),
        ("cosine() * step_decay()", Cosine() * StepDecay()),
        ("0.5 * cosine", 0.5 * Cosine()),
        ("cosine * constant(2) | warmup(9)", (Cosine() * 2).warmup(9)),
        ("cosine * (constant(2) | warmup(9))", Cosine() * Constant(2).warmup(9)),
        ("product(cosine, 0.5)", Cosine() * 0.5),
        (
            "join(linear(0, 1, length=100), cosine() | warmup(10))",
            join([Linear(0, 1, length=100), Cosine().warmup(10)]),
        ),
        (
            "join(constant, cosine, boundaries=[30%])",
            join([Constant(), Cosine()], boundaries=["30%"]),
        ),
        ("warmup_stable_decay(1%, decay=10%)", warmup_stable_decay("1%", "10%")),
        ("((cosine()))", Cosine()),
        ("cosine(\n  end=0.1,\n)", Cosine(end=0.1)),
    ],
)
def test_reading(text, schedule):
    assert parse(text) == schedule
    assert parse(str(schedule)) == schedule


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (Cosine(), "cosine()"),
        (Constant(0.5), "constant(0.5)"),
        (Cosine(end=0.01).warmup("5%"), "cosine(end=0.01) | warmup(5%)"),
        (Cosine() * (StepDecay().warmup(3)), "cosine() * (step_decay() | warmup(3))"),
        (warmup_stable_decay(), "constant() | warmup(5%) | cooldown(20%)"),
        (Cosine().resolve(steps=7), "cosine(length=7)"),
        (TimeDecay(0.1, per="epoch"), "time_decay(0.1, per=epoch)"),
        (InverseSqrt("5%"), "inverse_sqrt(5%)"),
        (Power(2, -0.5), "power(2.0, exponent=-0.5)"),
        (Rex(end=0.1), "rex(end=0.1)"),
        (as_schedule(max), "function(max)"),
    ],
)
def test_writing(schedule, text):
    assert str(schedule) == text


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("cosin()", 0, "Did you mean 'cosine'?"),
        ("linear() | warmpu(5%)", 11, "Did you mean 'warmup'?"),
        ("cosine(lenght=5)", 7, "Did you mean 'length'?"),
        ("cosine(", 7, "the text ends"),
        ("cosine(end=)", 11, "Expected a value"),
        ("cosine(end=0.1", 14, "to close cosine("),
        ("cosine() $", 9, "should end"),
        ("cosine() linear()", 9, "should end"),
        ("", 0, "Expected a schedule"),
        ("cosine() |", 10, "Expected a schedule"),
        ("cosine() | linear()", 11, "join"),
        ("warmup(5%)", 0, "needs a schedule"),
        ("warmup(5%) * cosine()", 0, "brackets"),
        ("cosine() * warmup(5%)", 11, "brackets"),
        ("warmup(cosine(), 5%)", 7, "follows its schedule"),
        ("cosine() | warmup()", 11, "needs length"),
        ("cosine() | warmup(5%, start=2)", 11, "from 0 to 1"),
        ("piecewise([1, 2])", 0, "needs values"),
        ("piecewise([1, 2", 15, "to close the list"),
        ("5%", 0, "is a length"),
        ("cosine(start=1, start=2)", 16, "twice"),
        ("cosine(start=1, 2)", 16, "need theirs"),
        ("cosine() | cooldown(20%, 1-sqrt)", 25, "no more arguments"),
        ("cosine(end=1, 2)", 14, "need theirs"),
        ("cosine(1, 0, 100)", 13, "no more arguments"),
        ("linear(length=-5)", 0, "negative"),
        ("linear(length=1.5)", 0, "whole number"),
        ("linear(start=1e999)", 0, "finite"),
        ("cosine(start=0.1, end=0.2)", 0, "Linear(start=0.1, end=0.2)"),
        ("cosine(start=5%)", 0, "length='5%'"),
        ("join(cosine())", 0, "two schedules or more"),
        ("function(max)", 0, "pass the object itself"),
        ("__import__('os')", 0, "Unknown schedule"),
        ("(" * 80 + "cosine", 61, "deep"),
        ("constant(" + "[" * 80, 70, "deep"),
        ("constant(" + "9" * 5000 + ")", 9, "too long"),
    ],
)
def test_errors_point_at_the_character(text, column, words):
    with pytest.raises(InvalidInput) as caught:
        parse(text)
    message, line, caret = str(caught.value).split("\n")
    assert words in message
    assert line == f"  {text}"
    assert caret == "  " + " " * column + "^"


def test_a_text_is_needed():
    with pytest.raises(InvalidInput, match="text"):
        parse(None)


def test_text_and_config_say_what_they_cannot_hold():
    assert has_text(Cosine().warmup("5%"))
    assert not has_text(as_schedule(lambda step: 1.0).warmup("5%"))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"name": "cosin"}, "Did you mean 'cosine'"),
        ({"name": "cosine", "lenght": 5}, "Did you mean 'length'"),
        ({"name": "exponential", "factor": 0.5}, "needs 'every'"),
        ({"name": "keras"}, "needs 'config'"),
        ({}, r"no 'name'\. serialize\(\) writes"),
        ({"class_name": "Cosine"}, "no 'name'"),
        ({"name": None}, "Unknown schedule None"),
        ([], "dictionary"),
    ],
)
def test_bad_configs_are_refused(config, words):
    with pytest.raises(InvalidInput, match=words):
        deserialize(config)


def test_a_plan_is_stored_with_its_steps():
    plan = warmup_stable_decay().resolve(Horizon(200))
    again = deserialize(json.loads(json.dumps(serialize(plan))))
    assert again == plan.schedule
    assert again(range(0, 200, 9)).tolist() == plan(range(0, 200, 9)).tolist()


def test_only_registered_schedules_are_stored():
    class Mine(Schedule):
        name = "mine"

    with pytest.raises(InvalidInput, match="register"):
        serialize(Mine())


def test_a_name_is_given_once():
    @dataclass(frozen=True)
    class Cosine(Schedule):
        pass

    with pytest.raises(InvalidInput, match="exists already"):
        register(Cosine)


def test_members_are_flattened_and_read_from_text():
    assert Product(["cosine", Product([0.5, "linear"])]) == Product(["cosine", 0.5, "linear"])
    assert Join(["linear(length=5)", 0.1]) == join([Linear(length=5), Constant(0.1)])
