"""How much each part of a space mattered, by Optuna's evaluators."""

from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.tuner.quiet import quietly
from keras_lr.tuner.space import Space

FEWEST = 4
"""Complete trials of which an evaluator can tell anything."""


def importance(study: Any, space: Space, evaluator: Any = None) -> dict[str, float]:
    """The share of each searched name, the largest first.

    Args:
        study: The Optuna study.
        space: Its space.
        evaluator: One of Optuna's; by default Optuna's own choice.

    Raises:
        InvalidInput: Nothing was searched, too few trials were completed, or what was given is no
            evaluator of Optuna's.
    """
    import optuna
    from optuna.importance import BaseImportanceEvaluator

    if evaluator is not None and not isinstance(evaluator, BaseImportanceEvaluator):
        raise InvalidInput(
            "evaluator is one of Optuna's. Write e.g. study.importance(optuna.importance."
            f"PedAnovaImportanceEvaluator()). Received: {evaluator!r}."
        )
    complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if not space.searched or len(complete) < FEWEST:
        what = "nothing was searched" if not space.searched else f"{len(complete)} were completed"
        raise InvalidInput(
            f"Importance needs a searched space and {FEWEST} complete trials; {what}. Search more "
            "names, or raise trials."
        )
    with quietly():
        try:
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        except ImportError as error:
            raise InvalidInput(
                f"{type(evaluator).__name__} needs scikit-learn: pip install scikit-learn. "
                "Optuna's PedAnovaImportanceEvaluator, the default, doesn't."
            ) from error
    return {name: float(share) for name, share in found.items()}
