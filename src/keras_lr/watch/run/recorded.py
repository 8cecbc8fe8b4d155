"""What a run recorded beside losses and rates, by the names that a monitor gives."""

from keras_lr.watch.run.run import Run

RATIO = "update_ratio"
NORMS = {"gradient_norm": "gradient", "weight_norm": "weights"}
"""The recorded norms, and of what they are."""
OTHERS = ("alignment", "norm_equilibrium", "momentum", "weight_decay", "batch_size")


def groups_of(run: Run, name: str) -> list[str]:
    """A quantity and that of each group, e.g. `update_ratio` and `update_ratio/dense`."""
    return [n for n in run.names if n == name or n.startswith(f"{name}/")]


def norm_names(run: Run) -> list[str]:
    """The recorded norms."""
    return [name for norm in NORMS for name in groups_of(run, norm)]


def metric_names(run: Run) -> list[str]:
    """What `model.compile(metrics=...)` gave: neither a loss nor something about the training."""
    known = {*run.losses, *run.rates, *norm_names(run), *groups_of(run, "rate")}
    members = [name.removeprefix("learning_rate") for name in run.rates]
    for name in (RATIO, *OTHERS):
        known |= {*groups_of(run, name), *(f"{name}{member}" for member in members)}
    return [name for name in run.names if name not in known]
