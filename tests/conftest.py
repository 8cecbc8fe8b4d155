"""What every test gets: a chosen backend, fixed seeds, quiet frameworks."""

import os
import signal

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

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


@pytest.fixture(autouse=True)
def _seeded():
    import keras

    keras.utils.set_random_seed(0)
