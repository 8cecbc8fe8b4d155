"""How often something may be done beside a training."""

SHARE = 20
"""What took a second is done again after this many, at the earliest."""


class Throttle:
    """Says when it is time again: after so many seconds, and later for what takes long.

    Args:
        least: Seconds between the end of one time and the begin of the next, at least.

    >>> throttle = Throttle(10.0)
    >>> throttle.due(0.0), throttle.due(5.0)
    (True, True)
    >>> throttle.done(5.0, 6.0)  # it took one second, so the next is due after twenty
    >>> throttle.due(17.0), throttle.due(26.0)
    (False, True)
    """

    def __init__(self, least: float) -> None:
        self.least = least
        self.wait = least
        self._ended: float | None = None

    def due(self, now: float) -> bool:
        """Whether it is time."""
        return self._ended is None or now - self._ended >= self.wait

    def done(self, began: float, ended: float) -> None:
        """It was done, from one second to another."""
        self._ended = ended
        self.wait = max(self.least, SHARE * (ended - began))
