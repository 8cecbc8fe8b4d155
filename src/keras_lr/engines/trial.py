"""What an engine is given and what it gives back: a job, trials of it, their results."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_lr.engines.origin import Origin, can_shuffle, seed_all
from keras_lr.engines.recording import reread, restarted
from keras_lr.rules import Rule
from keras_lr.schedules import Schedule


@dataclass(frozen=True)
class Job:
    """What every trial has in common: the model, the data, the length, the seed.

    Args:
        build_model: A function that returns a compiled model, or a compiled model (every trial
            then starts from a clone of it: the same weights, an optimizer without state).
        x, y, sample_weight, class_weight, batch_size, shuffle, validation_data,
            validation_split, steps_per_epoch, validation_steps, validation_batch_size: As
            `model.fit` takes them; `x` and `validation_data` may be a `Recording` too.
        epochs: Epochs of every trial.
        seed: `keras.utils.set_random_seed(seed)` runs before each trial, so all of them start
            with the same weights and see the same batches.
        origin: Where the data's own random generators stood (`Origin.take`); each trial begins
            there.
    """

    build_model: Any
    x: Any
    y: Any = None
    epochs: int = 1
    batch_size: int | None = None
    validation_data: Any = None
    validation_split: float = 0.0
    sample_weight: Any = None
    class_weight: Any = None
    shuffle: bool | str = True
    seed: int = 0
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    validation_batch_size: int | None = None
    origin: Origin | None = field(default=None, repr=False, compare=False)

    def begin(self) -> None:
        """Seed the global generators, and set the data's own back, as each trial finds them."""
        seed_all(self.seed)
        if self.origin is not None:
            self.origin.restore()

    def fit_arguments(self) -> dict[str, Any]:
        """The keyword arguments of the `fit` that this job stands for, to be used once."""
        return {
            "x": restarted(self.x),
            "y": self.y,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "validation_data": reread(self.validation_data),
            "validation_split": self.validation_split,
            "sample_weight": self.sample_weight,
            "class_weight": self.class_weight,
            "shuffle": self.shuffle if can_shuffle(self.x) else False,
            "steps_per_epoch": self.steps_per_epoch,
            "validation_steps": self.validation_steps,
            "validation_batch_size": self.validation_batch_size,
        }


@dataclass(frozen=True)
class TrialSpec:
    """What is special about one trial.

    Args:
        settings: Optimizer settings by name, `learning_rate` included.
        schedule: The schedule of its `LearningRate`, or `None`.
        rules: The rules of its `LearningRate`.
        arguments: Arguments of `build_model`.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    schedule: Schedule | None = None
    rules: tuple[Rule, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class TrialResult:
    """What became of one trial.

    Args:
        history: Each logged value, epoch by epoch, as in Keras's `History` (the rate included).
        diverged: The loss became NaN or infinite and no rule rolled back; training ended there.
        pruned: `report` asked for the end.
        error: What made the trial impossible, if something did.
        seconds: Its share of the wall-clock time.
        weights: `model.get_weights()` at its end, where they were asked for, and behind them its
            optimizer's state (`keras_lr.engines.kept`).
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    diverged: bool = False
    pruned: bool = False
    error: Exception | None = None
    seconds: float = 0.0
    weights: list[np.ndarray] | None = None

    @property
    def finished(self) -> bool:
        """Whether it ran through all its epochs."""
        return not (self.diverged or self.pruned or self.error)


Report = Callable[[int, int, Mapping[str, float]], bool]
"""`report(trial, epoch, logs)` after each epoch of each trial; `True` ends that trial."""

Done = Callable[[int, TrialResult], bool]
"""`done(trial, result)` when a trial ends; `True` asks for its weights to be kept."""


@dataclass(frozen=True)
class Become:
    """What a trial goes on as: a copy of another one, at a rate of its own.

    Args:
        source: Place of the trial whose weights, optimizer state and seeds are copied. Its base
            rate (that with which its own first ancestor began) comes with them.
        factor: What the base rate is multiplied by from here on.
        settings: Optimizer settings that change with it, such as `momentum`, by name; those that
            the trials of the run differ in, and no others.
    """

    source: int
    factor: float = 1.0
    settings: Mapping[str, float] = field(default_factory=dict)


Exchange = Callable[[int, Mapping[int, Mapping[str, float]]], Mapping[int, Become]]
"""`exchange(epoch, logs)` after each epoch but the last of all running trials, with the logs of each
by its place, those of trials that diverged in this epoch among them: which trials go on as copies.
A trial that diverged and isn't named ends. Sources are trials that aren't replaced themselves. Trials
of a run with an exchange are alike but for their rates and settings, and have no rules."""


def has_diverged(logs: Mapping[str, Any]) -> bool:
    """Whether the loss of the epoch, or its validation loss, is not a finite number."""
    losses = (logs.get(name, 0.0) for name in ("loss", "val_loss"))
    return not all(math.isfinite(value) for value in losses)


def kept_of_divergence(logs: Mapping[str, float]) -> dict[str, float]:
    """What the history keeps of the epoch in which a trial diverged.

    Where the training loss isn't finite, engines may stop anywhere within the epoch, so its values
    say nothing: they are NaN, all but the rates.

    >>> kept_of_divergence({"loss": float("inf"), "accuracy": 0.1, "learning_rate": 9.0})
    {'loss': nan, 'accuracy': nan, 'learning_rate': 9.0}
    >>> kept_of_divergence({"loss": 0.5, "val_loss": float("inf")})
    {'loss': 0.5, 'val_loss': inf}
    """
    if math.isfinite(logs.get("loss", 0.0)):
        return dict(logs)
    return {
        name: value if name.startswith("learning_rate") else math.nan
        for name, value in logs.items()
    }
