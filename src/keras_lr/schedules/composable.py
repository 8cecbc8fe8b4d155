"""The methods by which a schedule is composed: `Cosine().warmup("5%").clip(low=0.1)`.

Each of them is one class, or one function, of `transforms`; the names are the same in the text form.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from keras_lr.schedules.horizon import Length
from keras_lr.schedules.period import Period

if TYPE_CHECKING:
    from keras_lr.schedules.schedule import Schedule


class Composable:
    """What can be composed; `Schedule` derives from it."""

    def warmup(
        self, length: Length, shape: str = "linear", *, power: float = 1.0, start: float = 0.0
    ) -> "Schedule":
        """Rise to this schedule's first value during `length`, then run it over the rest.

        Args:
            length: Steps, "5%" of the run, or "2 epochs".
            shape: "linear", "cosine", "1-sqrt" or "log".
            power: The shape is taken to this power.
            start: Where the rise begins, as a part (0 to 1) of the first value.
        """
        from keras_lr.schedules.transforms.warmup import Warmup

        return Warmup(self, length, shape=shape, power=power, start=start)  # type: ignore[arg-type]

    def cooldown(
        self,
        length: Length,
        shape: str = "linear",
        *,
        end: float = 0.0,
        start: Length | None = None,
    ) -> "Schedule":
        """Multiply the last `length` of the run, or a part from `start` on, by a fall to `end`.

        Args:
            length: Steps, "20%" of the run, or "5 epochs".
            shape: "linear", "cosine", "1-sqrt", "1-square" or "exponential".
            end: What the fall ends at, as a part (0 to 1) of this schedule's value.
            start: Where it begins; `None` is `length` before the end of the run.
        """
        from keras_lr.schedules.transforms.cooldown import Cooldown

        return Cooldown(self, length, shape=shape, end=end, start=start)  # type: ignore[arg-type]

    def repeat(
        self,
        length: Period | None = None,
        *,
        times: int | None = None,
        stretch: float = 1.0,
        decay: float = 1.0,
    ) -> "Schedule":
        """Run it again and again, each cycle `stretch` times longer and `decay` times lower.

        Args:
            length: Of the first cycle: steps, "25%" of the run, or "10 epochs"; `None` where the
                schedule has a length of its own, or where `times` cycles are to fill the run.
            times: Cycles; `None` goes on until the run ends.
            stretch: Each cycle is this much longer than the one before, at least 1.
            decay: Each cycle is multiplied by this once more, above 0, at most 1.
        """
        from keras_lr.schedules.transforms.repeat import Repeat

        return Repeat(self, length, times=times, stretch=stretch, decay=decay)  # type: ignore[arg-type]

    def hold(self, after: Length) -> "Schedule":
        """Stay from `after` on at the value reached there.

        Args:
            after: Steps, "80%" of the run, or "20 epochs".
        """
        from keras_lr.schedules.transforms.hold import Hold

        return Hold(self, after)  # type: ignore[arg-type]

    def offset(self, length: Length) -> "Schedule":
        """Begin `length` into the schedule, as if so much of it had been run already.

        Args:
            length: Steps, "10%" of the run, or "2 epochs".
        """
        from keras_lr.schedules.transforms.offset import Offset

        return Offset(self, length)  # type: ignore[arg-type]

    def clip(self, low: float = 0.0, high: float | None = None) -> "Schedule":
        """Cut off what is below `low` or above `high`.

        Args:
            low: The lowest value.
            high: The highest, or `None`.
        """
        from keras_lr.schedules.transforms.clip import Clip

        return Clip(self, low, high)  # type: ignore[arg-type]

    def between(self, low: float, high: float = 1.0) -> "Schedule":
        """Map factors from 0…1 to low…high: low + (high − low)·factor.

        Args:
            low: What 0 becomes: a floor that is reached without a kink.
            high: What 1 becomes; below `low` it turns the schedule over.
        """
        from keras_lr.schedules.transforms.between import Between

        return Between(self, low, high)  # type: ignore[arg-type]

    def rate(self, value: float) -> "Schedule":
        """Rates instead of factors: `value` times the schedule, whatever the optimizer's rate.

        Args:
            value: The rate at a factor of 1.
        """
        from keras_lr.schedules.transforms.rate import Rate

        return Rate(self, value)  # type: ignore[arg-type]

    def k_decay(self, power: float) -> "Schedule":
        """Bend time: at the share p of its length the schedule is where it else is at p^power.

        Args:
            power: Above 1 it stays high for longer (Zhang & Li, "k-decay", 2020).
        """
        from keras_lr.schedules.transforms.k_decay import KDecay

        return KDecay(self, power)  # type: ignore[arg-type]

    def noise(
        self, std: float = 0.1, *, every: Period = 1, limit: float = 0.67, seed: int = 0
    ) -> "Schedule":
        """Multiply by 1 plus noise that depends on the step and the seed alone.

        Args:
            std: Standard deviation of the noise.
            every: It is drawn anew so often: steps, or "1 epoch".
            limit: It is cut off at ± this, below 1.
            seed: At least 0.
        """
        from keras_lr.schedules.transforms.noise import Noise

        return Noise(self, std, every=every, limit=limit, seed=seed)  # type: ignore[arg-type]

    def __mul__(self, other: Any) -> "Schedule":
        from keras_lr.schedules.transforms.product import product

        return product(self, other)

    def __rmul__(self, other: Any) -> "Schedule":
        from keras_lr.schedules.transforms.product import product

        return product(other, self)


Transformation = Callable[["Schedule"], "Schedule"]
"""What turns a schedule into another one."""
