"""`ReduceLROnPlateau`: Keras's arguments and counting, on the machinery of `LearningRate`."""

from typing import Any, Literal

from keras_lr.callbacks.learning_rate import LearningRate
from keras_lr.rules import Plateau
from keras_lr.state.rows import is_numeric


class ReduceLROnPlateau(LearningRate):
    """Reduce the rate when a metric has stopped improving: a superset of Keras's callback.

    With the same arguments the cuts come at the same epochs. What differs from
    `keras.callbacks.ReduceLROnPlateau`: it works with an optimizer built with a schedule and beside
    a `LearningRateScheduler`; a NaN is never a reason to cut; the mode of more metrics is known by
    name, and an unknown one is refused before training; so are arguments that can't work (a factor
    of 0, half an epoch of patience), which Keras takes; used again in a later `fit` of the same
    model, it goes on counting. Its settings can be read as Keras's attributes; to change one, make
    another callback.

    Args:
        monitor: The metric to watch, a key of the epoch's logs.
        factor: What to multiply the rate by, in (0, 1).
        patience: Epochs without improvement before a cut.
        verbose: 1 prints Keras's line at each cut, with the reason.
        mode: `"min"`, `"max"` or `"auto"` (by the metric's name).
        min_delta: What counts as an improvement.
        cooldown: Epochs after a cut in which waiting doesn't start.
        min_lr: The rate is never cut below this (a schedule beside it may still go lower; in a
            `MultiOptimizer` it holds for the member with the lowest rate).
        threshold: `"absolute"` (Keras: `min_delta` is a difference) or `"relative"` (a share of
            the best value, whatever the scale of the loss).

    Raises:
        InvalidInput: For arguments that can't work.

    Source: `keras.callbacks.ReduceLROnPlateau`, Keras 3.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: Literal["auto", "min", "max"] = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        *,
        threshold: Literal["absolute", "relative"] = "absolute",
    ) -> None:
        rule = Plateau(
            monitor,
            factor=factor,
            patience=1 if patience == 0 else patience,  # 0 acts as 1 in Keras
            min_delta=abs(min_delta) if is_numeric(min_delta) else min_delta,  # as Keras does
            threshold=threshold,
            cooldown=cooldown,
            min_rate=min_lr,
            mode=mode,
        )
        super().__init__(rules=[rule], verbose=verbose)
        self.monitor, self.mode = monitor, mode
        self.factor, self.patience, self.cooldown = rule.factor, patience, rule.cooldown
        self.min_delta, self.min_lr = rule.min_delta, rule.min_rate

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """As `LearningRate`'s."""
        verbose, self.verbose = self.verbose, 0  # what is printed here is Keras's line
        try:
            super().on_train_begin(logs)
        finally:
            self.verbose = verbose

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """As `LearningRate`'s."""
        told = len(self.record.events)
        super().on_epoch_end(epoch, logs)
        for event in self.record.events[told:] if self.verbose else ():
            if event.cause == self.rule.name:
                print(
                    f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to "
                    f"{event.rate}. ({event.reason})"
                )

    def in_cooldown(self) -> bool:
        """Whether no epoch counts towards a cut yet."""
        return self.cooldown_counter > 0

    @property
    def rule(self) -> Plateau:
        """The rule behind this callback."""
        rule: Any = self.rules[0]
        return rule

    @property
    def best(self) -> float | None:
        """The best value of the metric so far."""
        return self._states.states[0].best

    @property
    def wait(self) -> int:
        """Epochs since the last improvement."""
        return self._states.states[0].wait

    @property
    def cooldown_counter(self) -> int:
        """Epochs of cooldown that are left."""
        return self._states.states[0].cooldown
