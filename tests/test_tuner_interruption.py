"""Ctrl-C inside a `__del__` is printed by Python and forgotten; a search isn't to go on then."""

import signal
import threading

import pytest

from keras_lr.tuner.interruption import Interruption
from keras_lr.tuner.progress import Progress


class Swallows:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_python_forgot_is_raised_at_the_next_check():
    with Interruption() as interruption:
        interruption.check()
        Swallows()
        with pytest.raises(KeyboardInterrupt):
            interruption.check()
        interruption.check()  # once is enough
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_is_raised_at_once_where_it_can_be():
    with Interruption(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_other_handlers_stay_in_charge():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        with Interruption() as interruption:
            signal.raise_signal(signal.SIGINT)
            interruption.check()
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [1]


def test_outside_the_main_thread_it_does_nothing():
    def work():
        with Interruption() as interruption:
            interruption.check()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_search_ends_where_it_tells_of_an_epoch():
    with Progress(9, 3, 0, "loss", quiet=True) as progress:
        Swallows()
        with pytest.raises(KeyboardInterrupt):
            progress.epoch()
