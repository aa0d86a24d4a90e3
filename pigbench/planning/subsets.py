"""Subsets of each fold's training patients: how many of them a command asks for."""

from __future__ import annotations

from collections.abc import Sequence

from pigbench.errors import PigbenchError

ALL = "all"


def chosen_subsets(asked: Sequence[int | str]) -> tuple[int | None, ...]:
    """Numbers of patients, ascending and each once, `all` (None) last; from `8`, `16,32,all` and so on.

    Raises PigbenchError for what is no number of at least 1.
    """
    found = {_size(part.strip()) for one in asked for part in str(one).split(",")} or {None}
    return tuple(sorted(found - {None})) + ((None,) if None in found else ())  # type: ignore[type-var]


def _size(asked: str) -> int | None:
    if asked == ALL:
        return None
    try:
        number = int(asked)
    except ValueError:
        number = 0
    if number < 1:
        raise PigbenchError(f"--train-patients {asked}: give numbers of at least 1, such as 8,16,32,all")
    return number
