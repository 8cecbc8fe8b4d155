"""Lengths become steps of the run; what doesn't fit into it is refused, or reported."""

import re

import numpy as np
import pytest

from keras_lr.errors import InvalidInput, UnresolvedSchedule
from keras_lr.schedules import (
    Constant,
    Cosine,
    Horizon,
    Linear,
    OneCycle,
    Piecewise,
    StepDecay,
    TimeDecay,
    fit_report,
    join,
    warmup_stable_decay,
)


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
        (Constant().cooldown(2000), r"2000 steps doesn't fit into 1000.*cooldown\(1000\)"),
        (warmup_stable_decay(600, "50%"), "600 steps and a cooldown of 500 .*1000"),
        (join([Linear(length=900), Linear(length=200)]), "200 steps long, but has 100"),
        (join([Linear(length=500), Constant()], [400]), "500 steps long, but has 400"),
        (join([Constant(), Constant()], [1000]), "boundary is step 1000, but only 1000"),
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
