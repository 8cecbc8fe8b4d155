"""What is raised where something can't travel."""

from keras_lr.errors import KerasLRError


class NotPortable(KerasLRError, RuntimeError):
    """A job, trial or model can't be handed to another process; the message is the reason.

    It reads on from "engine='fit', since ...", so it begins small and has no full stop.
    """
