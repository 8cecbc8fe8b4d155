"""What a study optimises: that the trials will log it, and whether less or more is better."""

from typing import Any, Literal

from keras_lr.engines.internals import metric_names
from keras_lr.engines.trial import Job
from keras_lr.errors import InvalidInput, nearest


def direction_of(objective: str, direction: str | None) -> Literal["minimize", "maximize"]:
    """Whether less or more is better: what was said, or what the objective's name tells.

    Raises:
        InvalidInput: The name doesn't tell, or there is no such direction.
    """
    from keras_lr.rules.improvement import infer_mode

    if direction is None:
        try:
            return "minimize" if infer_mode(objective) == "min" else "maximize"
        except InvalidInput:
            raise InvalidInput(
                f"The name {objective!r} doesn't tell whether less or more is better. "
                'Write direction="minimize" or direction="maximize".'
            ) from None
    if direction not in ("minimize", "maximize"):
        known = ("minimize", "maximize")
        raise InvalidInput(f"Unknown direction {direction!r}. {nearest(str(direction), known)}")
    return direction  # type: ignore[return-value]


def check_objective(job: Job, probe: Any, objective: str) -> None:
    """Refuse an objective that no trial will log, as far as that can be known now."""
    validates = job.validation_data is not None or job.validation_split > 0
    if objective.startswith("val_") and not validates:
        raise InvalidInput(
            f"objective={objective!r} needs validation data, so that trials are judged by what they "
            "weren't trained on. Pass validation_data=(x_val, y_val) or validation_split=0.2 (or, "
            f"knowingly, objective={objective.removeprefix('val_')!r})."
        )
    name = objective.removeprefix("val_")
    if name == "loss" or not hasattr(job.x, "shape") or not hasattr(job.y, "shape"):
        return
    import keras

    if type(probe).train_step is not keras.Model.train_step:
        return
    known = metric_names(probe, job.x[:1], job.y[:1])
    if name not in known:
        names = [*known, *(f"val_{metric}" for metric in known)] if validates else known
        raise InvalidInput(f"The model has no metric {name!r}. {nearest(objective, names)}")
