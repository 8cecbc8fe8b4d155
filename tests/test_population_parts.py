"""A population's decisions, without any training: who is copied, what is perturbed, whose path it was."""

import math

import numpy as np
import pytest

from keras_lr import PBT, LogUniform, Uniform
from keras_lr.errors import InvalidInput
from keras_lr.schedules import Piecewise, parse
from keras_lr.tuner.population import Copy, Leg, lineage
from keras_lr.tuner.population.exchanging import Exchanging
from keras_lr.tuner.population.lineage import piecewise
from keras_lr.tuner.space import Choice

RATES = LogUniform(1e-3, 1.0)


def random(seed=0):
    return np.random.default_rng(seed)


def test_the_worst_fifth_go_on_as_copies_of_the_best_fifth():
    values = {member: float(member) for member in range(10)}
    seen = set()
    for seed in range(20):
        pairs = PBT().replaced(values, "minimize", random(seed))
        assert set(pairs) == {8, 9}
        assert set(pairs.values()) <= {0, 1}
        seen |= set(pairs.values())
    assert seen == {0, 1}, "any of the best may be copied"
    assert set(PBT().replaced(values, "maximize", random())) == {0, 1}
    assert set(PBT(share=0.5).replaced(values, "minimize", random())) == {5, 6, 7, 8, 9}
    assert PBT().replaced({0: 1.0, 1: 2.0}, "minimize", random()) == {1: 0}
    assert set(PBT(share=0.5).replaced({0: 1.0, 1: 2.0, 2: 3.0}, "minimize", random())) == {2}


def test_what_is_lost_is_replaced_however_much_it_is():
    values = {0: math.nan, 1: 2.0, 2: math.inf, 3: math.nan, 4: 1.0}
    assert PBT().replaced(values, "minimize", random()) == {0: 4, 2: 4, 3: 4}
    assert PBT().replaced(values, "maximize", random()) == {0: 1, 2: 1, 3: 1}
    assert PBT().rescued(values, "minimize", random()) == {0: 4, 2: 4, 3: 4}
    assert PBT().rescued({0: 1.0, 1: 2.0}, "minimize", random()) == {}
    assert PBT().replaced({0: math.nan, 1: math.nan}, "minimize", random()) == {}


def test_a_rate_is_multiplied_and_may_leave_its_range():
    found = {PBT().rate(0.64, 0.1, RATES, random(seed)) for seed in range(20)}
    assert found == {0.512, 0.8}
    assert PBT(factors=(0.1,)).rate(0.001, 0.1, RATES, random()) == 1e-4
    again = [PBT(resample=1.0).rate(1.0, 0.1, RATES, random(seed)) for seed in range(50)]
    assert all(1e-3 <= 0.1 * factor <= 1.0 for factor in again)
    assert len(set(again)) == 50
    low = sum(0.1 * factor < 10**-1.5 for factor in again)
    assert 10 < low < 40, "half of them in each half of the decades"
    chosen = Choice((0.1, 0.4), (0.1, 0.4))
    assert PBT(resample=1.0).rate(1.0, 0.1, chosen, random()) in (1.0, 4.0)


def test_other_settings_stay_in_their_range_or_among_their_choices():
    range_ = Uniform(0.5, 0.9)
    assert PBT(factors=(1.25,)).setting(0.8, range_, random()) == 0.9
    assert PBT(factors=(0.8,)).setting(0.8, range_, random()) == 0.64
    assert PBT(factors=(0.8,)).setting(0.55, range_, random()) == 0.5
    choices = Choice((0.5, 0.9, 0.95), (0.5, 0.9, 0.95))
    assert PBT(factors=(1.25,)).setting(0.9, choices, random()) == 0.95
    assert PBT(factors=(1.25,)).setting(0.95, choices, random()) == 0.95
    assert PBT(factors=(0.8,)).setting(0.9, choices, random()) == 0.5
    assert PBT(resample=1.0).setting(0.9, choices, random()) in choices.values


def test_a_path_follows_the_weights_not_the_place():
    copies = [
        Copy(2, member=0, source=1, factor=0.8),
        Copy(2, member=3, source=2, factor=1.25),
        Copy(4, member=1, source=2, factor=1.25),
        Copy(6, member=2, source=0, factor=1.0),
    ]
    assert lineage(2, copies) == (Leg(1, 0), Leg(0, 2, 0.8), Leg(2, 6, 1.0))
    assert lineage(0, copies) == (Leg(1, 0), Leg(0, 2, 0.8))
    assert lineage(1, copies) == (Leg(2, 0), Leg(1, 4, 1.25))
    assert lineage(7, copies) == (Leg(7, 0),)


def test_a_path_is_a_schedule_that_parses():
    found = piecewise([0, 2, 5, 6], [1.0, 0.8, 0.8, 0.512])
    assert found == Piecewise(["2 epochs", "6 epochs"], [1.0, 0.8, 0.512])
    assert parse(str(found)) == found
    plan = found.resolve(steps=24, steps_per_epoch=3)
    assert plan([0, 5, 6, 17, 18]).tolist() == [1.0, 1.0, 0.8, 0.8, 0.512]
    assert str(piecewise([0, 3], [1.0, 1.0])) == "constant()"


def exchanging(**changes):
    starts = [{"learning_rate": 0.1 * (place + 1), "momentum": 0.9} for place in range(5)]
    arguments = {"objective": "val_loss", "direction": "minimize", "interval": 2, "seed": 0}
    searched = {"learning_rate": RATES, "momentum": Uniform(0.5, 0.95)}
    return Exchanging(PBT(), searched, starts, **{**arguments, **changes})


def logs(*values):
    return {place: {"loss": 1.0, "val_loss": value} for place, value in enumerate(values)}


def test_members_are_exchanged_after_an_interval_and_the_lost_at_once():
    exchange = exchanging()
    assert exchange(0, logs(1, 2, 3, 4, 5)) == {}
    first = exchange(1, logs(1, 2, 3, 4, 5))
    assert set(first) == {4}
    assert first[4].source == 0
    assert first[4].factor in (float(np.float32(0.8)), 1.25)
    assert first[4].settings["momentum"] in (0.72, 0.95)
    lost = logs(1, 2, 3, 4, 5)
    lost[1]["loss"] = math.nan
    assert set(exchange(2, lost)) == {1}
    assert [(copy.epoch, copy.member, copy.source) for copy in exchange.copies] == [
        (2, 4, 0),
        (3, 1, 0),
    ]
    # A copy of a copy multiplies the same base further.
    exchange(3, logs(2, 3, 4, 5, 1))
    copy = exchange.copies[-1]
    assert (copy.member, copy.source) == (3, 4)
    assert copy.factor in [round(first[4].factor * by, 6) for by in (0.8, 1.25)]


def test_draws_depend_on_the_seed_and_the_epoch_only():
    one, two = exchanging(), exchanging()
    values = logs(5, 4, 3, 2, 1)
    one(0, values)  # an engine that tells more often draws no other copies
    assert one(1, values) == two(1, dict(reversed(values.items())))
    others = [exchanging(seed=seed)(1, values) for seed in range(1, 9)]
    assert any(other != two(1, values) for other in others)
    with pytest.raises(InvalidInput, match="Did you mean 'val_loss'"):
        exchanging(objective="val_los")(0, values)


@pytest.mark.parametrize(
    "bad",
    [
        {"share": 0.0},
        {"share": 0.6},
        {"share": "0.2"},
        {"factors": ()},
        {"factors": (0.8, -1.0)},
        {"factors": 0.8},
        {"factors": (0.8, math.inf)},
        {"resample": -0.1},
        {"resample": True},
    ],
)
def test_settings_of_the_method_that_cannot_be_are_refused(bad):
    name = next(iter(bad))
    with pytest.raises(InvalidInput, match=rf"PBT\({name}=.*Received: {name}="):
        PBT(**bad)
