"""Which curve of a run is the rate, the loss, the loss of the validation: one vocabulary for all.

Runs without keras-lr have names of their own (`lr`, `Loss/train`, `train/learning_rate`). Whoever
looks for a curve asks here, and gets the name that the run has. Capitals, spaces and hyphens don't
count, nor does a `train/` before the name.
"""

from collections.abc import Iterable

RATES = ("learning_rate", "lr")
"""Names of the rate; with something after them, such as a member's name, those of groups."""
LOSSES = ("loss", "train_loss", "training_loss", "loss/train", "loss/training")
"""Names of the training loss; the first that is there counts."""
_VALIDATION = ("val", "valid", "validation", "eval", "test")
VALIDATION_LOSSES = tuple(
    pattern.format(each)
    for pattern in ("{}_loss", "{}/loss", "loss/{}")
    for each in _VALIDATION
    if (pattern, each) != ("{}_loss", "test")  # a test's is no curve to look at while one trains
)
"""Names of the loss on the validation data; the first that is there counts."""
ACCURACIES = (
    "accuracy",
    "acc",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
    "binary_accuracy",
    "train_accuracy",
    "train_acc",
)
"""Names of the training accuracy; the first that is there counts."""
_AFTER = ("_", "/")


def rates_of(names: Iterable[str]) -> list[str]:
    """The rate, and those of an optimizer's members or of groups of layers.

    >>> rates_of(["loss", "lr"]), rates_of(["learning_rate/head", "learning_rate", "lr"])
    (['lr'], ['learning_rate/head', 'learning_rate'])
    >>> rates_of(["loss", "lr_loss"])  # of low resolution, say
    []
    """
    known = [name for name in names if not _is_loss(name)]
    for rate in RATES:
        begins = tuple(f"{rate}{each}" for each in _AFTER)
        found = [name for name in known if _plain(name) == rate or _plain(name).startswith(begins)]
        if found:
            return found
    return []


def rate_of(names: Iterable[str]) -> str | None:
    """The rate of all weights; `None` where there is none, or one of each group alone."""
    return next((name for name in rates_of(names) if _plain(name) in RATES), None)


def group_of(rate: str) -> str:
    """Whose rate it is; nothing for that of all.

    >>> group_of("learning_rate/head"), group_of("lr-Adam"), group_of("lr")
    ('head', 'Adam', '')
    """
    told, plain = rate.strip(), _plain(rate)
    length = next((len(each) for each in RATES if plain.startswith(each)), 0)
    return told[len(told) - len(plain) + length :].lstrip("_/- ")


def loss_of(names: Iterable[str]) -> str | None:
    """The training loss.

    >>> loss_of(["val_loss", "Loss/train"]), loss_of(["accuracy"])
    ('Loss/train', None)
    """
    return _first(LOSSES, names)


def validation_loss_of(names: Iterable[str], loss: str | None = None) -> str | None:
    """The loss on the validation data.

    Args:
        names: What the run has.
        loss: The training loss, where it is another than `loss_of` says: its `val_` then.

    >>> validation_loss_of(["loss", "Loss/val"]), validation_loss_of(["mae", "val_mae"], "mae")
    ('Loss/val', 'val_mae')
    """
    known = list(names)
    if loss is not None and f"val_{loss}" in known:
        return f"val_{loss}"
    return _first(VALIDATION_LOSSES, known) if loss is None or _plain(loss) in LOSSES else None


def accuracy_of(names: Iterable[str]) -> str | None:
    """The training accuracy.

    >>> accuracy_of(["loss", "val_accuracy", "train/Accuracy"]), accuracy_of(["loss"])
    ('train/Accuracy', None)
    """
    return _first(ACCURACIES, names)


def losses_of(names: Iterable[str]) -> list[str]:
    """Every loss, those of outputs and of the validation too.

    >>> losses_of(["loss", "head_loss", "Loss/val", "accuracy", "lr"])
    ['loss', 'head_loss', 'Loss/val']
    """
    return [name for name in names if _is_loss(name)]


def _is_loss(name: str) -> bool:
    plain = _plain(name)
    return plain.endswith("loss") or plain.startswith("loss/")


def _first(wanted: Iterable[str], names: Iterable[str]) -> str | None:
    known = {_plain(name): name for name in reversed(list(names))}
    return next((known[each] for each in wanted if each in known), None)


def _plain(name: str) -> str:
    """A name as it is compared; of `train/loss` the loss."""
    plain = name.strip().lower().replace(" ", "_").replace("-", "_")
    return plain.removeprefix("train/").removeprefix("training/")
