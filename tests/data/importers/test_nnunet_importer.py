from __future__ import annotations

import gzip
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from pigbench.data.importers import nifti
from pigbench.data.importers.base import Found, Problems, UnusableError
from pigbench.data.importers.nnunet import NnUNet, NnUNetOptions
from pigbench.errors import PigbenchError

ONE = {"background": 0, "tumour": 1}
TWO = {"background": 0, "oedema": 1, "core": 2, "ignore": 3}


def describe(root: Path, labels: dict, ending: str, **more) -> None:
    about = {"channel_names": {"0": "T1", "1": "T2"}, "labels": labels, "file_ending": ending, **more}
    (root / "dataset.json").write_text(json.dumps(about))


def folders(root: Path) -> None:
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir(parents=True)


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Three 16-bit PNG cases with two channels; labels 0, 1 and 2."""
    root = tmp_path / "Dataset001_Pictures"
    folders(root)
    describe(root, TWO, ".png", numTraining=3)
    stream = np.random.default_rng(0)
    for name in ("p1_a", "p1_b", "p2_a"):
        for channel in range(2):
            pixels = stream.integers(0, 65535, (20, 30), dtype=np.uint16)
            pixels[0, 0] = 65535 - channel
            Image.fromarray(pixels).save(root / "imagesTr" / f"{name}_{channel:04}.png")
        label = np.zeros((20, 30), np.uint8)
        label[2:5, 3:9], label[10:14, 3:9] = 1, 2
        Image.fromarray(label).save(root / "labelsTr" / f"{name}.png")
    return root


def volume(shape=(7, 6, 5), dtype=np.uint16, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 40000, shape).astype(dtype)


def label_of(shape=(7, 6, 5)) -> np.ndarray:
    """Label 1 in slices 1 and 3 along the last axis, label 2 in slice 3 only."""
    label = np.zeros(shape, np.uint8)
    label[2:4, 1:3, 1], label[1:2, 1:3, 3], label[5, 5, 3] = 1, 1, 2
    return label


def save(array: np.ndarray, file: Path, affine=None, kind=nibabel.Nifti1Image, slope=None) -> None:
    image = kind(array, np.eye(4) if affine is None else affine)
    if slope is not None:
        image.header.set_slope_inter(*slope)
    nibabel.save(image, file)


@pytest.fixture
def volumes(tmp_path) -> Path:
    """Two volumes of 7×6×5 voxels, gzipped."""
    root = tmp_path / "Dataset002_Volumes"
    folders(root)
    describe(root, ONE | {"core": 2}, ".nii.gz")
    for seed, name in enumerate(("brain_1", "brain_2")):
        save(volume(seed=seed), root / "imagesTr" / f"{name}_0000.nii.gz")
        save(label_of(), root / "labelsTr" / f"{name}.nii.gz")
    return root


def find(root: Path, **options) -> tuple[NnUNet, list[Found], dict[str, list[str]]]:
    importer, problems = NnUNet(NnUNetOptions(**options)), Problems()
    return importer, importer.find(root, problems), dict(problems.items())


def read(importer: NnUNet, case: Found) -> tuple[np.ndarray, np.ndarray]:
    image = importer.image(case.image.file.read_bytes(), case.image.inside)
    (mask,) = case.masks
    return image, importer.mask(mask.file.read_bytes(), mask.inside, image.shape)


def test_pictures_keep_16_bits_and_labels_become_one_mask(pictures):
    for foreground, area in (("1", 18), ("2", 24), ("2,1", 42)):
        importer, cases, problems = find(pictures, foreground=foreground)
        assert not problems and [case.name for case in cases] == ["p1_a", "p1_b", "p2_a"]
        assert all(case.patient is None and not case.about for case in cases)
        image, mask = read(importer, cases[0])
        assert image.dtype == np.uint16 and image[0, 0] == 65535
        assert mask.shape == image.shape and mask.sum() == area and set(np.unique(mask)) == {0, 1}


def test_the_channel_is_the_one_asked_for(pictures):
    importer, cases, _ = find(pictures, foreground="1", channel=1)
    assert read(importer, cases[0])[0][0, 0] == 65534
    _, none, problems = find(pictures, foreground="1", channel=2)
    assert not none
    assert problems == {"label without an image of channel _0002.png": ["p1_a", "p1_b", "p2_a"]}


def test_patients_of_pictures_come_from_a_pattern(pictures):
    _, cases, _ = find(pictures, foreground="1", patient_regex=r"^(p\d)_")
    assert [case.patient for case in cases] == ["p1", "p1", "p2"]


def test_reading_needs_none_of_the_options_that_found_the_case(pictures):
    _, cases, _ = find(pictures, foreground="2", channel=1)
    assert read(NnUNet(NnUNetOptions()), cases[0])[1].sum() == 24


def test_several_labels_are_classes_by_the_names_of_the_description(pictures):
    importer, cases, _ = find(pictures)
    assert importer.classes == ("oedema", "core")
    chosen, of_one, _ = find(pictures, foreground="2")
    assert chosen.classes == ("lesion",)
    mask, core = read(importer, cases[0])[1], read(chosen, of_one[0])[1]
    assert set(np.unique(mask)) == {0, 1, 2} and ((mask == 2) == (core == 1)).all()


def test_pixels_that_nobody_labelled_are_no_background(pictures):
    file = pictures / "labelsTr" / "p1_b.png"
    label = np.array(Image.open(file))
    label[:4] = 3
    Image.fromarray(label).save(file)
    importer, cases, _ = find(pictures)
    read(importer, cases[0])
    with pytest.raises(UnusableError, match=r"20\.0% of it has the label 'ignore', which would count as background"):
        read(importer, cases[1])
    one, cases, _ = find(pictures, foreground="1,2")
    assert read(one, cases[1])[1].max() == 1


def test_a_foreground_is_one_of_the_labels(pictures):
    with pytest.raises(PigbenchError, match="7 is no label"):
        find(pictures, foreground="7")
    with pytest.raises(PigbenchError, match="give numbers"):
        find(pictures, foreground="core")


def test_an_undeclared_label_is_refused(pictures):
    describe(pictures, ONE, ".png")
    importer, cases, _ = find(pictures)
    with pytest.raises(UnusableError, match="does not declare: 2"):
        read(importer, cases[0])


@pytest.mark.parametrize(
    "labels", [{"0": "background", "1": "oedema", "2": "core"}, {"background": 0, "whole": [1, 2], "core": 2}]
)
def test_labels_of_version_1_and_regions_are_understood(pictures, labels):
    describe(pictures, labels, ".png")
    importer, cases, _ = find(pictures, foreground="2")
    assert read(importer, cases[0])[1].sum() == 24


def test_faults_of_a_folder_are_all_named(pictures):
    (pictures / "imagesTr" / "p1_a_0000.png").unlink()
    (pictures / "labelsTr" / "p2_a.png").unlink()
    _, cases, problems = find(pictures, foreground="1")
    assert [case.name for case in cases] == ["p1_b"]
    assert problems == {
        "label without an image of channel _0000.png": ["p1_a"],
        "image without a label": ["p2_a"],
        "dataset.json counts 3 cases, but labelsTr has": ["2"],
    }


def test_a_link_out_of_the_folder_is_not_followed(pictures, tmp_path):
    link = pictures / "labelsTr" / "p1_a.png"
    link.rename(tmp_path / "elsewhere.png")
    link.symlink_to(tmp_path / "elsewhere.png")
    _, cases, problems = find(pictures, foreground="1")
    assert [case.name for case in cases] == ["p1_b", "p2_a"]
    assert "labelsTr/p1_a.png (leads out" in problems["unusable file"][0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not a dataset.json"),
        ('{"labels": {"background": 0}}', "channel_names"),
        ('{"modality": {"0": "T1"}, "labels": {"a": "b"}}', "is not a dataset.json"),
        ('{"modality": {"0": "T1"}, "labels": {"a": 1}, "file_ending": ".nrrd"}', "'.nrrd' are not read"),
        ('{"modality": {"0": "T1"}, "labels": {"a": 1}, "dataset": {}}', "lists files of its own"),
    ],
)
def test_a_bad_description_is_said_to_be_one(pictures, content, said):
    (pictures / "dataset.json").write_text(content)
    with pytest.raises(PigbenchError, match=said):
        find(pictures)


def test_the_folder_above_and_an_archive_are_answered_with_the_way_out(pictures, tmp_path):
    with pytest.raises(PigbenchError, match="such as Dataset001_Pictures"):
        find(pictures.parent)
    (tmp_path / "set.zip").touch()
    with pytest.raises(PigbenchError, match="unpack it"):
        find(tmp_path / "set.zip")


def test_volumes_give_their_slices_with_lesion(volumes):
    importer, cases, problems = find(volumes, foreground="1")
    assert not problems
    assert [(case.patient, case.image.inside) for case in cases] == [
        (patient, f"slice {index} along axis 2") for patient in ("brain_1", "brain_2") for index in (1, 3)
    ]
    for case, seed, index in zip(cases, (0, 0, 1, 1), (1, 3, 1, 3), strict=True):
        image, mask = read(importer, case)
        assert image.dtype == np.uint16
        np.testing.assert_array_equal(image, volume(seed=seed)[:, :, index].T)
        np.testing.assert_array_equal(mask, (label_of()[:, :, index] == 1).T)
    assert [case.image.inside[6] for case in find(volumes, foreground="2")[1]] == ["3", "3"]


@pytest.mark.parametrize(("axis", "kept"), [(0, [1, 2, 3]), (1, [1, 2])])
def test_another_axis_cuts_another_way(volumes, axis, kept):
    importer, cases, _ = find(volumes, foreground="1", axis=axis)
    assert [case.image.inside for case in cases[: len(kept)]] == [f"slice {i} along axis {axis}" for i in kept]
    image, mask = read(importer, cases[0])
    np.testing.assert_array_equal(image, np.take(volume(), 1, axis).T)
    np.testing.assert_array_equal(mask, np.take(label_of() == 1, 1, axis).T)


@pytest.mark.parametrize(
    ("dtype", "kept"), [("u1", np.uint8), (">u2", np.uint16), ("i2", np.float32), ("f8", np.float32)]
)
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_depths_survive(volumes, dtype, kept, kind):
    values = (volume().astype(np.int64) % 200 - (100 if dtype == "i2" else 0)).astype(dtype)
    save(values, volumes / "imagesTr" / "brain_1_0000.nii.gz", kind=kind)
    importer, cases, problems = find(volumes, foreground="1")
    image, _ = read(importer, cases[0])
    assert not problems and image.dtype == kept and image.dtype.isnative
    np.testing.assert_array_equal(image, values[:, :, 1].T)


def test_a_scale_in_the_header_is_applied(volumes):
    file = volumes / "imagesTr" / "brain_1_0000.nii.gz"
    save(volume(), file, slope=(0.5, -1000.0))
    importer, cases, _ = find(volumes, foreground="1")
    image, _ = read(importer, cases[0])
    expected = np.asarray(nibabel.load(file).dataobj)[:, :, 1].T
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, expected, rtol=1e-6)


def test_values_that_would_be_lost_are_refused(volumes):
    for values, said in ((volume().astype(np.int32) + 2**24 + 1, "cannot hold"), (volume() * np.nan, "not finite")):
        save(values, volumes / "imagesTr" / "brain_1_0000.nii.gz")
        importer, cases, _ = find(volumes, foreground="1")
        with pytest.raises(UnusableError, match=said):
            read(importer, cases[0])


def test_a_label_of_another_geometry_is_refused_by_name(volumes):
    moved = np.eye(4)
    moved[0, 3] = 2
    save(label_of(), volumes / "labelsTr" / "brain_1.nii.gz", moved)
    save(label_of((7, 6, 4)), volumes / "labelsTr" / "brain_2.nii.gz")
    _, cases, problems = find(volumes, foreground="1")
    assert not cases
    assert problems == {
        "image and label differ in geometry": [
            "brain_1 (they lie in different places)",
            "brain_2 (7×6×5 against 7×6×4)",
        ]
    }


def test_a_rounded_or_absent_place_does_not_matter(volumes):
    rounded = np.eye(4)
    rounded[:3, 3] = 0.01
    save(label_of(), volumes / "labelsTr" / "brain_1.nii.gz", rounded)
    nowhere = nibabel.Nifti1Image(label_of(), None)
    nibabel.save(nowhere, volumes / "labelsTr" / "brain_2.nii.gz")
    _, cases, problems = find(volumes, foreground="1")
    assert len(cases) == 4 and not problems


def test_damaged_volumes_are_named_and_the_rest_goes_on(volumes):
    label = volumes / "labelsTr" / "brain_1.nii.gz"
    label.write_bytes(label.read_bytes()[:-30])
    _, cases, problems = find(volumes, foreground="1")
    assert len(cases) == 2
    assert problems["unusable file"][0].startswith("labelsTr/brain_1.nii.gz (cannot be read")
    label.write_bytes(b"no volume")
    assert "not a NIfTI file" in find(volumes, foreground="1")[2]["unusable file"][0]


def test_fewer_voxels_than_declared_are_noticed_in_every_slice(volumes):
    importer, cases, _ = find(volumes, foreground="1")
    whole = gzip.decompress(cases[0].image.file.read_bytes())
    with pytest.raises(UnusableError, match=r"Expected 420 bytes, got 410 bytes"):
        importer.image(whole[:-10], "slice 0 along axis 2")


def test_volumes_without_lesion_and_undeclared_labels_are_named(volumes):
    save(np.zeros((7, 6, 5), np.uint8), volumes / "labelsTr" / "brain_1.nii.gz")
    save(label_of() * 4, volumes / "labelsTr" / "brain_2.nii.gz")
    _, cases, problems = find(volumes, foreground="1")
    assert not cases
    assert problems["volume without a lesion"] == ["brain_1.nii.gz"]
    assert problems["unusable file"] == ["labelsTr/brain_2.nii.gz (labels that dataset.json does not declare: 4)"]


def test_a_series_of_volumes_is_refused(volumes):
    save(volume((7, 6, 5, 2)), volumes / "imagesTr" / "brain_1_0000.nii.gz")
    assert "holds 7×6×5×2 voxels" in find(volumes, foreground="1")[2]["unusable file"][0]


@pytest.mark.parametrize(("axis", "spacing"), [(2, (3.0, 2.0)), (1, (4.0, 2.0)), (0, (4.0, 3.0))])
def test_the_size_of_a_slices_pixel_is_the_volumes(axis, spacing):
    """As `slice` lays them out: rows along the later of the other axes."""
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    made = nibabel.Nifti1Image(volume(), affine)
    opened = nifti.open_volume(made.to_bytes())
    assert opened.spacing(axis) == spacing
    assert opened.slice(axis, 0).shape == tuple(
        (7, 6, 5)[int(each) - 2]
        for each in spacing  # 2 mm along the first axis, 3 along the second, 4 along the third
    )
