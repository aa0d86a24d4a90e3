"""What stands in the tables, and what stands beside the numbers."""

from __future__ import annotations

import pytest

from pigbench.metrics import SETS
from pigbench.reporting import published
from pigbench.reporting.columns import Column
from pigbench.reporting.tables import Table, published_section, section
from pigbench.reporting.tables import sections as all_sections
from pigbench.results import Estimate, merge, summarise
from pigbench.results.described import MetricInfo
from pigbench.results.sizes import by_size


def sections(*records):
    return [section(summarise(group)) for group in merge(records)]


def tables(*records) -> list[Table]:
    (only,) = sections(*records)
    return list(only.tables)


def column(table, heading):
    index = table.headings.index(heading)
    return {row[0].text: row[index] for row in table.rows}


def notes(table):
    return "\n".join(table.notes)


@pytest.fixture
def changed(factory):
    """`record_factory.changed`: a record with other parts."""
    return factory.changed


@pytest.fixture
def with_distances(factory):
    """A function that gives a record the same (kid, fid) in every fold of each generator named."""

    def with_distances(record, **of_generator):
        runs = factory.content(record)["fidelity"]
        for run in runs:
            if run["generator"] in of_generator:
                run["values"] = dict(zip(("kid", "fid"), of_generator[run["generator"]], strict=True))
        return factory.changed(record, fidelity=runs)

    return with_distances


def test_table_1_is_ranked_by_kid_alone(make_record, with_distances):
    record = make_record(("pig", "ddpm", "ddim"), (2048,))
    table, _ = tables(with_distances(record, pig=(0.002, 30.0), ddpm=(0.001, 40.0), ddim=(0.003, 20.0)))
    assert {name: cell.mark for name, cell in column(table, "KID ×1000").items()} == {
        "ddpm": "best",
        "pig": "second",
        "ddim": "",
    }
    assert not any(cell.mark for cell in column(table, "FID").values())
    assert column(table, "KID ×1000")["ddpm"].text == "1.00 ± 0.00"


def test_the_extractor_stands_over_the_distances(make_record, factory, changed):
    table, _ = tables(make_record())
    assert "FID (efficientnet-lite0 features; not Inception-FID)" in table.title
    runs = factory.content(make_record())["fidelity"]
    inception = changed(make_record(), fidelity=[run | {"extractor": "inception"} for run in runs])
    assert "FID (inception features)" in tables(inception)[0].title
    both = changed(make_record(), fidelity=runs + [run | {"extractor": "inception"} for run in runs])
    assert len(tables(both)) == 3, "two extractors never share a table"


def test_a_biased_fid_carries_a_dagger(make_record):
    table, _ = tables(make_record(samples=(2048, 3072)))
    assert [cell.text.endswith("†") for cell in (row[4] for row in table.rows)] == [True, False]
    assert "† FID is mostly bias at this m" in notes(table)
    assert "†" not in notes(tables(make_record(samples=(3072,)))[0])


def test_table_1_says_what_it_takes_to_trust_it(make_record):
    table, _ = tables(make_record(("pig", "ddpm")))
    against = (
        "mean ± SD over folds of m generated images against m of 4096 real images (fresh patients); lower is better"
    )
    for said in (against, "floor", "at m = 400", "ddpm: respaced to 128"):
        assert said in notes(table)
    assert "image-passes in training: guider 24,000, conditional 24,000" in notes(table)
    assert table.signature.startswith("kid,fid|folds:5|")


def test_table_2_ranks_each_metric_and_real_too(make_record):
    _, table = tables(make_record(("pig", "ldm"), (1024, 2048)))
    for heading in ("Dice", "IoU", "Precision", "Recall"):
        cells = column(table, heading)
        by_value = sorted(cells, key=lambda name: float(cells[name].text.split(" ")[0]), reverse=True)
        marks = {cells[name].mark: name for name in cells if cells[name].mark}
        assert set(marks) == {"best", "second"}
        shown = [float(cells[name].text.split(" ")[0]) for name in (marks["best"], marks["second"])]
        assert shown == [float(cells[name].text.split(" ")[0]) for name in by_value[:2]]
    assert [row[0].text for row in table.rows] == [
        "real only",
        "+ldm_1024",
        "+ldm_2048",
        "+pig_1024",
        "+pig_2048",
    ]


def test_the_difference_to_real_has_its_interval(make_record):
    _, table = tables(make_record())
    cells = column(table, "Δ Dice [95%]")
    assert cells["real only"].text == "-"
    delta, low, high = cells["+pig_2048"].text.replace("[", "").replace("]", "").replace(",", "").split()
    assert float(low) <= float(delta) <= float(high) and delta[0] in "+-"
    assert "95% interval over patients only" in notes(table)
    _, table = tables(make_record(trainings=2))
    assert "over patients and the luck of training segmenters (" in notes(table)
    assert "not covered: the luck of training a generator (one seed): pig; --seeds 3 measures it" in notes(table)
    _, table = tables(make_record(seeds=(0, 1)))
    assert "over patients and the luck of training segmenters and generators (" in notes(table)
    assert "not covered" not in notes(table)


def test_where_every_arm_was_trained_once_the_first_note_says_what_is_unknown(make_record):
    _, table = tables(make_record())
    assert table.notes[0].startswith("every arm was trained once, so the luck of training segmenters is unknown")
    assert "verdict" not in table.headings
    _, table = tables(make_record(trainings=2))
    assert "every arm was trained once" not in notes(table)


def test_verdicts_stand_beside_the_intervals_that_decide_them(make_record):
    _, table = tables(make_record(("pig", "ldm"), trainings=3))
    assert table.headings[:5] == ("Trained on", "Dice", "Δ Dice [95%]", "simultaneous", "verdict")
    assert column(table, "verdict")["+pig_2048"].text in ("helps", "hurts", "no difference shown")
    assert column(table, "verdict")["real only"].text == "-"
    assert "verdicts: by simultaneous 95% intervals of the 2 ranked rows, each at 9" in notes(table)
    assert "would be shown with a probability of 80%" in notes(table)
    upper = column(table, "simultaneous")["+ldm_2048"].text.split(", ")[1].removesuffix("]")
    assert f"largest gain not ruled out: +ldm_2048 {upper}" in notes(table)
    _, table = tables(make_record(trainings=3))
    assert table.headings[1:4] == ("Dice", "Δ Dice [95%]", "verdict")
    assert "verdict: by the interval of the one ranked row" in notes(table)


def test_equal_rows_share_a_mark(make_record, with_distances):
    record = make_record(("pig", "ddpm", "ddim"))
    table, _ = tables(with_distances(record, pig=(0.001, 1.0), ddpm=(0.001, 1.0), ddim=(0.003, 1.0)))
    assert [cell.mark for cell in column(table, "KID ×1000").values()] == ["second", "best", "best"]


def test_one_row_alone_is_not_ranked(make_record):
    assert not any(cell.mark for table in tables(make_record(())) for row in table.rows for cell in row)


@pytest.mark.parametrize("failed", ["real+pig_2048", "real"])
def test_a_failed_arm_says_so_with_its_reason_and_is_not_ranked(make_record, failed):
    record = make_record(samples=(1024, 2048, 3072), trainings=2, failed=[(failed, 1), (failed, 3)])
    _, table = tables(record)
    name = "real only" if failed == "real" else "+pig_2048"
    cell = column(table, "Dice")[name]
    assert (cell.text, cell.mark) == ("FAILED", "")
    assert f"{name}, unet: FAILED, 3/5 folds done; folds 1, 3: RuntimeError: out of memory" in notes(table)
    assert sorted(cell.mark for cell in column(table, "Dice").values()) == ["", "", "best", "second"]
    if failed == "real":
        assert all(cell.text == "-" for cell in column(table, "Δ Dice [95%]").values())
        assert "no Δ" in notes(table)


def test_a_failed_generator_says_so_in_table_1(make_record):
    table, _ = tables(make_record(("pig", "ddpm"), failed=[("ddpm_2048", 0)], reason="a\n  traceback " + "x " * 500))
    assert column(table, "KID ×1000")["ddpm"].text == "FAILED"
    (note,) = [note for note in table.notes if "FAILED" in note]
    assert note.startswith("ddpm_2048: FAILED, 4/5 folds done; fold 0: a traceback x x")
    assert len(note) < 400


def test_an_arm_of_too_few_folds_says_how_many_and_is_not_ranked(make_record, factory):
    record = factory.without_folds(make_record(samples=(1024, 2048)), "real+pig_2048", (3, 4))
    _, table = tables(record)
    cells = column(table, "Dice")
    assert cells["+pig_2048 (3/5 folds)"].mark == ""
    assert column(table, "Δ Dice [95%]")["+pig_2048 (3/5 folds)"].text == "-"
    assert "+pig_2048, unet: only 3 of 5 folds; its numbers are of their cases" in notes(table)


def test_generators_of_images_alone_stand_in_table_2_as_no_masks(make_record):
    _, table = tables(make_record(("pig", "ddpm", "ddim"), (512,)))
    cells = column(table, "Dice")
    assert [(name, cells[name].text, cells[name].mark) for name in list(cells)[2:]] == [
        ("+ddim_512", "no masks", ""),
        ("+ddpm_512", "no masks", ""),
    ]


def test_every_table_says_that_there_are_no_patient_ids(make_record):
    (only,) = sections(make_record(has_patient_ids=False))
    assert only.remarks == ("no patient ids: every case counts as its own patient",)
    assert "unseen cases" in only.tables[1].title and "group:case" in only.tables[0].signature
    assert sections(make_record())[0].remarks == ()


def test_pseudo_patients_are_called_so_everywhere(make_record):
    (only,) = sections(make_record(has_patient_ids=False, pseudo_patients=True))
    assert "20 pseudo-patients, 60 cases" in only.heading
    assert "unseen pseudo-patients" in only.tables[1].title and "group:pseudo-patient" in only.tables[0].signature
    assert any("60 cases of 20 pseudo-patients" in note for note in only.tables[1].notes)


def test_the_banner_and_what_is_compared_stand_above(make_record):
    (only,) = sections(make_record(banner="shows the way, proves nothing"))
    assert only.banner == "shows the way, proves nothing"
    assert only.heading == ("phantom, preset quick: 32×32, 20 patients, 60 cases, 5 folds, protocol ab12cd34ab12cd34")


def test_each_protocol_and_each_segmenter_has_tables_of_its_own(make_record):
    two = sections(make_record(), make_record(protocol="f" * 16))
    assert [len(one.tables) for one in two] == [2, 2]
    _, unet, other = tables(make_record(segmenters=("unet", "vit")))
    assert ("by unet" in unet.title, "by vit" in other.title) == (True, True)
    assert len(unet.rows) == len(other.rows) == 2
    assert "segmenter:unet|" in unet.signature and "segmenter:vit|" in other.signature


def test_excluded_cases_and_empty_synthetic_masks_are_counted(make_record, factory, changed):
    record = make_record(empty=3, trainings=3)
    fits = factory.content(record)["fits"]
    _, table = tables(changed(record, fits=[fit | {"empty_masks": 2 * (fit["arm"] != "real")} for fit in fits]))
    assert "excluded, truth and prediction empty, over all trainings: real only 9, +pig_2048 9" in notes(table)
    assert "empty synthetic masks, left out, over all folds: +pig_2048 10 of 10240" in notes(table)
    assert "synthetic part of a batch: +pig_2048 84 %" in notes(table)


def test_records_that_disagree_are_remarked_on(make_record):
    (only,) = sections(make_record((), key="a" * 16), make_record((), key="b" * 16, luck=1))
    assert only.remarks[0].startswith("records disagree") and "real unet seed 0 fold 0" in only.remarks[0]


def test_records_of_different_machines_that_disagree_name_them(make_record):
    def made_on(hardware: str, **options):
        record = make_record((), **options)
        record.provenance.hardware = [hardware]
        return record

    (only,) = sections(made_on("AMD EPYC", key="a" * 16), made_on("Intel Xeon", key="b" * 16, luck=1))
    assert "they were made on AMD EPYC, Intel Xeon" in only.remarks[0]


def test_the_papers_numbers_stand_apart_and_are_marked(make_record):
    ours, theirs = sections(make_record())[0], published_section()
    assert "not comparable, reference only" in theirs.banner
    assert "Inception-FID" in theirs.tables[0].title
    assert not {table.title for table in ours.tables} & {table.title for table in theirs.tables}
    assert column(theirs.tables[0], "FID, as published")["PIG"].text == "15.88"
    assert column(theirs.tables[1], "Dice")["+PIG_2048"].text == "60.54"


def test_the_papers_rows_have_a_protocol_of_their_own():
    rows = published.published_rows()
    assert len(rows) == 3 + 7 * 4
    assert {row["protocol"] for row in rows} == {"published"}
    assert all("not comparable" in row["signature"] for row in rows)


@pytest.fixture
def gated(changed):
    """A function that gives a record the gate of each generator named.

    Its contrast is given as a part of the real 0.2; None: it cannot be told.
    """

    def gated(record, **ratios):
        gates = [
            {"generator": name, "n": 2048, "seed": 0, "fold": fold, "status": "ok", "real": 0.2}
            | {"contrast": 0.2 * (ratio or 0), "ratio": ratio, "verdict": "cannot tell" if ratio is None else ""}
            for name, ratio in ratios.items()
            for fold in range(record.folds)
        ]
        return changed(record, gates=gates)

    return gated


def test_a_row_whose_lesions_are_not_under_its_masks_says_so_and_is_not_ranked(make_record, gated):
    record = make_record(("pig", "joint"))
    plain = tables(record)[1]
    best = next(name for name, cell in column(plain, "Dice").items() if cell.mark == "best")
    other = {"+pig_2048": "joint", "+joint_2048": "pig"}[best]
    table = tables(gated(record, **{best[1:].removesuffix("_2048"): 0.1, other: 0.9}))[1]
    marked = column(table, "Dice")[f"{best} NOT CONDITIONED"]
    assert marked.mark == ""
    assert marked.text == column(plain, "Dice")[best].text, "its numbers stay"
    assert sum(cell.mark == "best" for cell in column(table, "Dice").values()) == 1
    assert "(real pairs 20.0)" in notes(table)
    assert f"{best[1:]} 2.0" in notes(table)
    assert "NOT CONDITIONED: less than 25%" in notes(table)


def test_what_the_mark_means_is_said_only_where_it_stands(make_record, gated):
    assert "NOT CONDITIONED" not in notes(tables(gated(make_record(), pig=0.6))[1])


def test_an_interval_over_a_handful_of_patients_is_not_to_be_believed(make_record):
    assert "only 8 patients: too few" in notes(tables(make_record(patients=8))[1])
    assert "too few" not in notes(tables(make_record(patients=20))[1])


def test_a_bound_that_rounds_to_zero_keeps_the_side_on_which_it_is():
    estimate = Estimate(mean=0.5, delta=-0.0001, low=-0.0002, high=0.00001)
    dice = Column("dice", MetricInfo(kind="case", heading="Dice", unit="%", scale=100, digits=1))
    assert dice.difference(estimate) == "-0.0 [-0.0, +0.0]"
    nothing = Estimate(mean=0.5, delta=-0.0, low=0.0, high=-0.0)
    assert dice.difference(nothing) == "+0.0 [+0.0, +0.0]"


def test_where_real_lesions_show_no_contrast_nothing_is_marked(make_record, gated):
    table = tables(gated(make_record(), pig=None))[1]
    assert "NOT CONDITIONED" not in "".join(row[0].text for row in table.rows) + notes(table)
    assert "cannot be told" in notes(table)


def test_controls_come_last_and_arms_are_named_for_what_they_train_on(make_record, factory):
    record = make_record(("identity", "pig"))
    record = factory.with_arm(record, "pig_2048", "real+pig_2048", {"share": 1.0}, use="alone")
    record = factory.with_arm(record, "real_2x_steps", "real", {"steps": 1200}, stretch=2)
    generators = factory.content(record)["generators"]
    generators["identity"]["control"] = True
    images, arms = tables(factory.changed(record, generators=generators))
    assert [row[0].text for row in images.rows] == ["pig", "identity"]
    assert [row[0].text for row in arms.rows] == [
        "real only",
        "+pig_2048",
        "real only, 2x steps",
        "+identity_2048",
        "pig_2048 only",
    ]
    marked = [row[0].text for table in (images, arms) for row in table.rows if any(cell.mark for cell in row)]
    assert set(marked) <= {"real only", "+pig_2048", "pig_2048 only"}, "controls win nothing"
    assert "optimiser steps in every arm: 600, but real only, 2x steps 1200" in notes(arms)
    assert "pig_2048 only 100 %" in notes(arms)
    assert "not ranked: identity_2048" in notes(images)
    assert "not ranked: real only, 2x steps; +identity_2048" in notes(arms)


def test_what_a_compression_loses_stands_under_table_1(make_record, changed):
    lost = [
        {"generator": "pig", "seed": 0, "fold": fold, "status": "ok", "mae": 0.02, "rmse": 0.03, "psnr": 30 + fold}
        for fold in range(5)
    ]
    images, _ = tables(changed(make_record(), reconstructions=lost))
    assert "pig: gives held-out images back with a PSNR of 32.0 dB (mean error 2.0% of the range)" in notes(images)


def test_pairs_that_nobody_vouches_for_are_not_ranked(make_record, factory, changed):
    record = make_record(("pig", "joint"))
    generators = factory.content(record)["generators"]
    for images_or_arms in (0, 1):
        marks = {row[0].text: row[2 - images_or_arms].mark for row in tables(record)[images_or_arms].rows}
        best = next(name for name, mark in marks.items() if mark == "best")
        label = best.removeprefix("+").removesuffix("_2048")
        unsealed = changed(record, generators=generators | {label: generators[label] | {"sealed": False}})
        row = next(row for row in tables(unsealed)[images_or_arms].rows if row[0].text == best)
        assert not any(cell.mark for cell in row)


def test_one_of_something_is_singular(make_record):
    record = make_record((), folds=1, patients=1, cases_each=1)
    (only,) = sections(record)
    said = "\n".join((only.heading, *only.tables[0].notes))
    assert "1 patient, 1 case, 1 fold, protocol" in only.heading
    assert "mean over 1 case of 1 patient," in said and "only 1 patient: too few" in said
    several = sections(make_record(folds=2, patients=4))[0]
    assert "4 patients, 12 cases, 2 folds, protocol" in several.heading
    assert "mean over 12 cases of 4 patients," in "\n".join(several.tables[1].notes)


# --- metrics


EVERY = (*("dice", "iou", "precision", "recall", "found", "false_alarms", "nsd", "hd95"), *SETS)


def test_the_columns_are_those_of_the_metrics_that_are_held(make_record):
    images, arms = tables(make_record(metrics=EVERY))
    assert images.headings == (
        *("Generator", "n", "KID ×1000", "floor", "FID", "floor", "Image precision %", "floor"),
        *("Image recall %", "floor", "Copies %", "floor", "m", "clipped %"),
    )
    assert all(images.headings[place] == "floor" for place in images.tied) and len(images.tied) == 5
    few, _ = tables(make_record(metrics=("dice", "image_recall")))
    assert few.headings == ("Generator", "n", "Image recall %", "floor", "m", "clipped %")
    assert few.title == "Table 1. Generated images (efficientnet-lite0 features)"
    assert arms.headings[1:] == ("Dice", "Δ Dice [95%]", "IoU", "Precision", "Recall", "Found", "False alarms")
    assert arms.title.endswith("by unet, % except False alarms")


def test_a_metric_that_is_asked_for_is_shown_and_the_others_are_named_once(make_record):
    (group,) = merge([make_record(metrics=EVERY, segmenters=("unet", "vit"))])
    summary = summarise(group)
    plain, more = section(summary), section(summary, metrics=["hd95"])
    said = [note for table in plain.tables for note in table.notes if "also hold" in note]
    assert said == ["the records also hold nsd, hd95: --metric NAME shows them"]
    assert more.tables[1].headings[-1] == "HD95 mm"
    assert "also hold nsd:" in notes(more.tables[-1])
    shown = column(more.tables[1], "HD95 mm")["real only"].text.split(" ± ")
    row = next(row for row in summary.arms if row.arm == "real")
    assert shown == [f"{row.metrics['hd95'].mean:.2f}", f"{row.metrics['hd95'].sd:.2f}"]


def test_the_best_is_the_lowest_where_lower_is_better(make_record):
    (group,) = merge([make_record(("pig", "ldm", "joint"), metrics=EVERY)])
    arms = section(summarise(group), metrics=["hd95"]).tables[1]
    for heading, best in (("HD95 mm", min), ("False alarms", min), ("Found", max)):
        cells = column(arms, heading)
        values = {name: float(cell.text.split()[0]) for name, cell in cells.items()}
        assert {name for name, cell in cells.items() if cell.mark == "best"} == {best(values, key=values.__getitem__)}


def test_every_kind_of_bias_has_its_mark(make_record, factory, changed):
    record = make_record(metrics=EVERY)
    runs = [run | {"biased": ["fid", "image_recall"]} for run in factory.content(record)["fidelity"]]
    images = tables(changed(record, fidelity=runs))[0]
    (row,) = images.rows
    marked = [heading for heading, cell in zip(images.headings, row, strict=True) if cell.text.endswith("†")]
    assert marked == ["FID", "Image recall %"]
    assert "† FID, Image recall are mostly bias at this m" in notes(images)


def test_what_perfect_masks_of_the_working_size_would_score_is_told(make_record):
    _, arms = tables(make_record(ceiling={"dice": 0.905, "nsd": 0.99}))
    assert "a perfect mask at 32×32 would score Dice 90.5 on the images' own grid" in notes(arms)
    assert "perfect" not in notes(tables(make_record())[1])


def test_a_metric_that_is_not_installed_is_shown_and_said_to_be_so(make_record, factory, changed, monkeypatch):
    monkeypatch.setattr("pigbench.reporting.notes.installed_metrics", lambda: {"dice"})
    record = make_record()
    metrics = factory.content(record)["metrics"]
    metrics = {name: info | {"signature": f"{name}@1a2b3c4d"} for name, info in metrics.items() if name != "kid"}
    runs = [run | {"values": {}, "floors": {}, "biased": []} for run in factory.content(record)["fidelity"]]
    table = tables(changed(record, metrics=metrics, fidelity=runs))[1]
    assert column(table, "IoU")["real only"].text == column(tables(record)[1], "IoU")["real only"].text
    assert "iou is not installed: the scores that the records hold are shown" in notes(table)
    assert "dice is not installed" not in notes(table)
    assert "|metrics:dice@1a2b3c4d,iou@1a2b3c4d,precision@1a2b3c4d,recall@1a2b3c4d|" in table.signature


def test_a_refused_metric_has_no_number_and_the_others_stay(make_record, factory, changed):
    record = make_record(metrics=EVERY)
    fits, runs = factory.content(record)["fits"], factory.content(record)["fidelity"]
    fits[7]["refused"] = {"found": "Scores are one number a case."}
    runs[1]["refused"] = {"copies": "A set metric gives one finite number."}
    images, arms = tables(changed(record, fits=fits, fidelity=runs))
    assert (fits[7]["arm"], fits[7]["fold"]) == ("real+pig_2048", 2)
    assert column(arms, "Found")["+pig_2048"].text == "-"
    assert column(arms, "Dice")["+pig_2048"] == column(tables(record)[1], "Dice")["+pig_2048"]
    assert column(images, "Copies %")["pig"].text == "-"
    assert "+pig_2048: found refused in fold 2: Scores are one number a case." in notes(arms)
    assert "pig_2048: copies refused in fold 1: A set metric gives one finite number." in notes(images)


@pytest.mark.parametrize("described", [True, False])
def test_where_everything_failed_every_row_says_so(make_record, factory, changed, described):
    arms = [(arm, fold) for arm in ("real", "real+pig_2048", "pig_2048") for fold in range(5)]
    record = make_record(("pig", "ddpm"), failed=[*arms, *(("ddpm_2048", fold) for fold in range(5))])
    assert len(record.scores) == 0
    record = record if described else changed(record, metrics={})
    for table in tables(record):
        assert {len(row) for row in table.rows} == {len(table.headings)}
        assert "FAILED" in notes(table)
        assert not described or all(
            row[2 - ("Table 2" in table.title)].text in ("FAILED", "no masks") for row in table.rows
        )


# --- by size


def test_thirds_of_the_cases_have_tables_of_their_own(make_record, factory):
    record = make_record(empty=3)
    (group,) = merge([record])
    parts = by_size(group)
    (only,) = all_sections([summarise(part) for part in parts])
    areas = dict(zip(record.cases.case_id, record.cases.area, strict=True))
    lesions = sorted((area, case) for case, area in areas.items() if area > 0)
    assert len(lesions) == 57
    for place, table in enumerate(only.tables):
        third = {case for _, case in lesions[19 * place : 19 * (place + 1)]}
        dice = [row["dice"] for row in factory.rows_of(record) if row["arm"] == "real" and row["case_id"] in third]
        assert column(table, "Dice")["real only"].text.split()[0] == f"{100 * sum(dice) / len(dice):.1f}"
        low, high = (f"{100 * bound:.2f}" for bound in (min(areas[c] for c in third), max(areas[c] for c in third)))
        size = ("small", "medium", "large")[place]
        assert table.title.startswith(f"Table 2, {size} lesions: 19 of 60 cases, area {low} to {high} % of the image.")
        assert f"|by:size:{size}|" in table.signature
        assert "mean over 19 cases of" in notes(table)
        assert "synthetic part" not in notes(table)


def test_parts_of_the_cases_get_no_verdicts(make_record):
    (group,) = merge([make_record(trainings=3)])
    (whole,), (parts,) = all_sections([summarise(group)]), all_sections([summarise(part) for part in by_size(group)])
    assert "verdict" in whole.tables[-1].headings
    for table in parts.tables:
        assert "verdict" not in table.headings and "no verdicts on parts" in notes(table)


def test_without_areas_there_are_no_thirds(make_record, factory, changed):
    record = make_record()
    sets = factory.content(record)["test_sets"]
    del sets["held-out"]["cases"]["area"]
    (group,) = merge([changed(record, test_sets=sets)])
    assert by_size(group) == []


def borrowing(factory, record, **told):
    """`record` as a run gives it, in which DDIM borrows DDPM's network."""
    about = factory.content(record)["generators"]
    about["ddim"]["image_passes"] = {"ddpm.denoiser": 48000}
    for label, parts in told.items():
        about[label] |= parts
    return factory.changed(record, generators=about)


def test_two_samplers_of_one_network_do_not_take_both_marks(make_record, factory, with_distances):
    record = with_distances(
        make_record(("pig", "ddpm", "ddim"), (2048,)), ddpm=(0.001, 9.0), ddim=(0.002, 9.0), pig=(0.003, 9.0)
    )
    turned = with_distances(record, ddpm=(0.002, 9.0), ddim=(0.001, 9.0))
    for better, other, made in (("ddpm", "ddim", record), ("ddim", "ddpm", turned)):
        table, _ = tables(borrowing(factory, made))
        marks = {name: cell.mark for name, cell in column(table, "KID ×1000").items()}
        assert marks == {better: "best", other: "", "pig": "second"}
        assert "ddim and ddpm are samplers of one network: only the best of them is marked" in notes(table)
    alone, _ = tables(borrowing(factory, make_record(("pig", "ddim"), (2048,))))
    assert "samplers of one network" not in notes(alone)
    assert {cell.mark for cell in column(alone, "KID ×1000").values()} == {"best", "second"}


def test_a_network_of_another_size_is_another_one(make_record, factory):
    record = make_record(("ddpm", "ddim"), (2048,))
    larger = borrowing(factory, record, ddpm={"arithmetic": {"denoiser": 9}}, ddim={"arithmetic": {"ddpm.denoiser": 5}})
    table, _ = tables(larger)
    assert {cell.mark for cell in column(table, "KID ×1000").values()} == {"best", "second"}
    assert "samplers of one network" not in notes(table)


def test_table_1_says_how_its_rows_were_sampled(make_record, factory):
    how = {"ddpm": {"sampler": "DDPM, 128 of 1,024 steps"}, "pig": {"sampler": "UniPC, 16 steps"}}
    record = borrowing(factory, make_record(("pig", "ddpm", "ddim")), ddim={"sampler": "UniPC, 16 steps"}, **how)
    table, _ = tables(record)
    assert "sampled by UniPC, 16 steps: ddim, pig; DDPM, 128 of 1,024 steps: ddpm" in notes(table)
    assert "sampled by" not in notes(tables(make_record())[0]), "an older record does not say"


def test_a_filtered_arm_says_how_many_pairs_were_kept_and_how_well_they_agree(make_record, factory):
    record = make_record(("pig",), (64,), trainings=2)
    chosen = {"offered": 128, "agreement": 0.612, "synthetic_used": 64}
    filtered = factory.with_arm(record, "real+pig_64 (filter)", "real+pig_64", fit=chosen, use="filter")
    assert "pairs kept, of those offered, and their agreement: +pig_64 (filter) 64 of 128 (61.2 %)" in notes(
        tables(filtered)[1]
    )


def test_rows_without_numbers_are_as_long_as_the_others(make_record):
    """Also beside rows with verdicts, which add columns."""
    record = make_record(("pig", "joint", "ddpm", "ldm"), (64,), trainings=2, failed={("real+pig_64", 0)})
    for table in tables(record):
        assert {len(row) for row in table.rows} == {len(table.headings)}
    assert [row[1].text for row in table.rows if row[0].text in ("+pig_64", "+ddpm_64")] == ["FAILED", "no masks"]
