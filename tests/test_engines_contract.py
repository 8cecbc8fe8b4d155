"""Every engine against the reference: same trials, same curves, epoch by epoch."""

import keras
import numpy as np
import pytest

from engine_models import assert_same_curves, build, images, never, trials
from keras_lr import rules
from keras_lr.engines import Job, TrialSpec, choose_engine
from keras_lr.engines.fit import FitEngine
from keras_lr.errors import InvalidInput
from keras_lr.schedules import as_schedule

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="the compiled engine is JAX's"
)


def both(build_model, specs, **job):
    from keras_lr.engines.compiled.engine import CompiledEngine

    x, y = images()
    # Batches that divide the data: a smaller last one is another program, in fit one a trial.
    job = {"epochs": 3, "batch_size": 24, "validation_split": 0.25, **job}
    job = Job(build_model, job.pop("x", x), job.pop("y", y), **job)
    wanted = FitEngine(job).run(specs, never, lambda index, result: True)
    engine = CompiledEngine(job, fall_back=False)
    got = engine.run(specs, never, lambda index, result: True)
    assert_same_curves(got, wanted)
    return engine, got, wanted


@pytest.mark.parametrize("kind", ["dropout", "batchnorm"])
@pytest.mark.deep
def test_models_under_sgd_with_momentum(kind):
    specs = trials(momentum=[0.0, 0.5, 0.9])
    _, got, wanted = both(lambda: build(kind), specs, batch_size=20)
    assert got[-1].diverged, "a rate of 1e30 has to diverge"
    assert len(got[-1].history["loss"]) < 3, "and its history is frozen there"
    assert got[3].history["learning_rate"][-1] < 2.0, "Divergence has to have cut"
    for one, two in zip(got[:3], wanted[:3], strict=True):
        for a, b in zip(one.weights, two.weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.deep
def test_a_model_under_adam():
    specs = trials(beta_1=[0.9, 0.8], beta_2=[0.999, 0.99])[:4]
    engine, _, _ = both(lambda: build("batchnorm", "adam"), specs)
    assert len(engine._groups.entries) == 1, "the betas are inputs of one program"


@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [
        ("rmsprop", {"rho": [0.9, 0.5], "momentum": [0.0, 0.9]}),
        ("adamw", {"weight_decay": [0.0, 0.1]}),
        ("lion", {"beta_1": [0.9, 0.5]}),
        ("nadam", {"beta_1": [0.9, 0.5]}),
        ("adadelta", {"rho": [0.95, 0.5]}),
        ("adamax", {"beta_2": [0.999, 0.9]}),
        ("scaled", {"momentum": [0.0, 0.9]}),
    ],
)
@pytest.mark.deep(after=2)
def test_settings_of_other_optimizers_are_inputs(optimizer, settings):
    specs = [TrialSpec({"learning_rate": 0.01, **dict(zip(settings, v, strict=True))})
             for v in zip(*settings.values(), strict=True)]  # fmt: skip
    model = lambda: build(optimizer=optimizer)  # noqa: E731
    engine, got, _ = both(model, specs, epochs=2, validation_split=0.0)
    assert len(engine._groups.entries) == 1
    assert got[0].history["loss"] != got[1].history["loss"], "the setting has to matter"


@pytest.mark.deep
def test_structural_settings_and_arguments_make_groups_of_their_own():
    specs = [
        TrialSpec({"learning_rate": 0.1, "momentum": 0.9, "nesterov": nesterov},
                  arguments={"kind": kind})
        for nesterov, kind in ((False, "dense"), (True, "dense"), (True, "batchnorm"))
    ]  # fmt: skip
    engine, _, _ = both(build, specs, epochs=2)
    assert len(engine._groups.entries) == 3


@pytest.mark.deep
def test_an_optimizer_that_accumulates():
    both(lambda: build(gradient_accumulation_steps=2), trials(momentum=[0.9])[:3])


@pytest.mark.deep
def test_an_optimizer_with_its_own_schedule():
    def scheduled():
        model = build()
        decay = keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)
        model.compile(keras.optimizers.SGD(decay), model.loss)
        return model

    plateau = rules.Plateau("loss", patience=1, min_delta=0.9, min_rate=0.005)
    replaced = as_schedule(keras.optimizers.schedules.PolynomialDecay(0.2, 9, 0.01))
    specs = [TrialSpec({"momentum": 0.9}), TrialSpec({"momentum": 0.5}, rules=(plateau,)),
             TrialSpec({"momentum": 0.5}, replaced, (plateau,))]  # fmt: skip
    with pytest.warns(UserWarning, match="built with ExponentialDecay"):
        _, got, _ = both(scheduled, specs)
    rates = [result.history["learning_rate"] for result in got]
    assert rates[1][-1] < rates[0][-1], "the rule has to have cut"


@pytest.mark.deep
def test_schedules_under_a_loss_scale_that_skips_updates_are_left_to_fit():
    from keras_lr.engines.compiled.engine import CompiledEngine

    def scaled(rate=0.1):
        model = build()
        if rate is None:
            rate = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
        # The first updates overflow, and are skipped.
        optimizer = keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(rate), initial_scale=3e38
        )
        model.compile(optimizer, model.loss)
        return model

    x, y = images()
    job = Job(scaled, 10 * x, y, epochs=2, batch_size=24)
    specs = [
        TrialSpec({"learning_rate": 0.01}),
        TrialSpec({"learning_rate": 0.01}, as_schedule("cosine()")),
        TrialSpec(arguments={"rate": None}),
        TrialSpec({"learning_rate": 0.01}, arguments={"rate": None}),
    ]
    wanted = FitEngine(job).run(specs, never, never)
    engine = CompiledEngine(job)
    assert_same_curves(engine.run(specs, never, never), wanted)
    assert "LossScaleOptimizer skips some" in engine.plan
    reasons = [
        choose_engine("auto", job, scaled(), **given)[1]
        for given in ({}, {"schedules": True}, {"own": False})
    ]
    assert [reason is not None for reason in reasons] == [False, True, False]
    assert "skips some" in choose_engine("auto", job, scaled(None))[1]
    assert choose_engine("auto", job, scaled(None), own=False)[1] is None
    with pytest.raises(InvalidInput, match=r"skips some of them\. Use engine='fit'"):
        choose_engine("compiled", job, scaled(), schedules=True)


def test_a_schedule_in_samples_counts_those_of_the_last_batch():
    specs = [TrialSpec({}, as_schedule("step_decay(0.5, every=24 samples)"))]
    _, got, _ = both(build, specs, batch_size=20)
    rates = got[0].history["learning_rate"]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < rates[0], "the rate has to fall"


def test_a_keras_schedule_gives_rates_and_not_factors():
    decay = keras.optimizers.schedules.PolynomialDecay(0.2, 9, 0.01)
    _, got, _ = both(build, [TrialSpec({"learning_rate": 0.5}, as_schedule(decay))])
    assert got[0].history["learning_rate"][0] < 0.2


@pytest.mark.deep
def test_members_of_a_multi_optimizer_keep_their_own_rates():
    def two():
        model = build()
        members = keras.optimizers.OptimizerMap(
            keras.optimizers.SGD(0.1, name="slow"),
            {".*bias": keras.optimizers.Adam(0.01, name="fast")},
        )
        model.compile(keras.optimizers.MultiOptimizer(members), model.loss)
        return model

    if not hasattr(keras.optimizers, "MultiOptimizer"):
        pytest.skip("this Keras has no MultiOptimizer")
    floor = rules.Plateau("loss", patience=1, min_delta=0.9, min_rate=0.009)
    specs = [TrialSpec({}, as_schedule("cosine()")), TrialSpec({"momentum": 0.9}, rules=(floor,))]
    both(two, specs, epochs=2)


def test_pruned_trials_end_and_the_others_go_on():
    from keras_lr.engines.compiled.engine import CompiledEngine

    x, y = images()
    job = Job(build, x, y, epochs=3, batch_size=20)
    specs = [TrialSpec({"learning_rate": rate}) for rate in np.geomspace(1e-3, 0.3, 6).tolist()]
    stop = lambda index, epoch, logs: epoch == 0 and index != 4  # noqa: E731
    results = [
        engine.run(specs, stop, lambda index, result: index == 4)
        for engine in (FitEngine(job), CompiledEngine(job, fall_back=False))
    ]
    assert_same_curves(results[1], results[0])
    for found in results:
        assert [result.pruned for result in found] == [index != 4 for index in range(6)]
        assert [len(r.history["loss"]) for r in found] == [3 if i == 4 else 1 for i in range(6)]
        assert [r.weights is not None for r in found] == [i == 4 for i in range(6)]
    for a, b in zip(results[0][4].weights, results[1][4].weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_what_cannot_be_traced_goes_to_fit_or_is_refused(monkeypatch):
    from keras_lr.engines.compiled.engine import CompiledEngine
    from keras_lr.engines.compiled.runner import Runner
    from keras_lr.errors import InvalidInput

    def refuse(self, *_):
        raise TypeError("no such trace")

    monkeypatch.setattr(Runner, "_trace", refuse)
    x, y = images()
    job = Job(build, x, y, epochs=1, batch_size=20)
    ended = []
    engine = CompiledEngine(job)
    (result,) = engine.run([TrialSpec({})], never, lambda index, result: ended.append(index))
    assert result.finished
    assert ended == [0]
    assert "can't be traced (TypeError: no such trace)" in engine.plan
    with pytest.raises(InvalidInput, match=r"no such trace.*Use engine='fit'"):
        CompiledEngine(job, fall_back=False).run([TrialSpec({})], never, never)


def test_what_gives_up_on_the_way_tells_nothing_twice(monkeypatch):
    from keras_lr.engines.compiled.engine import CompiledEngine
    from keras_lr.engines.compiled.runner import Runner

    told, ended, prepare = [], [], Runner.prepare

    def refuse(self, wanted):
        if told:
            raise TypeError("no such trace")
        return prepare(self, wanted)

    monkeypatch.setattr(Runner, "prepare", refuse)
    job = Job(build, *images(48), epochs=2, batch_size=24)
    specs = [TrialSpec({"learning_rate": rate}) for rate in (0.01, 1e30, 0.1)]
    got = CompiledEngine(job).run(
        specs,
        lambda trial, epoch, logs: told.append((trial, epoch)) or trial == 0,
        lambda trial, result: ended.append(trial) or True,
    )
    assert told == [(0, 0), (2, 0), (2, 1)]
    assert ended == [0, 1, 2]
    assert [len(result.history["loss"]) for result in got] == [1, 1, 2]
    assert [(result.pruned, result.diverged) for result in got] == [
        (True, False), (False, True), (False, False)
    ]  # fmt: skip
    assert all(result.weights is not None for result in got)
    assert_same_curves(got[2:], FitEngine(job).run(specs[2:], never, never))
