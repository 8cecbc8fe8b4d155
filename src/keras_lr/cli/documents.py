"""What `--json` prints, command by command: the keys of each document, and what they hold.

The commands build what they print as these types, so that the two hold each other.
NaN and infinity are `null`; a `Path` and a schedule are text. Keys may be added in later versions;
those that are here stay.
"""

from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

Number = float | None
"""A number; `null` where it is NaN or infinite, or isn't there."""


class Example(TypedDict):
    """One command, as `keras-lr --json` lists it."""

    name: str
    help: str
    examples: list[str]


class Overview(TypedDict):
    """`keras-lr --json`."""

    command: None
    version: str
    commands: list[Example]


class Find(TypedDict):
    """`keras-lr find --json`; `learning_rate` is `null` where none can be advised (exit code 1)."""

    command: Literal["find"]
    learning_rate: Number
    band: tuple[float, float] | None
    method: str
    reason: str
    rates: list[float]
    losses: list[Number]
    steps: int
    seconds: float
    backend: str
    report: Path | None


class Best(TypedDict):
    """A study's best trial."""

    number: int
    params: dict[str, Any]
    value: Number


class TrialRow(TypedDict):
    """A trial; its state is "complete", "pruned", "diverged" or "failed"."""

    number: int
    state: str
    value: Number
    params: dict[str, Any]


class Transferred(TypedDict):
    """The best rate of trials that `--horizon` shortened, and what theory makes of it."""

    found: Number
    learning_rate: Number
    short: int
    epochs: int
    factor: Number


class Tune(TypedDict):
    """`keras-lr tune --json`."""

    command: Literal["tune"]
    best: Best | None
    objective: str
    direction: str
    trials: list[TrialRow]
    engine: str
    plan: str
    seconds: float
    interrupted: bool
    backend: str
    transferred: Transferred | None
    confirmed: "Confirmed | None"
    path: "PopulationPath | None"
    code: str | None
    report: Path | None
    model: Path | None


class ConfirmedTrial(TypedDict):
    """A trial that was trained again: its value in the study, and with the other seeds."""

    number: int
    value: Number
    mean: Number
    spread: Number
    values: list[Number]


class Confirmed(TypedDict):
    """What `--confirm` found; `choice` is a trial's number."""

    choice: int | None
    seeds: list[int]
    trials: list[ConfirmedTrial]


class CopyRow(TypedDict):
    """Who went on as a copy of whom."""

    epoch: int
    member: int
    source: int
    factor: float


class PopulationPath(TypedDict):
    """The path of rates that `--method pbt` found."""

    schedule: str
    copies: list[CopyRow]


class Mark(TypedDict):
    """A moment at which a schedule turns."""

    step: int
    label: str


class ExplainedPart(TypedDict):
    """Which part of a schedule gave what at a step."""

    schedule: str
    step: Number
    value: Number
    parts: "list[ExplainedPart]"


class Theory(TypedDict):
    """What convex theory says of a schedule beside what the rate was tuned for."""

    tuned_for: str
    bound: Number
    relative_bound: Number
    rate_factor: Number


class ScheduleRow(TypedDict):
    """A drawn schedule; `explained` has a tree for each `--at`, `theory` is there with `--theory`."""

    schedule: str
    values_are: str
    steps: list[int]
    values: list[Number]
    marks: list[Mark]
    explained: list[ExplainedPart]
    warning: str | None
    theory: NotRequired[Theory]


class ShownRun(TypedDict):
    """The run that schedules were drawn over."""

    steps: int
    steps_per_epoch: Number
    batch_size: Number
    base_rate: Number


class Show(TypedDict):
    """`keras-lr show --json`."""

    command: Literal["show"]
    run: ShownRun
    schedules: list[ScheduleRow]
    chart: Path | None


class Found(TypedDict):
    """The demo's finder."""

    learning_rate: Number
    method: str
    seconds: float


class Tuned(TypedDict):
    """The demo's study."""

    params: dict[str, Any]
    objective: str
    trials: int
    engine: str
    plan: str
    seconds: float


class BestConstant(TypedDict):
    """The demo's other study: constant rates only."""

    params: dict[str, Any]
    trials: int


class ComparedWay(TypedDict):
    """One way to train; `keras_lr_is` says how the first way does beside it."""

    name: str
    setting: str
    mean: float
    sd: Number
    scores: list[float]
    keras_lr_is: str | None


class Demo(TypedDict):
    """`keras-lr demo --json`."""

    command: Literal["demo"]
    answer: str
    found: Found
    tuned: Tuned
    best_constant: BestConstant
    metric: str
    comparison: list[ComparedWay]
    backend: str
    seconds: float
    report: Path
    model: Path


class ReportedRun(TypedDict):
    """A training: what came last of each metric, and how often its rate was changed.

    `changes` is null where the rate wasn't recorded, or fell all along.
    """

    file: str
    kind: Literal["run"]
    name: str
    answer: str
    epochs: int
    done: bool
    last: dict[str, Number]
    changes: int | None


class ReportedStudy(TypedDict):
    """A study: how many trials, and how many of each state."""

    file: str
    kind: Literal["study"]
    name: str
    answer: str
    trials: int
    states: dict[str, int]
    objective: str
    direction: str


class Report(TypedDict):
    """`keras-lr report --json`."""

    command: Literal["report"]
    results: list[ReportedRun | ReportedStudy]
    report: Path


class SymptomRow(TypedDict):
    """What a training shows: where (`epoch` counts from 0), by which evidence, and what to do."""

    name: str
    title: str
    where: str
    evidence: str
    advice: str
    severity: str
    code: str
    epoch: int | None
    step: int | None
    numbers: dict[str, Number]
    span: list[float] | None
    unit: Literal["epoch", "step"]
    curves: list[str]


class NotJudged(TypedDict):
    """A problem that can't be judged, what it takes, and how many epochs of it (0: no matter)."""

    name: str
    needs: str
    places: int


class DiagnosisRow(TypedDict):
    """What one file's training shows; `not_judged` says what it takes to know the rest."""

    file: str
    run: str
    epochs: int
    healthy: bool | None
    answer: str
    found: list[SymptomRow]
    not_found: list[str]
    not_judged: list[NotJudged]


class Doctor(TypedDict):
    """`keras-lr doctor --json`."""

    command: Literal["doctor"]
    diagnoses: list[DiagnosisRow]
    report: Path | None


DOCUMENTS: dict[str | None, type] = {
    None: Overview,
    "demo": Demo,
    "find": Find,
    "tune": Tune,
    "show": Show,
    "report": Report,
    "doctor": Doctor,
}
"""The document of each command; `None` is `keras-lr --json` alone."""
