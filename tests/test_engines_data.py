"""What trials are trained on: read once for all lanes, the same for each trial, in every form."""

import importlib.util

import keras
import numpy as np
import pytest

import keras_lr
from engine_contract import ENGINES, Batches, rates
from engine_models import assert_same_curves, build, images, never
from keras_lr.engines import Job, choose_engine
from keras_lr.engines.fit import FitEngine
from keras_lr.engines.job_checks import batches_of, check_job, training_rows
from keras_lr.engines.recording import Recording
from keras_lr.errors import InvalidInput

X, Y = images(48)
jax_only = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="the engines that are compared here run JAX programs"
)


def installed(name):
    missing = importlib.util.find_spec(name) is None
    return pytest.mark.skipif(missing, reason=f"{name} isn't installed here")


def endless(size=8, seed=0):
    while True:
        seed += 1
        yield images(size, seed)


def all_engines(**job):
    """The histories of three trials by `fit` and by each other engine, which have to be the same."""
    job = check_job(Job(**{"build_model": lambda: build(), "epochs": 2, **job}))
    specs = rates(0.01, 0.1) + rates(0.01)
    wanted = FitEngine(job).run(specs, never, never)
    for make in ENGINES.values() if keras.backend.backend() == "jax" else ():
        assert_same_curves(make(job).run(specs, never, never), wanted)
    for name, values in wanted[0].history.items():
        # The third trial is the first one again: it has to have seen the same batches.
        assert wanted[2].history[name] == pytest.approx(values, rel=1e-6), name
    return wanted


@jax_only
def test_data_is_read_once_an_epoch_for_all_lanes():
    data, held_out = Batches(X, Y, size=8), Batches(X[:16], Y[:16], size=8)
    job = Job(build, data, epochs=3, validation_data=held_out)
    ENGINES["compiled"](job).run(rates(0.01, 0.1) + rates(0.02, 0.2), never, never)
    looked = 2  # to see shapes before the first epoch
    assert 3 * 6 <= data.reads <= 3 * 6 + looked
    assert 3 * 2 <= held_out.reads <= 3 * 2 + looked
    by_fit = Batches(X, Y, size=8)
    FitEngine(Job(build, by_fit, epochs=3)).run(rates(0.01, 0.1), never, never)
    assert by_fit.reads >= 2 * 3 * 6


@pytest.mark.parametrize("engine", ["auto", "fit"])
def test_a_generator_is_read_once_for_all_trials_of_a_study(engine):
    reads = {"x": 0, "validation": 0}

    def counted(name, seed):
        for batch in endless(seed=seed):
            reads[name] += 1
            yield batch

    study = keras_lr.tune(
        lambda: build(), counted("x", 0), steps_per_epoch=3, epochs=2, verbose=0, engine=engine,
        validation_data=counted("validation", 50), validation_steps=2,
        trials=3, space={"learning_rate": [0.1]},
    )  # fmt: skip
    assert reads == {"x": 6, "validation": 2}
    losses = [trial.history["val_loss"] for trial in study.trials]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    # It is what fit makes of such a generator.
    keras.utils.set_random_seed(0)
    model = build()
    by_hand = model.fit(endless(), steps_per_epoch=3, epochs=2, shuffle=False, verbose=0)
    assert study.trials[2].history["loss"] == pytest.approx(by_hand.history["loss"], rel=1e-5)


def test_a_recording_copies_what_a_generator_fills_again():
    buffer = np.zeros((4, 2), "float32")

    def filling():
        for value in range(3):
            buffer[:] = value
            yield [buffer]

    recorded = Recording(filling(), 3, "x")
    assert [batch[0][0, 0] for batch in recorded.replay()] == [0, 1, 2]
    assert [batch[0][0, 0] for batch in recorded.replay()] == [0, 1, 2], "as often as is asked"
    assert len(recorded.dataset()) == 3


def test_recordings_that_cannot_be_made():
    short = Recording(iter([(X, Y), (X, Y)]), 5, "x")
    with pytest.raises(InvalidInput, match=r"x ends after 2 batches, and a trial reads 5"):
        short.batches  # noqa: B018
    with pytest.raises(InvalidInput, match="yields no batches"):
        Recording(iter([]), 5, "x").batches  # noqa: B018
    with pytest.raises(InvalidInput, match="validation_steps"):
        Recording(iter([(X, Y)]), 5, "validation_data").batches  # noqa: B018
    with pytest.raises(InvalidInput, match="must yield tuples"):
        Recording(iter([X]), 1, "x").batches  # noqa: B018
    taken = iter([(X, Y)] * 100)
    with pytest.raises(InvalidInput, match=r"100 of 0\.0 MiB, where at most .* GiB"):
        Recording(taken, 100, "x", limit=50 * X.nbytes).batches  # noqa: B018
    assert len(list(taken)) == 99, "the first batch tells"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": endless(), "y": None}, r"Write steps_per_epoch="),
        ({"validation_data": endless()}, r"Write validation_steps="),
        ({"steps_per_epoch": 0}, "steps_per_epoch must be a whole number"),
        ({"steps_per_epoch": 3.0}, "steps_per_epoch must be a whole number"),
        ({"steps_per_epoch": 7, "batch_size": 8}, "has 6 batches, so an epoch can't have 7"),
        ({"x": Batches(X, Y, 8), "y": None, "validation_split": 0.2}, "splits arrays only"),
        ({"x": endless(), "steps_per_epoch": 2}, "y can't be given beside a dataset"),
    ],
)
def test_jobs_that_cannot_be_read_are_refused(change, message):
    with pytest.raises(InvalidInput, match=message):
        check_job(Job(build, **{"x": X, "y": Y, **change}))


def test_lengths_are_those_of_fit():
    def length(x=X, y=Y, **arguments):
        job = check_job(Job(build, x, y, **arguments))
        return batches_of(job), training_rows(job)

    assert length(batch_size=10) == (5, 48)
    assert length(steps_per_epoch=3) == (3, 48)
    assert length(steps_per_epoch=2, batch_size=8) == (2, 16)
    assert length(keras.ops.convert_to_tensor(X), batch_size=10) == (5, 48)
    assert length(Batches(X, Y, 8), None) == (6, None)
    assert length(endless(), None, steps_per_epoch=4, epochs=9) == (4, None)


@jax_only
def test_what_is_not_laid_out_goes_to_fit_with_its_reason():
    class Unending(keras.utils.PyDataset):
        num_batches = None

        def __getitem__(self, index):
            return images(8, index)

    def reason(x, y=None, **arguments):
        return choose_engine("auto", check_job(Job(build, x, y, **arguments)), build())[1]

    assert "Unending doesn't say how many batches" in reason(Unending(workers=1))
    assert reason(Unending(workers=1), steps_per_epoch=2) is None
    assert "steps_per_epoch=4 doesn't divide the 6" in reason(
        X, Y, batch_size=8, steps_per_epoch=4, epochs=2
    )
    assert reason(X, Y, batch_size=8, steps_per_epoch=3, epochs=5) is None
    scipy_sparse = pytest.importorskip("scipy.sparse", reason="sparse arrays are scipy's")
    assert "sparse" in reason(scipy_sparse.csr_matrix(X.reshape(48, -1)), Y)


@pytest.mark.parametrize("steps", [None, 3])
def test_steps_and_sizes_are_those_of_fit(steps):
    all_engines(
        x=X, y=Y, batch_size=8, steps_per_epoch=steps, validation_data=(X, Y), validation_steps=2,
        validation_batch_size=5,
    )  # fmt: skip


def test_a_dataset_with_an_order_of_its_own_starts_anew_for_each_trial():
    all_engines(x=Batches(X, Y, size=8, shuffled=True), epochs=3)


@installed("torch")
@pytest.mark.parametrize("own", [False, True])
def test_a_data_loader_gives_each_trial_the_same_order(own):
    import torch

    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    generator = torch.Generator().manual_seed(3) if own else None
    loader = torch.utils.data.DataLoader(data, batch_size=10, shuffle=True, generator=generator)
    held_out = torch.utils.data.DataLoader(data, batch_size=16)
    all_engines(x=loader, validation_data=held_out)


@installed("tensorflow")
def test_tf_data():
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((X, Y))
    all_engines(
        x=data.shuffle(48, seed=1, reshuffle_each_iteration=False).batch(10),
        validation_data=data.batch(16),
    )
    all_engines(x=data.repeat().batch(10), steps_per_epoch=3)


@installed("grain")
def test_grain():
    import grain

    rows = grain.MapDataset.source(list(zip(X, Y, strict=True))).shuffle(seed=1)
    all_engines(
        x=rows.repeat().batch(10),
        steps_per_epoch=4,
        epochs=3,
        validation_data=rows.repeat().batch(10),
        validation_steps=5,
    )
    if keras.backend.backend() == "jax":  # Keras doesn't ask grain for a length
        told = choose_engine("auto", check_job(Job(build, rows.batch(10))), build())[1]
        assert "doesn't say how many batches it has" in told
