"""Where a study is kept: a file, a URL or an Optuna storage, refused where it can't be one."""

import contextlib
import random
import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_lr.errors import InvalidInput, KerasLRError
from keras_lr.tuner.sqlite import write_ahead

_HEADER = b"SQLite format 3\x00"
_SQLITE = "sqlite:///"
_JOURNAL = "journal:"
_JOURNALS = (".log", ".journal")
_OPTUNAS = {"studies", "version_info", "alembic_version"}
"""Some tables of Optuna's, of those that it makes first: it may have been killed meanwhile."""

PATIENCE = 60.0
"""Seconds that a process waits for others to finish writing to an SQLite file."""

ATTEMPTS = 5
"""How often a database is tried to be opened, where others make its tables at the same moment."""


def as_storage(storage: Any) -> Any:
    """What `optuna.create_study` takes.

    Args:
        storage: `None`; a path: Optuna's journal where it ends in `.log` or `.journal`, or comes
            behind `journal:`, else a SQLite file (made if it isn't there); a URL of SQLAlchemy; an
            Optuna storage.

    Raises:
        InvalidInput: It is none of these, or holds something else; it was left as it is.
    """
    import optuna

    if storage is None or isinstance(storage, optuna.storages.BaseStorage):
        return storage
    if not isinstance(storage, str | Path) or not str(storage):
        raise InvalidInput(
            "storage is a file name, a URL, or an Optuna storage such as optuna.storages."
            f'RDBStorage(url). Write e.g. storage="study.db". Received: storage={storage!r}.'
        )
    _check_memory(str(storage))
    path = file_of(storage)
    if path is None:
        text = str(storage)
        if not text.startswith(_SQLITE):
            _check_url(text)
        return _open_database(text)
    if _is_journal(storage):
        from keras_lr.tuner.journal import check_journal, open_journal

        _check_place(path)
        check_journal(path)
        return open_journal(path)
    _check_place(path)
    _check_sqlite(path)
    opened = _open_database(f"{_SQLITE}{path}", {"connect_args": {"timeout": PATIENCE}})
    write_ahead(opened, path)
    return opened


def disconnect(storage: Any) -> None:
    """Close the connections to a database that `as_storage` opened; the next use opens others.

    With the last one SQLite puts all that was written into the one file.

    Args:
        storage: A study's; others than databases have none.
    """
    backend = getattr(storage, "_backend", storage)  # Optuna keeps a cache before it
    if hasattr(backend, "engine"):
        backend.remove_session()
        backend.engine.dispose()


def _open_database(url: str, engine: dict[str, Any] | None = None) -> Any:
    """Optuna's storage in a database, also where another process makes its tables just now."""
    import optuna
    from sqlalchemy import exc

    for _ in range(ATTEMPTS):
        try:
            return optuna.storages.RDBStorage(url, engine_kwargs=engine)
        except (exc.IntegrityError, exc.ProgrammingError):
            pass  # a table, or a line in it, that wasn't there a moment ago
        except exc.OperationalError as error:
            if "already exists" not in str(error):
                raise
        time.sleep(0.2 * (1 + random.random()))
    return optuna.storages.RDBStorage(url, engine_kwargs=engine)


def file_of(storage: Any) -> Path | None:
    """The file that a study is kept in; `None` where it isn't kept in one, or none is known.

    >>> file_of("sqlite:///a/study.db").as_posix(), file_of("journal:study").as_posix()
    ('a/study.db', 'study')
    >>> file_of("postgresql://user@host/name"), file_of(None)
    (None, None)
    """
    if isinstance(storage, Path):
        return storage
    if not isinstance(storage, str):
        return None
    if storage.startswith(_JOURNAL):
        return Path(storage.removeprefix(_JOURNAL))
    if "://" in storage and not storage.startswith(_SQLITE):
        return None
    text = storage.removeprefix(_SQLITE)
    memory = text in ("", ":memory:") or (storage != text and text.startswith("file:"))
    return None if memory else Path(text)


def _is_journal(storage: str | Path) -> bool:
    if isinstance(storage, str) and storage.startswith((_JOURNAL, _SQLITE)):
        return storage.startswith(_JOURNAL)
    return Path(storage).suffix in _JOURNALS


def unusable(storage: Any, error: Exception) -> InvalidInput:
    """The error for a storage that Optuna couldn't open."""
    told = " ".join(str(error).split())[:200]
    return InvalidInput(
        f"The storage can't be opened ({type(error).__name__}: {told}). Give a file that tune() "
        f"wrote, or a name that is free. Received: storage={str(storage)!r}."
    )


@contextlib.contextmanager
def named_failures() -> Iterator[None]:
    """Say in one line that a database failed while a study went on, and what to do.

    Raises:
        KerasLRError: It failed; Optuna's own error, its cause, speaks of wrong code instead.
    """
    import optuna

    try:
        yield
    except optuna.exceptions.StorageInternalError as error:
        cause = error.__cause__ or error
        told = " ".join(str(getattr(cause, "orig", None) or cause).split())[:200]
        raise KerasLRError(
            f"The storage can't be used any more ({told}): is the disk full, or the server gone? "
            "What was finished is kept, and the same call of tune() goes on from there."
        ) from error


def _check_memory(text: str) -> None:
    """Refuse SQLite's databases in memory: every thread would get an empty one of its own."""
    is_sqlite = re.match(r"sqlite(\+\w+)?:", text) is not None
    nothing = is_sqlite and not text.partition(":")[2].strip("/")
    if (
        nothing
        or text == ":memory:"
        or (is_sqlite and (":memory:" in text or "mode=memory" in text))
    ):
        raise InvalidInput(
            "A database of SQLite's in memory is empty for every other thread. Leave storage= out "
            f'for a study in memory, or write storage="study.db". Received: storage={text!r}.'
        )


def _check_url(url: str) -> None:
    import sqlalchemy

    try:
        sqlalchemy.create_engine(url)
    except ImportError as error:
        raise InvalidInput(
            f"The storage needs a database driver that isn't installed: {error}. Install it, or "
            f'write storage="study.db". Received: storage={url!r}.'
        ) from error
    except Exception as error:
        raise InvalidInput(
            f"The storage is no URL of a database that SQLAlchemy knows ({error}). Write e.g. "
            f'storage="study.db" or "postgresql://user@host/name". Received: storage={url!r}.'
        ) from error


def _check_place(path: Path) -> None:
    received = f"Received: storage={str(path)!r}."
    if path.is_dir():
        raise InvalidInput(
            f"The storage is a folder; a file in it is needed, e.g. {str(path / 'study.db')!r}. "
            f"{received}"
        )
    if not path.parent.is_dir():
        raise InvalidInput(f"The folder of the storage doesn't exist. {received}")


def _check_sqlite(path: Path) -> None:
    received = f"Received: storage={str(path)!r}."
    if not path.exists() or path.stat().st_size == 0:
        return
    try:
        with path.open("rb") as file:
            header = file.read(len(_HEADER))
    except OSError as error:
        raise InvalidInput(f"The storage can't be read ({error.strerror}). {received}") from error
    if header != _HEADER:
        raise InvalidInput(
            "The storage can't be opened: the file is no SQLite database. Give a file that tune() "
            f"wrote, or a name that is free. {received}"
        )
    tables = _tables(path)
    if tables and not tables & _OPTUNAS:
        some = ", ".join(sorted(tables)[:3])
        raise InvalidInput(
            f"The storage is a database of something else (it has the tables {some}, and none of "
            f"Optuna's); it was left as it is. Give a name that is free. {received}"
        )


def _tables(path: Path) -> set[str]:
    try:
        with contextlib.closing(
            # Not mode=ro: a process that was killed while it wrote has left a journal beside the
            # file, which the next one to open it has to roll back.
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=PATIENCE)
        ) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {name for (name,) in rows}
    except sqlite3.Error as error:
        raise unusable(path, error) from error
