"""SQLite files: written ahead where that is safe, one file when nobody works on it."""

import contextlib
import os
import sqlite3

import numpy as np
import optuna
import pytest
import sqlalchemy

from engine_models import build, images
from keras_lr import LogUniform, tune
from keras_lr.errors import InvalidInput, KerasLRError
from keras_lr.tuner import share, sqlite
from keras_lr.tuner.ledger import MAY_LACK
from keras_lr.tuner.storage import as_storage, disconnect

MOUNTS = """\
proc /proc proc rw 0 0
/dev/a / ext4 rw 0 0
server:/a {folder}/far nfs4 rw 0 0
/dev/b {folder}/far/near\\040by xfs rw 0 0
none {folder}/odd fuse.something rw 0 0
server:/b {folder}/données nfs4 rw 0 0
server:/c {folder}/\udce9t\udce9 nfs4 rw 0 0
"""

X, Y = images(32)


def small(storage, x=X, y=Y, build_model=build, **changes):
    given = {"space": {"learning_rate": LogUniform(1e-3, 1.0)}, "epochs": 1, "trials": 2}
    given |= {"validation_split": 0.25, "batch_size": 12, "verbose": 0, "engine": "fit"}
    return tune(build_model, x, y, storage=storage, **{**given, **changes})


def mode(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA journal_mode").fetchone()[0]
    finally:
        connection.close()


def test_a_file_system_that_several_machines_may_share_is_told_apart(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_bytes(os.fsencode(MOUNTS.format(folder=tmp_path)))
    found = {
        place: sqlite.is_local(tmp_path / place / "study.db", mounts)
        for place in ("here", "far", "far/near by", "odd", "farther", "données", "\udce9t\udce9")
    }
    assert [place for place, local in found.items() if local] == ["here", "far/near by", "farther"]
    assert not sqlite.is_local(tmp_path, tmp_path / "none"), "the system doesn't tell"


def test_writes_go_ahead_on_this_machine_only_and_end_up_in_the_one_file(tmp_path, monkeypatch):
    path, log = tmp_path / "study.db", tmp_path / "study.db-wal"
    for local, trials in ((True, 1), (False, 2)):  # then it has moved
        monkeypatch.setattr(sqlite, "is_local", lambda path, local=local: local)
        mine = optuna.create_study(storage=as_storage(path), study_name="s", load_if_exists=True)
        mine.ask()
        other = optuna.load_study(study_name="s", storage=as_storage(path))
        assert len(other.trials) == trials, "it is written, so that a kill loses nothing of it"
        assert log.exists() == local
        for study in (mine, other):
            disconnect(study._storage)
        assert not log.exists()
        assert mode(path) == ("wal" if local else "delete")
        assert len(mine.trials) == trials, "it is opened again when it is needed"
        disconnect(mine._storage)


@pytest.mark.parametrize("name", [None, "study.log"])
def test_what_has_no_connections_is_left_alone(name, tmp_path):
    storage = as_storage(name and tmp_path / name)
    study = optuna.create_study(storage=storage)
    study.ask()
    disconnect(study._storage)
    assert len(study.trials) == 1


@pytest.mark.parametrize("directions", [["minimize"], ["maximize"], ["minimize", "maximize"]])
def test_a_study_of_something_else_is_refused_and_left_alone(directions):
    storage = optuna.storages.InMemoryStorage()
    other = optuna.create_study(storage=storage, study_name="keras-lr", directions=directions)
    other.add_trial(optuna.trial.create_trial(values=[1.0] * len(directions)))
    with pytest.raises(InvalidInput, match="made by something else") as caught:
        small(storage)
    assert "study_name=" in str(caught.value)
    assert (len(other.trials), other.user_attrs) == (1, {})


def test_trials_that_somebody_adds_are_no_trials_of_the_study():
    storage = optuna.storages.InMemoryStorage()
    optuna.create_study(storage=storage, study_name="keras-lr").enqueue_trial(
        {"learning_rate": 0.5}
    )
    study = small(storage, trials=1)
    assert [trial.params for trial in study.trials] == [{"learning_rate": 0.5}]
    study.optuna.add_trial(optuna.trial.create_trial(value=0.0))
    again = small(storage, trials=3)
    assert [trial.number for trial in again.trials] == [0, 2, 3]
    assert again.best.value > 0


def test_a_study_that_gives_no_trials_ends(monkeypatch):
    storage = optuna.storages.InMemoryStorage()
    monkeypatch.setattr("keras_lr.tuner.ledger.Ledger.trials", lambda self: [])
    with pytest.raises(InvalidInput, match=f"0 of 2 are done, and {share.VAIN} waves"):
        small(storage)


def test_a_full_disk_is_told_in_a_line_and_the_study_goes_on(tmp_path, monkeypatch):
    path = tmp_path / "study.db"

    def limited(storage, path):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()

        @sqlalchemy.event.listens_for(storage.engine, "connect")
        def connected(connection, _):
            connection.execute(f"PRAGMA max_page_count={pages + 1}")

        storage.engine.dispose()

    with monkeypatch.context() as patch:
        patch.setattr("keras_lr.tuner.storage.write_ahead", limited)
        with pytest.raises(KerasLRError, match=r"\(database or disk is full\)") as caught:
            small(path, trials=40)
    assert "\n" not in str(caught.value)
    kept = optuna.load_study(study_name="keras-lr", storage=f"sqlite:///{path}")
    ended = [t.number for t in kept.trials if "outcome" in t.user_attrs]
    disconnect(kept._storage)
    assert ended
    more = small(path, trials=len(ended) + 1)
    assert [trial.number for trial in more.trials] == [*ended, len(ended)]


def adam():
    model = build()
    model.compile("adam", model.loss)
    return model


def one_hot():
    model = build()
    model.compile(model.optimizer, "categorical_crossentropy")
    return model


def test_other_runs_are_refused_as_far_as_a_study_knows_of_its_own():
    storage = optuna.storages.InMemoryStorage()
    study = small(storage, trials=1)
    others = {
        "optimizer": {"build_model": adam},
        "validation_split": {"validation_split": 0.5},
        "steps_per_epoch": {"steps_per_epoch": 1},
        "choice of giving sample_weight": {"sample_weight": np.ones(len(X))},
        "choice of giving class_weight": {"class_weight": dict.fromkeys(range(4), 1.0)},
        "number of samples": {"x": X[:28], "y": Y[:28]},
        "shape of the data": {"y": np.eye(int(Y.max()) + 1)[Y], "build_model": one_hot},
        "number of epochs": {"epochs": 2},
        "method": {"method": "pbt", "population": 4, "epochs": 2, "trials": None, "engine": "auto"},
    }
    for name, changes in others.items():
        with pytest.raises(InvalidInput, match=f"was made with another {name}, so") as caught:
            small(storage, **changes)
        assert "\n" not in str(caught.value)
    about = dict(study.optuna.user_attrs["keras_lr"])
    study.optuna.set_user_attr(
        "keras_lr", {name: value for name, value in about.items() if name not in MAY_LACK}
    )
    assert len(small(storage, build_model=adam).trials) == 2, "an older study tells less"
