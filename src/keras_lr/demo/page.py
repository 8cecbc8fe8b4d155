"""The tuning's part of the demo's report: what was chosen, which isn't the study's best by itself."""

from dataclasses import replace
from typing import Any

from keras_lr.demo.arms import Recipe
from keras_lr.demo.model import BATCH_SIZE
from keras_lr.watch.report.section import Section
from keras_lr.watch.report.sections import section
from keras_lr.watch.style import number, schedule_words, score
from keras_lr.watch.trials import summary


def tuning_section(
    study: Any, chosen: Recipe, value: float, constant: float, *, epochs: int
) -> Section:
    """The study's section, answering with what its confirmation chose.

    Args:
        study: The study.
        chosen: What was chosen.
        value: Its mean objective over the seeds of the confirmation.
        constant: The same of the best constant rate.
        epochs: Epochs of a training, for the code.
    """
    part = section(study)
    best = f"{summary(study.best.params)}: {score(study.objective, study.best.value)}"
    return replace(
        part,
        answer=f"Chosen: {chosen.description}: mean {study.objective} {number(value)} over "
        "several seeds.",
        notes=[
            f"The best constant rate, searched and confirmed the same way: {number(constant)}.",
            f"The best single trial was {best}, with the study's own seed.",
            *part.notes,
        ],
        code=code(chosen, epochs),
    )


def code(recipe: Recipe, epochs: int) -> str:
    """Python that trains as the demo's winner did."""
    schedule = None if recipe.schedule is None else schedule_words(recipe.schedule)
    return f"""import keras
import keras_lr
from keras_lr.rules import Divergence, Plateau

model.compile(
    optimizer=keras.optimizers.SGD({recipe.learning_rate:.4g}, momentum={recipe.momentum:g}),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(
    x, y, validation_data=(x_val, y_val), epochs={epochs}, batch_size={BATCH_SIZE},
    callbacks=[
        keras_lr.LearningRate(
            schedule={schedule!r},
            rules=[Plateau("val_loss", factor=0.5, patience=4), Divergence()],
        ),
    ],
)"""
