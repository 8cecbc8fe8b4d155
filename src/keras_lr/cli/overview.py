"""`keras-lr` alone: what it can do, in one screen."""

from keras_lr.cli.output import Output

_LINES = {
    "demo": "the whole job on real data, in about a minute",
    "find": "a learning rate for your model, in a few hundred steps",
    "tune": "rate, momentum and schedule together, over many short trainings",
    "show": "a schedule, drawn and explained",
    "report": "a finished training or a study, as one HTML page",
    "doctor": "what went wrong in a training, and what to do",
}


def overview() -> Output:
    """The commands, each with a line and an example."""
    from keras_lr import __version__
    from keras_lr.cli.app import COMMANDS, EXAMPLES

    data = {
        "command": None,
        "version": __version__,
        "commands": [
            {"name": name, "help": told, "examples": list(EXAMPLES[name])}
            for name, told in COMMANDS.items()
        ],
    }
    return Output(data, _text, painted=True)


def _text() -> str:
    from keras_lr import __version__
    from keras_lr.cli.app import COMMANDS, EXAMPLES
    from keras_lr.watch.terminal.colour import painted

    width = max(map(len, COMMANDS))
    lines = [f"keras-lr {__version__}: control the learning rate of a Keras model.", ""]
    for name in COMMANDS:
        lines += [
            f"  {painted(name.ljust(width), 'bold cyan')}  {_LINES[name]}",
            f"  {'':{width}}  {painted('$ ' + EXAMPLES[name][0], 'dim')}",
        ]
    lines += [
        "",
        "keras-lr COMMAND --help lists the options, and more examples.",
        "Every command has --json and --config keras-lr.toml.",
        "keras-lr --install-completion: Tab then completes commands and options.",
    ]
    return "\n".join(lines)
