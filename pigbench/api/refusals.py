"""Whatever a user can act on is raised as PigbenchError, whichever floor it comes from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from pigbench.errors import PigbenchError, did_you_mean


@contextmanager
def refusing() -> Iterator[None]:
    """Within it, or in a function that it decorates, damaged artifacts and the system's errors are PigbenchErrors."""
    from pigbench.store import Damaged

    try:
        yield
    except Damaged as error:  # a run computes it again by itself; the others leave that to the next call
        raise PigbenchError(f"{error}, by the same command") from error
    except OSError as error:
        raise PigbenchError(f"{error.filename or ''}: {error.strerror or error}") from error


def require_known(kind: str, names: Iterable[str], known: Collection[str]) -> None:
    """Raises PigbenchError, with the nearest known names, for the first of the names that is none."""
    for name in names:
        if name not in known:
            raise PigbenchError(did_you_mean(kind, name, list(known)))
