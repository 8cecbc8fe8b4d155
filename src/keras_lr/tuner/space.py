"""A space: what may differ between trials, checked before anything is trained."""

import inspect
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_lr.engines.models import setting_names
from keras_lr.engines.trial import TrialSpec
from keras_lr.errors import InvalidInput, nearest
from keras_lr.rules import Rule
from keras_lr.rules.checked import checked_rules
from keras_lr.tuner.ranges import LogUniform, Uniform
from keras_lr.tuner.rule_text import NONE, parse_rules, rules_text
from keras_lr.tuner.space_values import check_values, no_list
from keras_lr.tuner.template import Template, as_template

CASES = 256
"""Combinations of ends at which a schedule or rules with parameters are checked, at most."""


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
        parameters: Names that only a schedule or rules take.
        share: The share of the whole training that trials run; their schedules are compressed.
    """

    searched: Mapping[str, Uniform | Choice]
    fixed: Mapping[str, Choice]
    settings: frozenset[str]
    parameters: frozenset[str] = frozenset()
    share: float = 1.0

    def distributions(self) -> dict[str, Any]:
        """Optuna's distributions."""
        return {name: member.distribution() for name, member in self.searched.items()}

    def schedules(self) -> tuple[Any, ...]:
        """The choices for the schedule, as trials follow them; `None` is none.

        Of one with parameters those at the ends of their ranges.
        """
        return tuple(self._followed(value) for value in self._cases("schedule"))

    def _cases(self, key: str) -> tuple[Any, ...]:
        """What trials may get for `key`; with parameters, at the ends of what these may be.

        Raises:
            InvalidInput: At some of these ends it can't be made.
        """
        member = self._member(key)
        values = member.values if isinstance(member, Choice) else ()
        found: list[Any] = []
        for value in values:
            if not isinstance(value, Template):
                found.append(value)
                continue
            members = [self._member(name) for name in value.names]
            ends = [m.values if isinstance(m, Choice) else m.ends() for m in members]
            for case in itertools.islice(itertools.product(*ends), CASES):
                found.append(_made(key, value, dict(zip(value.names, case, strict=True))))
        return tuple(found)

    def _member(self, name: str) -> Any:
        return self.searched.get(name, self.fixed.get(name))

    def _followed(self, schedule: Any) -> Any:
        from keras_lr.schedules import stretch

        return schedule if schedule is None or self.share == 1 else stretch(schedule, self.share)

    def described(self) -> dict[str, Any]:
        """The space as JSON, by which a resumed study is recognised."""
        found: dict[str, Any] = {}
        for name, member in {**self.searched, **self.fixed}.items():
            if isinstance(member, Choice):
                found[name] = [repr(label) for label in member.labels]
            else:
                found[name] = repr(member)
            if isinstance(member, Choice) and any(isinstance(v, Template) for v in member.values):
                # What a function makes tells it apart from another with the same arguments.
                found[name] += [_label(name, case) for case in self._cases(name)]
        return found

    def params(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        """Everything a trial is made of, fixed values included, as a `Trial` shows it."""
        found = {}
        for name, member in {**self.searched, **self.fixed}.items():
            label = drawn[name] if name in self.searched else member.labels[0]  # type: ignore[union-attr]
            as_text = not isinstance(member, Choice) or name in ("schedule", "rules")
            found[name] = label if as_text else member.value(label)
        return found

    def spec(self, params: Mapping[str, Any], *, whole: bool = False) -> TrialSpec:
        """The trial that `params` (of `Space.params`) describe.

        Args:
            params: A value for each name.
            whole: With its schedule as it was given, where trials run a share of the training.

        Raises:
            InvalidInput: Its schedule or rules can't be made with their parameters.
        """
        values = {}
        for name, value in params.items():
            member = self._member(name)
            if name in ("schedule", "rules") and isinstance(member, Choice):
                value = member.value(value)
                if isinstance(value, Template):
                    value = _made(name, value, params)
            values[name] = value
        schedule, rules = values.pop("schedule", None), values.pop("rules", ())
        settings = {n: v for n, v in values.items() if n in self.settings}
        others = self.settings | self.parameters
        arguments = {n: v for n, v in values.items() if n not in others}
        return TrialSpec(
            settings, schedule if whole else self._followed(schedule), rules, arguments
        )


def read_space(
    space: Any, build_model: Any, optimizer: Any, others: frozenset[str] = frozenset()
) -> Space:
    """Check a user's space.

    Args:
        space: Name to `LogUniform`, `Uniform`, a list of choices, or a fixed value.
        build_model: Whose arguments may be named.
        optimizer: Whose settings may be named.
        others: Further settings that may be, such as `"batch_size"`.

    Raises:
        InvalidInput: For names that mean nothing (with the nearest that does), and for values
            that can't be what they are meant for.
    """
    check_names(space, build_model, optimizer, others)
    own = setting_names(optimizer)
    settings = own | (set(others) - set(parameters(build_model)))
    searched: dict[str, Uniform | Choice] = {}
    fixed: dict[str, Choice] = {}
    for name, given in space.items():
        member = _member(name, given, space)
        if name in settings:
            ends = member.ends() if isinstance(member, Uniform) else member.values
            check_values(name, given, ends, optimizer if name in own else None)
        if isinstance(member, Choice) and len(member.values) == 1:
            fixed[name] = member
        else:
            searched[name] = member
    owned = _parameters_of(space) - settings - set(parameters(build_model))
    found = Space(searched, fixed, frozenset(settings & set(space)), frozenset(owned))
    for key in ("schedule", "rules"):
        found._cases(key)  # at every end, so that no trial fails for what could be known before
    return found


def _parameters_of(space: Mapping[str, Any]) -> set[str]:
    """Names of the space that a schedule or rules take."""
    found: set[str] = set()
    for key in ("schedule", "rules"):
        given = space.get(key)
        for choice in given if isinstance(given, list) else [given]:
            template = as_template(key, choice, space)
            found |= set() if template is None else set(template.names)
    return found


def _made(key: str, template: Template, values: Mapping[str, Any]) -> Any:
    """The schedule or the rules that a template gives."""
    filled = template.filled(values)
    try:
        return _schedule(filled) if key == "schedule" else _rules(filled)
    except InvalidInput as error:
        told = ", ".join(f"{name}={values[name]!r}" for name in template.names)
        real = any(isinstance(values[name], float) for name in template.names)
        hint = ""
        if real:
            hint = (
                " A share of the run is a text: '{name:%}' makes 5 % of 0.05."
                if key == "schedule"
                else " For whole numbers give keras_lr.Integers(2, 8)."
            )
        raise InvalidInput(
            f"{template.label} can't be made with {told}, as the space gives it: {error}{hint}"
        ) from error


def first_arguments(space: Mapping[str, Any], build_model: Any) -> dict[str, Any]:
    """Some value of the space for each argument of `build_model`, to build a model to look at."""
    found = {}
    for name in parameters(build_model):
        if name in space:
            member = _member(name, space[name], space)
            # Of a range a number such as trials get: no whole one, unless all of them are.
            found[name] = member.values[0] if isinstance(member, Choice) else member.ends()[2]
    return found


def check_names(
    space: Any, build_model: Any, optimizer: Any | None, others: frozenset[str] = frozenset()
) -> None:
    """Refuse a space that is none, or that names what isn't there.

    Args:
        space: The user's space.
        build_model: Whose arguments may be named.
        optimizer: Whose settings may be named; `None` before it is known.
        others: Further settings that may be.
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
    known = settings | {"schedule", "rules"} | set(arguments) | _parameters_of(space) | others
    for name in space:
        if name not in known and not _takes_anything(build_model):
            raise InvalidInput(
                f"The space has {name!r}, which is no setting of the optimizer "
                f"({type(optimizer).__name__}), no argument of build_model and no parameter of its "
                f"schedule or rules. {nearest(str(name), known)}"
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


def _member(name: str, given: Any, space: Mapping[str, Any]) -> Uniform | Choice:
    if name == "learning_rate":
        given = range_of(given)
    if isinstance(given, Uniform):
        if name in ("schedule", "rules"):
            raise InvalidInput(f"{name!r} takes a list of choices. Received: {given!r}.")
        return given
    if isinstance(given, range):
        raise no_list(name, given)
    values = list(given) if isinstance(given, list) else [given]
    values = [value.item() if isinstance(value, np.generic) else value for value in values]
    if not values:
        raise InvalidInput(f"The space has no choice for {name!r}. Received: [].")
    if name in ("schedule", "rules"):
        read = _schedule if name == "schedule" else _rules
        values = [as_template(name, value, space) or read(value) for value in values]
    labels = [_label(name, value) for value in values]
    for label in labels:
        if labels.count(label) > 1:
            raise InvalidInput(
                f"The space has the choice {label!r} for {name!r} twice. (Functions are told apart "
                "by their names: write def ... for each.)"
                if str(label).startswith("function(")
                else f"The space has the choice {label!r} for {name!r} twice."
            )
    return Choice(tuple(labels), tuple(values))


def range_of(given: Any) -> Any:
    """The range that a finding of `keras_lr.find` gives: its band, a factor of two wider.

    Anything else comes back as it is.

    Raises:
        InvalidInput: The finding found no rate.
    """
    from keras_lr.finder import Finding

    if not isinstance(given, Finding):
        return given
    if given.learning_rate is None or given.band is None:
        raise InvalidInput(
            "This finding found no rate, so it gives no range: "
            f"{given.reason} Write e.g. 'learning_rate': keras_lr.LogUniform(1e-4, 1.0)."
        )
    return LogUniform(float(given.band[0]) / 2, float(given.band[1]) * 2)


def _schedule(value: Any) -> Any:
    from keras_lr.schedules import as_schedule

    return None if value is None or value == NONE else as_schedule(value)


def _rules(value: Any) -> tuple[Rule, ...]:
    if isinstance(value, str):
        return parse_rules(value)
    members = () if value is None else value
    members = members if isinstance(members, tuple | list) else (members,)
    return checked_rules(
        members, "'rules': [None, keras_lr.rules.Plateau()] (several of one trial in a tuple)"
    )


def _label(name: str, value: Any) -> Any:
    if isinstance(value, Template):
        return value.label
    if name == "schedule":
        return NONE if value is None else str(value)
    if name == "rules":
        return rules_text(value)
    plain = value is None or isinstance(value, bool | int | float | str)
    return value if plain else repr(value)
