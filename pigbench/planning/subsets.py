"""Subsets of each fold's training patients: how many of them a command asks for."""

from __future__ import annotations

from collections.abc import Sequence

from pigbench.errors import PigbenchError

ALL = "all"


def chosen_subsets(asked: Sequence[int | str]) -> tuple[int | None, ...]:
    """Numbers of patients, ascending and each once, `all` (None) last; from `8`, `16,32,all` and so on.

    Raises PigbenchError for what is no number of at least 1.
    """
    found = {_size(part.strip(), str(one)) for one in asked for part in str(one).split(",")} or {None}
    return tuple(sorted(found - {None})) + ((None,) if None in found else ())  # type: ignore[type-var]


def only_subset(chosen: Sequence[int | None]) -> int | None:
    """The one number that was chosen. Raises PigbenchError for several."""
    if len(chosen) > 1:
        told = ",".join(ALL if size is None else str(size) for size in chosen)
        raise PigbenchError(f"--train-patients {told}: give one number, that of the patients whom pairs are made from")
    return chosen[0]


def _size(part: str, asked: str) -> int | None:
    if part == ALL:
        return None
    try:
        number = int(part)
    except ValueError:
        number = 0
    if number < 1:
        raise PigbenchError(f"--train-patients {asked}: give numbers of at least 1, such as 8,16,32,all")
    return number
