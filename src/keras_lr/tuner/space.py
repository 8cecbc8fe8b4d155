"""A space: what may differ between trials, checked before anything is trained."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from keras_lr.engines.models import check_setting, setting_names
from keras_lr.engines.trial import TrialSpec
from keras_lr.errors import InvalidInput, nearest
from keras_lr.rate import check_rate
from keras_lr.rules import Rule
from keras_lr.rules.checked import checked_rules
from keras_lr.tuner.ranges import Uniform

NONE = "none"
"""The text of no schedule, and of no rules."""


@dataclass(frozen=True)
class Choice:
    """One of several values, each with the text or number that is stored for it."""

    labels: tuple[Any, ...]
    values: tuple[Any, ...]

    def distribution(self) -> Any:
        """Optuna's form of it."""
        import optuna

        return optuna.distributions.CategoricalDistribution(self.labels)

    def value(self, label: Any) -> Any:
        """The value that a stored label stands for."""
        return self.values[self.labels.index(label)]


@dataclass(frozen=True)
class Space:
    """A space in the form that the tuner works with.

    Args:
        searched: Names to a `Uniform` or a `Choice`.
        fixed: Names to a `Choice` of one value.
        settings: Names of optimizer settings among them.
    """

    searched: Mapping[str, Uniform | Choice]
    fixed: Mapping[str, Choice]
    settings: frozenset[str]

    def distributions(self) -> dict[str, Any]:
        """Optuna's distributions."""
        return {name: member.distribution() for name, member in self.searched.items()}

    def schedules(self) -> tuple[Any, ...]:
        """The choices for the schedule; `None` is none."""
        member = self.searched.get("schedule", self.fixed.get("schedule"))
        return member.values if isinstance(member, Choice) else ()

    def described(self) -> dict[str, Any]:
        """The space as JSON, by which a resumed study is recognised."""
        found: dict[str, Any] = {}
        for name, member in {**self.searched, **self.fixed}.items():
            if isinstance(member, Choice):
                found[name] = [repr(label) for label in member.labels]
            else:
                found[name] = repr(member)
        return found

    def params(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        """Everything a trial is made of, fixed values included, as a `Trial` shows it."""
        found = {}
        for name, member in {**self.searched, **self.fixed}.items():
            label = drawn[name] if name in self.searched else member.labels[0]  # type: ignore[union-attr]
            as_text = not isinstance(member, Choice) or name in ("schedule", "rules")
            found[name] = label if as_text else member.value(label)
        return found

    def spec(self, params: Mapping[str, Any]) -> TrialSpec:
        """The trial that `params` (of `Space.params`) describe."""
        values = {}
        for name, value in params.items():
            member = self.searched.get(name, self.fixed.get(name))
            if name in ("schedule", "rules") and isinstance(member, Choice):
                value = member.value(value)
            values[name] = value
        schedule, rules = values.pop("schedule", None), values.pop("rules", ())
        settings = {n: v for n, v in values.items() if n in self.settings}
        arguments = {n: v for n, v in values.items() if n not in self.settings}
        return TrialSpec(settings, schedule, rules, arguments)


def read_space(space: Any, build_model: Any, optimizer: Any) -> Space:
    """Check a user's space.

    Args:
        space: Name to `LogUniform`, `Uniform`, a list of choices, or a fixed value.
        build_model: Whose arguments may be named.
        optimizer: Whose settings may be named.

    Raises:
        InvalidInput: For names that mean nothing (with the nearest that does), and for values
            that can't be what they are meant for.
    """
    check_names(space, build_model, optimizer)
    settings = setting_names(optimizer)
    searched: dict[str, Uniform | Choice] = {}
    fixed: dict[str, Choice] = {}
    for name, given in space.items():
        member = _member(name, given)
        _check_values(name, member, optimizer if name in settings else None)
        if isinstance(member, Choice) and len(member.values) == 1:
            fixed[name] = member
        else:
            searched[name] = member
    return Space(searched, fixed, frozenset(settings & set(space)))


def first_arguments(space: Mapping[str, Any], build_model: Any) -> dict[str, Any]:
    """Some value of the space for each argument of `build_model`, to build a model to look at."""
    found = {}
    for name in parameters(build_model):
        if name in space:
            member = _member(name, space[name])
            # Of a range a number such as trials get: a float, and no whole one.
            drawn = not isinstance(member, Choice)
            found[name] = member.lo + 0.382 * (member.hi - member.lo) if drawn else member.values[0]
    return found


def check_names(space: Any, build_model: Any, optimizer: Any | None) -> None:
    """Refuse a space that is none, or that names what isn't there.

    Args:
        space: The user's space.
        build_model: Whose arguments may be named.
        optimizer: Whose settings may be named; `None` before it is known.
    """
    if not isinstance(space, Mapping) or not space:
        raise InvalidInput(
            "space says what to search, e.g. space={'learning_rate': keras_lr.LogUniform(1e-4, 1.0)"
            f", 'momentum': [0.0, 0.9]}}. Received: {space!r}."
        )
    arguments = parameters(build_model)
    if optimizer is None:
        for name, parameter in arguments.items():
            if parameter.default is parameter.empty and name not in space:
                raise InvalidInput(
                    f"build_model needs the argument {name!r}, and the space doesn't name it. Give "
                    f"it a default, or add {name!r} to the space."
                )
        return
    settings = setting_names(optimizer)
    known = settings | {"schedule", "rules"} | set(arguments)
    for name in space:
        if name not in known and not _takes_anything(build_model):
            raise InvalidInput(
                f"The space has {name!r}, which is no setting of the optimizer "
                f"({type(optimizer).__name__}) and no argument of build_model. "
                f"{nearest(str(name), known)}"
            )
        argument = arguments.get(name)
        taken = name in settings or name in ("schedule", "rules")
        if taken and argument is not None and argument.default is argument.empty:
            raise InvalidInput(
                f"{name!r} is a setting of the optimizer, which the tuner applies itself, but "
                f"build_model demands it as an argument. Give it a default there: {name}=..."
            )


def parameters(build_model: Any) -> dict[str, inspect.Parameter]:
    """The arguments of `build_model` that can be named; none for a model."""
    import keras

    if isinstance(build_model, keras.Model):
        return {}
    if not callable(build_model):
        raise InvalidInput(
            "build_model is a function that returns a compiled model, or a compiled model. "
            f"Received: {build_model!r}."
        )
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = inspect.signature(build_model).parameters
    return {name: parameter for name, parameter in found.items() if parameter.kind in named}


def _takes_anything(build_model: Any) -> bool:
    import keras

    if isinstance(build_model, keras.Model):
        return False
    found = inspect.signature(build_model).parameters.values()
    return any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in found)


def _member(name: str, given: Any) -> Uniform | Choice:
    if isinstance(given, Uniform):
        if name in ("schedule", "rules"):
            raise InvalidInput(f"{name!r} takes a list of choices. Received: {given!r}.")
        return given
    values = list(given) if isinstance(given, list) else [given]
    values = [value.item() if isinstance(value, np.generic) else value for value in values]
    if not values:
        raise InvalidInput(f"The space has no choice for {name!r}. Received: [].")
    if name == "schedule":
        values = [_schedule(value) for value in values]
    if name == "rules":
        values = [_rules(value) for value in values]
    labels = [_label(name, value) for value in values]
    for label in labels:
        if labels.count(label) > 1:
            raise InvalidInput(f"The space has the choice {label!r} for {name!r} twice.")
    return Choice(tuple(labels), tuple(values))


def _schedule(value: Any) -> Any:
    from keras_lr.schedules import as_schedule

    return None if value is None or value == NONE else as_schedule(value)


def _rules(value: Any) -> tuple[Rule, ...]:
    members = () if value is None or value == NONE else value
    members = members if isinstance(members, tuple | list) else (members,)
    return checked_rules(
        members, "'rules': [None, keras_lr.rules.Plateau()] (several of one trial in a tuple)"
    )


def _label(name: str, value: Any) -> Any:
    if name == "schedule":
        return NONE if value is None else str(value)
    if name == "rules":
        return " + ".join(rule_text(rule) for rule in value) or NONE
    plain = value is None or isinstance(value, bool | int | float | str)
    return value if plain else repr(value)


def rule_text(rule: Any) -> str:
    """A rule as code, with the settings that aren't its defaults.

    >>> from keras_lr.rules import Plateau
    >>> rule_text(Plateau(patience=4))
    'Plateau(patience=4)'
    """
    changed = [
        f"{item.name}={getattr(rule, item.name)!r}"
        for item in fields(rule)
        if getattr(rule, item.name) != item.default
    ]
    return f"{type(rule).__name__}({', '.join(changed)})"


def _check_values(name: str, member: Uniform | Choice, optimizer: Any | None) -> None:
    values = (member.lo, member.hi) if isinstance(member, Uniform) else member.values
    if optimizer is None:
        return
    for value in values:
        if name == "learning_rate":
            check_rate(value, "learning_rate in the space")
        else:
            check_setting(optimizer, name, value)
