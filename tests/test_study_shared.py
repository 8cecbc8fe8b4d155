"""Processes that are killed at any write, and processes that share a study: nothing lost or twice."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import keras_lr
import study_runs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork and no SIGKILL")
SOURCE = str(Path(keras_lr.__file__).parents[1])


def processes(storage, saved, trials, *kills, together=False):
    """Run `study_runs`; returns the trials that were reported as saved, with how often."""
    numbers = [str(n) for n in (trials, *kills)]
    flags = ["--together"] if together else []
    ended = subprocess.run(
        [sys.executable, study_runs.__file__, str(storage), str(saved), *numbers, *flags],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([SOURCE, *sys.path])},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert ended.stdout.split() == ["killed" if kill else "ended" for kill in kills]
    return Counter(map(int, saved.read_text().split()))


def facts(trials):
    return [(t.number, t.state, t.params, t.value, t.history) for t in trials]


@pytest.mark.parametrize(
    ("name", "trials", "kills"),
    [
        ("study.log", 40, (4, 9, 17, 46, 60, 73, 90, 121)),
        ("study.db", 12, (3, 31, 20)),
    ],
)
@pytest.mark.deep(after=1)
def test_a_study_that_is_killed_again_and_again_is_the_one_that_never_was(
    tmp_path, name, trials, kills
):
    storage = tmp_path / name
    check_killed(storage, tmp_path / "saved", trials, *kills)


def check_killed(storage, saved, trials, *kills):
    saved = processes(storage, saved, trials, *kills, 0)
    assert set(saved.values()) == {1}, "none is trained again once it was saved"
    found = study_runs.work(storage, trials)
    assert set(saved) <= {trial.number for trial in found}
    assert {trial.state for trial in found} >= {"complete", "pruned"}
    assert facts(found) == facts(study_runs.work(None, trials))


@pytest.mark.parametrize(
    ("name", "trials", "kills"), [("study.log", 40, (0, 0, 57)), ("study.db", 12, (0, 0))]
)
@pytest.mark.deep(after=1)
def test_processes_share_a_study_and_finish_what_one_of_them_leaves(tmp_path, name, trials, kills):
    check_shared(tmp_path / name, tmp_path / "saved", trials, *kills)


def check_shared(storage, saved, trials, *kills):
    saved = processes(storage, saved, trials, *kills, together=True)
    found = study_runs.work(storage, trials)
    assert [trial.number for trial in found] == list(range(trials))
    assert set(saved.values()) == {1}
    # One may have been killed between the record and the note of it.
    assert len(saved) >= trials - len([kill for kill in kills if kill])
    drawn = [trial.params["learning_rate"] for trial in found]
    assert len(set(drawn)) == trials, "no two processes draw the same"
