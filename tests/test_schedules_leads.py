"""Where a warmup ends inside a composition: a cooldown must leave it alone, and have the rest."""

import pytest

from keras_lr.errors import InvalidInput
from keras_lr.schedules import Constant, Cosine, Linear, Piecewise, join


@pytest.mark.parametrize(
    ("composition", "lead"),
    [
        (Constant().warmup(50), 50),
        (Constant().warmup(50).offset(40), 10),
        (Constant().warmup(50).offset(60), 0),
        (Cosine().warmup(50).k_decay(2.0), 71),  # 100·√(50/100)
        (Constant().warmup(30) * Constant().warmup(60), 60),
        (join([Constant().warmup(20), Constant()], [40]), 20),
        (Linear(length=20).warmup(5).repeat(25), 5),
        (Constant().warmup(50).hold(80).clip(0.1), 50),
    ],
)
def test_a_cooldown_has_what_a_warmup_leaves(composition, lead):
    fits = composition.cooldown(100 - lead).resolve(steps=100)
    assert fits(100) == 0
    with pytest.raises(InvalidInput, match=r"(don't|doesn't) fit into 100 steps"):
        composition.cooldown(100 - lead + 1).resolve(steps=100)


def test_boundaries_that_a_short_run_brings_together_are_spread():
    plan = Piecewise(["10%", "11%", "12%", "13%"], [1.0, 0.8, 0.6, 0.4, 0.2]).resolve(steps=20)
    assert plan(range(7)).tolist() == [1.0, 1.0, 0.8, 0.6, 0.4, 0.2, 0.2]


@pytest.mark.parametrize("length", [100, "100%", "10 epochs"])
def test_a_warmup_that_leaves_nothing_is_refused(length):
    with pytest.raises(InvalidInput, match="nothing is left"):
        Cosine().warmup(length).resolve(steps=100, steps_per_epoch=10)


@pytest.mark.parametrize("share", ["95%", "99%", "99.9%"])
@pytest.mark.parametrize("steps", [2, 3, 10, 100])
def test_a_share_always_leaves_a_step(share, steps):
    assert Cosine().warmup(share).resolve(steps=steps)(steps) == 0
