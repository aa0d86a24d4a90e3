"""What an importer is: it finds the cases in what a user points at, and reads their pictures. Read this to write one.

An importer is a class in a file of its own, registered like a generator::

    [project.entry-points."pigbench.datasets"]
    busi = "pigbench.data.importers.busi:Busi"

`pigbench data import busi PATH --name mine` makes one with its options, asks it to `find` the cases, reads every
picture once, and registers what it found; nothing is copied. A run then reads each case by the same two methods. Heavy
libraries are imported inside functions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pigbench.contracts import LESION, Config
from pigbench.data.importers.options import Classes, Foreground
from pigbench.data.pixels import UnusableError
from pigbench.errors import PigbenchError

__all__ = [
    "Found",
    "Importer",
    "Part",
    "Problems",
    "UnusableError",
    "check_folder",
    "files_inside",
    "inside_folder",
    "name_below",
]


@dataclass(frozen=True)
class Part:
    """Where a picture is: a file, and what of it, in the importer's words (a frame, a slice; all of it if empty)."""

    file: Path
    inside: str = ""


@dataclass(frozen=True)
class Found:
    """One case as an importer finds it, before any pixel is read.

    name: what the user knows it by; private. patient: the patient's name, private too; None where nobody knows. masks:
    merged into one; at least one. about: further facts that may be shown (view, side, density, scanner), never a name
    or a date.
    """

    name: str
    patient: str | None
    image: Part
    masks: tuple[Part, ...]
    about: dict[str, str] = field(default_factory=dict)


class Problems:
    """What is wrong with a dataset, gathered so that one error names all of it."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}
        self._choices: set[str] = set()

    def __len__(self) -> int:
        return sum(map(len, self._found.values()))

    def add(self, kind: str, names: Iterable[str], *, needs_choice: bool = False) -> None:
        """Note `names` as faulty in the way `kind` says. needs_choice: leaving them out would not mend it."""
        if listed := list(names):
            self._found.setdefault(kind, []).extend(listed)
            if needs_choice:
                self._choices.add(kind)

    def add_file(self, name: str, fault: OSError | UnusableError) -> None:
        """Note a file that cannot be used, and why."""
        reason = f"cannot be read: {fault.strerror}" if isinstance(fault, OSError) else fault
        self.add("unusable file", [f"{name} ({reason})"])

    def items(self) -> list[tuple[str, list[str]]]:
        """Every kind with all its names."""
        return list(self._found.items())

    def raise_any(self, *, skip_bad: bool = False) -> None:
        """Raises PigbenchError with a line for every kind of problem: its count and its first ten names.

        skip_bad: only those that need a choice, which leaving out files does not mend.
        """
        if kinds := self._choices if skip_bad else self._found:
            raise PigbenchError(self.told(kinds))

    def told(self, kinds: Iterable[str] | None = None) -> str:
        """A line for every kind, or for these."""
        return "\n".join(f"{kind}: {_first_ten(self._found[kind])}" for kind in kinds or self._found)


class Importer(ABC):
    """Finds cases and reads them. Options is a typed Config: `--patient-regex X` sets its field `patient_regex`."""

    Options: ClassVar[type[Config]] = Config
    looking: ClassVar[tuple[str, ...]] = ()
    """The options that only say where cases are and whose they are. The others say what is read, so they are part of
    what the dataset is."""
    needs_all_classes: ClassVar[bool] = True
    """Whether a class that no mask has is a fault."""
    groups_near_duplicates: ClassVar[bool] = False
    """Whether near-identical images become one pseudo-patient, for sets without patients that hold such."""

    def __init__(self, options: Any) -> None:
        """options: an instance of `Options`."""
        self.options = options

    @cached_property
    def foreground(self) -> Foreground | None:
        """What the option of that name says is lesion; None where it says nothing or there is none.

        A value that no mask has is refused when all were read. Raises PigbenchError for what it cannot be.
        """
        text = getattr(self.options, "foreground", None)
        return Foreground(text) if text is not None else None

    @cached_property
    def named(self) -> Classes | None:
        """What the option `classes` says that masks hold; None where it says nothing or there is none.

        Raises PigbenchError for what it cannot be, and where a foreground is given, too.
        """
        text = getattr(self.options, "classes", None)
        if text is not None and self.foreground is not None:
            raise PigbenchError("give --classes or --foreground, not both: --foreground 1,2 is --classes lesion=1,2")
        return Classes(text) if text is not None else None

    @property
    def classes(self) -> tuple[str, ...]:
        """What its masks tell from the background; known once cases were found."""
        return self.named.names if self.named else LESION

    @abstractmethod
    def find(self, path: Path, problems: Problems) -> list[Found]:
        """The cases under `path`, in a fixed order; what is wrong with a file goes to `problems`, and the rest goes on.

        Raises PigbenchError where `path` is not what this importer reads at all.
        """

    @abstractmethod
    def image(self, data: bytes, inside: str) -> np.ndarray:
        """The picture of a file's bytes: grey (h, w), uint8, uint16 or float32, or colour (h, w, 3), uint8 or uint16.

        Raises UnusableError.
        """

    @abstractmethod
    def mask(self, data: bytes, inside: str, shape: tuple[int, int]) -> np.ndarray:
        """The mask (h, w) of a file's bytes, for an image of `shape`: of one class 0 and one value for the lesion, of
        several a label map uint8, 0..K.

        It comes at its own size; that this must be the image's is checked elsewhere. Raises UnusableError.
        """

    def spacing(self, data: bytes, inside: str) -> tuple[float, float] | None:
        """mm a pixel of the picture, down and across, where its file says so; None where it does not."""
        return None


def inside_folder(path: Path, file: Path) -> Path:
    """`file` made absolute. Raises UnusableError if it leaves the folder `path`, as a table or a link may ask."""
    resolved = file.resolve()
    if not resolved.is_relative_to(path.resolve()):
        raise UnusableError("leads out of the folder that was given")
    return file.absolute()


def files_inside(path: Path, files: Iterable[Path], problems: Problems) -> Iterator[Path]:
    """These files below `path`, sorted and absolute; hidden ones are left, those that lead out are `problems`."""
    for file in sorted(files):
        if not file.name.startswith("."):
            try:
                yield inside_folder(path, file)
            except UnusableError as error:
                problems.add_file(name_below(path, file.absolute()), error)


def name_below(path: Path, file: Path) -> str:
    """What the user knows an absolute file below the folder `path` by."""
    return file.relative_to(path.absolute()).as_posix()


def check_folder(path: Path) -> None:
    """Raises PigbenchError unless `path` is a folder, saying what to do with an archive."""
    if path.is_dir():
        return
    if path.suffix.lower() in (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"):
        raise PigbenchError(f"{path} is an archive: unpack it and give the folder")
    raise PigbenchError(f"{path}: " + ("not a folder" if path.exists() else "no such folder"))


def _first_ten(names: list[str]) -> str:
    shown = ", ".join(names[:10])
    return f"{shown}, … ({len(names):,} in all)" if len(names) > 10 else shown
