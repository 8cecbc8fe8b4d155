"""The space that `keras-lr tune` searches: what was asked for, sensible choices for the rest."""

from collections.abc import Sequence
from typing import Any

from keras_lr.errors import InvalidInput

MOMENTUMS = [0.0, 0.5, 0.9, 0.99]
SCHEDULES = ["none", "cosine", "one_cycle"]


def check_momentums(momentum: Sequence[float] | None) -> None:
    """Refuse what no optimizer takes for a momentum (NaN too)."""
    if momentum is not None and not all(0 <= value <= 1 for value in momentum):
        given = " ".join(f"{value:g}" for value in momentum)
        raise InvalidInput(f"--momentum takes numbers from 0 to 1. Received: --momentum {given}")


def default_space(
    model: Any,
    *,
    rate: tuple[float, float] | None,
    momentum: Sequence[float] | None,
    schedule: Sequence[str] | None,
) -> dict[str, Any]:
    """A space for `keras_lr.tune`.

    Args:
        model: The compiled model, for what its optimizer has.
        rate: Lowest and highest rate; `None` for what suits the optimizer.
        momentum: The choices; `None` for the usual ones where the optimizer has a momentum.
        schedule: The choices as text; `None` for none, a cosine, and one cycle.
    """
    from keras_lr.finder.rates import default_rates
    from keras_lr.tuner import LogUniform

    if rate is None:
        rates = default_rates(model.optimizer)
        rate = (float(rates[0]), float(rates[-1]))
    space: dict[str, Any] = {"learning_rate": LogUniform(*rate)}
    has_momentum = _has_momentum(model.optimizer)
    if momentum is not None and not has_momentum:
        raise InvalidInput(
            f"The model's optimizer, {type(model.optimizer).__name__}, takes no momentum. Compile "
            "it with keras.optimizers.SGD(), or leave --momentum out. Received: --momentum "
            + " ".join(f"{m:g}" for m in momentum)
        )
    if has_momentum:
        space["momentum"] = distinct("--momentum", list(momentum or MOMENTUMS))
    space["schedule"] = distinct("--schedule", list(schedule or SCHEDULES))
    return space


def _has_momentum(optimizer: Any) -> bool:
    from keras_lr.rate import leaves

    # RMSprop has one too, but there it is a rarely used extra, not a thing to search by default.
    return all(type(leaf).__name__ == "SGD" for leaf in leaves(optimizer))


def read_rules(text: str) -> Any:
    """Rules from their text; the error names the option."""
    from keras_lr.tuner.rule_text import parse_rules

    try:
        return parse_rules(text)
    except InvalidInput as error:
        raise InvalidInput(f"--rules: {error}") from error


def distinct(option: str, values: list[Any]) -> list[Any]:
    """Refuse a choice that is given twice."""
    if len(set(values)) != len(values):
        given = " ".join(str(v) for v in values)
        raise InvalidInput(f"{option} names a choice twice. Received: {option} {given}")
    return values
