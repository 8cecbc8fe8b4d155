"""optuna-dashboard on a study of `tune`, by the command of docs/studies.md."""

import contextlib
import importlib.util
import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from study_runs import work

COMMAND = Path(sys.executable).with_name("optuna-dashboard")
DOCUMENTED = Path(__file__).parents[1] / "docs" / "studies.md"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("optuna_dashboard") is None or not COMMAND.exists(),
    reason="optuna-dashboard isn't installed: pip install 'keras-lr[dashboard]'",
)


@contextlib.contextmanager
def serving(storage, folder):
    """The real server, until the block ends; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [COMMAND, storage, "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        assert "Listening" in server.stderr.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.communicate(timeout=20)


def get(address):
    end = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(address, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.URLError as error:
            if isinstance(error, urllib.error.HTTPError) or time.monotonic() > end:
                raise
            time.sleep(0.05)  # it says that it listens just before it does


def documented():
    """What the page says to write behind the command, for SQLite and for a journal."""
    return re.findall(r"^ {4}optuna-dashboard (\S+)", DOCUMENTED.read_text(), re.MULTILINE)


@pytest.mark.parametrize("storage", ["study.db", "study.log"])
@pytest.mark.deep(after=1)
def test_it_shows_a_study_which_goes_on_after_it(tmp_path, storage):
    # What tune writes; a formula stands for the training.
    trials = work(str(tmp_path / storage), 8)
    (said,) = [each for each in documented() if each.endswith(storage)]
    with serving(said, tmp_path) as address:
        status, page = get(address)
        assert status == 200
        assert "<title>Optuna Dashboard</title>" in page
        _, told = get(f"{address}/api/studies")
        (summary,) = json.loads(told)["study_summaries"]
        assert summary["study_name"] == "keras-lr"
        _, told = get(f"{address}/api/studies/{summary['study_id']}")
        shown = json.loads(told)["trials"]
    assert len(shown) == len(trials) == 8
    assert sum(each["state"] == "Complete" for each in shown) >= 2
    for each, ours in zip(shown, trials, strict=True):
        assert (each["state"] == "Complete") == (ours.state == "complete")
        if ours.value is not None:
            assert each["values"] == [ours.value]
        told = {given["name"]: given["param_external_value"] for given in each["params"]}
        assert float(told["learning_rate"]) == ours.params["learning_rate"]
    again = work(str(tmp_path / storage), 12)
    assert again[:8] == trials
    assert len(again) == 12
