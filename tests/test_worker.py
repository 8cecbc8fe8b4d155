"""Trials in a JAX process: the curves of `fit` here, whatever dies on the way."""

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time

import keras
import pytest

import keras_lr
from engine_failures import check_that_the_impossible_fail_alone, maybe_impossible
from engine_models import assert_same_curves, build, images, never, redrawn
from keras_lr import rules, schedules
from keras_lr.engines import Job, TrialSpec, choose_engine
from keras_lr.engines.fit import FitEngine
from keras_lr.engines.job_checks import check_job
from keras_lr.engines.kept import restore
from keras_lr.engines.once import WorkerLost
from keras_lr.engines.portable import NotPortable
from keras_lr.engines.trial import Become
from keras_lr.engines.worker.engine import WorkerEngine, _Raised
from keras_lr.engines.worker.process import Worker, WorkerDied
from keras_lr.errors import InvalidInput

JAX = keras.backend.backend() == "jax"
# Other backends round otherwise, and shuffle and drop otherwise: what is random is left out there.
SHUFFLE = JAX
KINDS = ("dropout",) if JAX else ("conv", "batchnorm")
RTOL, ATOL = (1e-5, 1e-6) if JAX else (2e-4, 2e-5)

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="the worker is a JAX process"
)


def job(model=build, **changes):
    x, y = images()
    given = {"epochs": 3, "batch_size": 20, "validation_split": 0.25, "shuffle": SHUFFLE}
    return Job(model, x, y, **(given | changes))


def gone(pid):
    """Whether a process has ended, be it collected or not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def engine():
    engine = WorkerEngine(job())
    yield engine
    engine.close()


@pytest.fixture
def beside(engine):
    """A function from a job to an engine that trains it in the same process: a start costs seconds."""

    def made(job):
        other = WorkerEngine(job, fall_back=False)
        other._worker = engine._started()
        return other

    yield made
    engine._begun = False  # the process has another's data by now


@pytest.mark.deep
def test_curves_weights_and_verdicts_are_those_of_fit(engine):
    plateau = rules.Plateau("loss", patience=1, min_delta=0.5)
    specs = [
        TrialSpec({"learning_rate": 0.1, "momentum": 0.9}, schedules.parse("cosine()"), (plateau,)),
        TrialSpec({"learning_rate": 0.01, "momentum": 0.0}),
        TrialSpec({"learning_rate": 1e30, "momentum": 0.0}),
        *(TrialSpec({}, arguments={"kind": kind, "optimizer": "adam"}) for kind in KINDS),
    ]
    prune = lambda index, epoch, logs: (index, epoch) == (1, 0)  # noqa: E731
    kept = lambda index, result: index == 3  # noqa: E731
    got = engine.run(specs, prune, kept)
    wanted = FitEngine(engine.job).run(specs, prune, kept)
    assert "by fit here" not in engine.plan
    assert [result.diverged for result in got] == [i == 2 for i in range(len(specs))]
    assert [result.pruned for result in got] == [i == 1 for i in range(len(specs))]
    assert [result.weights is not None for result in got] == [i == 3 for i in range(len(specs))]
    for results in (got, wanted):
        results[2].history = {}  # what a metric makes of NaN is each backend's own
    assert_same_curves(got, wanted, rtol=RTOL, atol=ATOL)
    model = restore(build(KINDS[0], "adam"), got[3].weights)
    assert int(model.optimizer.iterations) == 3 * 4, "its optimizer's state came along"
    x, y = images()
    assert model.evaluate(x[72:], y[72:], verbose=0)[0] == pytest.approx(
        got[3].history["val_loss"][-1], rel=1e-3
    )


def test_what_cannot_go_there_is_trained_here(engine):
    specs = [TrialSpec({}), TrialSpec({}, schedules.as_schedule(lambda step: 0.5))]
    got = engine.run(specs, never, never)
    assert "by fit here: a lambda is code" in engine.plan
    assert_same_curves(got, FitEngine(engine.job).run(specs, never, never), rtol=RTOL, atol=ATOL)
    with pytest.raises(InvalidInput, match=r"a lambda is code.*Use engine='fit'"):
        WorkerEngine(engine.job, fall_back=False).run(specs[1:], never, never)


def test_what_raises_there_fails_the_trial_that_is_to_blame(engine, monkeypatch):
    train = WorkerEngine._train
    seen = []

    def raising(self, specs, once, places):
        seen.append(list(places))
        if 2 in places:
            raise _Raised(RuntimeError("no such device"))
        return train(self, specs, once, places)

    monkeypatch.setattr(WorkerEngine, "_train", raising)
    specs = [TrialSpec({"learning_rate": rate}) for rate in (0.01, 0.02, 0.03)]
    got = engine.run(specs, never, never)
    assert seen == [[0, 1, 2], [0, 1], [2]]
    assert [str(result.error) for result in got] == ["None", "None", "no such device"]


def test_another_seed_needs_neither_another_process_nor_another_program(engine):
    specs = [TrialSpec({}, arguments={"kind": KINDS[0], "optimizer": "adam"}), TrialSpec({})]
    engine.run(specs[::-1], never, never)
    process = engine._worker.process.pid
    try:
        engine.reseed(5)
        (got,) = engine.run(specs[:1], never, never)
    finally:
        engine.reseed(0)
    wanted = FitEngine(job(seed=5)).run(specs[:1], never, never)
    assert_same_curves([got], wanted, rtol=RTOL, atol=ATOL)
    assert engine._worker.process.pid == process
    assert int(re.search(r"(\d+) program", engine.plan)[1]) >= 2, "those of both structures"
    (again,) = engine.run(specs[:1], never, never)
    assert again.history["loss"] != got.history["loss"]


def test_a_population_is_asked_there_too(engine):
    specs = [TrialSpec({"learning_rate": rate}) for rate in (0.001, 0.1)]

    def exchange(epoch, logs):
        assert sorted(logs) == [0, 1]
        return {0: Become(1, 0.5)} if epoch == 0 else {}

    got = engine.run(specs, never, never, exchange)
    wanted = FitEngine(engine.job).run(specs, never, never, exchange)
    assert got[0].history["learning_rate"] == pytest.approx([0.001, 0.05, 0.05])
    assert_same_curves(got, wanted, rtol=RTOL, atol=ATOL)


@pytest.mark.deep
def test_a_worker_that_dies_is_replaced_once_and_nothing_is_told_twice(engine, capfd):
    told, deaths = [], []

    def die():
        deaths.append(engine._worker.process.pid)
        os.kill(deaths[-1], signal.SIGKILL)

    def report(index, epoch, logs):
        told.append((index, epoch))
        if epoch == 1 and not deaths:
            die()
        return False

    specs = [TrialSpec({"learning_rate": rate}) for rate in (0.01, 0.02, 0.03)]
    got = engine.run(specs, report, never)
    assert sorted(told) == [(index, epoch) for index in range(3) for epoch in range(3)]
    assert_same_curves(got, FitEngine(engine.job).run(specs, never, never), rtol=RTOL, atol=ATOL)
    assert gone(deaths[0])
    assert "SIGKILL, as when memory runs out). Its 3 trials run again." in capfd.readouterr().err
    assert "the JAX process died (SIGKILL" in engine.plan
    ended = []
    got = engine.run(specs[:2], lambda *_: die(), lambda index, result: ended.append(index))
    assert sorted(ended) == [0, 1]
    assert len(set(deaths)) == 4, "each half is tried"
    assert all(isinstance(result.error, WorkerLost) for result in got)
    assert "Its last trial failed." in capfd.readouterr().err


@pytest.mark.deep
def test_only_the_trial_that_kills_its_worker_fails(engine):
    def report(index, epoch, logs):
        if index == 2:
            os.kill(engine._worker.process.pid, signal.SIGKILL)
        return False

    specs = [TrialSpec({"learning_rate": rate}) for rate in (0.01, 0.02, 0.03, 0.04)]
    got = engine.run(specs, report, never)
    assert [type(result.error) for result in got] == [*[type(None)] * 2, WorkerLost, type(None)]
    assert all(result.finished for i, result in enumerate(got) if i != 2)


def test_ctrl_c_ends_the_worker_and_leaves_nothing(engine):
    seen = []

    def report(index, epoch, logs):
        seen.append((engine._worker.process.pid, engine._worker.folder))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.run([TrialSpec({})], report, never)
    pid, folder = seen[0]
    assert not os.path.exists(f"/proc/{pid}"), "it is collected, too"
    assert not folder.exists()


def test_a_worker_whose_parent_is_killed_ends_and_cleans_up(tmp_path):
    code = (
        "import time\n"
        "from keras_lr.engines.worker.process import Worker\n"
        "worker = Worker()\n"
        "print(worker.process.pid, worker.folder, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid, folder = parent.stdout.readline().split()
    assert not gone(pid)
    parent.kill()
    parent.communicate()
    wait_for(lambda: gone(pid) and not os.path.exists(folder))


def test_what_ails_the_worker_comes_back_in_words(tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("def twice(x):\n    return 2 * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here

    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(tmp_path)])

    def model():
        made = keras.Sequential(
            [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3, only_here.twice)]
        )
        made.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return made

    engine = WorkerEngine(job(model))
    reason = engine.obstacle(model())
    assert reason == (
        "only_here can't be imported in another process (ModuleNotFoundError: No module named "
        "'only_here')"
    )
    engine.close()
    monkeypatch.setattr("keras_lr.engines.worker.process.MODULE", "keras_lr.no_such_module")
    with pytest.raises(WorkerDied, match=r"exit code 1\): .*No module named keras_lr.no_such"):
        Worker().receive()


def sized(rows=8):
    """A model that fits the data, or one that shows there that it doesn't."""
    layers = [keras.layers.Flatten(), keras.layers.Dense(3)]
    made = keras.Sequential([keras.Input((rows, 8, 1)), *layers])
    made.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return made


def test_trials_that_cannot_be_trained_fail_alone(beside):
    check_that_the_impossible_fail_alone(beside)
    there = beside(job(maybe_impossible))
    assert there.obstacle(maybe_impossible("unfit")) is None, "its trials will tell"
    with pytest.raises(ValueError, match="no model of width"):
        there.run([TrialSpec(arguments={"kind": "unbuilt"})], never, never, lambda *_: {})
    specs = [TrialSpec(arguments={"rows": 5}), TrialSpec()]
    got = beside(job(sized, epochs=1)).run(specs, never, never)
    assert isinstance(got[0].error, ValueError)
    assert got[1].finished


def test_datasets_are_read_out_in_the_order_of_fit(beside):
    def given(seed=0):
        return check_job(
            Job(build, redrawn(*images()), None, 3, validation_data=images(), seed=seed)
        )

    there = beside(given())
    for seed in (0, 3):
        there.reseed(seed)
        got = there.run([TrialSpec({})], never, never)
        wanted = FitEngine(given(seed)).run([TrialSpec({})], never, never)
        assert_same_curves(got, wanted, rtol=RTOL, atol=ATOL)


def test_a_population_whose_worker_is_lost_for_good_is_trained_here_and_asked_nothing_twice(
    engine, monkeypatch
):
    asked = []

    def exchange(epoch, logs):
        asked.append((epoch, sorted(logs)))
        return {1: Become(2, 0.5)} if epoch == 0 else {}

    def no_other(self):
        raise NotPortable("no process can be started")

    def report(index, epoch, logs):
        if epoch == 1 and engine._worker.alive:
            monkeypatch.setattr(WorkerEngine, "_started", no_other)
            os.kill(engine._worker.process.pid, signal.SIGKILL)
            engine._worker.process.wait()
        return (index, epoch) == (0, 0)

    specs = [TrialSpec({"learning_rate": rate}) for rate in (0.01, 0.001, 0.1)]
    got = engine.run(specs, report, never, exchange)
    assert asked == [(0, [1, 2]), (1, [1, 2])]
    assert "by fit here: no process can be started" in engine.plan
    wanted = FitEngine(engine.job).run(
        specs, lambda index, epoch, logs: (index, epoch) == (0, 0), never, exchange
    )
    assert [result.pruned for result in got] == [True, False, False]
    assert_same_curves(got, wanted, rtol=RTOL, atol=ATOL)


@pytest.mark.skipif(JAX, reason="on JAX the compiled engine runs in this process")
def test_tuning_goes_through_the_worker_where_it_is_asked_for_or_pays():
    x, y = images()
    given = {"epochs": 2, "batch_size": 20, "validation_split": 0.25, "verbose": 0, "trials": 3}
    space = {"learning_rate": keras_lr.LogUniform(1e-3, 0.3)}
    study = keras_lr.tune(build, x, y, space=space, engine="compiled", **given)
    assert study.engine == "compiled"
    assert study.plan.startswith(f"in a JAX process beside {keras.backend.backend()}: 1 program")
    loss, _ = study.best_model().evaluate(x[72:], y[72:], verbose=0)
    assert loss == pytest.approx(study.best.value, rel=1e-3)
    study = keras_lr.tune(build, x, y, space=space, **given)
    assert study.engine == "fit"
    assert "take less time than a JAX process takes to start" in study.plan
    chosen, reason = choose_engine("auto", job(), build(), trials=10_000)
    assert (chosen.name, reason) == ("compiled", None)
    chosen.close()


@pytest.mark.skipif(JAX, reason="on JAX the compiled engine runs in this process")
def test_reasons_are_told_before_anything_is_trained(monkeypatch):
    class Own(keras.Model):
        def train_step(self, *data):
            raise NotImplementedError

    inputs = keras.Input((8, 8, 1))
    own = Own(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
    own.compile("sgd", "mse")
    backend = keras.backend.backend()
    with pytest.raises(InvalidInput, match=f"Own.train_step is written for {backend}. Use engine"):
        choose_engine("compiled", job(lambda: own), own)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    chosen, reason = choose_engine("auto", job(), build(), trials=10_000)
    assert chosen.name == "fit"
    assert reason == 'JAX isn\'t installed (pip install "keras-lr[jax]")'
