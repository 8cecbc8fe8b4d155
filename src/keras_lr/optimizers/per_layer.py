"""`per_layer`: one optimizer with a rate for each group of layers."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keras_lr.backend import require
from keras_lr.errors import InvalidInput
from keras_lr.optimizers.addresses import Address
from keras_lr.optimizers.gradients import let_lack_gradients
from keras_lr.optimizers.groups import Group, groups
from keras_lr.rate import own_schedule
from keras_lr.schedules import as_schedule

if TYPE_CHECKING:
    import keras

_EXCLUDED = ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern")


def per_layer(
    optimizer: Any, rates: Mapping[Any, Any], *, model: Any
) -> "keras.optimizers.MultiOptimizer":
    """An optimizer to compile with, in which groups of layers have rates of their own.

    Each group has its own copy of `optimizer`, whose rate is the optimizer's times the group's
    factor: a true rate, also under Adam, where scaled gradients would change nothing.

    Args:
        optimizer: A Keras optimizer that hasn't trained yet, or its name, such as "adam". Its
            rate is what the factors multiply. Its `global_clipnorm` holds over all groups together.
        rates: From layers of the model, or patterns of their names, or tuples of these, to a
            number (factor of the optimizer's rate), `None` (frozen), or a schedule or its text
            (factors over the run, which `keras_lr.LearningRate` lays out). A pattern is a regular
            expression of whole parts of a variable's path: "backbone", "block_[0-3]", ".*/bias".
            The first key that covers a variable decides; what none covers keeps the optimizer's
            rate.
        model: The model, built, that will be compiled with it.

    Returns:
        A `keras.optimizers.MultiOptimizer` whose members are named after the groups. With
        schedules, with `global_clipnorm`, or where layers of different groups have the same name,
        it is a `PerLayer`, which is one too, but which a process that loads the model must import.

    Raises:
        InvalidInput: A key covers nothing; a factor is none; the optimizer is a wrapper, or has
            trained already; nothing would train.

    Example:

    ```python
    model.compile(per_layer(keras.optimizers.Adam(1e-3), {"backbone": 0.1}, model=model), "mse")
    ```
    """
    require()
    import keras

    if not hasattr(keras.optimizers, "MultiOptimizer"):
        raise InvalidInput(
            "Rates per layer need keras.optimizers.MultiOptimizer, which this version of Keras "
            f"doesn't have. Run: pip install -U keras. Received: keras {keras.__version__}."
        )
    optimizer = _checked(optimizer)
    made, found = groups(rates, model)
    members = [_member(optimizer, group) for group in made]
    common = {"loss_scale_factor": optimizer.loss_scale_factor, "name": "per_layer"}
    schedules = {group.name: group.schedule for group in made if group.schedule is not None}
    patterns = _patterns(made, found)
    if schedules or optimizer.global_clipnorm or patterns is None:
        from keras_lr.optimizers.grouped import PerLayer

        return PerLayer(
            members,
            _assigned(made, len(found)),
            group_schedules=schedules,
            global_clipnorm=optimizer.global_clipnorm,
            **common,
        )
    # The default optimizer is the last group's: Keras would count one without variables too.
    chosen = dict(zip(patterns[:-1], members[:-1], strict=True))
    let_lack_gradients(members)
    return keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(members[-1], chosen), **common
    )


def _checked(optimizer: Any) -> Any:
    """The optimizer that is to be copied."""
    import keras

    if isinstance(optimizer, str):
        optimizer = keras.optimizers.get(optimizer)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise InvalidInput(
            "per_layer copies a Keras optimizer for each group. Write e.g. "
            f"per_layer(keras.optimizers.Adam(1e-3), rates, model=model). Received: {optimizer!r}."
        )
    kind = type(optimizer).__name__
    if hasattr(optimizer, "inner_optimizer"):
        raise InvalidInput(
            f"per_layer goes inside {kind}, not around it: write "
            f"{kind}(per_layer(optimizer.inner_optimizer, rates, model=model)). (compile() does "
            f"that by itself for mixed_float16.) Received: {optimizer.name!r}, which is one."
        )
    if hasattr(optimizer, "optimizers"):
        raise InvalidInput(
            "per_layer copies one optimizer for each group, and this one has several already. Write "
            f"per_layer(keras.optimizers.Adam(1e-3), rates, model=model). Received: {kind}."
        )
    if optimizer.built:
        raise InvalidInput(
            "The optimizer has been built for a model already, and its state can't be split. Give "
            f"a new one: {kind}.from_config(optimizer.get_config()). Received: {optimizer.name!r}."
        )
    own = own_schedule(optimizer)
    if own is not None and not isinstance(own, keras.optimizers.schedules.LearningRateSchedule):
        raise InvalidInput(
            "The optimizer's rate is a function, which can't be copied. Compile with a number and "
            "give the function to fit: callbacks=[keras_lr.LearningRate(schedule=function)]. "
            f"Received: {kind}(learning_rate={own!r})."
        )
    return optimizer


def _member(optimizer: Any, group: Group) -> Any:
    """The optimizer's copy for a group."""
    config = {**optimizer.get_config(), "name": group.name, "global_clipnorm": None}
    if isinstance(config["learning_rate"], dict):
        config["learning_rate"] = _times(own_schedule(optimizer), group.factor)
    else:
        config["learning_rate"] *= group.factor
    member = type(optimizer).from_config(config)
    for name in _EXCLUDED:  # not in the config
        if hasattr(optimizer, name):
            setattr(member, name, getattr(optimizer, name))
    return member


def _times(schedule: Any, factor: float) -> Any:
    """A Keras schedule times a factor, as a Keras schedule."""
    return schedule if factor == 1.0 else (as_schedule(schedule) * factor).to_keras()


def _assigned(made: Sequence[Group], variables: int) -> list[int | None]:
    """For each variable its group, `None` for a frozen one."""
    found = {place: index for index, group in enumerate(made) for place in group.variables}
    return [found.get(place) for place in range(variables)]


def _patterns(made: Sequence[Group], found: Sequence[Address]) -> list[str] | None:
    """For each group what matches its variables' paths and no other's, now and after a load.

    `None` where there is none: two groups have layers of one name, or something is frozen, for
    which Keras has no place.
    """
    patterns = []
    for group in made:
        ends = [re.escape(found[place].lasting) for place in group.variables]
        patterns.append(f"(?:.*/)?(?:{'|'.join(ends)})")
    for place, index in enumerate(_assigned(made, len(found))):
        path = found[place].variable.path
        if [at for at, each in enumerate(patterns) if re.fullmatch(each, path)] != [index]:
            return None
    return patterns
