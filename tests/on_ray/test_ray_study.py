"""A study on a cluster: nothing finished is lost or repeated, whatever dies."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from nodes import NODE, kill_workers, workers_of
from ray_study import study

from engine_models import images
from keras_lr.tuner import ledger

HERE = Path(__file__).parent


def finished(path):
    """The values of the complete trials in a storage, by number."""
    with_name = optuna.load_study(study_name="keras-lr", storage=f"sqlite:///{path}")
    state = optuna.trial.TrialState.COMPLETE
    return {trial.number: trial.value for trial in with_name.get_trials(states=(state,))}


def test_the_trials_are_those_of_the_engine_on_this_machine(cluster, options):
    there = study(engine=replace(options, wave=16))
    here = study(engine="fit")
    assert there.engine == "ray"
    assert [trial.params for trial in there.trials] == [trial.params for trial in here.trials]
    for one, two in zip(there.trials, here.trials, strict=True):
        assert one.value == pytest.approx(two.value, rel=1e-5)
    x, y = images(64)
    loss = there.best_model().evaluate(x[48:], y[48:], batch_size=16, verbose=0)[0]
    assert loss == pytest.approx(there.best.value, rel=1e-4), "its weights came back"


def test_a_study_whose_node_and_workers_die_is_as_if_they_had_not(
    cluster, options, tmp_path, monkeypatch
):
    quiet = study(engine=options, storage=tmp_path / "quiet.db")
    cluster.add_node(**NODE)
    cluster.wait_for_nodes()
    kept, keep = [], ledger.Ledger.keep

    def harm(self, trial, *rest):
        # While a trial's end is written down, its worker waits, and others are in their middle.
        kept.append(trial.number)
        if len(kept) == 1:
            node = next(node for node in cluster.worker_nodes if workers_of(node))
            cluster.remove_node(node, allow_graceful=False)
        if len(kept) == 5:
            assert kill_workers(cluster)
        return keep(self, trial, *rest)

    monkeypatch.setattr(ledger.Ledger, "keep", harm)
    harmed = study(engine=replace(options, wave=4), storage=tmp_path / "harmed.db")
    assert "lost and sent again" in harmed.plan
    assert sorted(kept) == list(range(8)), "each ended once"
    assert [trial.params for trial in harmed.trials] == [trial.params for trial in quiet.trials]
    for one, two in zip(harmed.trials, quiet.trials, strict=True):
        assert one.value == pytest.approx(two.value, rel=1e-5)


def test_a_driver_that_is_killed_leaves_what_was_told_and_another_goes_on(
    cluster, options, tmp_path
):
    path = tmp_path / "study.db"
    paths = os.pathsep.join([str(HERE), str(HERE.parent)])
    command = [sys.executable, str(HERE / "ray_study.py"), cluster.address, str(path), paths]
    driver = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths})
    try:
        while not path.exists() or len(known(path)) < 8:
            assert driver.poll() is None, "the driver ended by itself"
            time.sleep(0.2)
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    before = finished(path)
    resumed = study(engine=replace(options, wave=4), storage=path, trials=len(before) + 4)
    after = finished(path)
    assert len(resumed.trials) == len(after) >= len(before) + 4
    assert {number: after[number] for number in before} == before
    assert not any(workers_of(node) for node in cluster.worker_nodes), "its tasks ended with it"


def known(path):
    """As `finished`, for a file that may be half made."""
    try:
        return finished(path)
    except Exception:
        return {}


def test_what_was_done_is_kept_after_ctrl_c(cluster, options, tmp_path, monkeypatch):
    keep = ledger.Ledger.keep

    def interrupt(self, trial, *rest):
        found = keep(self, trial, *rest)
        if trial.number >= 4:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(ledger.Ledger, "keep", interrupt)
    options = replace(options, wave=4)
    cut = study(engine=options, storage=tmp_path / "study.db")
    assert cut.interrupted
    assert len(cut.trials) == 5
    monkeypatch.undo()
    whole = study(engine=options, storage=tmp_path / "study.db")
    assert len(whole.trials) == 8
    assert [trial.value for trial in whole.trials if trial.number in finished_of(cut)] == list(
        finished_of(cut).values()
    )


def finished_of(found):
    return {trial.number: trial.value for trial in found.trials}
