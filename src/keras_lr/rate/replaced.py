"""A number in the place of the schedule that an optimizer was built with."""

from typing import Any

from keras_lr.errors import InvalidInput


def replace_schedule(model: Any, leaves: list[Any]) -> None:
    """Make stock optimizers built with a schedule into ones built with a number.

    The new variable stands where such an optimizer has it, behind `iterations`: checkpoints are
    positional, so the optimizer's are from now on those of one that was built with a number.

    Args:
        model: The model whose optimizer they are part of; its step is traced anew.
        leaves: The optimizers. The new rate is 0 until it is assigned.

    Raises:
        InvalidInput: `model` is an optimizer that has been at work: which compiled step holds its
            schedule isn't known then.
    """
    import keras

    trains = isinstance(model, keras.Model)
    if not trains and any(leaf.built for leaf in leaves):
        raise InvalidInput(
            "The compiled training step may hold the optimizer's schedule, and must be made anew: "
            "give the model, keras_lr.set_learning_rate(model, 0.01, replace_schedule=True). "
            f"Received: {type(model).__name__} {model.name!r}."
        )
    for leaf in leaves:
        with keras.name_scope(leaf.name):
            variable = keras.Variable(
                0.0,
                name="learning_rate",
                dtype=keras.config.floatx(),
                trainable=False,
                aggregation="only_first_replica",
            )
        leaf._track_variable(variable)
        leaf._learning_rate = variable
        _move(leaf._variables, variable)
    if trains:
        model.make_train_function(force=True)


def _move(variables: list[Any], variable: Any) -> None:
    """Move `variable` from the end to where an optimizer has its rate."""
    position = next(i for i, each in enumerate(variables) if each is variable)
    del variables[position]
    variables.insert(1, variable)
