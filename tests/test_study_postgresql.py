"""A study on a real PostgreSQL, killed and shared; needs its server's programs and a driver."""

import getpass
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from test_study_shared import check_killed, check_shared

pytest.importorskip("pg8000", reason="no driver is installed: pip install pg8000")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The URL of a server of our own, empty."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = found[-1] if found else shutil.which("initdb")
    if initdb is None:
        pytest.skip("PostgreSQL isn't installed: apt-get install postgresql")
    folder = tmp_path_factory.mktemp("postgresql")
    user, run = getpass.getuser(), []
    if os.geteuid() == 0:  # it doesn't run as root
        user, run = (
            "postgres",
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"],
        )
        shutil.chown(folder, "postgres", "postgres")
        for parent in list(folder.parents)[:3]:
            parent.chmod(parent.stat().st_mode | 0o011)
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


def test_a_killed_study_is_the_one_that_never_was(server, tmp_path):
    check_killed(f"{server}postgres", tmp_path / "saved", 20, 5, 33, 61)


def test_processes_share_a_study(server, tmp_path):
    check_shared(f"{server}template1", tmp_path / "saved", 20, 0, 0)
