"""`pigbench.import_dataset`: a dataset of the user's own, under a name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pigbench.api.refusals import refusing

if TYPE_CHECKING:
    from pigbench.data.file_dataset import Imported


@refusing()
def import_dataset(
    kind: str,
    path: str | Path,
    name: str,
    *,
    skip_bad: bool = False,
    own_ids: bool = False,
    store: str | Path = "runs",
    progress: bool = True,
    **options: Any,
) -> Imported:
    """Register a dataset. Its files are checked and read once, and stay where they are; no image is copied.

    kind: an installed importer, such as "folder", "nnunet" or "dicom". path: what it reads. name: what to call the
    dataset. skip_bad: leave out what is faulty or has no partner, and list it. own_ids: show your own names of cases
    and patients, in records too, not hashes. options: the importer's own, as `pigbench data import KIND --help` names
    them with `_` for `-`, such as images=…, masks=…, patient_regex=… of "folder".

    Returns what was found, `.dataset` with the numbers of cases and patients first of all. Raises PigbenchError for
    whatever is wrong with the name, the store, the options, the files or the patients.
    """
    from pigbench.data import file_dataset
    from pigbench.reporting.bar import reading

    with reading(progress) as advance:
        return file_dataset.import_dataset(
            kind, Path(path), name, Path(store), options, skip_bad=skip_bad, own_ids=own_ids, progress=advance
        )
