"""The folds that other tools are given are the suite's own."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pigbench.contracts import TrainView
from pigbench.data.fold_manifests import fold_seals, read_manifest, write_split
from pigbench.data.phantom.dataset import Phantom
from pigbench.data.source import CaseFiles, CaseInfo, Source
from pigbench.data.splits import make_folds, set_aside, subset
from pigbench.errors import PigbenchError


class Files(Source):
    """12 cases of 6 patients, whose files carry the patients' names."""

    name = "files"
    has_patient_ids = True

    def identity(self) -> dict[str, str]:
        return {"kind": "test"}

    def cases(self) -> list[CaseInfo]:
        return [CaseInfo(f"c{i:02}", f"p{i // 2}", 0.1) for i in range(12)]

    def read(self, index: int, resolution: int) -> tuple[np.ndarray, np.ndarray]:
        mask = np.zeros((5, 4), np.uint8)
        mask.flat[index], mask[4] = 1, 1
        return np.arange(20.0).reshape(5, 4), mask

    def files(self) -> list[CaseFiles]:
        first, second = Path("/data/masks"), Path("/data/more")
        return [
            CaseFiles(
                Path(f"/data/images/smith{i}.png"), (first / f"smith{i}.png", second / f"smith{i}.png"), "frame 2"
            )
            for i in range(12)
        ]


class Procedural(Files):
    """The same without files."""

    def files(self) -> None:  # type: ignore[override]
        return None


def test_a_split_for_other_tools_is_the_suites_split(tmp_path: Path) -> None:
    source = Files()
    write_split(source, 3, 0, tmp_path)
    cases, split = source.cases(), make_folds(source.cases(), 3, 0)
    stem = {case.case_id: files.image.stem for case, files in zip(cases, source.files(), strict=True)}
    for_nnunet = json.loads((tmp_path / "splits_final.json").read_text())
    for fold, held_out in enumerate(split):
        told = json.loads((tmp_path / f"fold-{fold}.json").read_text())
        assert told["held_out"]["patients"] == held_out
        training = [case for case in cases if case.patient_id not in held_out]
        assert told["train"]["cases"] == [case.case_id for case in training]
        zeros = np.zeros((len(training), 1, 2, 2))
        view = TrainView(zeros, zeros, [case.patient_id for case in training], source.fingerprint())
        assert told["seal"] == view.seal == fold_seals(source, 3, 0)[fold]
        assert read_manifest(tmp_path / f"fold-{fold}.json").seal == view.seal
        for part, members in (("train", told["train"]["cases"]), ("val", told["held_out"]["cases"])):
            assert sorted(for_nnunet[fold][part]) == sorted(stem[case] for case in members)
    with (tmp_path / "files.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert all(row["patient_id"] in split[int(row["held_out_in_fold"])] for row in rows)
    assert {row["case_id"]: row["name"] for row in rows} == stem


def test_the_mask_to_train_on_is_the_whole_one_and_the_users_own_files_stand_beside_it(tmp_path: Path) -> None:
    source = Files()
    write_split(source, 3, 0, tmp_path, set_aside=0.0)
    rows = list(csv.DictReader((tmp_path / "files.csv").read_text().splitlines()))
    index_of = {case.case_id: index for index, case in enumerate(source.cases())}
    for row in rows:
        index = index_of[row["case_id"]]
        np.testing.assert_array_equal(np.asarray(Image.open(row["mask"])), 255 * source.read(index, 1)[1])
        assert row["own_masks"] == f"/data/masks/smith{index}.png | /data/more/smith{index}.png"
        assert (row["image"], row["image_part"]) == (f"/data/images/smith{index}.png", "frame 2")


def test_patients_set_aside_are_in_no_fold_and_seals_know_it(tmp_path: Path) -> None:
    source = Phantom()
    write_split(source, 3, 0, tmp_path, set_aside=0.2)
    folds = [json.loads((tmp_path / f"fold-{fold}.json").read_text()) for fold in range(3)]
    aside = set_aside(source.cases(), 0.2, 0)
    told = {patient for fold in folds for part in ("train", "held_out") for patient in fold[part]["patients"]}
    assert aside
    assert told == {case.patient_id for case in source.cases()} - aside
    assert [fold["seal"] for fold in folds] == fold_seals(source, 3, 0, 0.2) != fold_seals(source, 3, 0)


def test_cases_of_an_nnunet_dataset_have_the_names_of_its_labels(tmp_path: Path) -> None:
    class FromNNUNet(Files):
        def files(self) -> list[CaseFiles]:
            names = [f"smith_{i:04}" for i in range(12)]  # which end like a channel themselves
            return [
                CaseFiles(Path(f"imagesTr/{name}_0001.nii.gz"), (Path(f"labelsTr/{name}.nii.gz"),)) for name in names
            ]

    write_split(FromNNUNet(), 2, 0, tmp_path)
    first = json.loads((tmp_path / "splits_final.json").read_text())[0]
    assert sorted(first["train"] + first["val"]) == [f"smith_{i:04}" for i in range(12)]


def test_cases_of_one_name_in_several_folders_go_by_their_folders_too(tmp_path: Path) -> None:
    class InFolders(Files):
        def files(self) -> list[CaseFiles]:
            return [
                CaseFiles(Path(f"/data/P{i // 2}/img{i % 2}.png"), (Path(f"/data/P{i // 2}/img{i % 2}_mask.png"),))
                for i in range(12)
            ]

    write_split(InFolders(), 3, 0, tmp_path)
    for fold in json.loads((tmp_path / "splits_final.json").read_text()):
        assert len(fold["train"] + fold["val"]) == 12
        assert set(fold["train"]).isdisjoint(fold["val"])
        assert {name[:2] for name in fold["train"]}.isdisjoint(name[:2] for name in fold["val"])  # P0 to P5
    names = {row["name"] for row in csv.DictReader((tmp_path / "files.csv").read_text().splitlines())}
    assert names == {f"P{patient}_img{index}" for patient in range(6) for index in range(2)}


def test_only_what_is_for_the_user_alone_names_files(tmp_path: Path) -> None:
    write_split(Files(), 2, 0, tmp_path)
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    naming = {file.name for file in written if b"smith" in file.read_bytes() or "smith" in file.name}
    assert naming == {"files.csv", "splits_final.json"}


def test_cases_without_files_go_by_their_ids(tmp_path: Path) -> None:
    write_split(Procedural(), 2, 0, tmp_path)
    first = json.loads((tmp_path / "splits_final.json").read_text())[0]
    assert sorted(first["train"] + first["val"]) == [case.case_id for case in Files().cases()]
    assert not (tmp_path / "files.csv").exists()


@pytest.mark.parametrize("content", ["{}", "nonsense", '{"seal": 3}', '{"seal": "a", "as_is": "perhaps"}'])
def test_what_is_no_manifest_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "fold-0.json").write_text(content)
    with pytest.raises(PigbenchError, match="is no manifest of a fold"):
        read_manifest(tmp_path / "fold-0.json")
    with pytest.raises(PigbenchError, match="cannot be read"):
        read_manifest(tmp_path / "absent.json")


def test_a_subset_is_the_one_that_runs_train_on(tmp_path: Path) -> None:
    source = Files()
    write_split(source, 3, 0, tmp_path, train_patients=2)
    seals = fold_seals(source, 3, 0, train_patients=2)
    for_nnunet = json.loads((tmp_path / "splits_final.json").read_text())
    for fold, held_out in enumerate(make_folds(source.cases(), 3, 0)):
        manifest = json.loads((tmp_path / f"fold-{fold}.json").read_text())
        others = {case.patient_id for case in source.cases()} - set(held_out)
        assert manifest["train"]["patients"] == subset(others, 2, 0, fold) and manifest["seal"] == seals[fold]
        assert len(for_nnunet[fold]["train"]) == 4 and len(for_nnunet[fold]["val"]) == 2 * len(held_out)
    assert not set(seals) & set(fold_seals(source, 3, 0))


def test_more_patients_than_a_fold_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PigbenchError, match="--train-patients 5: the smallest training set has 4 patients"):
        write_split(Files(), 3, 0, tmp_path, train_patients=5)
