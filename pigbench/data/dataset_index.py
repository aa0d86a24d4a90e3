"""What an import leaves in the store, published by one rename and never lost to a second import.

<store>/datasets/<name>/dataset.json      what the dataset is, its counts, and which table is current
<store>/datasets/<name>/cases-<hash>.csv  its cases, named by its own hash. Beside the ids that may be shown it
                                          holds the names of files and patients: it never leaves the store.
<store>/datasets/<name>/skipped.csv       files that were left out on request, and why

All of them can be read by their owner and group alone.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from pigbench.contracts import LESION
from pigbench.counting import counted
from pigbench.errors import PigbenchError
from pigbench.store import Store

MANIFEST = "dataset.json"
SKIPPED = "skipped.csv"
RESERVED = ("phantom", "phantom-colour")  # the names of the built-in datasets


@dataclass(frozen=True)
class Row:
    """One case of a registered dataset. patient, name, image and masks are private: names and absolute paths.

    image_inside: what of the image's file. masks: JSON, [file, what of it] of each. about: JSON, facts that may be
    shown. prepared_fraction: None in what was registered before it was kept. mm_down, mm_across: a pixel's size; None
    where the file does not say.
    """

    case_id: str
    patient_id: str
    lesion_fraction: float
    height: int
    width: int
    image_sha256: str
    mask_sha256: str
    patient: str
    name: str
    image: str
    image_inside: str
    masks: str
    about: str
    prepared_fraction: float | None = None
    mm_down: float | None = None
    mm_across: float | None = None


_MAY_LACK = ("prepared_fraction", "mm_down", "mm_across")


class Registered(BaseModel):
    """A registered dataset without its cases. content: the hash of all files' bytes and of who is whose patient.

    channels: 3 where an image is in colour. classes: what masks tell from the background.
    own_ids: the hash of the ids where they are the user's own, which other files then do not share; else empty.
    kind, options: the importer, and what it was told of how to read. skipped: faulty files that were left out on
    request, by the kind of fault; private.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["pigbench-dataset/2"] = "pigbench-dataset/2"
    kind: str
    options: dict[str, Any] = {}
    content: str
    has_patient_ids: bool
    pseudo_patients: bool = False
    channels: Literal[1, 3] = 1
    classes: tuple[str, ...] = LESION
    own_ids: str = ""
    skipped: dict[str, list[str]] = {}
    cases: int
    patients: int
    empty_masks: int
    table: str

    @property
    def is_what(self) -> dict[str, Any]:
        """What makes it this dataset and no other: JSON-able, without names and paths."""
        what = {"kind": self.kind, "content": self.content, "has_patient_ids": self.has_patient_ids}
        what |= {"options": self.options} if self.options else {}
        what |= {"channels": self.channels} if self.channels > 1 else {}
        what |= {"classes": list(self.classes)} if self.classes != LESION else {}
        return what | ({"own_ids": self.own_ids} if self.own_ids else {})


def publish(store: Store, name: str, rows: Sequence[Row], **known: Any) -> bool:
    """Register the cases under `name`; whether the same dataset was there before (its files may have moved since).

    known: the fields of `Registered` that the rows do not tell. Raises PigbenchError if the name is taken by another
    dataset, which stays as it is, or the store cannot be written.
    """
    target = directory(store.root, name)
    try:
        target.parent.mkdir(exist_ok=True)
        with store.building() as building:
            registered = _write(building, rows, known)
            try:
                building.rename(target)
                return False
            except OSError:
                if not target.is_dir():
                    raise
            _check_same(registered, load(target), name)
            for part in (registered.table, SKIPPED, MANIFEST):
                (building / part).replace(target / part)
            return True
    except OSError as error:
        raise PigbenchError(f"'{name}' cannot be registered in {store.root}: {error.strerror}") from None


def hide(file: Path) -> None:
    """Keep a file that names patients or their files from others than its owner and group."""
    file.chmod(file.stat().st_mode & ~0o007)


def directory(store_root: Path, name: str) -> Path:
    """Where dataset `name` is, or would be."""
    return store_root / "datasets" / name


def load(where: Path) -> Registered:
    """The dataset registered in the directory `where`. Raises PigbenchError if it is missing or malformed."""
    try:
        return Registered.model_validate_json((where / MANIFEST).read_bytes())
    except OSError as error:
        raise PigbenchError(f"{where / MANIFEST} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        fault = error.errors()[0]["msg"]
        raise PigbenchError(f"{where / MANIFEST} is malformed ({fault}): remove {where} and import again") from None


def load_rows(where: Path, registered: Registered) -> list[Row]:
    """The cases of a registered dataset, in the order of their ids. Raises PigbenchError if the table was changed."""
    table = where / registered.table
    try:
        data = table.read_bytes()
    except OSError as error:
        raise PigbenchError(f"{table} cannot be read: {error.strerror}; import the dataset again") from None
    if _table_name(data) != registered.table:
        raise PigbenchError(f"{table} does not match its hash; import the dataset again")
    records = csv.DictReader(io.StringIO(data.decode(), newline=""))
    known = [{name: value for name, value in record.items() if value or name not in _MAY_LACK} for record in records]
    return TypeAdapter(list[Row]).validate_python(known)


def _write(where: Path, rows: Sequence[Row], known: Mapping[str, Any]) -> Registered:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [field.name for field in fields(Row)])
    writer.writeheader()
    writer.writerows(asdict(row) for row in sorted(rows, key=lambda row: (row.patient_id, row.case_id)))
    data = text.getvalue().encode()
    registered = Registered(
        **known,
        cases=len(rows),
        patients=len({row.patient_id for row in rows}),
        empty_masks=sum(row.lesion_fraction == 0 for row in rows),
        table=_table_name(data),
    )
    (where / registered.table).write_bytes(data)
    (where / MANIFEST).write_text(registered.model_dump_json(indent=1), encoding="utf-8")
    _write_skipped(where / SKIPPED, registered.skipped)
    for file in where.iterdir():
        hide(file)
    return registered


def _write_skipped(file: Path, skipped: Mapping[str, Sequence[str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(("fault", "left_out"))
        writer.writerows((kind.partition(" (--")[0], name) for kind, names in skipped.items() for name in names)


def _check_same(new: Registered, old: Registered, name: str) -> None:
    if new.is_what != old.is_what:
        raise PigbenchError(
            f"'{name}' is already another dataset ({_size(old)}; this one: {_size(new)}{_unlike(new, old)}): choose "
            f"another --name, or `pigbench data forget {name}`"
        )


def _unlike(new: Registered, old: Registered) -> str:
    """The options that differ, where that is all the difference there is to see."""
    if _size(new) != _size(old):
        return ""
    names = sorted(
        name for name in new.options.keys() | old.options.keys() if new.options.get(name) != old.options.get(name)
    )
    names += ["classes"] if not names and new.classes != old.classes else []
    return f", imported with other {', '.join(names)}" if names else ", with other pixels or patients"


def _size(found: Registered) -> str:
    whose = counted(found.patients, "patient") if found.has_patient_ids else "unknown patients"
    return f"{counted(found.cases, 'case')} of {whose}"


def _table_name(data: bytes) -> str:
    return f"cases-{hashlib.sha256(data).hexdigest()[:16]}.csv"
