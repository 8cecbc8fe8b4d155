"""What happens to the rate in a fit: by the callbacks of keras-lr, or else what others assign."""

from keras_lr.callbacks.monitoring.assigned import assigned
from keras_lr.callbacks.monitoring.clock import Clock
from keras_lr.callbacks.monitoring.controllers import controllers, records
from keras_lr.rate import Control
from keras_lr.state.rate_event import RateEvent


class Events:
    """The events of a fit, in order.

    Args:
        control: What the callbacks of the fit share.
        clock: Of the fit.
        earlier: Whether those of earlier fits of the same callbacks are among them.
    """

    def __init__(self, control: Control, clock: Clock, *, earlier: bool = False) -> None:
        self._control, self._clock, self._earlier = control, clock, earlier
        self._told: set[tuple[int, RateEvent]] = set()

    def all(self, over: int | None = None) -> list[RateEvent]:
        """Those so far.

        Args:
            over: The number of the last epoch that is over, where what may turn out a schedule's
                is left out (see `assigned`).
        """
        return [event for _, event in self._found(over)]

    def new(self, over: int | None = None) -> list[RateEvent]:
        """Those that this didn't give yet.

        Args:
            over: As in `all`; `None` when the fit is over.
        """
        found = [each for each in self._found(over) if each not in self._told]
        self._told.update(found)
        return [event for _, event in found]

    def _found(self, over: int | None) -> list[tuple[int, RateEvent]]:
        """Each with the number of the callback whose it is."""
        told = records(self._control.model)
        found = [
            (index, event)
            for index, record in enumerate(told)
            for event in record.events
            if self._earlier or event.fit == record.fits - 1
        ]
        if not told:
            clock, others = self._clock, self._control.assignments
            by_others = assigned(others, clock.epoch_of, accumulated=clock.accumulated, over=over)
            found = [(0, event) for event in by_others]
        return sorted(found, key=lambda each: each[1].step)


def collect_cuts(control: Control, epoch: int) -> None:
    """Let what was cut inside the steps be written down now, and not at the epoch's end."""
    for each in controllers(control.model):
        run = each._run
        if run is not None:
            run.detection.collect(each.record, epoch, each.verbose)
