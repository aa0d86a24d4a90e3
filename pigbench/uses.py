"""What an artifact is for: every run leaves in its store a list of the artifacts that it rests on.

An artifact does not know its dataset's name or its preset: neither is in its key, and equal work of two presets is one
artifact. So the lists say it: <store>/uses/<hash>.json, one for each run, however often it is repeated. Runs from
before there were lists left none: what they alone used is of unknown use, what they share with later runs is theirs.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pigbench.errors import PigbenchError
from pigbench.protocol import digest


@dataclass(frozen=True, order=True)
class Use:
    """What a run was for: its dataset and its preset, by name."""

    dataset: str
    preset: str

    def __str__(self) -> str:
        return f"{self.dataset}, {self.preset}"


def note_use(store: Path, use: Use, keys: Iterable[str]) -> None:
    """Leave in `store` the list of a run that rests on the artifacts of these keys, unless it is there."""
    content = {"dataset": use.dataset, "preset": use.preset, "keys": sorted(keys)}
    file = _directory(store) / f"{digest(content)[:32]}.json"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        whole = file.with_name(f".{uuid.uuid4().hex}")
        whole.write_text(json.dumps(content), encoding="utf-8")
        whole.replace(file)


def uses(store: Path) -> dict[str, set[Use]]:
    """What each artifact of `store` is for, by its key. Raises PigbenchError for a list that cannot be read."""
    found: dict[str, set[Use]] = defaultdict(set)
    for _, use, keys in _lists(store):
        for key in keys:
            found[key].add(use)
    return dict(found)


def forget_uses(store: Path, which: Callable[[Use], bool]) -> None:
    """Drop the lists of such runs: what else they share is no longer kept for them."""
    for file, use, _ in list(_lists(store)):
        if which(use):
            file.unlink(missing_ok=True)


def _lists(store: Path) -> Iterator[tuple[Path, Use, list[str]]]:
    for file in sorted(_directory(store).glob("*.json")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            yield file, Use(content["dataset"], content["preset"]), content["keys"]
        except (OSError, ValueError, KeyError, TypeError):
            raise PigbenchError(
                f"{file} cannot be read, so nobody knows which artifacts its run needs: delete it, and repeat that run"
            ) from None


def _directory(store: Path) -> Path:
    return store / "uses"
