"""Where studies are kept: an SQLite file for one machine, a journal file or a database for several."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pigbench.errors import PigbenchError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

PATIENCE_S = 60.0
"""Seconds to wait for another process's lock on an SQLite file."""

HEARTBEAT_S = 60
GRACE_S = 300
"""A trial whose process was not heard of for so long is taken for dead. Journals cannot tell."""

ATTEMPTS = 5
"""Two processes that make the tables of a new database at once disturb each other, and try again."""


@contextmanager
def studies_in(url: str | None, store: Path, *, existing: bool = False) -> Iterator[BaseStorage]:
    """The studies under `url`, by default those of the store. What goes wrong in the block is said in a PigbenchError.

    url: sqlite:///FILE, journal:FILE, or that of a database. existing: make no file where there is none.
    """
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    url = url or f"sqlite:///{store / 'studies.db'}"
    file = _file(url)
    if existing and file and not file.is_file():
        raise PigbenchError(f"no studies in {file}: `pigbench tune` makes one, or say where they are with --storage")
    try:
        yield _opened(url)
    except (SQLAlchemyError, StorageInternalError) as error:
        raise PigbenchError(_fault(url, error)) from error


def _file(url: str) -> Path | None:
    """The file that studies are kept in; None for a database elsewhere."""
    for kind in ("journal:", "sqlite:///"):
        if url.startswith(kind):
            return Path(url.removeprefix(kind))
    return None


def _opened(url: str) -> BaseStorage:
    if url.startswith("journal:"):
        return _journal(url.removeprefix("journal:"))
    if "://" not in url:
        raise PigbenchError(f"--storage {url}: give sqlite:///FILE, journal:FILE or the URL of a database")
    return _database(url)


def _journal(path: str) -> BaseStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    try:
        backend = JournalFileBackend(path)
        with Path(path).open("rb") as file:
            if file.read(1) not in (b"", b"{"):  # optuna takes a bad line at the end for one that is being written
                raise ValueError
        return JournalStorage(backend)
    except (ValueError, KeyError):
        raise PigbenchError(f"{path} is not a journal of studies: name another file, --storage journal:PATH") from None


def _database(url: str) -> BaseStorage:
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import SQLAlchemyError

    options: dict[str, Any] = {"connect_args": {"timeout": PATIENCE_S}} if url.startswith("sqlite") else {}
    for attempt in range(ATTEMPTS):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                return RDBStorage(url, engine_kwargs=options, heartbeat_interval=HEARTBEAT_S, grace_period=GRACE_S)
        except ImportError as error:
            raise PigbenchError(f"--storage {url}: {error}") from None
        except SQLAlchemyError as error:
            if attempt + 1 == ATTEMPTS or "locked" in str(error):
                raise
            time.sleep(0.2)
    raise AssertionError("unreachable")


def _fault(url: str, error: Exception) -> str:
    """What is wrong with the storage, in one line; a database's password stays out of it."""
    from sqlalchemy.engine import make_url

    cause = error.__cause__ or error
    said = str(getattr(cause, "orig", None) or cause).partition("\n")[0]
    if "locked" in said:
        return (
            f"the studies in {_file(url)} have been locked by another process for "
            f"{PATIENCE_S:.0f} s: end that one, or for several machines keep them with --storage journal:PATH"
        )
    try:
        shown = make_url(url).render_as_string(hide_password=True)
    except Exception:
        shown = url
    return f"the studies in {shown} cannot be used: {said}"
