"""`--config keras-lr.toml`: a command's options from a file, under the names they have here."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_lr.errors import InvalidInput, nearest

_ONLY_WRITTEN = ("config", "debug")
"""Options that are of no use in a file."""


def from_file(app: Any, commands: tuple[str, ...], arguments: Any) -> None:
    """Give a command the values of its table, wherever the command line says nothing.

    Args:
        app: The command's.
        commands: The names that lead to it.
        arguments: Its arguments, with what the command line gave them.

    Raises:
        InvalidInput: The file can't be read, or names what there isn't.
    """
    from cyclopts.config import Dict
    from cyclopts.token import Token

    path = next((a.tokens[0].value for a in arguments if a.name == "--config" and a.tokens), None)
    if path is None or not commands:
        return
    command = commands[0]
    known = {_key(argument.name): argument for argument in arguments}
    known = {key: each for key, each in known.items() if key not in _ONLY_WRITTEN}
    given = read_table(Path(path), command, list(known))
    by_name: dict[str, Any] = {}
    for key, value in given.items():
        if known[key].name.startswith("--"):
            by_name[key] = value
        elif not known[key].tokens:
            values = value if isinstance(value, list) else [value]
            for index, each in enumerate(values):
                known[key].append(Token(value=str(each), source=path, index=index))
    Dict({command: by_name}, source=path)(app, commands, arguments)


def read_table(path: Path, command: str, known: list[str]) -> dict[str, Any]:
    """A command's table of a TOML file, its keys as the command's arguments are called.

    Args:
        path: The file.
        command: The command, which the table is called like.
        known: What the table may hold.

    Raises:
        InvalidInput: The file can't be read; a table or a key that there isn't.
    """
    from keras_lr.cli.app import COMMANDS

    received = f"Received: --config {path}"
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(
            f"The configuration can't be read ({error.strerror}). Write e.g. [{command}] and "
            f"options below it to a file. {received}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"The configuration is no TOML ({error}). Write e.g. epochs = 20 below [{command}]. "
            f"{received}"
        ) from error
    for name, table in tables.items():
        if name not in COMMANDS and not isinstance(table, dict):
            raise InvalidInput(
                f"{path} has {name!r} outside a table. Write it below [{command}]. {received}"
            )
        if name not in COMMANDS:
            raise InvalidInput(
                f"{path} has the table {name!r}, which is no command. {nearest(name, COMMANDS)} "
                f"{received}"
            )
        if not isinstance(table, dict):
            raise InvalidInput(
                f"{name} is a command, and takes a table: write [{name}] and its options below. "
                f"{received}"
            )
    return {
        _checked(key, known, command, path): _value(key, value, path)
        for key, value in tables.get(command, {}).items()
    }


def _checked(written: str, known: list[str], command: str, path: Path) -> str:
    key = _key(written)
    if key in known:
        return key
    if key in _ONLY_WRITTEN:
        raise InvalidInput(
            f"{key} is written on the command line: --{key}. Received: {written} in {path}"
        )
    raise InvalidInput(
        f"[{command}] in {path} has the key {written!r}, which is no option of keras-lr {command}. "
        f"{nearest(key, known)} Received: --config {path}"
    )


def _value(key: str, value: Any, path: Path) -> Any:
    """A value as the command line takes it; a table of ranges as `--space` does."""
    if not isinstance(value, Mapping):
        return value
    if _key(key) != "space":
        raise InvalidInput(f"{key} takes no table of its own. Received: --config {path}")
    return [f"{_key(name)}={_range(written)}" for name, written in value.items()]


def _range(written: Any) -> str:
    values = written if isinstance(written, list) else [written]
    return ",".join(str(each) for each in values)


def _key(name: str) -> str:
    """An option's name as a key.

    >>> _key("--batch-size"), _key("MODEL")
    ('batch_size', 'model')
    """
    return name.lstrip("-").replace("-", "_").lower()
