"""What engines share: jobs that are refused, models of trials, the choice, the reference engine."""

import keras
import numpy as np
import pytest

from engine_models import build, images, never
from keras_lr import rules, tune
from keras_lr.engines import Job, TrialSpec, choose_engine
from keras_lr.engines.fit import FitEngine
from keras_lr.engines.job_checks import batches_of, check_job
from keras_lr.engines.kept import keep
from keras_lr.engines.models import apply_settings, clone, make_model
from keras_lr.errors import InvalidInput
from keras_lr.rate import get_learning_rate

X, Y = images(40)
ENGINES = ["fit", "auto"] + (["compiled"] if keras.backend.backend() == "jax" else [])


def bad(array, place, value):
    array = array.copy()
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": Y[:-1]}, "x has 40, y has 39"),
        ({"x": bad(X, (3, 1, 2, 0), np.nan)}, r"x\[3, 1, 2, 0\] = nan"),
        ({"x": [X, bad(X, (0, 0, 0, 0), np.inf)]}, "NaN or infinite"),
        ({"sample_weight": np.ones(3)}, "sample_weight has 3"),
        ({"validation_data": (X, Y[:2])}, "validation x has 40, validation y has 2"),
        ({"epochs": 0}, "epochs must be a whole number"),
        ({"epochs": True}, "epochs must be a whole number"),
        ({"seed": -1}, "seed must be"),
        ({"seed": 2**32}, r"seed must be below 2\*\*32"),
        ({"batch_size": 0}, "batch_size must be a whole number, at least 1"),
        ({"batch_size": 8.0}, "batch_size must be a whole number"),
        ({"validation_split": 1.5}, "validation_split is a share"),
        ({"validation_split": "0.2"}, "validation_split is a share"),
        ({"x": X[:1], "y": Y[:1], "validation_split": 0.25}, "of 1 row leaves none to train on"),
        ({"validation_split": 1e-17}, "of 40 rows leaves none to validate on"),
        ({"x": None}, "x is missing"),
        ({"x": X[:0], "y": Y[:0]}, "x is empty: it holds no samples"),
        ({"x": X.astype(object)}, "array of Python objects"),
        ({"x": X.tolist()}, r"Write numpy\.asarray\(x\)"),
        ({"y": Y.tolist()}, r"Write numpy\.asarray\(y\)"),
        ({"x": "data.npy"}, "x must be arrays or a dataset"),
        ({"x": iter([(X, Y)]), "y": None}, "x can be read once only"),
        ({"x": (pair for pair in [(X, Y)]), "y": None}, "x can be read once only"),
        ({"validation_data": iter([(X, Y)])}, "validation_data can be read once only"),
        ({"validation_data": X}, r"validation_data=\(x_val, y_val\)"),
        ({"validation_data": (X,)}, "a tuple of 1"),
        ({"validation_data": (X, Y.tolist())}, r"Write numpy\.asarray\(validation y\)"),
        ({"class_weight": [1.0, 2.0, 3.0]}, "class_weight is a dictionary"),
        ({"class_weight": {"a": 1.0}}, "class_weight is a dictionary"),
    ],
)
def test_a_job_that_cannot_work_is_refused(change, message):
    with pytest.raises(InvalidInput, match=message):
        check_job(Job(build, **{"x": X, "y": Y, "epochs": 1, **change}))


def test_numpys_numbers_are_numbers():
    given = {"epochs": np.int64(2), "seed": np.int32(3), "batch_size": np.int64(16)}
    job = check_job(Job(build, X, Y, validation_split=np.float32(0.25), **given))
    assert [type(value) for value in (job.epochs, job.seed, job.batch_size)] == [int] * 3
    assert (job.epochs, job.seed, job.batch_size, job.validation_split) == (2, 3, 16, 0.25)


@pytest.mark.parametrize("split", [0.0, 0.25])
@pytest.mark.parametrize("size", [None, 7])
def test_the_batches_of_a_job_are_those_of_fit(split, size):
    seen = []

    class Count(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append(self.params["steps"])

    arguments = {"validation_split": split, "batch_size": size}
    build().fit(X, Y, verbose=0, callbacks=[Count()], **arguments)
    assert batches_of(Job(build, X, Y, **arguments)) == seen[0]


def test_models_that_are_none_are_refused():
    with pytest.raises(InvalidInput, match="forget `return model`"):
        make_model(Job(lambda: None, X, Y), TrialSpec())
    bare = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    with pytest.raises(InvalidInput, match="isn't compiled"):
        make_model(Job(lambda: bare, X, Y), TrialSpec())
    with pytest.raises(InvalidInput, match="isn't compiled"):
        clone(bare)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("trials", [1, 3])
def test_a_model_that_is_returned_twice_is_refused_before_it_is_trained(engine, trials):
    model = build()
    before = model.get_weights()
    given = {"space": {"learning_rate": [0.05]}, "epochs": 1, "objective": "loss", "verbose": 0}
    with pytest.raises(InvalidInput, match=r"Build a new one in it, or .* tune\(model, \.\.\.\)"):
        tune(lambda: model, X, Y, trials=trials, engine=engine, **given)
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_settings_reach_the_optimizer_wherever_it_is():
    model = build(momentum=0.9)
    apply_settings(model.optimizer, {"learning_rate": 1, "momentum": 0, "nesterov": True})
    config = model.optimizer.get_config()
    assert (config["learning_rate"], config["momentum"], config["nesterov"]) == (1.0, 0.0, True)
    model = build(optimizer="scaled")
    apply_settings(model.optimizer, {"learning_rate": 0.5, "momentum": 0.9})
    assert get_learning_rate(model) == 0.5
    assert model.optimizer.inner_optimizer.momentum == 0.9
    model.fit(X, Y, verbose=0)
    apply_settings(model.optimizer, {"learning_rate": 0.25})
    assert model.optimizer.inner_optimizer.momentum == 0.9, "other settings stay"
    model.make_train_function(force=True)
    model.fit(X, Y, verbose=0)


def test_settings_survive_saving(tmp_path):
    model = build()
    apply_settings(model.optimizer, {"learning_rate": 0.5, "momentum": 0.75})
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.momentum == 0.75
    assert get_learning_rate(loaded) == 0.5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"momentun": 0.9}, "SGD has no setting 'momentun'. Did you mean 'momentum'"),
        ({"learning_rate": -1.0}, "learning_rate must be positive"),
        ({"momentum": 1.5}, "SGD refuses"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(InvalidInput, match=message):
        apply_settings(build().optimizer, settings)


def test_a_clone_starts_as_the_model_is_and_leaves_it_alone():
    model = build("dropout", momentum=0.9)
    model.fit(X, Y, verbose=0)
    twin = clone(model)
    for one, two in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert twin.optimizer.momentum == 0.9
    assert int(keras.ops.convert_to_numpy(twin.optimizer.iterations)) == 0
    before = model.get_weights()
    twin.fit(X, Y, verbose=0)
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert model.evaluate(X, Y, verbose=0) != twin.evaluate(X, Y, verbose=0)


def test_the_reference_is_what_a_user_gets_from_fit():
    keras.utils.set_random_seed(5)
    model = build(momentum=0.9)
    model.optimizer.learning_rate = 0.05
    history = model.fit(X, Y, epochs=2, batch_size=16, verbose=0).history
    job = Job(build, X, Y, epochs=2, batch_size=16, seed=5)
    spec = TrialSpec({"learning_rate": 0.05, "momentum": 0.9})
    (result,) = FitEngine(job).run([spec], never, lambda index, result: True)
    assert result.history["loss"] == pytest.approx(history["loss"], rel=1e-5)
    assert result.history["learning_rate"] == pytest.approx([0.05, 0.05])
    assert result.finished
    for one, two in zip(result.weights, keep(model), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)


def test_the_reference_marks_what_diverged_what_rolled_back_and_what_failed():
    def fussy(limit=1):
        if limit == 0:
            raise ValueError("no such model")
        return build()

    job = Job(fussy, X, Y, epochs=3, batch_size=16)
    hot = {"learning_rate": 1e30}
    specs = [
        TrialSpec(hot),
        TrialSpec(hot, rules=(rules.Divergence(max_rollbacks=1),)),
        TrialSpec({"learning_rate": 0.1}, arguments={"limit": 0}),
        TrialSpec({"learning_rate": 0.1}),
    ]
    ended = []
    results = FitEngine(job).run(specs, never, lambda index, result: ended.append(index))
    assert [r.diverged for r in results] == [True, True, False, False]
    assert isinstance(results[2].error, ValueError)
    assert results[3].finished
    assert len(results[0].history["loss"]) < 3
    assert ended == [0, 1, 2, 3]


def test_the_engine_is_chosen_by_what_it_can_run():
    job = Job(build, X, Y)
    with pytest.raises(InvalidInput, match="Did you mean 'compiled'"):
        choose_engine("compile", job, build())
    assert choose_engine("fit", job, build())[0].name == "fit"
    engine, reason = choose_engine("auto", job, build(), trials=1)
    if keras.backend.backend() != "jax":  # tests/test_worker.py has the rest of it
        assert engine.name == "fit"
        assert "JAX process takes to start" in reason or "JAX isn't installed" in reason
        return
    assert (engine.name, reason) == ("compiled", None)
    eager = build()
    eager.run_eagerly = True
    engine, reason = choose_engine("auto", job, eager)
    assert engine.name == "fit"
    assert "run_eagerly" in reason
