"""What runs in a Ray worker: a group of trials, by the compiled engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keras_lr.engines.portable import Packed, pack_result, renew, unpack
from keras_lr.engines.ray.store import arrange
from keras_lr.errors import InvalidInput


@dataclass(frozen=True)
class Shipped:
    """Packed data whose arrays are in the object store.

    Args:
        text: As in `Packed`.
        places: Where each array is; see `Store.put`.
        objects: How many objects they are in.
    """

    text: str
    places: tuple[int, ...]
    objects: int


@dataclass(frozen=True)
class Parcel:
    """What a task is sent, beside the objects that its arrays are in.

    Args:
        number: The task's number.
        trials: The trials' places in the wave.
        job: The job without its data, and the trials.
        data: The job's data.
        engine: What identifies the driver's engine: a worker that has worked for it keeps its
            programs.
        version: Of keras_lr, as the driver has it.
    """

    number: int
    trials: tuple[int, ...]
    job: Shipped
    data: Shipped
    engine: str
    version: str


_kept: dict[str, Any] = {}
"""The engine that this process made last, by the driver's: its programs are compiled."""


def train(parcel: Parcel, mailbox: Any, *objects: Any) -> dict[str, Any]:
    """Train the trials of a parcel.

    Args:
        parcel: The parcel.
        mailbox: Where epochs and ends are posted to.
        objects: The objects of the job, then those of the data.

    Returns:
        `weights` by trial, where they were wanted; its `plan`; whether its programs were `kept` from
        a task before.
    """
    _check_version(parcel.version)
    kept = parcel.engine in _kept
    cut = parcel.job.objects
    engine, specs = _engine(
        parcel.engine,
        _packed(parcel.job, objects[:cut]),
        _packed(parcel.data, objects[cut:]),
    )

    post = _Post(parcel, mailbox)

    def done(index: int, result: Any) -> bool:
        return post.send("end", (parcel.trials[index], pack_result(result)))

    results = engine.run(specs, post, done)
    weights = {
        trial: result.weights
        for trial, result in zip(parcel.trials, results, strict=True)
        if result.weights is not None
    }
    return {"weights": weights, "plan": engine.plan, "kept": kept}


class _Post:
    """The report of a task: an epoch of all its lanes is one message, and the answer is awaited."""

    def __init__(self, parcel: Parcel, mailbox: Any) -> None:
        self.parcel = parcel
        self.mailbox = mailbox

    def __call__(self, trial: int, epoch: int, logs: Mapping[str, float]) -> bool:
        return bool(self.together(epoch, {trial: logs}))

    def together(self, epoch: int, logs: Mapping[int, Mapping[str, float]]) -> set[int]:
        trials = self.parcel.trials
        ended = self.send("epoch", (epoch, {trials[place]: dict(v) for place, v in logs.items()}))
        return {place for place in logs if trials[place] in ended}

    def send(self, kind: str, content: Any) -> Any:
        import ray  # pyright: ignore[reportMissingImports]

        return ray.get(self.mailbox.post.remote(self.parcel.number, kind, content))


def _engine(name: str, job: Packed, data: Packed) -> tuple[Any, Any]:
    """The engine for a driver's, with the programs that it compiled before, and the trials."""
    from keras_lr.engines.compiled.engine import CompiledEngine
    from keras_lr.engines.portable.private import forget_tensorflow

    forget_tensorflow()
    found, specs = unpack(job, data)
    if name in _kept:
        renew(_kept[name], found)  # the same job and data; other models, perhaps another seed
    else:
        _kept.clear()
        _kept[name] = CompiledEngine(found)
    return _kept[name], specs


def _packed(shipped: Shipped, objects: Any) -> Packed:
    return Packed(shipped.text, tuple(arrange(shipped.places, objects)))


def _check_version(wanted: str) -> None:
    import keras_lr

    if keras_lr.__version__ != wanted:
        raise InvalidInput(
            f"A node of the cluster has keras-lr {keras_lr.__version__}, this process {wanted}. "
            f'Install the same on every node: pip install "keras-lr[ray]=={wanted}".'
        )
