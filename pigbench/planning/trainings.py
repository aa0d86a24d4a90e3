"""How often arms are trained: what a command asks for beyond the protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pigbench.errors import PigbenchError, did_you_mean
from pigbench.results.naming import REAL


@dataclass(frozen=True)
class Trainings:
    """Segmenter trainings of every arm, fold and seed. of: exceptions, by `real` or a generator's label."""

    every: int = 1
    of: Mapping[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> int:
        return self.of.get(name, self.every)


def chosen_trainings(
    asked: Sequence[int | str] | Mapping[str, int], default: int, known: Mapping[str, str]
) -> Trainings:
    """From `3`, `real=5` and so on, or from numbers by name. known: the names of generators by their labels; a name
    that is no label stands for all labels of its generator.

    Raises PigbenchError for an unknown name, and for what is no number of at least 1.
    """
    pairs = asked.items() if isinstance(asked, Mapping) else (_parted(one) for one in asked)
    found = {name: _count(name, count) for name, count in pairs}
    every = found.pop("", default)
    for name in found:
        if name not in (REAL, *known, *known.values()):
            raise PigbenchError(did_you_mean("name in --trainings", name, [REAL, *known]))
    by_name = {label: found[name] for label, name in known.items() if name in found and name not in known}
    return Trainings(every, by_name | found)


def _parted(asked: int | str) -> tuple[str, str]:
    name, equals, count = str(asked).rpartition("=")
    return (name.strip(), count) if equals else ("", count)


def _count(name: str, count: int | str) -> int:
    told = f"{name}={count}" if name else str(count)
    try:
        number = int(count)
    except ValueError:
        raise PigbenchError(
            f"--trainings {told}: give a number, such as 3, or one for an arm, such as real=5"
        ) from None
    if number < 1:
        raise PigbenchError(f"--trainings {told}: at least 1")
    return number
