from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pigbench.data.datasets import list_datasets, open_dataset
from pigbench.data.file_dataset import Imported, import_dataset
from pigbench.data.pseudonyms import pseudonyms
from pigbench.data.splits import make_folds
from pigbench.errors import PigbenchError

REGEX = r"^(p\d+)_"


def import_folder(images: Path, masks: Path, name: str, store: Path, *, patients_csv=None, **options) -> Imported:
    """The importer `folder`, as the command line calls it."""
    given = {"images": images, "masks": masks, "patients": patients_csv, **options}
    return import_dataset("folder", Path(), name, store, {key: value for key, value in given.items() if value})


def write_pair(root: Path, stem: str, seed: int, depth: type = np.uint8, suffix: str = ".png") -> None:
    """A noisy image and a mask with a square in it."""
    stream = np.random.default_rng(seed)
    image = stream.integers(0, np.iinfo(depth).max, (24, 20), dtype=depth)
    mask = np.zeros((24, 20), np.uint8)
    mask[4 : 6 + seed % 9, 5:10] = 255
    for folder, pixels, end in (("images", image, suffix), ("masks", mask, ".png")):
        (root / folder).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / folder / f"{stem}{end}")


@pytest.fixture
def pairs(tmp_path) -> Path:
    """Twelve cases of six patients, p0_0 to p5_1, and a table that says so in other words."""
    root = tmp_path / "lab"
    for patient in range(6):
        for index in range(2):
            write_pair(root, f"p{patient}_{index}", 2 * patient + index)
    write_table(root / "table.csv", [(f"p{p}_{i}", f"Person {9 - p}") for p in range(6) for i in range(2)])
    return root


def write_table(file: Path, rows: list[tuple[str, str]], header: tuple[str, str] = ("case_id", "patient_id")) -> None:
    with file.open("w", newline="") as table:
        csv.writer(table).writerows([header, *rows])


def load(root: Path, store: Path, name: str = "mine", **options):
    import_folder(root / "images", root / "masks", name, store, **options)
    return open_dataset(name, store)


def refused(root: Path, store: Path, name: str = "mine", **options) -> str:
    """The message of the import's error, after making sure that nothing was registered."""
    with pytest.raises(PigbenchError) as error:
        import_folder(root / "images", root / "masks", name, store, **options)
    assert not (store / "datasets" / name).exists()
    assert not list(store.glob("building/*"))
    return str(error.value)


def test_cases_read_back_as_their_files_are(pairs, tmp_path):
    source = load(pairs, tmp_path / "store", patient_regex=REGEX)
    assert source.has_patient_ids and len(source.cases()) == 12
    assert len({case.patient_id for case in source.cases()}) == 6
    on_disk = {np.asarray(Image.open(file)).tobytes() for file in (pairs / "images").iterdir()}
    for index, case in enumerate(source.cases()):
        image, mask = source.read(index, 8)
        assert image.shape == mask.shape == (24, 20) and image.tobytes() in on_disk
        assert case.lesion_fraction == mask.mean()
        assert set(np.unique(mask)) == {0, 1}


@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF"])
def test_16_bit_stays_16_bit(tmp_path, suffix):
    root = tmp_path / "lab"
    write_pair(root, "a", 0, np.uint16, suffix)
    deep = np.zeros((24, 20), np.uint16)
    deep[0, :4] = 256, 1000, 40000, 65535
    Image.fromarray(deep).save(root / "images" / f"a{suffix}")
    image, _ = load(root, tmp_path / "store").read(0, 8)
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(image, deep)


def test_a_regex_and_a_table_of_the_same_grouping_are_the_same_dataset(pairs, tmp_path):
    by_regex = load(pairs, tmp_path / "one", patient_regex=REGEX)
    by_table = load(pairs, tmp_path / "two", "other", patients_csv=pairs / "table.csv")
    assert by_regex.identity() == by_table.identity()
    assert by_regex.cases() == by_table.cases()
    assert make_folds(by_regex.cases(), 3, 0) == make_folds(by_table.cases(), 3, 0)


def test_identity_ignores_names_and_places_but_not_content_or_grouping(pairs, tmp_path):
    original = load(pairs, tmp_path / "store", patient_regex=REGEX)
    elsewhere = tmp_path / "elsewhere"
    for folder in ("images", "masks"):
        (elsewhere / folder).mkdir(parents=True)
        for file in (pairs / folder).iterdir():
            shutil.copy(file, elsewhere / folder / f"x{file.name[1:]}")
    renamed = load(elsewhere, tmp_path / "store", "renamed", patient_regex=r"^(x\d+)")
    assert renamed.identity() == original.identity() and renamed.cases() == original.cases()

    grouped = load(pairs, tmp_path / "store", "grouped", patient_regex=r"_(\d)")
    alone = load(pairs, tmp_path / "store", "alone")
    write_pair(pairs, "p0_0", 99)
    changed = load(pairs, tmp_path / "store", "changed", patient_regex=REGEX)
    assert len({source.fingerprint() for source in (original, grouped, alone, changed)}) == 4


def test_without_patients_every_case_is_its_own(pairs, tmp_path):
    source = load(pairs, tmp_path / "store")
    assert not source.has_patient_ids
    assert len({case.patient_id for case in source.cases()}) == 12


def test_no_name_shows(pairs, tmp_path):
    source = load(pairs, tmp_path / "store", patients_csv=pairs / "table.csv")
    shown = f"{source.cases()} {source.identity()} {(tmp_path / 'store/datasets/mine/dataset.json').read_text()}"
    assert "Person" not in shown and "p0" not in shown and str(tmp_path) not in shown


def test_own_ids_are_shown_on_request_and_make_another_dataset(pairs, tmp_path):
    hashed = load(pairs, tmp_path / "store", patient_regex=REGEX)
    options = {"images": pairs / "images", "masks": pairs / "masks", "patient_regex": REGEX}
    import_dataset("folder", Path(), "named", tmp_path / "store", options, own_ids=True)
    named = open_dataset("named", tmp_path / "store")
    assert {case.case_id for case in named.cases()} == {f"p{p}_{i}" for p in range(6) for i in range(2)}
    assert all(case.case_id.startswith(f"{case.patient_id}_") for case in named.cases())
    assert named.fingerprint() != hashed.fingerprint()
    np.testing.assert_array_equal(named.read(0, 8)[0], np.array(Image.open(pairs / "images" / "p0_0.png")))


def test_a_table_may_name_files_and_use_semicolons(pairs, tmp_path):
    rows = "\n".join(f"p{p}_{i}.png;{p}" for p in range(6) for i in range(2))
    (pairs / "excel.csv").write_text(f"\ufeffImage;Patient\n{rows}\nnot_here.png;7\n", encoding="utf-8")
    by_table = load(pairs, tmp_path / "store", patients_csv=pairs / "excel.csv")
    assert by_table.cases() == load(pairs, tmp_path / "store", "other", patient_regex=REGEX).cases()


def test_importing_again_is_fine_and_another_dataset_cannot_take_the_name(pairs, tmp_path):
    store = tmp_path / "store"
    before = load(pairs, store, patient_regex=REGEX)
    moved = tmp_path / "moved"
    shutil.move(pairs, moved)
    with pytest.raises(PigbenchError, match="import it again under the same name"):
        before.read(0, 8)
    again = import_folder(moved / "images", moved / "masks", "mine", store, patient_regex=REGEX)
    assert again.known
    assert open_dataset("mine", store).read(0, 8)[0].shape == (24, 20)
    with pytest.raises(PigbenchError, match=r"'mine' is already another dataset \(12 cases of 6 patients"):
        import_folder(moved / "images", moved / "masks", "mine", store)
    assert open_dataset("mine", store).cases() == before.cases()


def test_a_file_that_changed_is_noticed(pairs, tmp_path):
    source = load(pairs, tmp_path / "store", patient_regex=REGEX)
    for index in range(12):
        write_pair(pairs, f"p{index // 2}_{index % 2}", 1000 + index)
    with pytest.raises(PigbenchError, match="has changed since it was imported"):
        source.read(3, 8)


def test_a_damaged_register_is_noticed_and_listed(pairs, tmp_path):
    store = tmp_path / "store"
    load(pairs, store)
    table = next((store / "datasets/mine").glob("cases-*.csv"))
    table.write_text(table.read_text().replace("0.", "1.", 1))
    with pytest.raises(PigbenchError, match="does not match its hash"):
        open_dataset("mine", store).cases()
    (store / "datasets/mine/dataset.json").write_text("{}")
    listed = {info.name: info for info in list_datasets(store)}
    assert "malformed" in listed["mine"].error and not listed["phantom"].error


def test_unknown_dataset_gets_a_hint(pairs, tmp_path):
    load(pairs, tmp_path / "store", "breasts")
    with pytest.raises(PigbenchError, match="did you mean 'breasts'"):
        open_dataset("breast", tmp_path / "store")


def test_missing_partners_are_named_and_counted(pairs, tmp_path):
    for index in range(12):
        write_pair(pairs, f"lonely{index:02}", index)
        (pairs / "masks" / f"lonely{index:02}.png").unlink()
    shutil.copy(pairs / "masks" / "p0_0.png", pairs / "masks" / "extra.png")
    message = refused(pairs, tmp_path / "store")
    assert "image without a mask of the same stem: lonely00, lonely01" in message
    assert "lonely09, … (12 in all)" in message and "lonely10" not in message
    assert "mask without an image of the same stem: extra" in message


def test_every_fault_of_the_files_is_told_at_once(pairs, tmp_path):
    image = np.arange(480, dtype=np.uint8).reshape(24, 20) % 250
    Image.fromarray(image[:10]).save(pairs / "images" / "p0_0.png")
    Image.fromarray(np.full((24, 20), 7, np.uint8)).save(pairs / "images" / "p0_1.png")
    Image.fromarray(np.tile(np.array([0, 3, 9, 255], np.uint8), (24, 5))).save(pairs / "masks" / "p1_0.png")
    whole = (pairs / "images" / "p1_1.png").read_bytes()
    (pairs / "images" / "p1_1.png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(np.dstack([image, image, image + 1])).save(pairs / "masks" / "p2_0.png")
    message = refused(pairs, tmp_path / "store")
    assert "differ in size: p0_0 (20×10 against 20×24)" in message
    assert "constant image: p0_1.png (all 7)" in message
    told = "(--classes NAME=3,NAME=9,NAME=255 takes each by itself, --foreground 3,9,255 all but 0 as one)"
    assert f"mask with the values 0, 3, 9, 255 {told}: p1_0.png" in message
    assert "images/p1_1.png (cannot be read" in message
    assert "masks/p2_0.png (has colour: save it as grey, or say with --classes NAME=#RRGGBB" in message


def test_label_maps_are_refused_but_encodings_of_one_may_mix(pairs, tmp_path):
    mask = np.zeros((24, 20), np.uint8)
    mask[3:9, 3:9] = 1
    Image.fromarray(mask).save(pairs / "masks" / "p0_0.png")
    load(pairs, tmp_path / "store")
    Image.fromarray(mask * 2).save(pairs / "masks" / "p0_1.png")
    message = refused(pairs, tmp_path / "store", "other")
    assert "label map? see --classes, --foreground); 2 in: p0_1.png" in message


def test_empty_masks_and_shared_images_are_counted(pairs, tmp_path):
    Image.fromarray(np.zeros((24, 20), np.uint8)).save(pairs / "masks" / "p0_0.png")
    shutil.copy(pairs / "images" / "p1_0.png", pairs / "images" / "p2_0.png")
    shutil.copy(pairs / "images" / "p3_0.png", pairs / "images" / "p3_1.png")
    imported = import_folder(pairs / "images", pairs / "masks", "mine", tmp_path / "store", patient_regex=REGEX)
    assert imported.dataset.empty_masks == 1
    assert imported.shared_images == 1


def test_folders_that_are_missing_empty_or_ambiguous(pairs, tmp_path):
    assert "nowhere/images cannot be read: No such file" in refused(tmp_path / "nowhere", tmp_path / "store")
    (tmp_path / "empty/images").mkdir(parents=True)
    (tmp_path / "empty/images/.hidden.png").touch()
    (tmp_path / "empty/images/notes.txt").touch()
    assert "holds no PNG, TIFF, JPEG or BMP" in refused(tmp_path / "empty", tmp_path / "store")
    Image.open(pairs / "images" / "p0_0.png").save(pairs / "images" / "p0_0.tif")
    assert "more than one file" in (message := refused(pairs, tmp_path / "store")) and "p0_0" in message


@pytest.mark.parametrize("name", ["phantom", "Phantom", "", ".x", "a/b", "../up", "a b", "é", "x" * 65, "a\n"])
def test_names_that_cannot_be(pairs, tmp_path, name):
    with pytest.raises(PigbenchError, match="--name"):
        import_folder(pairs / "images", pairs / "masks", name, tmp_path / "store")


def test_patients_that_cannot_be_told(pairs, tmp_path):
    store = tmp_path / "store"
    assert "not a regular expression" in refused(pairs, store, patient_regex="(")
    assert "finds no patient in: p4_0, p4_1, p5_0, p5_1" in refused(pairs, store, patient_regex="p[0-3]")
    assert "finds no patient in" in refused(pairs, store, patient_regex="(q)?p")
    assert "one of them" in refused(pairs, store, patient_regex=REGEX, patients_csv=pairs / "table.csv")
    assert "cannot be read" in refused(pairs, store, patients_csv=pairs / "none.csv")

    table = pairs / "other.csv"
    write_table(table, [("p0_0", "x")], header=("file", "patient"))
    assert "no column case_id or case or stem or image; its columns are file, patient" in refused(
        pairs, store, patients_csv=table
    )
    write_table(table, [(f"p{p}_0", "x") for p in range(6)] + [("p0_0", "y")])
    message = refused(pairs, store, patients_csv=table)
    assert "for: p0_1, p1_1" in message and "two patients in" in message
    table.write_text("")
    assert "its columns are none" in refused(pairs, store, patients_csv=table)


def test_a_table_says_whose_its_images_are_and_nothing_else_does(pairs, tmp_path):
    cases = [f"p{patient}_{slice}" for patient in range(6) for slice in range(2)]
    with (pairs / "cases.csv").open("w", newline="") as table:
        rows = [(f"images/{case}.png", f"masks/{case}.png", case[:2]) for case in cases]
        csv.writer(table).writerows([("image", "mask", "patient"), *rows])
    options = {"table": str(pairs / "cases.csv")}
    import_dataset("folder", pairs, "tabled", tmp_path / "store", options)
    by_regex = load(pairs, tmp_path / "store", patient_regex=REGEX)
    assert open_dataset("tabled", tmp_path / "store").cases() == by_regex.cases()
    for others in ({"patient_regex": REGEX}, {"patients": str(pairs / "table.csv")}):
        with pytest.raises(
            PigbenchError, match="in its column 'patient' whose its images are: leave out --patient-regex"
        ):
            import_dataset("folder", pairs, "other", tmp_path / "store", options | others)


def test_a_store_that_cannot_be_written(pairs, tmp_path):
    (tmp_path / "file").touch()
    assert "cannot be written" in refused(pairs, tmp_path / "file" / "store")


def test_a_full_disk_leaves_nothing(pairs, tmp_path, monkeypatch):
    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert "No space left" in refused(pairs, tmp_path / "store")


def test_pseudonyms_depend_on_who_shares_a_patient_and_not_on_names():
    contents = [("a", "m"), ("b", "m"), ("a", "m"), ("c", "n")]
    ids = pseudonyms(contents, ["x", "x", "y", "y"], ["1", "2", "3", "4"])
    shuffled = pseudonyms(contents[::-1], ["Q", "Q", "A", "A"], ["z", "s", "r", "t"])
    assert shuffled.case_ids == ids.case_ids[::-1]
    assert shuffled.patient_ids == ids.patient_ids[::-1]
    assert shuffled.content == ids.content
    assert len(set(ids.case_ids)) == 4
    other = pseudonyms([*contents, ("d", "n")], ["x", "x", "y", "y", "z"], ["1", "2", "3", "4", "5"])
    assert not set(other.patient_ids) & set(ids.patient_ids), "ids of one dataset mean nothing in another"


def test_several_masks_of_an_image_are_merged_on_request(pairs, tmp_path):
    left, right = np.zeros((24, 20), np.uint8), np.zeros((24, 20), np.uint8)
    left[3:6, 2:5], right[10:14, 9:15] = 255, 255
    (pairs / "masks/p0_0.png").unlink()
    for name, mask in (("p0_0_left", left), ("p0_0_right", right)):
        Image.fromarray(mask).save(pairs / f"masks/{name}.png")
    message = refused(pairs, tmp_path / "store", patient_regex=REGEX)
    assert "--merge-masks makes one mask of them): p0_0 (p0_0_left, p0_0_right)" in message
    options = {"images": pairs / "images", "masks": pairs / "masks", "patient_regex": REGEX, "merge_masks": True}
    imported = import_dataset("folder", Path(), "mine", tmp_path / "store", options)
    assert imported.merged == 1
    source = open_dataset("mine", tmp_path / "store")
    assert len(source.cases()) == 12
    merged = [source.read(index, 8)[1] for index in range(12)]
    assert any(np.array_equal(mask, (left | right) // 255) for mask in merged)


def test_foreground_chooses_among_the_values_of_label_maps(pairs, tmp_path):
    for file in (pairs / "masks").iterdir():
        labels = np.zeros((24, 20), np.uint8)
        labels[3:6], labels[8:10], labels[12:20] = 1, 2, 3
        Image.fromarray(labels).save(file)
    palette = Image.fromarray(labels, mode="P")
    palette.putpalette([90, 90, 90, 10, 10, 10, 200, 0, 0, 0, 200, 0])
    palette.save(pairs / "masks/p3_1.png")
    message = refused(pairs, tmp_path / "store")
    assert "mask with the values 0, 1, 2, 3 (--classes NAME=1,NAME=2,NAME=3 takes" in message
    assert "or say with --classes NAME=1,NAME=2,NAME=3 what the indices of its palette mean" in message
    chosen = load(pairs, tmp_path / "store", foreground="1,3")
    assert all(np.array_equal(chosen.read(i, 8)[1], np.isin(labels, (1, 3))) for i in range(12))
    other = load(pairs, tmp_path / "store", "other", foreground="2")
    assert chosen.fingerprint() != other.fingerprint()
    assert "give numbers" in refused(pairs, tmp_path / "store", "wrong", foreground="lesion")
    message = refused(pairs, tmp_path / "store", "unmet", foreground="1,4,100-200")
    assert "--foreground with a value that no mask has (they have 0, 1, 2, 3): 4, 100-200" in message


def test_a_table_says_what_goes_together_and_keeps_its_other_columns(pairs, tmp_path):
    rows = ["image,mask,patient,view,side"]
    for patient in range(6):
        for index in range(2):
            rows.append(f"images/p{patient}_{index}.png,masks/p{patient}_{index}.png,Person {patient},CC,L")
    (pairs / "cases.csv").write_text("\n".join(rows))
    import_dataset("folder", pairs, "mine", tmp_path / "store", {"table": pairs / "cases.csv"})
    by_table = open_dataset("mine", tmp_path / "store")
    assert by_table.identity() == load(pairs, tmp_path / "store", "other", patient_regex=REGEX).identity()
    assert {row.about for row in by_table.rows} == {'{"view": "CC", "side": "L"}'}

    (pairs / "cases.csv").write_text("\n".join([*rows, "../outside.png,masks/p0_0.png,x,,", "images/p0_0.png"]))
    with pytest.raises(PigbenchError) as error:
        import_dataset("folder", pairs, "escaped", tmp_path / "store", {"table": pairs / "cases.csv"})
    assert f"cases.csv names files that are neither beside it nor in {pairs}: ../outside.png" in str(error.value)
    shutil.copy(pairs / "images/p0_0.png", pairs.parent / "outside.png")
    with pytest.raises(PigbenchError, match="names files outside .*: give a folder that holds both: ../outside.png"):
        import_dataset("folder", pairs, "escaped", tmp_path / "store", {"table": pairs / "cases.csv"})


def test_faulty_files_can_be_left_out_and_are_listed(pairs, tmp_path):
    (pairs / "images/p1_0.png").write_bytes(b"not a picture")
    Image.fromarray(np.full((24, 20), 7, np.uint8)).save(pairs / "images/p2_1.png")
    import_dataset("folder", pairs, "mine", tmp_path / "store", {"patient_regex": REGEX}, skip_bad=True)
    source = open_dataset("mine", tmp_path / "store")
    assert len(source.cases()) == 10
    assert {kind: len(names) for kind, names in source.registered.skipped.items()} == {
        "unusable file": 1,
        "constant image": 1,
    }
    assert "unusable file" in refused(pairs, tmp_path / "store", "strict", patient_regex=REGEX)


def test_label_maps_need_a_choice_that_leaving_out_files_does_not_make(pairs, tmp_path):
    file = pairs / "masks" / "p0_1.png"
    Image.fromarray((np.array(Image.open(file)) > 0).astype(np.uint8) * 2).save(file)
    (pairs / "images/p1_0.png").write_bytes(b"not a picture")
    with pytest.raises(PigbenchError, match="see --classes, --foreground") as error:
        import_dataset("folder", pairs, "mine", tmp_path / "store", {"patient_regex": REGEX}, skip_bad=True)
    assert "unusable" not in str(error.value)


def test_a_table_with_two_masks_of_an_image_asks_whether_to_merge_them(pairs, tmp_path):
    rows = ["image,mask", "images/p0_0.png,masks/p0_0.png", "images/p0_0.png,masks/p0_1.png"]
    (pairs / "cases.csv").write_text("\n".join([*rows, "images/p1_0.png,masks/p1_0.png"]))
    options = {"table": pairs / "cases.csv"}
    with pytest.raises(PigbenchError, match=r"more than one mask in cases.csv \(--merge-masks .*images/p0_0.png"):
        import_dataset("folder", pairs, "mine", tmp_path / "store", options)
    assert import_dataset("folder", pairs, "mine", tmp_path / "store", options | {"merge_masks": True}).merged == 1


def test_paths_in_a_table_start_where_it_lies(pairs, tmp_path):
    rows = [f"../images/p{patient}_0.png,../masks/p{patient}_0.png,{patient}" for patient in range(6)]
    (pairs / "meta").mkdir()
    (pairs / "meta/cases.csv").write_text("\n".join(["image,mask,patient", *rows]))
    import_dataset("folder", pairs, "mine", tmp_path / "store", {"table": pairs / "meta/cases.csv"})
    assert len(open_dataset("mine", tmp_path / "store").cases()) == 6


def test_images_and_masks_without_a_partner_can_be_left_out_and_all_is_listed(pairs, tmp_path):
    shutil.copy(pairs / "masks/p0_0.png", pairs / "masks/p9_0.png")
    (pairs / "masks/p1_1.png").unlink()
    (pairs / "images/p2_0.png").write_bytes(b"not a picture")
    (pairs / "images/p2_1.png").write_bytes(b"not a picture")
    options = {"images": pairs / "images", "masks": pairs / "masks", "patient_regex": REGEX}
    imported = import_dataset("folder", Path(), "mine", tmp_path / "store", options, skip_bad=True)
    assert (imported.dataset.cases, imported.lost_patients) == (9, 1)
    with imported.skipped_table.open() as table:
        listed = {row["left_out"].split(" ")[0] for row in csv.DictReader(table)}
    assert listed == {"p9_0", "p1_1", "images/p2_0.png", "images/p2_1.png"}


def test_what_names_patients_is_for_its_owner_and_group(pairs, tmp_path):
    load(pairs, tmp_path / "store", patient_regex=REGEX)
    for file in (tmp_path / "store/datasets/mine").iterdir():
        assert not file.stat().st_mode & 0o007, file.name


def test_colour_is_read_on_request_and_is_part_of_what_the_dataset_is(pairs, tmp_path):
    colour = np.random.default_rng(0).integers(0, 255, (24, 20, 3), dtype=np.uint8)
    Image.fromarray(colour).save(pairs / "images/p0_0.png")
    grey = load(pairs, tmp_path / "store", "grey", grey=True)
    green = load(pairs, tmp_path / "store", "green", channel="G")
    luminance = np.asarray(Image.fromarray(colour).convert("L"))
    assert any(np.array_equal(grey.read(i, 8)[0], luminance) for i in range(12))
    assert any(np.array_equal(green.read(i, 8)[0], colour[..., 1]) for i in range(12))
    assert grey.fingerprint() != green.fingerprint()
    assert "give --grey or --channel" in refused(pairs, tmp_path / "store", "both", grey=True, channel="G")


def test_smoothed_masks_are_told_from_label_maps(pairs, tmp_path):
    ramp = np.tile(np.arange(0, 240, 12, dtype=np.uint8), (24, 1))
    for file in (pairs / "masks").iterdir():
        Image.fromarray(ramp).save(file)
    told = refused(pairs, tmp_path / "s")
    assert "smoothed (--foreground 128-255 takes the upper half of its values): p0_0.png" in told
    options = {"images": pairs / "images", "masks": pairs / "masks", "patient_regex": REGEX}
    wide = np.arange(480, dtype=np.uint16).reshape(24, 20) // 2
    for file in (pairs / "masks").iterdir():
        Image.fromarray(wide.astype(np.uint8)).save(file)
    for foreground, smoothed in (("128-255", 0), ("0-127", 0), ("any", 12), ("1,2", 12)):
        name = f"d{foreground.replace(',', '-')}"
        imported = import_dataset("folder", Path(), name, tmp_path / "s", options | {"foreground": foreground})
        assert imported.smoothed == smoothed


def test_values_of_a_lesion_alone_are_its_foreground(pairs, tmp_path):
    for file in (pairs / "masks").iterdir():
        labels = np.zeros((24, 20), np.uint8)
        labels[3:9, 3:9], labels[12:20, 5:9] = 1, 2
        Image.fromarray(labels).save(file)
    for number, foreground in enumerate(("1", "1,2", "any")):
        one = load(pairs, tmp_path / "store", f"a{number}", foreground=foreground)
        other = load(pairs, tmp_path / "store", f"b{number}", classes=f"lesion={foreground}")
        assert other.fingerprint() == one.fingerprint() and other.classes == ("lesion",)
        assert (other.read(0, 8)[1] == one.read(0, 8)[1]).all()
    assert "no class names" in refused(pairs, tmp_path / "store", "strict", classes="cyst=1")
    alike = refused(pairs, tmp_path / "store", "alike", classes="mass=1,Mass=2")
    assert alike == "classes mass and Mass differ in case alone: give them other names"
    lacking = refused(pairs, tmp_path / "store", "lacking", classes="cyst=9,background=1,2")
    assert "--classes with a value that no mask has: cyst=9" in lacking


def test_where_nothing_would_be_left_that_is_said(pairs, tmp_path):
    for file in (pairs / "images").iterdir():
        file.write_bytes(b"not a picture")
    options = {"images": pairs / "images", "masks": pairs / "masks"}
    with pytest.raises(PigbenchError, match="^with --skip-bad nothing would be left\nunusable file: "):
        import_dataset("folder", Path(), "mine", tmp_path / "store", options, skip_bad=True)


def test_other_layouts_and_tables_that_cannot_be_read_are_refused_with_the_way_out(pairs, tmp_path):
    for options, said in (
        ({}, "has no folder images/: give --images and --masks, or --mask-suffix _mask"),
        ({"table": pairs / "none.csv"}, "none.csv cannot be read: No such file or directory"),
        ({"table": pairs / "latin.csv"}, "is not in UTF-8: save it as 'CSV UTF-8'"),
    ):
        (pairs / "latin.csv").write_bytes("image,mask\nGröße.png,b.png\n".encode("latin-1"))
        with pytest.raises(PigbenchError, match=said):
            import_dataset("folder", tmp_path / "lab" / "images", "mine", tmp_path / "store", options)


def test_classes_and_colour_are_part_of_what_the_dataset_is(pairs, tmp_path):
    draw = np.random.default_rng(0)
    for number, file in enumerate(sorted((pairs / "masks").iterdir())):
        labels = np.zeros((24, 20, 3), np.uint8)
        labels[3:9, 3:9], labels[12:20, 5:9] = (255, 0, 0), (0, 0, 255)
        Image.fromarray(labels).save(file)
        if number:
            Image.fromarray(draw.integers(0, 256, (24, 20, 3), dtype=np.uint8)).save(pairs / "images" / file.name)
    source = load(pairs, tmp_path / "store", classes="cyst=#ff0000,mass=#0000ff")
    assert (source.channels, source.classes) == (3, ("cyst", "mass"))
    assert {"channels", "classes"} <= source.identity().keys()
    image, mask = source.read(0, 8)
    assert image.shape == (24, 20, 3) and image.dtype == np.uint8
    assert set(np.unique(mask)) == {0, 1, 2} and (mask[12:20, 5:9] == 2).all()
    grey = [i for i in range(12) if (source.read(i, 8)[0] == source.read(i, 8)[0][..., :1]).all()]
    assert len(grey) == 1
    other = load(pairs, tmp_path / "store", "other", classes="cyst=#ff0000,solid=#0000ff")
    assert other.fingerprint() != source.fingerprint()
    both = refused(pairs, tmp_path / "store", "both", classes="cyst=1", foreground="1")
    assert "give --classes or --foreground, not both" in both
    lacking = refused(pairs, tmp_path / "store", "lacking", classes="cyst=#ff0000,mass=#0000ff,lump=#00ff00")
    assert "no mask has the class: lump" in lacking
    no_value = refused(pairs, tmp_path / "store", "value", classes="cyst=#ff0000,#00ff00,mass=#0000ff")
    assert "--classes with a value that no mask has: cyst=#00ff00" in no_value
    deep = np.random.default_rng(1).integers(0, 65536, (24, 20)).astype(np.uint16)
    Image.fromarray(deep).save(pairs / "images/p0_0.png")
    odd = refused(pairs, tmp_path / "store", "deep", classes="cyst=#ff0000,mass=#0000ff")
    assert "image of another bit depth than those in colour (--grey reads all images as grey): p0_0.png" in odd
    options = {"images": pairs / "images", "masks": pairs / "masks", "classes": "cyst=#ff0000,mass=#0000ff"}
    kept = import_dataset("folder", Path(), "rest", tmp_path / "store", options, skip_bad=True).dataset
    assert kept.cases == 11 and sum(map(len, kept.skipped.values())) == 1
    assert "give it a name of 1 to 64" in refused(pairs, tmp_path / "store", "named", classes=f"{'x' * 65}=#ff0000")
