"""nnU-Net's raw datasets: `dataset.json`, `imagesTr/CASE_0000.png`, `labelsTr/CASE.png`, or the same in NIfTI.

The layout is that of nnU-Net version 2 (https://github.com/MIC-DKFZ/nnUNet, documentation/dataset_format.md); the
`dataset.json` of version 1 and of the Medical Segmentation Decathlon is understood too. Decided here:

- One channel is read, or a picture in colour. Every label is a class of the name that dataset.json gives it; those
  of `foreground` become one.
- A picture is a case, its patient unknown unless a pattern finds it. A volume is a patient, cut along one axis of the
  stored array; its slices with lesion are the cases. Nothing is resampled or turned, and the rest of the volume is not
  used.
- An image and its label that do not lie in the same place are refused, where both headers say where that is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from pydantic import AliasChoices, BaseModel, Field, ValidationError

from pigbench.contracts import Config
from pigbench.data.importers import nifti
from pigbench.data.importers.base import Found, Importer, Part, Problems, UnusableError, check_folder, files_inside
from pigbench.data.importers.pairing import patients_by_regex
from pigbench.data.importers.spelling import composed
from pigbench.data.pixels import decode, labels
from pigbench.errors import PigbenchError

_PICTURES = (".png", ".tif", ".tiff")
_IGNORED = "ignore"  # the name of the label that nnU-Net neither trains on nor counts
_SLICE = re.compile(r"slice (\d+) along axis (\d)")
_LABELS = re.compile(r"(labels|classes) ([\d+ ]+) of ([\d ]+)")


class NnUNetOptions(Config):
    """Which channel, which slices, and what of a label is lesion."""

    channel: int = Field(0, ge=0, description="the channel to read, 0 for files that end in _0000")
    axis: int = Field(2, ge=0, le=2, description="the axis of the stored array that volumes are cut along")
    grey: bool = Field(False, description="read colour by its luminance, 0.299 R + 0.587 G + 0.114 B")
    foreground: str | None = Field(None, description="the labels that are lesion, such as 1,2 [each is a class]")
    patient_regex: str | None = Field(None, description="finds the patient in a case's name (its group 1, if any)")


class Description(BaseModel):
    """What is read of `dataset.json`."""

    channels: dict[str, str] = Field(validation_alias=AliasChoices("channel_names", "modality"))
    labels: dict[str, int | list[int] | str]
    ending: str = Field(".nii.gz", alias="file_ending")
    count: int | None = Field(None, alias="numTraining")

    @property
    def has_regions(self) -> bool:
        """Whether a value is of several labels."""
        values = [value for value in self.labels.values() if not isinstance(value, str)]
        each = [one for value in values for one in (value if isinstance(value, list) else [value])]
        return len(set(each)) < len(each)

    def names(self) -> dict[int, str]:
        """The name of every value that a label can have; version 1 has values by name the other way round."""
        named: dict[int, list[str]] = {}
        for key, value in self.labels.items():
            name, values = (value, [int(key)]) if isinstance(value, str) else (key, value)
            for one in values if isinstance(values, list) else [values]:
                named.setdefault(one, []).append(composed(name))
        return {value: " and ".join(named[value]) for value in sorted(named)}


class NnUNet(Importer):
    """A raw dataset of nnU-Net: pictures, or volumes cut into the slices that show a lesion."""

    Options = NnUNetOptions
    _names: tuple[str, ...] = ()
    _unknown: tuple[int, ...] = ()
    looking = ("channel", "axis", "foreground", "patient_regex")  # what they choose is said in each case's parts

    def find(self, path: Path, problems: Problems) -> list[Found]:
        """The cases by name, volumes by slice. Of volumes the labels are read, one at a time; nothing else is."""
        check_folder(path)
        about = _description(path)
        cases = self._cases(path, about, problems)
        if about.ending in nifti.SUFFIXES:
            return [found for case in cases for found in self._slices(case, problems)]
        return cases

    def image(self, data: bytes, inside: str) -> np.ndarray:
        """A picture as saved, of colour the luminance on request; a slice as `nifti.Volume.slice` gives it."""
        at = _SLICE.search(inside)
        if at:
            return nifti.open_volume(data).slice(int(at[2]), int(at[1]))
        return decode(data, "luminance" if self.options.grey else None)

    def spacing(self, data: bytes, inside: str) -> tuple[float, float] | None:
        """A slice's, as its volume has it; a picture says nothing."""
        at = _SLICE.search(inside)
        return nifti.open_volume(data).spacing(int(at[2])) if at else None

    def mask(self, data: bytes, inside: str, shape: tuple[int, int]) -> np.ndarray:
        """1 where the picture or slice has a label that was chosen, or a class for each. Raises UnusableError for an
        undeclared one, and, while cases are imported, for pixels that nobody labelled."""
        at = _SLICE.search(inside)
        values = nifti.open_volume(data).slice(int(at[2]), int(at[1])) if at else labels(data)
        if self.foreground is not None:
            self.foreground.lesion(values)  # which remembers what masks have
        if share := float(np.isin(values, self._unknown).mean()):
            raise UnusableError(
                f"{share:.1%} of it has the label '{_IGNORED}', which would count as background here (--foreground "
                "takes it as that)"
            )
        return _lesion(values, inside)

    @property
    def classes(self) -> tuple[str, ...]:
        """Of several labels, their names; known once cases were found."""
        return self._names if len(self._names) > 1 else super().classes

    def _wanted(self, about: Description) -> dict[str, list[int]]:
        """The values of labels that are read, by name."""
        names = about.names()
        listed = ", ".join(f"{value} ({name})" for value, name in names.items() if value)
        if self.foreground is None:
            lesions = [value for value, name in names.items() if value and name != _IGNORED]
            if not lesions:
                raise PigbenchError(f"dataset.json has no label of a lesion: {listed or 'none'}")
            if len(lesions) > 1 and about.has_regions:
                raise PigbenchError(f"dataset.json has regions that overlap: choose with --foreground among {listed}")
            return _by_name(lesions, names)
        lesions = [value for value in names if value]
        for low, high in self.foreground.ranges:
            if not any(low <= value <= high for value in lesions):
                raise PigbenchError(f"--foreground: {low} is no label of a lesion; dataset.json has {listed}")
        return _by_name([value for value in lesions if self.foreground.chooses(value)], names)

    def _cases(self, path: Path, about: Description, problems: Problems) -> list[Found]:
        """Every label with its image of the chosen channel, by name; volumes whole."""
        by_name = self._wanted(about)
        if self.foreground is None:
            self._names = tuple(by_name)
            self._unknown = tuple(value for value, name in about.names().items() if name == _IGNORED)
        several = len(self.classes) > 1
        each = ["+".join(map(str, values)) for values in by_name.values()]
        chosen = f"{'classes' if several else 'labels'} {' '.join(each)} of {' '.join(map(str, about.names()))}"
        suffix = f"_{self.options.channel:04}{about.ending}"
        found = {folder: _listed(path, folder, about.ending, problems) for folder in ("imagesTr", "labelsTr")}
        images = {name.removesuffix(suffix): file for name, file in found["imagesTr"].items() if name.endswith(suffix)}
        marked = {name.removesuffix(about.ending): file for name, file in found["labelsTr"].items()}
        problems.add(f"label without an image of channel {suffix}", sorted(marked.keys() - images.keys()))
        problems.add("image without a label", sorted(images.keys() - marked.keys()))
        if about.count not in (None, len(marked)):
            problems.add(f"dataset.json counts {about.count} cases, but labelsTr has", [str(len(marked))])
        names = sorted(images.keys() & marked.keys())
        patients = dict(zip(names, names, strict=True)) if about.ending in nifti.SUFFIXES else {}
        if self.options.patient_regex is not None:
            patients = patients_by_regex(names, self.options.patient_regex)
        return [Found(name, patients.get(name), Part(images[name]), (Part(marked[name], chosen),)) for name in names]

    def _slices(self, case: Found, problems: Problems) -> list[Found]:
        """The slices of a volume that show a lesion."""
        axis, image, (mask,) = self.options.axis, case.image.file, case.masks
        chosen, file = mask.inside, image
        try:
            geometry = nifti.read_geometry(image)
            file = mask.file
            label = nifti.open_volume(file.read_bytes())
            if not label.geometry.matches(geometry):
                differs = f"{case.name} ({_against(geometry, label.geometry)})"
                problems.add("image and label differ in geometry", [differs])
                return []
            shown = [index for index in range(geometry.shape[axis]) if _lesion(label.slice(axis, index), chosen).any()]
        except (OSError, UnusableError) as error:
            problems.add_file(f"{file.parent.name}/{file.name}", error)
            return []
        if not shown:
            problems.add("volume without a lesion", [file.name])
        slices = [f"slice {index} along axis {axis}" for index in shown]
        return [
            Found(f"{case.name} {one}", case.patient, Part(image, one), (Part(file, f"{one}, {chosen}"),))
            for one in slices
        ]


def _description(path: Path) -> Description:
    file = path / "dataset.json"
    try:
        content = json.loads(file.read_bytes())
        about = Description.model_validate(content)
        about.names()
    except FileNotFoundError:
        inner = sorted(child.name for child in path.iterdir() if (child / "dataset.json").is_file())
        hint = f": give one of its folders, such as {inner[0]}" if inner else ""
        raise PigbenchError(f"{path} has no dataset.json{hint}") from None
    except OSError as error:
        raise PigbenchError(f"{file} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        fault = error.errors()[0]
        raise PigbenchError(f"{file}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None
    except ValueError as error:
        raise PigbenchError(f"{file} is not a dataset.json: {error}") from None
    if "dataset" in content:
        raise PigbenchError(f"{file} lists files of its own ('dataset'); only imagesTr and labelsTr are read")
    if about.ending not in (*_PICTURES, *nifti.SUFFIXES):
        raise PigbenchError(f"{file}: files that end in '{about.ending}' are not read; PNG, TIFF and NIfTI are")
    return about


def _listed(path: Path, folder: str, ending: str, problems: Problems) -> dict[str, Path]:
    """The files of a folder that end so, by name."""
    try:
        files = [file for file in (path / folder).iterdir() if file.name.endswith(ending)]
    except OSError as error:
        raise PigbenchError(f"the folder {path / folder} cannot be read: {error.strerror}") from None
    found = {composed(file.name): file for file in files_inside(path, files, problems)}
    if not found:
        raise PigbenchError(f"the folder {path / folder} holds no file that ends in {ending}")
    return found


def _lesion(values: np.ndarray, inside: str) -> np.ndarray:
    """(h, w) uint8, 1 where `values` has one of the labels that `inside` says are chosen; of classes, which of them."""
    said = _LABELS.search(inside)
    assert said is not None, inside
    chosen, known = ([list(map(int, one.split("+"))) for one in group.split()] for group in said.groups()[1:])
    if not (declared := np.isin(values, known)).all():
        strange = ", ".join(f"{value:g}" for value in np.unique(values[~declared])[:8])
        raise UnusableError(f"labels that dataset.json does not declare: {strange}")
    if said[1] == "labels":
        chosen = [[value for of_one in chosen for value in of_one]]
    found = np.zeros(values.shape, np.uint8)
    for number, of_one in enumerate(chosen, start=1):
        found[np.isin(values, of_one)] = number
    return found


def _by_name(values: Iterable[int], names: Mapping[int, str]) -> dict[str, list[int]]:
    """The values of each name, in their order."""
    found: dict[str, list[int]] = {}
    for value in values:
        found.setdefault(names[value], []).append(value)
    return found


def _against(image: nifti.Geometry, label: nifti.Geometry) -> str:
    if image.shape == label.shape:
        return "they lie in different places"
    return " against ".join("×".join(map(str, one.shape)) for one in (image, label))
