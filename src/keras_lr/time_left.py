"""How long the rest of something takes, and lengths of time in words."""


class TimeLeft:
    """Estimates the time left from what was done since the first result.

    What comes first is compiled before it runs, so the time until then tells nothing.

    >>> left = TimeLeft()
    >>> print(left.estimate(5.0, 10, 100))
    None
    >>> left.estimate(25.0, 30, 100)
    70.0
    """

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None

    def estimate(self, now: float, done: int, total: int) -> float | None:
        """Seconds left; `None` while that can't be told.

        Args:
            now: A clock's seconds.
            done: What is done; less than at the first look where the counting began anew.
            total: All that there is to do; 0 where nobody knows.
        """
        if self._first is None or done < self._first[1]:
            self._first = (now, done)
        began, first = self._first
        if done <= first or total <= 0:
            return None
        return (now - began) * max(0, total - done) / (done - first)


def clock(seconds: float) -> str:
    """A length of time for a reader.

    >>> clock(7.2), clock(75), clock(7400)
    ('0:07', '1:15', '2:03:20')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
