"""A study read from its storage, without the model and the data: to be looked at, not continued."""

import ast
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from keras_lr.engines.trial import Job, TrialSpec
from keras_lr.errors import InvalidInput, nearest
from keras_lr.tuner.ledger import Ledger
from keras_lr.tuner.population.lineage import Copy
from keras_lr.tuner.population.result import Population
from keras_lr.tuner.population.search import LINEAGE
from keras_lr.tuner.quiet import quietly
from keras_lr.tuner.ranges import Integers, LogIntegers, LogUniform, Uniform
from keras_lr.tuner.rule_text import NONE
from keras_lr.tuner.storage import as_storage, disconnect, file_of, unusable
from keras_lr.tuner.stored_code import stored_code
from keras_lr.tuner.study import Study
from keras_lr.tuner.trial import Trial

NAME = "keras-lr"
"""What `tune` calls a study that it was given no name for."""


@dataclass(frozen=True)
class StoredSpace:
    """What a stored study searched, as far as the storage tells.

    Args:
        searched: Name to a range, or to the list of what was chosen from.
        fixed: Name to the one value that all trials had.
        settings: Which names are the optimizer's.
    """

    searched: Mapping[str, Any]
    fixed: Mapping[str, Any]
    settings: frozenset[str]

    def params(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        """Everything a trial is made of, as a `Trial` shows it."""
        return {**{n: drawn[n] for n in self.searched if n in drawn}, **self.fixed}

    def spec(self, params: Mapping[str, Any], *, whole: bool = False) -> TrialSpec:
        """The trial that `params` describe."""
        from keras_lr.schedules import parse
        from keras_lr.tuner.rule_text import parse_rules

        texts = {name: str(params.get(name, NONE)) for name in ("schedule", "rules")}
        schedule, rules = (text.format(**params) for text in texts.values())
        rest = {name: value for name, value in params.items() if name not in texts}
        return TrialSpec(
            {name: value for name, value in rest.items() if name in self.settings},
            None if schedule == NONE else parse(schedule),
            parse_rules(rules),
            {name: value for name, value in rest.items() if name not in self.settings},
        )


class _Stored:
    """What needs the model or the data is refused, with the line that has them."""

    about: Mapping[str, Any]

    def code(self, trial: Trial | None = None) -> str:
        """Lines that train as the best trial did; the model and the data are to be filled in.

        Args:
            trial: Another of the study's trials, e.g. `study.confirmed`.
        """
        self._check_own(trial)  # type: ignore[attr-defined]
        return stored_code(self, self.best if trial is None else trial)  # type: ignore[attr-defined]

    @property
    def transferred(self) -> None:
        """Not known without the model."""
        return None

    def best_model(self, trial: Trial | None = None) -> NoReturn:
        """Refused: the storage has no model."""
        self._refuse("The model")

    def confirm(self, top: int = 3, seeds: Any = 5, *, verbose: int = 1) -> NoReturn:
        """Refused: it trains."""
        self._refuse("A confirmation")

    def _refuse(self, what: str) -> NoReturn:
        raise InvalidInput(
            f"{what} needs the model and the data, which aren't in the storage. Call tune(...) as "
            "before, with the same storage: it goes on from there, and trains nothing again."
        )


@dataclass(repr=False)
class StoredStudy(_Stored, Study):
    """A `Study` as its storage has it.

    Args:
        about: What the study wrote down of itself.
    """

    about: Mapping[str, Any] = None  # type: ignore[assignment]


@dataclass(repr=False)
class StoredPopulation(_Stored, Population):
    """A `Population` as its storage has it.

    Args:
        about: What the study wrote down of itself.
    """

    about: Mapping[str, Any] = None  # type: ignore[assignment]


def read_study(storage: Any, name: str | None = None) -> StoredStudy | StoredPopulation:
    """A study that `tune(storage=...)` keeps, also while it runs.

    Args:
        storage: As `tune` takes it; a file has to be there.
        name: The study's, where there are several and none is called "keras-lr".

    Raises:
        InvalidInput: There is no such file, storage or study, or `tune` didn't make it.
    """
    import optuna

    path = file_of(storage)
    if path is not None and not path.is_file():
        raise InvalidInput(f"There is no file {str(path)!r}. Name one that tune() wrote.")
    with quietly():
        opened = None
        try:
            opened = as_storage(storage)
            found = optuna.load_study(study_name=_chosen(opened, storage, name), storage=opened)
            return _study(_copied(found))
        except Exception as error:
            if not isinstance(storage, str | Path) or isinstance(error, InvalidInput):
                raise
            raise unusable(storage, error) from error
        finally:
            if opened is not None and isinstance(storage, str | Path):
                disconnect(opened)


def _chosen(opened: Any, storage: Any, name: str | None) -> str:
    import optuna

    names = optuna.get_all_study_names(opened)
    if name is None and len(names) == 1:
        return names[0]
    if name is None and NAME in names:
        return NAME
    if name in names:
        return name
    if not names:
        raise InvalidInput(f"No study is kept in {str(storage)!r} yet.")
    what = f"There is no study {name!r}."
    if name is None:
        what = f"Which study? Write e.g. study_name={names[0]!r}."
    raise InvalidInput(f"{what} {nearest(name or '', names)} Received: {str(storage)!r}")


def _copied(stored: Any) -> Any:
    """The study in memory, so that its file is free again."""
    import optuna

    copy = optuna.create_study(direction=stored.directions[0], study_name=stored.study_name)
    for key, value in stored.user_attrs.items():
        copy.set_user_attr(key, value)
    for frozen in stored.get_trials(deepcopy=False):
        copy.add_trial(frozen)
    return copy


def _study(stored: Any) -> StoredStudy | StoredPopulation:
    about = stored.user_attrs.get("keras_lr")
    if about is None:
        raise InvalidInput(
            f"The study {stored.study_name!r} was made by something else (it has no note of "
            "tune()'s). optuna.visualization draws it."
        )
    space = _space(stored, about)
    trials = Ledger(stored, space).trials()  # type: ignore[arg-type]
    told: dict[str, Any] = {
        "trials": trials,
        "objective": about["objective"],
        "direction": stored.directions[0].name.lower(),
        "space": {**space.searched, **space.fixed},
        "engine": "",
        "plan": "",
        "seconds": sum(trial.seconds for trial in trials),
        "optuna": stored,
        "about": about,
        "_space": space,
        "_job": Job(None, None, epochs=about["epochs"], seed=about.get("seed") or 0),
    }
    if "method" not in about:
        return StoredStudy(**told)
    copies = [
        Copy.from_json(frozen.number, each)
        for frozen in stored.get_trials(deepcopy=False)
        for each in frozen.user_attrs.get(LINEAGE, [])
    ]
    copies.sort(key=lambda copy: (copy.epoch, copy.member))
    return StoredPopulation(**told, copies=tuple(copies), interval=about["interval"])


def _space(stored: Any, about: Mapping[str, Any]) -> StoredSpace:
    searched: dict[str, Any] = {}
    for frozen in stored.get_trials(deepcopy=False):
        for name, distribution in frozen.distributions.items():
            searched.setdefault(name, _range(distribution))
    fixed = {
        name: _literal(labels[0])
        for name, labels in about["space"].items()
        if name not in searched and isinstance(labels, list) and labels
    }
    named = {"learning_rate", *settings_of(about.get("optimizer"))}
    return StoredSpace(searched, fixed, frozenset(named & {*searched, *fixed}))


def _range(distribution: Any) -> Any:
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    whole = isinstance(distribution, IntDistribution)
    if distribution.log:
        return (LogIntegers if whole else LogUniform)(distribution.low, distribution.high)
    return (Integers if whole else Uniform)(distribution.low, distribution.high)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def settings_of(optimizer: str | None) -> set[str]:
    """The settings of one of Keras's optimizers, by its name; none of one that it doesn't know."""
    import keras

    known = getattr(keras.optimizers, optimizer or "", None)
    return set() if known is None else set(inspect.signature(known).parameters)
