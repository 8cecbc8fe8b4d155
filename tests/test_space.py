"""Spaces: what is refused before anything is trained, and what a trial is made of."""

import numpy as np
import pytest

from engine_models import build
from keras_lr import rules, schedules
from keras_lr.errors import InvalidInput
from keras_lr.tuner import LogUniform, Uniform
from keras_lr.tuner.space import NONE, read_space


def read(space, build_model=build, **settings):
    return read_space(space, build_model, build(**settings).optimizer)


@pytest.mark.parametrize(
    "make",
    [
        lambda: LogUniform(0.0, 1.0),
        lambda: LogUniform(-1.0, 1.0),
        lambda: LogUniform(1.0, 1e-4),
        lambda: Uniform(1.0, 1.0),
        lambda: Uniform(0.0, float("inf")),
        lambda: Uniform(0.0, float("nan")),
        lambda: LogUniform("1e-4", 1.0),
        lambda: Uniform(False, True),
    ],
)
def test_ranges_that_are_none(make):
    with pytest.raises(InvalidInput, match="Received: "):
        make()


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "space says what to search"),
        ([1], "space says what to search"),
        ({"learning_rat": [0.1]}, "Did you mean 'learning_rate'"),
        ({"shedule": ["cosine()"]}, "Did you mean 'schedule'"),
        ({"momentums": [0.1]}, "Did you mean 'momentum'"),
        ({"beta_1": [0.9]}, "no setting of the optimizer"),
        ({"kinds": ["dense"]}, "Did you mean 'kind'"),
        ({"learning_rate": [0.1, -0.1]}, "Write e.g. 'learning_rate': keras_lr.LogUniform"),
        ({"learning_rate": Uniform(-1.0, 1.0)}, "must be a positive number"),
        ({"learning_rate": ["0.1"]}, r"must be a positive number.* '0.1' \(of type str\)"),
        ({"learning_rate": [lambda step: 0.1]}, r"Write e.g. 'schedule': \['cosine"),
        ({"learning_rate": (0.1, 0.01)}, r"Write 'learning_rate': \[0.1, 0.01\]. .* a tuple"),
        ({"learning_rate": {0.1}}, r"Write 'learning_rate': \[0.1\]. .* a set"),
        ({"learning_rate": np.array([0.5, 0.25])}, r"\[0.5, 0.25\]. Received: a ndarray"),
        ({"momentum": (0.0, 0.9)}, r"Write 'momentum': \[0.0, 0.9\]"),
        ({"kind": range(2, 4)}, r"list\(range\(2, 4\)\) or keras_lr.Integers\(2, 3\)"),
        ({"kind": range(0, 9, 4)}, r"'kind': list\(range\(0, 9, 4\)\)\. "),
        ({"learning_rate": LogUniform(1e-300, 1e300)}, r"float32.* LogUniform\(lo=1e-300"),
        ({"learning_rate": LogUniform(1e-3, 1e39)}, "float32"),
        ({"learning_rate": [0.1, 1e-300]}, "float32.* Received: 1e-300"),
        ({"weight_decay": LogUniform(1e-300, 1e-3)}, "weight_decay is kept in single precision"),
        ({"momentum": [0.9, 1.9]}, "SGD refuses momentum=1.9"),
        ({"momentum": [float("nan")]}, "momentum must be a finite number"),
        ({"weight_decay": [0.1, float("inf")]}, "weight_decay must be a finite number"),
        ({"nesterov": ["yes"]}, "SGD's nesterov is True or False"),
        ({"nesterov": [0, 1]}, "SGD's nesterov is True or False"),
        ({"nesterov": Uniform(0.0, 1.0)}, "SGD's nesterov is True or False"),
        ({"momentum": [True]}, "SGD's momentum is a number"),
        ({"momentum": []}, "no choice for 'momentum'"),
        ({"momentum": [0.9, 0.9]}, "0.9 for 'momentum' twice"),
        ({"schedule": ["cosinus()"]}, "cosinus"),
        ({"schedule": Uniform(0.0, 1.0)}, "takes a list of choices"),
        ({"rules": ["plato"]}, "There is no rule 'plato'"),
        ({"rules": [3]}, "must be rule objects.*'rules': .None, keras_lr.rules.Plateau"),
        ({"rules": [rules.Plateau]}, "must be rule objects"),
    ],
)
def test_spaces_that_cannot_be(space, message):
    with pytest.raises(InvalidInput, match=message):
        read(space, lambda kind="dense": build(kind))


def test_an_argument_that_the_tuner_applies_itself_needs_a_default():
    def demanding(momentum):
        return build(momentum=momentum)

    with pytest.raises(InvalidInput, match="Give it a default there: momentum="):
        read({"momentum": [0.9]}, demanding)


def test_what_a_trial_is_made_of():
    plateau, divergence = rules.Plateau(patience=2), rules.Divergence()
    space = read(
        {
            "learning_rate": LogUniform(1e-4, 1.0),
            "momentum": [0, 0.9],
            "nesterov": True,
            "schedule": [None, "cosine()", schedules.Linear()],
            "rules": [None, plateau, (plateau, divergence)],
            "units": [(8, 8), (16,)],
        },
        lambda units=(8, 8): build(),
    )
    assert set(space.fixed) == {"nesterov"}
    assert space.searched["schedule"].labels == (NONE, "cosine()", "linear()")
    texts = (NONE, "Plateau(patience=2)", "Plateau(patience=2) + Divergence()")
    assert space.searched["rules"].labels == texts
    drawn = {"learning_rate": 0.1, "momentum": 0.9, "schedule": "linear()", "rules": texts[2],
             "units": "(8, 8)"}  # fmt: skip
    params = space.params(drawn)
    assert params == {**drawn, "units": (8, 8), "nesterov": True}
    spec = space.spec(params)
    assert spec.settings == {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}
    assert spec.schedule == schedules.Linear()
    assert spec.rules == (plateau, divergence)
    assert spec.arguments == {"units": (8, 8)}


def test_a_single_choice_is_fixed_and_a_space_can_be_told_apart():
    one = read({"learning_rate": [0.1], "momentum": Uniform(0.0, 0.9)})
    two = read({"learning_rate": [0.2], "momentum": Uniform(0.0, 0.9)})
    assert set(one.searched) == {"momentum"}
    assert one.described() != two.described()


def test_numpys_numbers_are_numbers():
    plain = {"learning_rate": LogUniform(0.5, 2), "momentum": [0.5, 0.25], "nesterov": [True]}
    given = {
        "learning_rate": LogUniform(np.float32(0.5), np.int64(2)),
        "momentum": [np.float32(0.5), np.float64(0.25)],
        "nesterov": [np.True_],
    }
    assert read(given).described() == read(plain).described()
    assert read(given).searched["momentum"].labels == (0.5, 0.25)
