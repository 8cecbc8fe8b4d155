"""Schedules and rules with parameters, whole numbers, and ranges that other things give."""

import keras
import numpy as np
import pytest

import keras_lr
from engine_models import build, images
from keras_lr import Integers, LogIntegers, LogUniform, Uniform, rules, schedules, tune
from keras_lr.errors import InvalidInput
from keras_lr.tuner.rule_text import parse_rules, rules_text
from keras_lr.tuner.space import read_space


def read(space, build_model=build, **settings):
    return read_space(space, build_model, build(**settings).optimizer)


def both(*, warmup, end):
    return schedules.Cosine(end=end).warmup(f"{warmup:%}")


TEXT = "cosine(end={end}) | warmup({warmup:%})"
RANGES = {"warmup": Uniform(0.01, 0.2), "end": [0.0, 0.1]}


@pytest.mark.parametrize("given", [TEXT, both, lambda warmup, end: both(warmup=warmup, end=end)])
def test_a_schedule_is_made_from_other_names_of_the_space(given):
    space = read({"schedule": given, **RANGES, "learning_rate": 0.1})
    assert set(space.searched) == {"warmup", "end"}
    params = space.params({"warmup": 0.05, "end": 0.1})
    assert params["warmup"] == 0.05, "the parameters are part of what a trial shows"
    spec = space.spec(params)
    assert str(spec.schedule) == "cosine(end=0.1) | warmup(5%)"
    assert spec.settings == {"learning_rate": 0.1}
    assert spec.arguments == {}, "parameters of a schedule are no arguments of build_model"
    assert "cosine() | warmup(20%)" in [str(each) for each in space.schedules()]


def test_rules_are_made_from_other_names_of_the_space():
    def gentle(patience, factor=0.7):
        return rules.Plateau(patience=patience, factor=factor), rules.Divergence()

    texts = [None, "Plateau(patience={patience}) + Divergence()", gentle]
    space = read({"rules": texts, "patience": Integers(2, 8)})
    labels = ("none", texts[1], "gentle(patience)")
    assert space.searched["rules"].labels == labels
    made = [space.spec({"rules": label, "patience": 3}).rules for label in labels]
    divergence = rules.Divergence()
    assert made == [
        (),
        (rules.Plateau(patience=3), divergence),
        (rules.Plateau(patience=3, factor=0.7), divergence),
    ]


def test_a_name_may_serve_the_optimizer_or_the_model_and_a_schedule():
    space = read(
        {"learning_rate": [0.1, 0.2], "kind": ["dense", "conv"], "schedule": lambda learning_rate, kind:
         schedules.Cosine(end=learning_rate if kind == "dense" else 0.0)},
    )  # fmt: skip
    spec = space.spec(
        {"learning_rate": 0.2, "kind": "dense", "schedule": "function(learning_rate, kind)"}
    )
    assert spec.settings == {"learning_rate": 0.2}
    assert spec.arguments == {"kind": "dense"}
    assert spec.schedule == schedules.Cosine(end=0.2)


def test_a_function_of_the_step_is_a_schedule_as_before():
    space = read({"schedule": lambda step: 0.5, "momentum": [0.0, 0.9]})
    assert (
        space.spec({"schedule": space.fixed["schedule"].labels[0], "momentum": 0.0}).schedule(3)
        == 0.5
    )


def test_another_function_of_the_same_name_makes_another_space():
    def spaces(power):
        return read(
            {"schedule": lambda end: schedules.Polynomial(end, power=power), "end": [0.0, 0.1]}
        )

    assert spaces(2.0).described() == spaces(2.0).described()
    assert spaces(2.0).described() != spaces(3.0).described()


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"schedule": "cosine(end={ende})", "end": [0.1]}, "takes 'ende'.*Did you mean 'end'"),
        ({"schedule": "cosine(end={})", "end": [0.1]}, "takes ''.*Write e.g."),
        ({"schedule": "cosine(end={end.real})", "end": [0.1]}, "takes 'end.real'"),
        ({"schedule": "cosine(end={end)", "end": [0.1]}, "braces"),
        ({"schedule": "cosine(end={end:%})", "end": ["a"]}, "a format in"),
        ({"rules": lambda patience: rules.Plateau(patience=patience)}, "takes 'patience', which"),
        ({"schedule": lambda a, b: None, "a": [1]}, "takes 'b', which"),
        ({"schedule": both, **RANGES, "warmup": Uniform(0.0, 0.2)}, r"with warmup=0.0.*can't be zero"),
        ({"schedule": both, **RANGES, "warmup": Uniform(0.5, 1.2)}, r"with warmup=1.2, end=0.0"),
        ({"schedule": "warmup({warmup}) | cosine()", "warmup": Uniform(0.1, 0.2)}, "{name:%}"),
        ({"rules": "Plateau(patience={p})", "p": Uniform(1, 8)}, "with p=3.674"),
        ({"rules": "Plateau(patience={p})", "p": [3, 0]}, "with p=0"),
        ({"rules": lambda p: "nothing", "p": [3, 4]}, "no rule 'nothing'"),
        ({"schedule": lambda p: 1 / p, "p": [1, 0]}, "ZeroDivisionError"),
        ({"warmup": [0.1], "schedule": "cosine()"}, "no parameter of its schedule or rules"),
        ({"schedule": [lambda end: 1.0, lambda end: 0.5], "end": [0.1]}, "write def"),
        ({"learning_rate": keras_lr.Finding(None, np.ones(1), np.ones(1), "None fell.", "race")},
         "None fell"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_trained(space, message):
    with pytest.raises(InvalidInput, match=message):
        read(space, lambda: build())


@pytest.mark.parametrize("kind", [Integers, LogIntegers])
def test_whole_numbers_are_drawn_as_such(kind):
    space = read({"units": kind(4, 64)}, lambda units=4: build())
    import optuna

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [study.ask(space.distributions()).params["units"] for _ in range(40)]
    assert all(isinstance(value, int) and 4 <= value <= 64 for value in drawn)
    low = sum(value <= 16 for value in drawn)
    assert low >= 13 if kind is LogIntegers else low < 13, "half of the factors lie below 16"
    for ends in ((1.5, 4), (4, 1)):
        with pytest.raises(InvalidInput, match="Received"):
            kind(*ends)
    with pytest.raises(InvalidInput, match="at least 1"):
        LogIntegers(0, 4)


def test_a_range_from_a_rate_or_a_finding():
    assert LogUniform.around(0.1, 100).place(0.1) == pytest.approx(0.5)
    with pytest.raises(InvalidInput, match="factor above 1"):
        LogUniform.around(0.1, 0.5)
    finding = keras_lr.Finding(0.1, np.ones(1), np.ones(1), "", "race", band=(0.05, 0.1414))
    space = read({"learning_rate": finding})
    assert space.searched["learning_rate"] == LogUniform(0.025, 0.2828)


@pytest.mark.parametrize(
    "made",
    [(), (rules.Plateau(patience=4),), (rules.Plateau("loss", factor=0.1), rules.Divergence())],
)
def test_rules_as_text_come_back(made):
    assert parse_rules(rules_text(made)) == made


@pytest.mark.parametrize(
    "text", ["Plateau(", "__import__('os')", "Plateau(patience=open('x'))", "Plateau(wait=3)", "3", "1 + 2"]
)  # fmt: skip
def test_texts_that_are_no_rules_run_nothing(text):
    with pytest.raises(InvalidInput, match="rule"):
        parse_rules(text)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="the compiled engine is JAX's")
def test_parameters_of_schedules_and_rules_compile_nothing(monkeypatch):
    from keras_lr.engines.compiled.program import Program

    made = []
    start = Program.__init__
    monkeypatch.setattr(
        Program, "__init__", lambda self, *args: (made.append(self), start(self, *args))[1]
    )
    x, y = images(64)
    space = {
        "learning_rate": LogUniform(1e-2, 1.0),
        "schedule": [TEXT, both, None],
        **RANGES,
        "rules": [
            None,
            lambda patience, factor: rules.Plateau("loss", factor=factor, patience=patience),
        ],
        "patience": Integers(1, 2),
        "factor": Uniform(0.1, 0.9),
    }
    arguments = {
        "epochs": 3,
        "batch_size": 16,
        "validation_split": 0.25,
        "verbose": 0,
        "space": space,
    }
    study = tune(build, x, y, trials=12, engine="compiled", sampler="random", **arguments)
    (program,) = made
    assert len({trial.params["warmup"] for trial in study.trials}) == 12
    assert len(program.functions) < 12, "something was compiled for each trial"
    spec = study._space.spec(study.best.params)
    keras.utils.set_random_seed(0)
    model = build()
    model.optimizer.learning_rate = spec.settings["learning_rate"]
    callback = keras_lr.LearningRate(spec.schedule, spec.rules)
    history = model.fit(x, y, epochs=3, batch_size=16, validation_split=0.25, verbose=0,
                        callbacks=[callback]).history  # fmt: skip
    np.testing.assert_allclose(history["val_loss"], study.best.history["val_loss"], rtol=1e-5)
