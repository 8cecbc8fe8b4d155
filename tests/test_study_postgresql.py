"""A study on a real PostgreSQL, killed and shared; needs its server's programs."""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from test_study_shared import check_killed, check_shared

pytestmark = pytest.mark.skipif(
    os.environ["KERAS_BACKEND"] != "jax", reason="no model takes part: one backend is enough"
)


@pytest.fixture(scope="module")
def server():
    """The URL of a server of our own, empty."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = found[-1] if found else shutil.which("initdb")
    if initdb is None:
        pytest.skip("PostgreSQL isn't installed: apt-get install postgresql")
    # Not below the folders of the tests, which pytest keeps to their owner.
    folder = Path(tempfile.mkdtemp(prefix="keras-lr-postgresql-"))
    user, run = getpass.getuser(), []
    if os.geteuid() == 0:  # it doesn't run as root
        user, run = (
            "postgres",
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"],
        )
        shutil.chown(folder, "postgres", "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def program(name, *arguments):
        path = Path(initdb).parent / name
        subprocess.run([*run, path, "-D", folder / "data", *arguments], check=True, cwd=folder,
                       stdout=subprocess.DEVNULL)  # fmt: skip

    program("initdb", "-A", "trust")
    program("pg_ctl", "-w", "-l", folder / "log", "-o", f"-p {port} -k {folder}", "start")
    try:
        yield f"postgresql+pg8000://{user}@127.0.0.1:{port}/"
    finally:
        program("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.mark.deep
def test_a_killed_study_is_the_one_that_never_was(server, tmp_path):
    check_killed(f"{server}postgres", tmp_path / "saved", 20, 5, 33, 30)


def test_processes_share_a_study(server, tmp_path):
    check_shared(f"{server}template1", tmp_path / "saved", 20, 0, 0)
