"""Jobs and their trials as plain data: what an engine in another process is given.

`build_model` itself doesn't travel. It is called here, once for each distinct set of arguments,
and the models that it builds travel: config, compile settings, weights, custom objects by import
path. Never code, and nothing is pickled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from keras_lr.engines.portable.built import Built, create_variables
from keras_lr.engines.portable.data import DATA, decode, encode
from keras_lr.engines.portable.model import describe, rebuild
from keras_lr.engines.portable.packed import Packed
from keras_lr.engines.portable.trials import describe_spec, rebuild_spec
from keras_lr.engines.trial import Job, TrialSpec
from keras_lr.state.random_state import RandomState

HERE = ("build_model", "origin")
"""Those that mean something in this process only; the models travel in their place."""


class Models:
    """A `build_model` made of models that travelled: `models(model=3)` makes the fourth.

    Args:
        described: What `pack` wrote, by number.
    """

    def __init__(self, described: Mapping[int, Any]) -> None:
        self.described = described
        self._known: set[int] = set()
        self._prepared: dict[int, Any] = {}

    def __call__(self, model: int = 0) -> Any:
        """A fresh model, and the random generators where building it had left them.

        Raises:
            NotPortable: It can't be made here.
        """
        made = self._prepared.pop(model, None)
        if made is None:
            made = rebuild(self.described[model])
        RandomState.from_state(self.described[model]["random"]).restore()
        return made

    def prepare(self, model: int = 0) -> None:
        """Make sure that a model can be made here; the first that is asked for is made now.

        Raises:
            NotPortable: It can't.
        """
        if model not in self._known:
            self._prepared[model] = rebuild(self.described[model])
            self._known.add(model)


def renew(engine: Any, job: Job) -> None:
    """Let an engine that runs jobs of this origin train what came with a later one.

    Args:
        engine: It was made for what an earlier `unpack` gave.
        job: What the present one gave: other trials' models, and perhaps another seed.
    """
    engine.job.build_model.described = job.build_model.described
    if job.seed != engine.job.seed:
        engine.reseed(job.seed)


def pack(
    job: Job,
    specs: Sequence[TrialSpec] = (),
    *,
    data: bool = True,
    build: bool = True,
    models: Built | None = None,
) -> Packed:
    """A job and trials of it as plain data.

    Args:
        job: The job.
        specs: The trials; their distinct arguments say which models are built, and travel.
        data: Whether the data travels too (`pack_data` packs it alone, to be sent only once).
        build: Whether a job without trials takes the model along that it builds without arguments.
        models: The models described so far, so that a later call with the same ones builds none of
            them again.

    Raises:
        NotPortable: Something can't travel; the message is the reason.
        InvalidInput: `build_model` doesn't give a compiled model.
        Exception: What `build_model` raises, and a model that doesn't fit the data.
    """
    built = Built() if models is None else models
    wanted = specs or ([TrialSpec()] if build else [])
    distinct = {built.number(spec): spec for spec in wanted}
    plain = {
        item.name: getattr(job, item.name)
        for item in fields(job)
        if item.name not in (*DATA, *HERE)
    }
    return Packed.of(
        {
            "job": plain,
            "data": _data(job) if data else None,
            "models": {n: built.described(job, spec) for n, spec in distinct.items()},
            "trials": [{**describe_spec(spec), "model": built.number(spec)} for spec in specs],
            "keras": _configuration(),
        },
        "the job",
    )


def unpack(packed: Packed, data: Packed | None = None) -> tuple[Job, list[TrialSpec]]:
    """The job and the trials that `pack` packed, for this process and its backend.

    The trials' arguments are replaced by the number of the model that they gave.

    Args:
        packed: What `pack` gave.
        data: What `pack_data` gave, where the data was packed apart.

    Raises:
        NotPortable: A module can't be imported here.
    """
    values = packed.value()
    _configure(values["keras"])
    sent = (values["data"] if data is None else data.value()) or {"x": {"arrays": None}}
    given: dict[str, Any] = {name: decode(field) for name, field in sent.items()}
    job = Job(build_model=Models(values["models"]), **values["job"], **given)
    specs = [
        rebuild_spec(trial, {"model": trial["model"]} if trial["model"] else {})
        for trial in values["trials"]
    ]
    return job, specs


def pack_data(job: Job) -> Packed:
    """The data of a job alone: arrays, as they are (they aren't copied).

    Raises:
        NotPortable: It isn't arrays; `read_datasets` makes arrays of datasets.
    """
    return Packed.of(_data(job), "the data")


def unpack_data(packed: Packed) -> dict[str, Any]:
    """The fields of a `Job` that hold data."""
    return {name: decode(field) for name, field in packed.value().items()}


def pack_model(model: Any, job: Job) -> Packed:
    """A model of the job alone: compiled; variables that it waits to create are created now.

    Raises:
        NotPortable: Something in it can't travel.
        Exception: What the model raises that doesn't fit the data.
    """
    create_variables(model, job)
    return Packed.of(describe(model), "the model")


def unpack_model(packed: Packed) -> Any:
    """The model that `pack_model` packed.

    Raises:
        NotPortable: It can't be made here.
    """
    return rebuild(packed.value())


def _data(job: Job) -> dict[str, Any]:
    return {name: encode(getattr(job, name), name) for name in DATA}


def _configuration() -> dict[str, Any]:
    import keras

    return {
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "image_data_format": keras.config.image_data_format(),
        "dtype_policy": keras.saving.serialize_keras_object(keras.config.dtype_policy()),
    }


def _configure(found: Mapping[str, Any]) -> None:
    import keras

    keras.config.set_floatx(found["floatx"])
    keras.config.set_epsilon(found["epsilon"])
    keras.config.set_image_data_format(found["image_data_format"])
    policy = keras.saving.deserialize_keras_object(found["dtype_policy"])
    keras.config.set_dtype_policy(policy)
