"""`pigbench data import KIND`: one command for each installed importer, its options made from the importer's own."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from typer.core import TyperGroup

from pigbench.cli import options

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from pigbench.data.file_dataset import Imported

OWN: dict[str, tuple[Any, Any]] = {
    "path": (Annotated[Path, typer.Argument(help="What the importer reads.")], Path()),
    "name": (Annotated[str, typer.Option(help="Name of the dataset.")], Parameter.empty),
    "skip_bad": (
        Annotated[bool, typer.Option("--skip-bad", help="Skip faulty or unpaired files, and list them.")],
        False,
    ),
    "own_ids": (
        Annotated[
            bool,
            typer.Option("--own-ids", help="Use your own case and patient names instead of hashes, also in records."),
        ],
        False,
    ),
    "store": (options.StoreDir, Path("runs")),
}
"""The parameters that every kind has: their types and defaults."""


class Importers(TyperGroup):
    """The kinds are found by entry point, and imported only when one is called or helped."""

    def list_commands(self, context: Any) -> list[str]:
        """The installed kinds."""
        from pigbench import registry

        return list(registry.plugins("datasets"))

    def get_command(self, context: Any, cmd_name: str) -> Any:
        """The command of a kind. Raises PigbenchError for an unknown one, with the nearest known ones."""
        from pigbench import registry

        importer = registry.find("datasets", cmd_name).load()
        alone = typer.Typer(add_completion=False)
        alone.command(cmd_name, help=importer.__doc__)(_command(cmd_name, importer.Options.model_fields))
        return typer.main.get_command(alone)


def _command(kind: str, fields: dict[str, FieldInfo]) -> Callable[..., None]:
    """A function with a parameter for each option of an importer, from which typer makes a command."""

    def command(**given: Any) -> None:
        _import(kind, given)

    own = {name: (_type(field), None) for name, field in fields.items()}
    return options.shares(*OWN, *own, instead=OWN | own)(command)


def _type(field: FieldInfo) -> Any:
    """A flag for a boolean, a text for all else: the importer's Config makes of it what it wants."""
    kinds = {kind for kind in (get_args(field.annotation) or (field.annotation,)) if kind is not NoneType}
    return Annotated[bool | None if kinds == {bool} else str | None, typer.Option(help=field.description)]


def _import(kind: str, given: dict[str, Any]) -> None:
    from pigbench.api.datasets import import_dataset

    imported = import_dataset(
        kind, **{name: value for name, value in given.items() if name in OWN or value is not None}
    )
    for line in _summary(given["name"], imported):
        print(line)


def _summary(name: str, imported: Imported) -> list[str]:
    from pigbench.counting import counted
    from pigbench.protocol import load_preset
    from pigbench.reporting.lesions import large_masks, small_lesions

    dataset, rows = imported.dataset, imported.rows
    whose = counted(dataset.patients, "patient") if dataset.has_patient_ids else "patients unknown"
    without = sum(map(len, dataset.skipped.values()))
    left_out = f", {counted(without, 'file')} left out" if without else ""
    lines: list[str | None] = [f"'{name}': {counted(dataset.cases, 'case')}, {whose}{left_out}"]
    if dataset.own_ids:
        lines.append("Careful: records, tables and exported files will hold these names of cases and patients.")
    if imported.known:
        lines.append("It was registered before with the same content; it now points to these files.")
    if dataset.pseudo_patients:
        lines.append(f"Near-identical images count as one patient: {counted(dataset.patients, 'pseudo-patient')}.")
    elif not dataset.has_patient_ids:
        way_out = f": give {' or '.join(imported.patient_options)}" if imported.patient_options else ""
        lines.append(
            "Careful: every case counts as its own patient. If several come from one patient, they leak from training "
            f"into test{way_out}."
        )
    if imported.merged:
        lines.append(f"{counted(imported.merged, 'image')} with several masks: each image's masks were made one.")
    lines += _left_out(imported)
    if len(dataset.classes) > 1:
        lines.append(f"{counted(len(dataset.classes), 'class', 'classes')}: {', '.join(dataset.classes)}.")
    if dataset.channels == 3:
        same = (
            f"; {counted(imported.grey, 'grey image')}, read as colour of three equal channels" if imported.grey else ""
        )
        lines.append(f"In colour{same}.")
    if dataset.empty_masks:
        lines.append(f"{counted(dataset.empty_masks, 'mask')} {'is' if dataset.empty_masks == 1 else 'are'} empty.")
    if imported.smoothed:
        lines.append(
            f"Careful: {counted(imported.smoothed, 'mask')} of more than 32 values, as smoothed ones have: "
            "`--foreground 128-255` would take the upper half of them."
        )
    lines.append(
        large_masks([row.lesion_fraction for row in rows], name, len(dataset.classes), has_values=imported.has_values)
    )
    fractions = [row.prepared_fraction for row in rows]
    lines.append(small_lesions(fractions, load_preset("quick").resolution, len(dataset.classes)))
    if imported.shared_images:
        occur = "image occurs" if imported.shared_images == 1 else "images occur"
        lines.append(
            f"Careful: {imported.shared_images} {occur}, byte for byte, in more than one patient; "
            "they can leak from training into test."
        )
    lines.append(f"Look at it with `pigbench data show {name}`, use it with `pigbench run --dataset {name}`.")
    return [line for line in lines if line]


def _left_out(imported: Imported) -> list[str]:
    """What was left out, where all of it is listed, and what that means."""
    from pigbench.counting import counted

    skipped = imported.dataset.skipped
    lines = [
        f"Left out, {kind} ({len(names)}): {', '.join(names[:10])}{', …' * (len(names) > 10)}"
        for kind, names in skipped.items()
    ]
    if imported.lost_patients:
        lines.append(f"Nothing is left of {counted(imported.lost_patients, 'patient')}.")
    return lines + ([f"All that was left out is listed in {imported.skipped_table}."] if skipped else [])
