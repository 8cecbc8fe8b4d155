"""The moments that a picture names, and a schedule over another horizon."""

import numpy as np
import pytest

from keras_lr.schedules import (
    Cosine,
    Linear,
    Mark,
    Piecewise,
    Power,
    Saturation,
    StepDecay,
    TimeDecay,
    join,
    parse,
    stretch,
)
from keras_lr.schedules.marks import MOST_MARKS


def test_drops_are_marked_where_they_happen():
    for every in (10, 2.5, 0.4, 10 / 3):
        schedule = StepDecay(0.5, every=every)
        for mark in schedule.marks():
            assert mark.label == "drop"
            assert schedule(mark.step) < schedule(mark.step - 1) or mark.step == 0
    assert StepDecay(0.5, every=10).marks()[:2] == [Mark(10, "drop"), Mark(20, "drop")]
    assert StepDecay(1.0, every=10).marks() == []


def test_so_many_drops_are_marked_at_most():
    assert len(StepDecay(0.5, every=1).marks()) == MOST_MARKS
    assert [mark.step for mark in StepDecay(0.5, every=2**30).marks()] == [2**30]


def test_marks_are_moved_with_their_schedule_and_end_with_it():
    steps = [mark.step for mark in StepDecay(0.5, every=10).warmup(5).hold(30).marks()]
    assert steps == [5, 15, 25, 30]
    over = Piecewise([5, 50], [1.0, 0.5, 0.1]).cooldown(10, start=10)
    assert [mark.step for mark in over.marks()] == [5, 10]  # nothing is left at 50
    assert Linear(length=5).hold(9).marks() == []
    parts = join([Linear(length=10), Cosine(length=10)])
    assert parts.marks() == [Mark(10, "next part")]


STEPS = np.arange(0, 100)


@pytest.mark.parametrize(
    "text",
    [
        "linear(length=40)",
        "cosine(length=1 epoch) | warmup(7)",
        "time_decay(0.3)",
        "time_decay(0.3, per=epoch)",
        "time_decay(0.3, per=2 epochs)",
        "time_decay(0.3, per=12)",
        "inverse_sqrt(20)",
        "power(5.0)",
        "exponential(0.5, every=10)",
        "step_decay(0.5, every=2.5)",
        "polynomial_restarts(20)",
        "piecewise([10, 20], [1, 0.5, 0.1])",
        "linear(length=8) | repeat(10, times=3, stretch=2, decay=0.5)",
        "cosine(length=50) | cooldown(10, start=30) | offset(10) | hold(20)",
        "constant() | cooldown(1280 samples)",
    ],
)
def test_three_times_as_long_is_three_times_as_slow(text):
    schedule = parse(text)
    run = schedule.resolve(steps=100, steps_per_epoch=20, batch_size=32)
    longer = stretch(schedule, 3).resolve(steps=300, steps_per_epoch=20, batch_size=32)
    np.testing.assert_allclose(longer(3 * STEPS), run(STEPS), rtol=1e-9, atol=1e-9)


def test_what_is_stretched_keeps_its_units():
    assert str(stretch(TimeDecay(0.3, per="epoch"), 3)) == "time_decay(0.3, per=3 epochs)"
    assert stretch(TimeDecay(0.3), 3).decay == pytest.approx(0.1)
    assert str(stretch(Saturation("5%"), 3)) == "saturation(5%)"
    assert stretch(Power(4.0, -0.5), 4).scale == pytest.approx(8.0)
    assert str(stretch(Linear(length="97 samples"), 0.5)) == "linear(length=48 samples)"
    squeezed = stretch(Piecewise([2, 4, "50%"], [1, 0.5, 0.2, 0.1]), 0.1)
    assert squeezed.boundaries == (1, 2, "50%")
    cycles = stretch(Linear(length=5).repeat(10, stretch=2.0), 2)  # its own setting is no method
    assert cycles == Linear(length=10).repeat(20, stretch=2.0)
