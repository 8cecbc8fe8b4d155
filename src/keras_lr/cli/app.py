"""The commands by name; each is imported when it is called."""

from cyclopts import App

from keras_lr import __version__

COMMANDS = {
    "demo": "Find, tune, train, compare and report on real data, in about a minute.",
    "find": "Find a learning rate for a model on its data, in a few hundred steps.",
    "tune": "Tune the learning rate with momentum and schedule, over many short trainings.",
    "show": "Draw one or several schedules in the terminal.",
}
"""The first line of each command's docstring; a test holds the two together."""

EXAMPLES = {
    "tune": """
Examples:

    keras-lr tune model.keras data.npz --epochs 20 --trials 64 --out report.html
    keras-lr tune model.keras data.npz --epochs 40 --method pbt --interval 5
    keras-lr tune net:make net:data --engine ray --address 10.0.0.1:6379
""",
}
"""What a command's `--help` ends with."""

app = App(
    name="keras-lr",
    help="Control the learning rate of a Keras model: find it, tune it, schedule it, see it.",
    version=__version__,
    version_format="plaintext",
    help_format="markdown",
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
for _name, _help in COMMANDS.items():
    app.command(
        f"keras_lr.cli.{_name}:{_name}",
        name=_name,
        help=_help,
        help_epilogue=EXAMPLES.get(_name),
    )
