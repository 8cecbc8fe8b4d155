"""`keras-lr` alone: what it can do, in one screen."""

from keras_lr.cli import documents
from keras_lr.cli.output import Output


def overview() -> Output:
    """The commands, each with a line and an example."""
    from keras_lr import __version__
    from keras_lr.cli.app import COMMANDS

    data: documents.Overview = {
        "command": None,
        "version": __version__,
        "commands": [
            {"name": name, "help": each.help, "examples": list(each.examples)}
            for name, each in COMMANDS.items()
        ],
    }
    return Output(data, _text, painted=True)


def _text() -> str:
    from keras_lr import __version__
    from keras_lr.cli.app import COMMANDS
    from keras_lr.watch.terminal.colour import painted

    width = max(map(len, COMMANDS))
    lines = [f"keras-lr {__version__}: control the learning rate of a Keras model.", ""]
    for name, each in COMMANDS.items():
        lines += [
            f"  {painted(name.ljust(width), 'bold cyan')}  {each.brief}",
            f"  {'':{width}}  {painted('$ ' + each.examples[0], 'dim')}",
        ]
    lines += [
        "",
        "keras-lr COMMAND --help lists the options, and more examples.",
        "Every command has --json and --config keras-lr.toml.",
        "keras-lr --install-completion: Tab then completes commands and options.",
    ]
    return "\n".join(lines)
