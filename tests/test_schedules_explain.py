"""Which part gave what: the tree of every schedule adds up, and says so in few words."""

import doctest
import importlib
import math
import re
from dataclasses import FrozenInstanceError, dataclass
from typing import Any

import numpy as np
import pytest

from keras_lr.errors import InvalidInput, UnresolvedSchedule
from keras_lr.schedules import SCHEDULES, Cosine, Linear, Schedule, as_schedule, parse
from keras_lr.schedules.explain import Explanation, Part, explain
from keras_lr.schedules.transforms.transform import Transform

STEPS = 1000
EXAMPLES = sorted(cls.example for cls in SCHEDULES.values() if cls.example)


def said(text, step, *, steps=STEPS):
    """The lines below the head of an explanation, without their indent."""
    lines = str(parse(text).resolve(steps=steps, steps_per_epoch=100).explain(step)).splitlines()
    return [line.strip() for line in lines[1:]]


def test_the_example_of_the_docs():
    schedule = Cosine().warmup("5%")
    explanation = schedule.resolve(steps=STEPS).explain(25)
    assert str(explanation) == (
        "step 25: 0.5\n  warmup(50): × 0.5 (step 25 of 50)\n    cosine(length=950): 1 at its step 0"
    )
    assert isinstance(explanation, Explanation)
    assert explanation.part == Part(
        "warmup(50)",
        25,
        0.5,
        "× 0.5 (step 25 of 50)",
        (Part("cosine(length=950)", 0, 1.0, "1 at its step 0"),),
    )
    with pytest.raises(FrozenInstanceError):
        explanation.step = 1


@pytest.mark.parametrize(
    ("text", "step", "lines"),
    [
        ("cosine | warmup(5%)", 0, ["warmup(50): × 0 (step 0 of 50)", "cosine(length=950): 1"]),
        ("constant | warmup(5%)", 60, ["warmup(50): over", "constant(): 1 at its step 10"]),
        ("constant | cooldown(20%)", 10, ["cooldown(200, start=800): from step 800 on", "constant(): 1"]),
        ("constant | cooldown(20%)", 850, ["cooldown(200, start=800): × 0.75 (step 50 of 200)", "constant(): 1"]),
        ("linear | cooldown(20%)", 1000, ["cooldown(200, start=800): × 0 (over)", "linear(length=1000): 0"]),
        ("linear | clip(0.1, 0.8)", 950, ["clip(low=0.1, high=0.8): cut from 0.05 to 0.1", "linear(length=1000): 0.05"]),
        ("linear | clip(0.1, 0.8)", 500, ["clip(low=0.1, high=0.8): stays 0.5", "linear(length=1000): 0.5"]),
        ("linear | between(0.1)", 500, ["between(0.1): 0.5 becomes 0.55", "linear(length=1000): 0.5"]),
        ("linear | hold(60%)", 700, ["hold(600): held", "linear(length=1000): 0.4 at its step 600"]),
        ("linear | hold(60%)", 100, ["hold(600): from step 600 on", "linear(length=1000): 0.9"]),
        ("linear(length=1000) | offset(100)", 100, ["offset(100)", "linear(length=1000): 0.8 at its step 200"]),
        ("linear | rate(0.1)", 500, ["rate(0.1): × 0.1", "linear(length=1000): 0.5"]),
        (
            "linear | repeat(200, decay=0.5)", 300,
            ["repeat(length=200, times=5, decay=0.5): × 0.5 (cycle 2 of 5, from step 200)", "linear(length=200): 0.5 at its step 100"],
        ),
        (
            "linear | repeat(200)", 300,
            ["repeat(length=200, times=5): cycle 2 of 5, from step 200", "linear(length=200): 0.5 at its step 100"],
        ),
        (
            "linear | k_decay(2)", 500,
            ["k_decay(2.0)", "linear(length=1000): 0.75 at its step 250"],
        ),
        (
            "linear(length=10) | k_decay(2)", 5,
            ["k_decay(2.0): 0.75 between steps 2 and 3 of linear", "linear(length=10): 0.8 at its step 2"],
        ),
        (
            "linear(length=3) | repeat(times=3, stretch=1.5)", 4,
            [
                "repeat(length=3, times=3, stretch=1.5): 0.7778 between steps 0 and 1 of linear (cycle 2 of 3, from step 3)",
                "linear(length=3): 0.6667 at its step 1",
            ],
        ),
        (
            "linear | repeat(times=3, decay=0.5)", 400,
            [
                "repeat(length=333.3333333333333, times=3, decay=0.5): 0.8 between steps 66 and 67 of linear, × 0.5 (cycle 2 of 3, from step 334)",
                "linear(length=334): 0.7994 at its step 67",
            ],
        ),
        (
            "linear(0, 1) | warmup(10) | cooldown(999, start=1, end=0.5)", 5,
            [
                "cooldown(999, end=0.5, start=1): × 0.998 (step 4 of 999)",
                "warmup(10): × 0.5 (step 5 of 10)",
                "linear(start=0.0, end=1.0, length=990): 0 at its step 0",
            ],
        ),
        (
            "linear * 0.5 * step_decay(0.5, every=30%)", 600,
            ["product: 0.4 × 0.5 × 0.25", "linear(length=1000): 0.4", "constant(0.5): 0.5", "step_decay(every=300): 0.25"],
        ),
        (
            "join(linear, cosine | warmup(10%), boundaries=[50%])", 550,
            ["join: part 2 of 2, from step 500", "warmup(100): at its step 50, × 0.5 (step 50 of 100)", "cosine(length=400): 1 at its step 0"],
        ),
    ],
)  # fmt: skip
def test_what_a_part_did_in_few_words(text, step, lines):
    assert said(text, step) == lines


def test_noise_is_a_factor():
    plan = parse("linear | noise(0.1)").resolve(steps=STEPS)
    part = plan.explain(500).part
    assert part.did == f"× {plan(500) / 0.5:.4g}"
    assert plan.explain(1000).part.did.startswith("× ")  # of 0, by the noise itself


@pytest.mark.parametrize("text", EXAMPLES)
@pytest.mark.parametrize("step", [0, 1, 33, 150, 499, 500, 999, 1000, 5000])
def test_every_schedule_is_explained_and_every_value_is_true(text, step):
    plan = parse(text).resolve(steps=STEPS, steps_per_epoch=100, batch_size=32)
    explanation = plan.explain(step)
    assert explanation.value == plan(step) == explanation.part.value
    assert explanation.absolute == plan.absolute
    head = str(explanation).splitlines()[0]
    assert head == f"step {step}: {'rate ' if plan.absolute else ''}{plan(step):.4g}"

    def check(schedule, part):
        assert part.value == schedule(part.step)
        assert "  " not in part.did
        inside = schedule.inside(part.step)
        assert [seen for _, seen in inside] == [inner.step for inner in part.parts]
        for (inner, _), below in zip(inside, part.parts, strict=True):
            check(inner, below)

    check(plan.schedule, explanation.part)


COMPOSITIONS = [
    "linear(length=3) | repeat(times=3, stretch=1.5)",
    "linear(0.2, 1) | warmup(30, shape=cosine) | k_decay(0.7) | repeat(times=3, decay=0.9) | cooldown(20%)",
    "cosine(power=2) * step_decay(0.5, every=7%) * 0.3 | repeat(times=7, stretch=1.3) | noise(0.2)",
    "linear(0, 1) | warmup(5%, shape=log) | noise(0.3, every=3) | clip(0.02, high=0.9) | rate(0.01)",
    "join(linear | k_decay(3), (one_cycle | repeat(65, decay=0.9)) * 0.5, boundaries=[35%]) | hold(70%)",
    "tanh | between(0.9, high=0.2) | offset(123) | repeat(times=11) | warmup(20, start=0.3, power=2)",
]  # fmt: skip


def told(part):
    """The value that the printed words give, worked out from what the lines below give."""
    below = [told(inner) for inner in part.parts]
    words = re.sub(r"(, )?at its step \d+(, | )?", " ", part.did)
    words = re.sub(r"\([^()]*\d[^()]*\)|\((over|held)\)", "", words)  # the note behind it
    number = r"\d\S*"
    if match := re.search(rf"(?:becomes|to|stays) ({number})", words):
        before = re.match(rf"(?:cut from )?({number}) (?:becomes|to) ", words.strip())
        same = float(before[1]) if before else float(match[1])
        assert same == pytest.approx(below[0], rel=2e-3, abs=1e-12)
        return float(match[1])
    if match := re.search(rf"({number}) between steps (\d+) and (\d+) of", words):
        assert int(match[3]) == int(match[2]) + 1
        assert part.parts[0].step in (int(match[2]), int(match[3]))
        below, words = [float(match[1])], words[match.end() :]
    start = re.match(rf"({number})", words.strip())
    factors = [float(found) for found in re.findall(rf"× ({number})", words)]
    value = math.prod(factors) * (float(start[1]) if start else below[0])
    if len(below) > 1 and start:
        assert value == pytest.approx(math.prod(below), rel=4e-3, abs=1e-12)
    return value


@pytest.mark.parametrize("text", [*EXAMPLES, *COMPOSITIONS])
def test_what_is_printed_adds_up(text):
    plan = parse(text).resolve(steps=STEPS, steps_per_epoch=100, batch_size=32)

    def check(part):
        # Four digits are printed, and a factor is one of several at most.
        assert told(part) == pytest.approx(part.value, rel=4e-3, abs=1e-12), part
        for inner in part.parts:
            check(inner)

    for step in (0, 1, 4, 33, 150, 331, 499, 500, 703, 850, 999, 1000, 5000):
        check(plan.explain(step).part)


def test_a_part_says_itself_what_it_did():
    @dataclass(frozen=True)
    class Rooted(Transform):
        name = "rooted"

        def formula(self, step: Any, xp: Any) -> Any:
            return xp.sqrt(self.schedule.formula(step, xp))

        def did(self, step: int, value: float, inner: tuple[float, ...]) -> str:
            return f"√{inner[0]:.4g} = {value:.4g}"

        def note(self, step: int) -> str:
            return f"step {step}"

    plan = Rooted(Linear()).resolve(steps=100)
    lines = ["step 36: 0.8", "  rooted(): √0.64 = 0.8 (step 36)", "    linear(length=100): 0.64"]
    assert str(plan.explain(36)).splitlines() == lines
    assert plan.did(36, 0.8, (0.64,)) == "√0.64 = 0.8"  # a plan says what its schedule does


def test_a_part_of_ones_own_that_moves_the_step():
    @dataclass(frozen=True)
    class Doubled(Transform):
        name = "doubled"

        def formula(self, step: Any, xp: Any) -> Any:
            return 0.5 * self.schedule.formula(2 * step, xp)

        def inside(self, step: int) -> tuple[tuple[Schedule, int], ...]:
            return ((self.schedule, 2 * step),)

    plan = Doubled(Linear()).resolve(steps=100)
    assert plan.explain(10).part.did == "0.4"
    assert plan.explain(10).part.parts[0].did == "0.8 at its step 20"


def test_a_part_of_ones_own_needs_nothing():
    @dataclass(frozen=True)
    class Halved(Transform):
        name = "halved"

        def formula(self, step: Any, xp: Any) -> Any:
            return 0.5 * self.schedule.formula(step, xp)

    plan = Halved(Cosine()).resolve(steps=100)
    assert str(plan.explain(0)) == "step 0: 0.5\n  halved(): × 0.5\n    cosine(length=100): 1"
    assert plan.explain(100).part.did == ""  # 0 stays 0


def test_foreign_schedules_are_named():
    import keras

    decay = keras.optimizers.schedules.ExponentialDecay(0.1, 100, 0.5)
    text = str(as_schedule(decay).warmup(50).explain(25))
    assert text.splitlines() == [
        "step 25: rate 0.05",
        "  warmup(50): × 0.5 (step 25 of 50)",
        "    keras(ExponentialDecay): 0.1 at its step 0",
    ]
    plain = as_schedule(lambda step: 0.5).explain(3)
    assert "function(" in str(plain)


def test_what_cannot_be_explained():
    with pytest.raises(UnresolvedSchedule, match="resolve"):
        Cosine().explain(3)
    plan = Cosine(length=10).resolve(steps=10)
    for step in (-1, 2.5, "3", None, True):
        with pytest.raises(InvalidInput, match="whole number"):
            plan.explain(step)
    assert plan.explain(np.int64(5)) == plan.explain(5) == explain(plan, 5)


def test_docstring_examples():
    assert doctest.testmod(importlib.import_module("keras_lr.schedules.explain")).failed == 0
