"""Rules for one test each: one ends the process in which it is asked, one raises."""

import os
import signal
from dataclasses import dataclass

from keras_lr import rules


@rules.register
@dataclass(frozen=True)
class Fatal(rules.Plateau):
    """As `Plateau`, but no process survives it."""

    name = "fatal"

    def update(self, state, observation):
        os.kill(os.getpid(), signal.SIGKILL)


@rules.register
@dataclass(frozen=True)
class Broken(rules.Plateau):
    """As `Plateau`, but it raises."""

    name = "broken"

    def update(self, state, observation):
        raise ArithmeticError("no such rate")
