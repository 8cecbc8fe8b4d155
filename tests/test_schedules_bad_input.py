"""What can't be meant is refused at construction, with what was received and what to write."""

import dataclasses
import math

import pytest

from keras_lr.errors import InvalidInput
from keras_lr.schedules import SCHEDULES, Constant, Cosine, Linear, join, parse, product, stretch
from keras_lr.schedules.transforms.transform import Transform
from schedule_cases import EXAMPLES, SHAPES, TRANSFORMS

NO_NUMBERS = [math.nan, math.inf, -math.inf, True, "0.5", None, [0.5], 1j]
NO_LENGTHS = [0, -5, 1.5, True, math.nan, 2**31, "0%", "-5%", "101%", "5 minutes", "5", "", [3]]

# Of every class: setting -> values that are refused. Each setting of each class is here.
REFUSED = {
    "constant": {"value": [-1, *NO_NUMBERS]},
    "linear": {"start": [-1, *NO_NUMBERS], "end": [-1, *NO_NUMBERS], "length": NO_LENGTHS},
    "cosine": {
        "start": [0.05, -1, *NO_NUMBERS],
        "end": [1.1, -1, *NO_NUMBERS],
        "power": [0, -1, *NO_NUMBERS],
        "length": NO_LENGTHS,
    },
    "polynomial": {
        "start": [0.05, *NO_NUMBERS],
        "end": [1.1, *NO_NUMBERS],
        "power": [0, -1, *NO_NUMBERS],
        "length": NO_LENGTHS,
    },
    "rex": {
        "start": [0.05, *NO_NUMBERS],
        "end": [1.1, *NO_NUMBERS],
        "beta": [0, -0.5, *NO_NUMBERS],
        "length": NO_LENGTHS,
    },
    "tanh": {
        "start": [0.05, *NO_NUMBERS],
        "end": [1.1, *NO_NUMBERS],
        "lower": [3, 5, -21, *NO_NUMBERS],
        "upper": [-7, -9, 21, *NO_NUMBERS],
        "length": NO_LENGTHS,
    },
    "geometric": {
        "start": [0, -1, *NO_NUMBERS],
        "end": [0, -1, *NO_NUMBERS],
        "length": NO_LENGTHS,
    },
    "polynomial_restarts": {
        "length": [None, *NO_LENGTHS],
        "start": [0.05, *NO_NUMBERS],
        "end": [1.1, *NO_NUMBERS],
        "power": [0, *NO_NUMBERS],
    },
    "inverse_sqrt": {"timescale": [None, *NO_LENGTHS]},
    "saturation": {"timescale": [None, *(x for x in NO_LENGTHS if x != 1.5), 0.0, 0.001, -2.5]},
    "power": {"scale": [0, -1, *NO_NUMBERS], "exponent": [0, 0.5, -11, *NO_NUMBERS]},
    "exponential": {
        "factor": [0, 1.5, -1, *NO_NUMBERS],
        "every": [None, 0.0, -2.5, *(x for x in NO_LENGTHS if x != 1.5)],
    },
    "step_decay": {
        "factor": [0, 2, -1, *NO_NUMBERS],
        "every": [None, 0.0, -2.5, *(x for x in NO_LENGTHS if x != 1.5)],
    },
    "time_decay": {
        "decay": [-0.1, *NO_NUMBERS],
        "per": [None, 0.0, "day", "updates", *(x for x in NO_LENGTHS if x != 1.5)],
    },
    "piecewise": {
        "boundaries": [
            [],
            10,
            "10",
            [20, 10],
            [10, 10],
            ["20%", "20%"],
            ["60%", "30%"],
            ["2 epochs", "1 epoch"],
            ["20 samples", "10 samples"],
            [10],
            *([bad, 10**6] for bad in NO_LENGTHS),
        ],
        "values": [0.5, [1.0], [1.0, 0.5], "1", *([1.0, bad, 0.1] for bad in (-1, *NO_NUMBERS))],
    },
    "one_cycle": {
        "start": [-0.1, 2, *NO_NUMBERS],
        "end": [-0.1, 2, *NO_NUMBERS],
        "peak": [0, 1, 1.5, *NO_NUMBERS],
        "phases": [0, 1, 4, 2.5, True, "2", None],
        "shape": ["cos", "", None, 3, "sqrt"],
        "length": NO_LENGTHS,
    },
    "warmup": {
        "length": [None, *NO_LENGTHS],
        "shape": ["exponential", "sqrt", "1-square", None, 1],
        "power": [0, -1, *NO_NUMBERS],
        "start": [-0.1, 1.1, *NO_NUMBERS],
    },
    "cooldown": {
        "length": [None, *NO_LENGTHS],
        "shape": ["sqrt", "log", None, 1],
        "end": [-0.1, 1.1, *NO_NUMBERS],
        "start": [-1, 1.5, True, "101%", "5 minutes", math.nan],
    },
    "repeat": {
        "length": [0.5, -2.5, *(x for x in NO_LENGTHS if x != 1.5)],
        "times": [0, -1, 1.5, True, "2"],
        "stretch": [0.5, 0, -1, *NO_NUMBERS],
        "decay": [0, 1.5, *NO_NUMBERS],
    },
    "hold": {"after": [None, *NO_LENGTHS]},
    "offset": {"length": [None, *NO_LENGTHS]},
    "clip": {
        "low": [-1, 0.95, *NO_NUMBERS],
        "high": [-1, 0.05, *(x for x in NO_NUMBERS if x is not None)],
    },
    "between": {"low": [-1, *NO_NUMBERS], "high": [-1, *NO_NUMBERS]},
    "rate": {"value": [0, -1, *NO_NUMBERS]},
    "k_decay": {"power": [0, -1, *NO_NUMBERS]},
    "noise": {
        "std": [0, -1, *NO_NUMBERS],
        "every": [None, 0.0, *(x for x in NO_LENGTHS if x != 1.5)],
        "limit": [0, 1, 1.5, *NO_NUMBERS],
        "seed": [-1, 1.5, True, "1", None],
    },
    "join": {
        "schedules": [[], [Cosine()], Cosine(), "cosine()", None],
        "boundaries": [
            [],
            [1],
            [2, 1],
            [5, 5],
            ["50%", "20%"],
            [1, 2, 3],
            5,
            [0, 10],
            ["5 days", 1],
        ],
    },
    "product": {"schedules": [[], [Cosine()], Cosine(), None, [Cosine(), -1], [Cosine(), "what"]]},
}


def cases():
    for name, settings in REFUSED.items():
        for setting, values in settings.items():
            yield from (pytest.param(name, setting, v, id=f"{name}-{setting}-{v}") for v in values)


def test_every_setting_of_every_class_is_in_the_table():
    for name in EXAMPLES:
        settings = {item.name for item in dataclasses.fields(SCHEDULES[name])} - {"schedule"}
        assert settings == set(REFUSED[name]), name
    assert set(SHAPES) | set(TRANSFORMS) | {"join", "product"} == set(REFUSED)


@pytest.mark.parametrize(("name", "setting", "value"), list(cases()))
def test_it_is_refused(name, setting, value):
    example = next(part for part in _parts(parse(EXAMPLES[name])) if part.name == name)
    with pytest.raises(InvalidInput, match=r"Received|Valid names"):
        dataclasses.replace(example, **{setting: value})


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("inner", [None, -1, math.nan, True, "what", [Cosine()], Cosine, {}])
def test_a_transform_needs_a_schedule(name, inner):
    example = parse(EXAMPLES[name])
    assert isinstance(example, Transform)
    with pytest.raises(InvalidInput):
        dataclasses.replace(example, schedule=inner)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Cosine(0.1, 0.2), r"Linear\(start=0.1, end=0.2\)"),
        (lambda: Cosine("10 epochs"), "length='10 epochs'"),
        (lambda: Cosine(1000), r"start is a factor .*\. For a length write Cosine\(length=1000\)"),
        (lambda: parse("linear(1, 101)"), r"end is a factor .* Linear\(length=101\)"),
        (lambda: parse("geometric(1e12)"), r"Geometric\(length=1000\)"),
        (lambda: Linear(length="5 minutes"), "'5%', '3 epochs'"),
        (lambda: Linear(length="150%"), "at most 100%"),
        (lambda: Cosine().warmup(10, "exponential"), r"Saturation\(timescale=1000\) \* schedule"),
        (lambda: Cosine().warmup(10, "sqrt"), "Valid names: 1-sqrt, cosine, linear, log"),
        (lambda: Cosine().clip(0.5, 0.1), r"\.clip\(0\.1, 0\.5\)"),
        (lambda: parse("tanh(lower=5, upper=-5)"), r"Tanh\(lower=-5\.0, upper=5\.0\)"),
        (lambda: parse("one_cycle(peak=0.6, phases=3)"), "peak=0.5 at most, or phases=2"),
        (lambda: parse("one_cycle(0.1, end=0.5, phases=3)"), "end is above start"),
        (lambda: parse("power(2, exponent=0)"), r"Constant\(\)"),
        (lambda: Constant().k_decay(2), "never ends"),
        (lambda: Cosine().rate(0.1).rate(0.1), "gives rates already"),
        (lambda: Cosine().rate(0.1).between(0, 1), r"\.between\(\.\.\.\)\.rate"),
        (lambda: Cosine().rate(0.1) * Cosine().rate(0.1), "at most one"),
        (lambda: join([Cosine().rate(0.1), Cosine()], [5]), "one kind"),
        (lambda: product(Cosine()), "two schedules or more"),
        (lambda: stretch(Cosine(length=10), 0), "factor above 0"),
        (lambda: stretch(Cosine(length=10), 1e10), "more than 2147483647"),
    ],
)
def test_the_message_says_what_to_write(build, words):
    with pytest.raises(InvalidInput, match=words):
        build()


def _parts(schedule):
    yield schedule
    for part in schedule.parts:
        yield from _parts(part)
