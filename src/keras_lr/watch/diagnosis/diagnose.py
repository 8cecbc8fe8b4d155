"""`diagnose`: look for everything that a run may show, and say it."""

from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.schedules.checks import positive
from keras_lr.watch.diagnosis.diagnosis import Diagnosis, gravest_first
from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.meant_to_fall import not_to_fall
from keras_lr.watch.diagnosis.symptom import Symptom, Unjudged
from keras_lr.watch.diagnosis.symptoms import QUESTIONS, Question
from keras_lr.watch.run import Run


def diagnose(
    history: Any,
    record: Any = None,
    *,
    loss: str | None = None,
    steps_per_epoch: float | None = None,
) -> Diagnosis:
    """Say what a finished run shows about its learning rate, with the evidence and what to do.

    What is logged decides how much can be told. With the training loss of each epoch alone:
    divergence, a rate too low, oscillation. With the learning rate as well (any callback of
    keras-lr logs it): plateaus, schedules that missed the run's end, rates that came to nothing too
    soon. With `weight_decay` and `weight_norm` (`LearningRateMonitor`): weight decay. What can't be
    judged is listed, with what it would take.

    Args:
        history: What `fit` returned, a mapping of names to one value an epoch, a
            `keras_lr.watch.Run`, or a path: a run record (`.jsonl`), a saved history (`.json`), the
            file of a `CSVLogger`, a TensorBoard folder or event file. The run may be one without
            keras-lr.
        record: The `record` of the run's `LearningRate` callback, which knows the plan.
        loss: The name of the training loss, where it is called something else.
        steps_per_epoch: Updates in an epoch, where the run doesn't know.

    Returns:
        A `Diagnosis`; print it, plot it, or report it.

    Raises:
        InvalidInput: It can't be read, or has no training loss.

    >>> found = diagnose({"loss": [2.0, 1.0, 0.7, float("nan"), float("nan")]})
    >>> found.symptoms[0].title, found.symptoms[0].where
    ('Diverged', 'from epoch 4 on')
    """
    if loss is not None and not isinstance(loss, str):
        raise InvalidInput(
            f'loss is the name of a metric. Write loss="train_loss". Received: loss={loss!r}.'
        )
    if steps_per_epoch is not None:
        steps_per_epoch = positive(steps_per_epoch, "A diagnosis", "steps_per_epoch")
    run = Run.of(history, record)
    evidence = Evidence.of(run, loss=loss, steps_per_epoch=steps_per_epoch)
    symptoms: list[Symptom] = []
    not_there, unjudged = [], []
    for question in QUESTIONS:
        if any(symptom.name in question.moot and _counts(symptom) for symptom in symptoms):
            continue
        with np.errstate(over="ignore", invalid="ignore"):  # of losses near the largest number
            verdict = _beforehand(question, evidence) or question.judge(evidence)
        if isinstance(verdict, Symptom):
            symptoms.append(verdict)
        elif isinstance(verdict, Unjudged):
            unjudged.append(verdict)
        else:
            not_there.append(question.name)
    asked = {question.name: question.asks for question in QUESTIONS}
    return Diagnosis(
        run, gravest_first(symptoms), tuple(not_there), tuple(unjudged), asked, evidence.name
    )


def _beforehand(question: Question, evidence: Evidence) -> Unjudged | None:
    """What the run lacks for a question; `None` if it may be asked."""
    if question.finite and not evidence.finite:
        return Unjudged(question.name, "a loss that is a number in every epoch")
    if question.moving and evidence.at_rest:
        return Unjudged(question.name, "a learning rate above 0; this run's was 0 throughout")
    missing = not_to_fall(evidence) if question.falling else None
    return None if missing is None else Unjudged(question.name, missing)


def _counts(symptom: Symptom) -> bool:
    """A run that diverged and came back can be judged otherwise."""
    return symptom.severity != "note" or symptom.name == "overfitting"
