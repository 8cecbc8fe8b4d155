"""How the lanes of a wave stand: in which packs, and with which good states to return to."""

from collections.abc import Sequence

from keras_lr.engines.compiled.good_states import GoodStates
from keras_lr.engines.compiled.lanes import Pack
from keras_lr.engines.compiled.plan import Plan
from keras_lr.engines.compiled.trial_lane import TrialLane


class Formation:
    """Lanes in packs of one plan. All of it begins on the host; calls bring packs to the device.

    Args:
        lanes: The trials.
        plan: How they are executed.
        parked: Whether packs stay on the host between calls.

    Attributes:
        lanes: The trials that are still in it, in the packs' order.
        packs: Their packs; none once no lane is left.
        good: The last good state of every lane, where one may roll back.
    """

    def __init__(self, lanes: list[TrialLane], plan: Plan, *, parked: bool = False) -> None:
        self.lanes = lanes
        self.plan = plan
        self.parked = parked
        self.packs = self._packed()
        self.good = GoodStates(self.packs) if any(lane.restores for lane in lanes) else None

    def unpack(self) -> None:
        """Give every lane its own state; `stand` has to follow before the next call."""
        for pack in self.packs:
            pack.unpack()

    def follow(self, plan: Plan) -> None:
        """Stand as this plan has it, which may be what they do."""
        if plan.width != self.plan.width:
            self.stand(self.lanes, plan)
        self.plan = plan
        for pack in self.packs:
            pack.plan = plan

    def stand(self, lanes: Sequence[TrialLane], plan: Plan) -> None:
        """Stand anew, some lanes less, or by another plan, or after lanes changed their states.

        Args:
            lanes: Those that go on, in their order.
            plan: How they are executed from here on.
        """
        good = None
        if self.good is not None and lanes:
            staying = {id(lane) for lane in lanes}
            states = self.good.unpacked(self.packs)
            good = [s for s, lane in zip(states, self.lanes, strict=True) if id(lane) in staying]
        self.unpack()
        self.lanes, self.plan = list(lanes), plan
        self.packs = self._packed()
        self.good = None if good is None else GoodStates.of(good, self.packs)

    def _packed(self) -> list[Pack]:
        lanes, width = [lane.lane for lane in self.lanes], self.plan.width
        return [
            Pack(lanes[i : i + width], self.plan, parked=self.parked)
            for i in range(0, len(lanes), width)
        ]
