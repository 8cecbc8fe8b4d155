"""The nodes of a test cluster, their worker processes, and the sudden ends of these."""

import os
import signal
from pathlib import Path

NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}


def workers_of(node):
    """Process ids of the workers that train trials on a node."""
    (raylet,) = node.all_processes["raylet"]
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            title = (process / "cmdline").read_bytes().decode(errors="replace")
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended meanwhile
        if parent == raylet.process.pid and title.startswith("ray::keras-lr"):
            found.append(int(process.name))
    return found


def kill_workers(cluster):
    """End every process that trains trials, as a lack of memory would; returns how many."""
    found = [pid for node in cluster.worker_nodes for pid in workers_of(node)]
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return len(found)
