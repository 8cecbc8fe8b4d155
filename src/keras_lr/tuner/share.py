"""How many trials a process asks for, where others may work on the same study."""

import time
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.tuner.ledger import Ledger

PAUSE = 0.5
"""Seconds between two looks at what other processes still train."""

VAIN = 5
"""How many waves in a row may come to nothing, with nobody else at work, before it is an error."""


class Share:
    """This process's share of a study's trials.

    Args:
        ledger: The study's records.
        count: Trials of the study.
        progress: Told what is waited for.
    """

    def __init__(self, ledger: Ledger, count: int, progress: Any) -> None:
        self.ledger = ledger
        self.count = count
        self.progress = progress
        self._told: object = None
        self._done: int | None = None
        self._vain = 0

    def next(self, wave: int) -> int:
        """How many trials to ask for now; 0 when the study is complete.

        Waits while other processes train the last ones, and takes over what they leave.

        Args:
            wave: At most so many. A single process asks up to the next multiple of it, however
                often the study was interrupted, so that it asks when an uninterrupted one would.

        Raises:
            InvalidInput: One wave after the other comes to nothing.
        """
        while True:
            self.ledger.take_over()
            done = len(self.ledger.trials())
            elsewhere = self.ledger.elsewhere()
            missing = self.count - done - len(elsewhere)
            if missing > 0:
                self._refuse_vain(done, elsewhere)
                others = len(self.ledger.owner.others())
                if others:  # a fair share, or the last wave would be one process's alone
                    return min(wave, -(-missing // (others + 1)))
                return min(missing, wave - done % wave)
            if self.count <= done or not elsewhere:
                return 0
            self._wait(elsewhere)

    def _refuse_vain(self, done: int, elsewhere: dict[int, dict[str, Any]]) -> None:
        # A wave may be another process's that takes this one to be dead; then its trials end there.
        self._vain = self._vain + 1 if done == self._done and not elsewhere else 0
        self._done = done
        if self._vain >= VAIN:
            raise InvalidInput(
                f"The study {self.ledger.study.study_name!r} gives no trials to train: {done} of "
                f"{self.count} are done, and {VAIN} waves came to nothing. Something else works "
                "on it; choose another study_name."
            )

    def _wait(self, elsewhere: dict[int, dict[str, Any]]) -> None:
        who = sorted({f"process {m['pid']} on {m['host']}" for m in elsewhere.values() if m})
        if who != self._told:
            names = " and ".join(who) or "another process"
            self.progress.say(f"{len(elsewhere)} more trials are being trained by {names}.")
            self._told = who
        time.sleep(PAUSE)
