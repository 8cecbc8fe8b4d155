"""The commands by name; each is imported when it is called."""

from cyclopts import App

from keras_lr import __version__

COMMANDS = {
    "demo": "keras_lr.cli.demo:demo",
    "find": "keras_lr.cli.find:find",
    "tune": "keras_lr.cli.tune:tune",
    "show": "keras_lr.cli.show:show",
}

app = App(
    name="keras-lr",
    help="Control the learning rate of a Keras model: find it, tune it, schedule it, see it.",
    version=__version__,
    version_format="plaintext",
    help_format="markdown",
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
for _name, _reference in COMMANDS.items():
    app.command(_reference, name=_name)
