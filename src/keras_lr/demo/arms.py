"""The comparison: each way to train, over several seeds, through plain `model.fit`."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from keras_lr.demo.digits import Split
from keras_lr.demo.model import build_model
from keras_lr.errors import TrainingDiverged
from keras_lr.watch import Arm, Run
from keras_lr.watch.style import schedule_words


@dataclass(frozen=True)
class Recipe:
    """One way to train.

    Args:
        name: What the reader calls it.
        learning_rate: The optimizer's rate.
        momentum: Its momentum.
        schedule: The schedule's text, or `None`.
        rules: Reduction rules.
        note: A word on how its settings came about.
    """

    name: str
    learning_rate: float
    momentum: float = 0.0
    schedule: str | None = None
    rules: Sequence[Any] = field(default_factory=tuple)
    note: str = ""

    @property
    def description(self) -> str:
        """How to do the same, in a few words."""
        momentum = f"with momentum {self.momentum:g}" if self.momentum else "without momentum"
        parts = [
            f"{self.learning_rate:.3g} {momentum}",
            schedule_words(self.schedule or "constant"),
        ]
        return ", ".join([*parts, *([self.note] if self.note else [])])

    @property
    def controlled(self) -> bool:
        """Whether anything but the optimizer decides the rate."""
        return self.schedule is not None or bool(self.rules)


def train(recipe: Recipe, split: Split, *, seed: int, epochs: int, batch_size: int) -> tuple:
    """Train once, as a user would.

    Returns:
        The model, its test accuracy, and its `Run`.
    """
    import keras

    from keras_lr.callbacks import LearningRate

    keras.utils.set_random_seed(seed)
    model = build_model()
    model.compile(
        optimizer=keras.optimizers.SGD(recipe.learning_rate, momentum=recipe.momentum),
        loss=model.loss,
        metrics=["accuracy"],
    )
    rate = LearningRate(recipe.schedule, recipe.rules) if recipe.controlled else None
    with contextlib.suppress(TrainingDiverged):  # the last good weights are back: score those
        model.fit(
            *split.train,
            validation_data=split.validation,
            epochs=epochs,
            batch_size=batch_size,
            validation_batch_size=len(split.validation[0]),
            verbose=0,
            callbacks=[rate] if rate else [],
        )
    _, accuracy = model.evaluate(*split.test, batch_size=len(split.test[0]), verbose=0)
    curves = {name: list(map(float, values)) for name, values in model.history.history.items()}
    events = tuple(rate.record.events) if rate else ()
    run = Run(curves, events, f"Training: {recipe.name}", recipe.schedule)
    return model, float(accuracy), run


def train_arm(
    recipe: Recipe,
    split: Split,
    *,
    seeds: Sequence[int],
    epochs: int,
    batch_size: int,
    say: Callable[[str], None],
) -> tuple[Arm, Any, Run]:
    """One arm of the comparison.

    Returns:
        The arm, and the first seed's model and run (the first, not the best on the test split).
    """
    scores, kept = [], None
    for seed in seeds:
        model, accuracy, run = train(recipe, split, seed=seed, epochs=epochs, batch_size=batch_size)
        scores.append(accuracy)
        kept = kept or (model, run)
    shown = " ".join(f"{100 * score:.1f}" for score in scores)
    say(f"    {recipe.name} ({recipe.description}): {shown} %")
    assert kept is not None
    model, run = kept
    arm = Arm(recipe.name, recipe.learning_rate, recipe.description, tuple(scores), run.history)
    return arm, model, run
