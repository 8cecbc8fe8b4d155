"""The commands by name; each is imported when it is called."""

from collections.abc import Sequence
from dataclasses import dataclass

from cyclopts import App

from keras_lr import __version__
from keras_lr.cli.config import from_file


@dataclass(frozen=True)
class Command:
    """What is told of a command.

    Args:
        help: The first line of its docstring; a test holds the two together.
        brief: The same, for the screen that lists all of them.
        examples: What its `--help` ends with; the first one stands on that screen too. They have
            room in a terminal of 60 columns: one that is folded can't be copied.
    """

    help: str
    brief: str
    examples: Sequence[str]


COMMANDS = {
    "demo": Command(
        "Find, tune, train, compare and report on real data, in about a minute.",
        "the whole job on real data, in about a minute",
        (
            "keras-lr demo",
            "keras-lr demo --out somewhere --trials 16 --seeds 3",
        ),
    ),
    "find": Command(
        "Find a learning rate for a model on its data, in a few hundred steps.",
        "a learning rate for your model, in a few hundred steps",
        (
            "keras-lr find model.keras data.npz --epochs 20",
            "keras-lr find net:make d.csv --target y --schedule cosine",
            "keras-lr find m.keras d.npz --json | jq .learning_rate",
        ),
    ),
    "tune": Command(
        "Tune the learning rate with momentum and schedule, over many short trainings.",
        "rate, momentum and schedule together, over many short trainings",
        (
            "keras-lr tune model.keras data.npz --out report.html",
            "keras-lr tune m.keras d.npz --storage s.db --confirm 3",
            "keras-lr tune m.keras d.npz --method pbt --interval 5",
            "keras-lr tune net:make net:data --engine ray",
            "keras-lr tune --config keras-lr.toml",
        ),
    ),
    "show": Command(
        "Draw one or several schedules in the terminal.",
        "a schedule, drawn and explained",
        (
            'keras-lr show "cosine | warmup(5%)" --steps 1000',
            "keras-lr show linear cosine --steps 1000 --theory",
            'keras-lr show "cosine | cooldown(20%)" --steps 99 --at 90',
        ),
    ),
    "report": Command(
        "Write finished trainings or a stored study to one HTML page.",
        "a finished training or a study, as one HTML page",
        (
            "keras-lr report training.csv",
            "keras-lr report first.csv second.json --out runs.html",
            "keras-lr report study.db --study-name rates --js cdn",
        ),
    ),
    "doctor": Command(
        "Say what finished trainings show about their learning rate, and what to do.",
        "what went wrong in a training, and what to do",
        (
            "keras-lr doctor training.csv",
            "keras-lr doctor logs/ --steps-per-epoch 100 --out d.html",
            "keras-lr doctor history.json --loss train_loss --json",
        ),
    ),
}

app = App(
    name="keras-lr",
    help="Control the learning rate of a Keras model: find it, tune it, schedule it, see it.",
    version=__version__,
    version_format="plaintext",
    help_format="markdown",
    result_action="return_value",
    suppress_keyboard_interrupt=False,
    config=from_file,
)
for _name, _command in COMMANDS.items():
    app.command(
        f"keras_lr.cli.{_name}:{_name}",
        name=_name,
        help=_command.help,
        help_epilogue="\n".join(["Examples:", "", *(f"    {line}" for line in _command.examples)]),
    )
app.register_install_completion_command(help="Complete commands and options with Tab.")


def options_of(command: str) -> list[str]:
    """The options of a command, such as "--epochs"."""
    return [argument.name for argument in app[command].assemble_argument_collection()]
