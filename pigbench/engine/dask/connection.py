"""A connection to a Dask scheduler, which may be lost or fail at any moment."""

from __future__ import annotations

from distributed import Client

CONNECT = 5.0  # seconds for a connection


class Connection(Client):
    """A Dask client that does nothing when it is collected.

    Dask's closes itself then, for which it takes the lock that every client holds while it starts: collected in the
    middle of that, as one is that could not connect or whose scheduler died, it would wait for its own thread for ever.
    """

    def __del__(self) -> None:
        pass


def connect(address: str) -> Connection:
    """A connection to a scheduler. Raises OSError if none answers, ValueError for what is no address."""
    return Connection(address, timeout=CONNECT, set_as_default=False, name="pigbench")
