"""What every test gets: a chosen backend, fixed seeds, quiet frameworks."""

import atexit
import os
import shutil
import signal
import tempfile

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

# Most of a run is XLA compiling, and tests build the same small models again and again: what one
# has compiled the others load, those of other processes too, until the run ends. A folder that is
# named from outside stays, so that the next run begins with it.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    _compiled = tempfile.mkdtemp(prefix="keras-lr-compiled-")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = _compiled
    atexit.register(shutil.rmtree, _compiled, ignore_errors=True)
# Seconds: what takes less is compiled as quickly as it is read.
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.03")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import hypothesis
import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in a shell's background job: the tests of Ctrl-C would wait for what never comes.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in each run, so that what passes here passes elsewhere; to look for new ones:
# pytest --hypothesis-profile=explore
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile("steady")


# The files that take longest, the longest first (pytest --durations=0 says which they are): begun
# last, one of them would keep one process busy while the others have nothing left to do.
LONGEST = (
    "test_worker_contract",
    "test_engines_contract",
    "test_engines_contract_models",
    "test_worker",
    "test_docs",
    "test_per_layer",
    "test_oscillation_fits",
    "test_oscillation_settings",
    "test_engines_plans",
    "test_resume",
    "test_cli_find_tune",
    "test_finder_preserve",
    "test_resume_optimizers",
    "test_oscillation_models",
    "test_finder_race",
    "test_engines_inputs",
    "test_resume_changes",
    "test_oscillation",
    "test_study_answers",
    "test_distribution",
)


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="leave out what is marked deep")


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "deep(after=0): long, and left out by --quick. Of a test with cases the first `after` stay.",
    )


def pytest_collection_modifyitems(config, items):
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONGEST)))
    if config.getoption("--quick"):
        left_out = _deep(items)
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=list(left_out))


def _deep(items):
    """What `--quick` leaves out."""
    seen, deep = {}, set()
    for item in items:
        mark = item.get_closest_marker("deep")
        if mark is not None:
            name = item.nodeid.split("[")[0]
            seen[name] = seen.get(name, 0) + 1
            if seen[name] > mark.kwargs.get("after", 0):
                deep.add(item)
    return deep


@pytest.fixture(autouse=True)
def _seeded():
    import keras

    keras.utils.set_random_seed(0)
