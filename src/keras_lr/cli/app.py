"""The commands by name; each is imported when it is called."""

from collections.abc import Sequence

from cyclopts import App

from keras_lr import __version__
from keras_lr.cli.config import from_file

COMMANDS = {
    "demo": "Find, tune, train, compare and report on real data, in about a minute.",
    "find": "Find a learning rate for a model on its data, in a few hundred steps.",
    "tune": "Tune the learning rate with momentum and schedule, over many short trainings.",
    "show": "Draw one or several schedules in the terminal.",
    "report": "Write finished trainings or a stored study to one HTML page.",
    "doctor": "Say what finished trainings show about their learning rate, and what to do.",
}
"""The first line of each command's docstring; a test holds the two together."""

EXAMPLES: dict[str, Sequence[str]] = {
    "demo": (
        "keras-lr demo",
        "keras-lr demo --out somewhere --trials 16 --seeds 3",
    ),
    "find": (
        "keras-lr find model.keras data.npz --epochs 20",
        "keras-lr find net:make d.csv --target y --schedule cosine",
        "keras-lr find m.keras d.npz --json | jq .learning_rate",
    ),
    "tune": (
        "keras-lr tune model.keras data.npz --out report.html",
        "keras-lr tune m.keras d.npz --storage s.db --confirm 3",
        "keras-lr tune m.keras d.npz --method pbt --interval 5",
        "keras-lr tune net:make net:data --engine ray",
        "keras-lr tune --config keras-lr.toml",
    ),
    "show": (
        'keras-lr show "cosine | warmup(5%)" --steps 1000',
        "keras-lr show linear cosine --steps 1000 --theory",
        'keras-lr show "cosine | cooldown(20%)" --steps 99 --at 90',
    ),
    "report": (
        "keras-lr report training.csv",
        "keras-lr report first.csv second.json --out runs.html",
        "keras-lr report study.db --study-name rates --js cdn",
    ),
    "doctor": (
        "keras-lr doctor training.csv",
        "keras-lr doctor logs/ --steps-per-epoch 100 --out d.html",
        "keras-lr doctor history.json --loss train_loss --json",
    ),
}
"""What a command's `--help` ends with; the first one stands in the overview too. They have
room in a terminal of 60 columns: one that is folded can't be copied."""

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
for _name, _help in COMMANDS.items():
    app.command(
        f"keras_lr.cli.{_name}:{_name}",
        name=_name,
        help=_help,
        help_epilogue="\n".join(["Examples:", "", *(f"    {line}" for line in EXAMPLES[_name])]),
    )
app.register_install_completion_command(help="Complete commands and options with Tab.")


def options_of(command: str) -> list[str]:
    """The options of a command, such as "--epochs"."""
    return [argument.name for argument in app[command].assemble_argument_collection()]
