"""`diagnose`: look for everything that a run may show, and say it."""

from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.schedules.checks import positive
from keras_lr.watch.diagnosis.diagnosis import Diagnosis, gravest_first
from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.symptom import Missing, NotJudged, Symptom, Verdict
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
    judged is listed, with what it would take. In words, epochs count from 1, as in Keras's progress;
    `Symptom.epoch` counts from 0, as in callbacks and `History.epoch`.

    That nothing is found says no more than that: of what was looked for, this run shows nothing. A
    rate that is merely not the best leaves no trace in one run; `keras_lr.find` looks for that.

    Args:
        history: What `fit` returned, a mapping of names to one value an epoch, a
            `keras_lr.watch.Run`, or a path: a run record (`.jsonl`), a saved history (`.json`), the
            file of a `CSVLogger`, a TensorBoard folder or event file. The run may be one without
            keras-lr.
        record: The `record` of the run's `LearningRate` callback, which knows the plan.
        loss: The name of the training loss, where it is called something else.
        steps_per_epoch: Updates in an epoch, where the run doesn't know.

    Returns:
        A `Diagnosis` of what was found, not found, and not judged; print it, plot it, or report it.

    Raises:
        InvalidInput: It can't be read, or has no training loss.

    >>> seen = diagnose({"loss": [2.0, 1.0, 0.7, float("nan"), float("nan")]})
    >>> seen.found[0].title, seen.found[0].where, seen.found[0].epoch
    ('Diverged', 'from epoch 4 on', 3)
    """
    if loss is not None and not isinstance(loss, str):
        raise InvalidInput(
            f'loss is the name of a metric. Write loss="train_loss". Received: loss={loss!r}.'
        )
    if steps_per_epoch is not None:
        steps_per_epoch = positive(steps_per_epoch, "A diagnosis", "steps_per_epoch")
    run = Run.of(history, record)
    evidence = Evidence.of(run, loss=loss, steps_per_epoch=steps_per_epoch)
    by_epochs = evidence.by_epochs()
    found: list[Symptom] = []
    not_found, not_judged = [], []
    for question in QUESTIONS:
        if any(symptom.name in question.moot and symptom.hides for symptom in found):
            continue
        with np.errstate(over="ignore", invalid="ignore"):  # of losses near the largest number
            verdict = _asked(question, by_epochs if question.by_epochs else evidence)
        if isinstance(verdict, Symptom):
            found.append(verdict)
        elif isinstance(verdict, Missing):
            not_judged.append(NotJudged(question.name, verdict))
        else:
            not_found.append(question.name)
    return Diagnosis(
        run,
        gravest_first(found),
        tuple(not_found),
        tuple(not_judged),
        evidence.name,
        evidence.unit,
    )


def _asked(question: Question, evidence: Evidence) -> Verdict:
    """What the evidence says to a question, once it has all that it needs."""
    missing = (lacks for need in question.needs if (lacks := need(evidence)) is not None)
    try:
        return next(missing, None) or question.judge(evidence)
    except (ArithmeticError, LookupError, ValueError) as error:  # the other questions stand
        told = f"{type(error).__name__}: {error}"
        return Missing(
            f"a keras-lr without a defect that this run shows; please report it ({told})"
        )
