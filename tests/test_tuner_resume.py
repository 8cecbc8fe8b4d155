"""Stored studies: what a killed process leaves, who may work on one, what a storage can't be."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import optuna
import pytest

import keras_lr
from engine_models import build, images
from keras_lr import LogUniform, tune
from keras_lr.engines import TrialResult
from keras_lr.engines.fit import FitEngine
from keras_lr.errors import InvalidInput
from keras_lr.tuner import owner
from keras_lr.tuner.journal import cut_torn_line
from keras_lr.tuner.ledger import _IDENTITY, Ledger
from keras_lr.tuner.racing import Race
from keras_lr.tuner.space import Space
from keras_lr.tuner.storage import as_storage

X, Y = images(32)
JAX = keras.backend.backend() == "jax"


def small(**changes):
    arguments = {"space": {"learning_rate": LogUniform(1e-3, 1.0)}, "epochs": 1, "trials": 4}
    arguments |= {"validation_split": 0.25, "batch_size": 12, "verbose": 0, **changes}
    return tune(arguments.pop("build_model", build), X, Y, **arguments)


KILLED = """
import sys, time
sys.path.insert(0, sys.argv[2])
import test_tuner_resume as tests

built = []

def slow():
    built.append(1)
    if len(built) == 5:  # one to look at, then three trials
        print("three are done", flush=True)
        time.sleep(600)
    return tests.build()

tests.small(build_model=slow, engine="fit", storage=sys.argv[1], trials=6)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.deep
def test_a_killed_process_loses_only_the_trial_that_it_was_training(tmp_path):
    storage = tmp_path / "study.db"
    source = str(Path(keras_lr.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(storage), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
    )
    try:
        assert process.stdout.readline() == "three are done\n"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    built = []

    def counting():
        built.append(1)
        return build()

    whole = small(engine="fit", trials=6)
    rest = small(build_model=counting, engine="fit", storage=storage, trials=6)
    assert len(built) == 1 + 3
    assert all(t.state == "complete" and t.history["val_loss"] for t in rest.trials)
    for one, two in zip(rest.trials, whole.trials, strict=True):
        assert (one.number, one.params) == (two.number, two.params)
        assert one.value == pytest.approx(two.value, rel=1e-5)


def test_of_processes_that_begin_a_study_together_each_knows_the_best_model(
    tmp_path, monkeypatch, capsys
):
    """Each of them writes what the study is known by, and the last one counts."""
    storage = tmp_path / "study.log"

    def begun(self):
        other = optuna.load_study(study_name="keras-lr", storage=as_storage(storage))
        other.set_user_attr(_IDENTITY, "the other's")

    with monkeypatch.context() as patch:
        patch.setattr("keras_lr.tuner.progress.Progress.epoch", begun)
        small(storage=storage, trials=1)
    assert small(storage=storage, trials=1).best_model() is not None
    assert capsys.readouterr().out == "", "it isn't trained again"


def mark(**changes):
    return {**owner.Owner(None).mark, **changes}


def test_who_is_alive():
    assert not owner.is_alive(mark()), "an earlier call in this process"
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = owner._started(child.pid)
    its = mark(pid=child.pid, started=started)
    assert owner.is_alive(its)
    if started is not None:
        assert not owner.is_alive({**its, "started": "an earlier process of that id"})
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    if started is not None:
        assert not owner.is_alive(its), "it has ended, whatever its parent knows"
    child.wait()
    assert not owner.is_alive(its)
    rooms = ["a container of the same name"]
    if (room := mark()["room"]) is not None:
        rooms.append(room.replace(owner._boot(), "another machine, or before a restart"))
        assert rooms[-1] != room
    for elsewhere in (mark(host="elsewhere"), *(mark(room=room) for room in rooms)):
        assert owner.is_alive(elsewhere)
        assert not owner.is_alive({**elsewhere, "beat": time.time() - owner.SILENCE - 1})


def test_signs_of_life_are_given_until_the_end(monkeypatch):
    monkeypatch.setattr(owner, "BEAT", 0.01)
    study = optuna.create_study()
    first, second = owner.Owner(study), owner.Owner(study)
    first.join()
    second.join()
    assert list(first.others()) == [second.id]
    beat = second.others()[first.id]["beat"]
    for _ in range(1000):
        if second.others()[first.id]["beat"] > beat:
            break
        time.sleep(0.01)
    assert second.others()[first.id]["beat"] > beat
    first.leave()
    assert second.others() == {}
    second.leave()


def test_what_was_taken_over_is_recorded_once():
    study = optuna.create_study()
    space = Space({"learning_rate": LogUniform(1e-3, 1.0)}, {}, frozenset({"learning_rate"}))
    slow, quick = Ledger(study, space), Ledger(study, space)
    slow.open()
    (trial,) = slow.ask(1, space.distributions())
    owner._here.discard(slow.owner.id)  # as if it had been silent for too long
    quick.open()
    (again,) = quick.ask(1, space.distributions())
    assert (again.number, again.params) == (trial.number, trial.params)
    assert not slow.keep(trial, TrialResult({"loss": [9.0]}), 9.0)
    slow.abandon(trial)
    assert quick.keep(again, TrialResult({"loss": [1.0]}), 1.0)
    slow.tell(trial)
    assert quick.trials() == []
    quick.tell(again)
    assert [trial.value for trial in quick.trials()] == [1.0]
    slow.close()
    quick.close()


def test_interrupted_params_come_back_whatever_the_sampler(monkeypatch):
    storage = optuna.storages.InMemoryStorage()
    calls = []

    def interrupting(self):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("keras_lr.tuner.progress.Progress.epoch", interrupting)
        first = small(
            engine="fit", storage=storage, sampler=optuna.samplers.RandomSampler(seed=1), trials=5
        )
    asked = [trial.params["learning_rate"] for trial in first.optuna.trials]
    assert len(asked) == 5
    assert len(first.trials) == 2
    sampler = optuna.samplers.RandomSampler(seed=2)  # would draw others
    rest = small(engine="fit", storage=storage, sampler=sampler, trials=5)
    assert [trial.params["learning_rate"] for trial in rest.trials] == asked
    again = small(engine="fit", storage=storage, sampler=sampler, trials=6)
    assert len(again.trials) == 6
    assert again.trials[-1].params["learning_rate"] not in asked, "they come back once"


def test_a_trial_that_runs_again_is_judged_by_what_it_has_reached():
    seen = []

    class Seen(optuna.pruners.BasePruner):
        def prune(self, study, trial):
            seen.append(trial.last_step)
            return False

    study = optuna.create_study(pruner=Seen())
    trial = study.ask()
    for epoch in (0, 1, 2):
        Race(study).after(epoch, {trial: 1.0}, last=False)
    for epoch in (0, 1, 2, 3):  # a killed process had come as far as 2
        Race(study).after(epoch, {trial: 1.0}, last=False)
    assert seen == [1, 2, 3, 1, 2, 3, 4]


@pytest.mark.parametrize("backwards", [False, True])
def test_of_equal_trials_the_weights_of_the_best_are_kept(backwards, monkeypatch, capsys):
    class Ties(FitEngine):
        def run(self, specs, report, done):
            results = []
            shapes = [weights.shape for weights in build().get_weights()]
            for index in range(len(specs)):
                weights = [np.full(shape, index, "float32") for shape in shapes]
                results.append(TrialResult({"val_loss": [0.5 if index else 0.7]}, weights=weights))
            order = list(enumerate(results))
            for index, result in order[::-1] if backwards else order:
                if not done(index, result):
                    result.weights = None
            return results

    monkeypatch.setattr("keras_lr.tuner.search.choose_engine", lambda *_, **__: (Ties(None), None))
    study = small()
    assert study.best.number == 1
    assert all((weights == 1).all() for weights in study.best_model().get_weights())
    assert capsys.readouterr().out == ""


def test_a_model_that_has_to_be_trained_again_says_why(capsys):
    study = small(trials=1)
    study._kept = None
    study.best_model()
    told = capsys.readouterr().out
    assert "storage" not in told
    assert "ended before its weights were kept; training it again" in told


def other_database(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (name TEXT)")
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.mkdir(), "The storage is a folder"),
        (lambda path: path.write_text("notes"), "the file is no SQLite database"),
        (other_database, "a database of something else .it has the tables songs"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "sqlite:///"])
def test_files_that_are_no_study_are_refused_and_left_alone(tmp_path, make, message, prefix):
    path = tmp_path / "study.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(InvalidInput, match=message) as caught:
        small(storage=f"{prefix}{path}")
    assert "\n" not in str(caught.value)
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("postgresql://user@host/name", "postgresql://user@host/name"),
        ("mysql://host/name", "mysql://host/name"),
        ("sqlite:///a/../study.db", "sqlite:///a/../study.db"),
        (Path("study.db"), "sqlite:///study.db"),
    ],
)
def test_urls_and_paths_reach_the_database(given, url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    monkeypatch.setattr("sqlalchemy.create_engine", lambda url: None)
    monkeypatch.setattr("optuna.storages.RDBStorage", lambda url, engine_kwargs: url)
    monkeypatch.setattr("keras_lr.tuner.storage.write_ahead", lambda *_: None)
    assert as_storage(given) == url


def test_journals_are_recognised_by_their_names(tmp_path):
    for given in (tmp_path / "a.log", str(tmp_path / "a.journal"), f"journal:{tmp_path / 'a'}"):
        assert isinstance(as_storage(given), optuna.storages.JournalStorage)
    note = tmp_path / "note.log"
    note.write_text("12:00 it rains")
    with pytest.raises(InvalidInput, match="no journal of Optuna's"):
        as_storage(note)
    assert note.read_text() == "12:00 it rains"


@pytest.mark.parametrize("torn", [b"", b'{"op_code": 4, "work', b"x" * 100])
def test_a_line_that_was_written_by_half_is_cut_off(torn, tmp_path):
    path = tmp_path / "study.log"
    small(storage=path, trials=1)
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    cut_torn_line(path, piece=16)
    assert path.read_bytes() == whole
    path.write_bytes(whole + torn)
    assert len(small(storage=path, trials=2).trials) == 2
    path.write_bytes(torn)
    cut_torn_line(path)
    assert path.read_bytes() == b""


def test_a_database_that_another_process_makes_just_now(tmp_path, monkeypatch):
    from sqlalchemy.exc import IntegrityError, OperationalError

    monkeypatch.setattr("time.sleep", lambda seconds: None)
    made = optuna.storages.RDBStorage
    failures = [
        IntegrityError("INSERT", {}, Exception("UNIQUE constraint failed")),
        OperationalError("CREATE", {}, Exception("table studies already exists")),
    ]

    def busy(url, engine_kwargs):
        if failures:
            raise failures.pop()
        return made(url, engine_kwargs=engine_kwargs)

    monkeypatch.setattr("optuna.storages.RDBStorage", busy)
    assert as_storage(tmp_path / "study.db") is not None
    assert failures == []
    failures.append(OperationalError("SELECT", {}, Exception("no such host")))
    with pytest.raises(OperationalError):
        as_storage(tmp_path / "study.db")


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ("nosuch://host/name", "no URL of a database"),
        ("postgresql+psycopg2cffi://user@host/name", "driver that isn't installed"),
        (3, "storage is a file name, a URL"),
        ("", "storage is a file name, a URL"),
        (["study.db"], "storage is a file name, a URL"),
        ("sqlite://", "Leave storage= out"),
        ("sqlite:///", "Leave storage= out"),
        ("sqlite:///:memory:", "Leave storage= out"),
        ("sqlite+pysqlite:///file:a?mode=memory&uri=true", "Leave storage= out"),
        (":memory:", "Leave storage= out"),
    ],
)
def test_storages_that_are_none(storage, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        small(storage=storage)
    assert "\n" not in str(caught.value)
