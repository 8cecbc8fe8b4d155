"""How often something may be done beside a training."""

SHARE = 20
"""What took a second is done again after this many, at the earliest."""


class Pace:
    """Says when it is time again: after so many seconds, and later for what takes long.

    Args:
        least: Seconds between the end of one time and the begin of the next, at least.

    >>> pace = Pace(10.0)
    >>> pace.due(0.0), pace.due(5.0)
    (True, True)
    >>> pace.done(5.0, 6.0)  # it took one second, so the next is due after twenty
    >>> pace.due(17.0), pace.due(26.0)
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
        """It was done, from one moment to another."""
        self._ended = ended
        self.wait = max(self.least, SHARE * (ended - began))
