"""A Ray cluster of several nodes on this machine, shared by the tests of this folder."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from nodes import NODE


def pytest_collection_modifyitems(items):
    # Ray starts the processes of a node by fork; JAX has threads by then, which these don't use.
    for item in items:
        if "on_ray" in item.path.parts:
            item.add_marker(pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning"))


@pytest.fixture(scope="session")
def cluster():
    """A head without cores, where the driver is, and two nodes of a core each."""
    ray = pytest.importorskip("ray", reason="Ray is an extra; make test-ray has it")
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # A dead node is noticed after three looks, in three seconds; by default it takes fifteen.
    looks = {"health_check_period_ms": 1000, "health_check_failure_threshold": 3}
    head = {**NODE, "num_cpus": 0, "include_dashboard": False, "_system_config": looks}
    made = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(2):
            made.add_node(**NODE)
        made.wait_for_nodes()
        ray.init(address=made.address, log_to_driver=False, logging_level="warning")
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


@pytest.fixture
def options():
    """Two trials a task, in workers that can import this folder's modules."""
    from keras_lr.engines.ray import RayOptions

    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parent)])
    return RayOptions(lanes=2, runtime_env={"env_vars": {"PYTHONPATH": path}})


@pytest.fixture
def make_engine(cluster, options):
    """A function from a job, and options that differ, to an engine; it is closed in the end."""
    from keras_lr.engines.ray import RayEngine

    made = []

    def make(job, **changes):
        made.append(RayEngine(job, replace(options, **changes)))
        return made[-1]

    yield make
    for engine in made:
        engine.close()
