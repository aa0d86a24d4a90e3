"""`pigbench.report`: which file it writes, and what of the records."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pigbench
from pigbench.reporting.report.page import MARK
from pigbench.results import write_record
from pigbench.results.withdrawn import Withdrawal

PUBLISHED = Path(__file__).parents[2] / "results"


@pytest.fixture
def runs(make_record, tmp_path: Path) -> Path:
    """One record, in a directory of its own."""
    write_record(make_record(("pig",), (64,), trainings=2), tmp_path / "runs")
    return tmp_path / "runs"


def test_a_report_is_replaced_and_any_other_file_is_not(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert pigbench.report(runs, out) == out and MARK in out.read_text(encoding="utf-8")
    out.write_text(f"older {MARK}")
    pigbench.report(runs, out)
    assert "<article" in out.read_text(encoding="utf-8")
    out.write_text("mine")
    with pytest.raises(pigbench.PigbenchError, match="report.html is there and no report: .*--force"):
        pigbench.report(runs, out)
    assert out.read_text() == "mine"
    pigbench.report(runs, out, force=True)
    assert "<article" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dataset": "phantm"}, "unknown dataset among the records 'phantm': did you mean 'phantom'"),
        ({"generator": "pgi"}, "unknown generator among the records 'pgi': did you mean 'pig'"),
        ({"path": "nowhere"}, "no such file or directory: nowhere"),
        ({"out": "."}, ". is a directory: give the name of a file, such as report.html"),
        ({"out": "nowhere/report.html"}, "cannot write the report nowhere/report.html"),
    ],
)
def test_what_cannot_be_made_is_said(options: dict[str, str], said: str, runs: Path, tmp_path: Path) -> None:
    options = {"path": str(runs), "out": str(tmp_path / "report.html")} | options
    with pytest.raises(pigbench.PigbenchError) as raised:
        pigbench.report(**options)
    assert said in str(raised.value)


def test_without_records_the_report_says_so(tmp_path: Path) -> None:
    (tmp_path / "runs" / "artifacts").mkdir(parents=True)
    with pytest.warns(UserWarning, match="a run writes its record when it ends"):
        page = pigbench.report(tmp_path / "runs", tmp_path / "report.html").read_text(encoding="utf-8")
    assert "No records were found" in page and str(tmp_path) not in page


def test_what_was_left_out_stands_in_the_file(make_record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_record(make_record(("pig",), (64,), trainings=2), tmp_path)
    write_record(make_record(("ldm",), (64,), trainings=2, key="b" * 16), tmp_path)
    (tmp_path / "secret-name.json").write_text("{}")
    monkeypatch.setattr("pigbench.results.withdrawn.WITHDRAWN", (Withdrawal("shifted", keys=frozenset({"b" * 16})),))
    with pytest.warns(UserWarning):
        page = pigbench.report(tmp_path, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "left out, as withdrawn" in page and "shifted" in page and "+ldm_64" not in page
    assert "skipped 1 file that cannot be read as a record" in page and "secret-name" not in page


def test_a_card_takes_the_reports_place(runs: Path, tmp_path: Path) -> None:
    text = pigbench.report(runs, tmp_path / "card.html", generator="pig").read_text(encoding="utf-8")
    assert "PIGBench generator card" in text and "<article" not in text


def test_a_cards_intervals_rest_on_all_records_of_the_protocol(make_record, tmp_path: Path) -> None:
    """Luck is pooled over other generators' rows, and they make verdicts simultaneous: as `compare` has it."""
    write_record(make_record(("pig",), (64,), trainings=2, key="a" * 16), tmp_path)
    write_record(make_record(("ldm", "joint"), (64,), trainings=2, key="b" * 16), tmp_path)
    frame = pigbench.compare(tmp_path).segmentation
    row = frame.filter(frame["arm"] == "real+pig_64").row(0, named=True)
    told = f"{100 * row['dice_delta']:+.1f} [{100 * row['dice_low']:+.1f}, {100 * row['dice_high']:+.1f}]"
    assert told in pigbench.report(tmp_path, tmp_path / "card.html", generator="pig").read_text(encoding="utf-8")


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="not part of a source distribution")
def test_records_of_format_1_have_a_report(tmp_path: Path) -> None:
    file = next(file for file in sorted(PUBLISHED.glob("*.json")) if "pigbench-record/1" in file.read_text()[:200])
    text = pigbench.report(file, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Table 2." in text and "hold no loss curves" in text


def test_a_report_is_made_once_for_a_store(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "store" / "artifacts" / "sample").mkdir(parents=True)
    first = pigbench.report(runs, tmp_path / "a.html", store=tmp_path / "store").read_text(encoding="utf-8")
    monkeypatch.setattr("pigbench.api.report._page", lambda *_: "made anew")
    again = pigbench.report(runs, tmp_path / "b.html", store=tmp_path / "store").read_text(encoding="utf-8")
    assert again == first
    for change in ({"images": True}, {"generator": "pig"}):
        made = pigbench.report(runs, tmp_path / "c.html", store=tmp_path / "store", force=True, **change)
        assert made.read_text() == "made anew"
    (tmp_path / "store" / "artifacts" / "sample" / "new").mkdir()  # pictures that were not there
    made = pigbench.report(runs, tmp_path / "d.html", store=tmp_path / "store")
    assert made.read_text() == "made anew"


@pytest.mark.parametrize("masks", [None, "identity"])
def test_masks_of_training_cases_are_shown_on_demand_alone(masks: str | None, home, tmp_path: Path) -> None:
    """SegGuidedDif makes images for training cases' masks, which people drew; a control's masks are such, too."""
    asked = {"generator": "segguided", "masks": masks, "results": tmp_path / "records"}
    record = pigbench.run(**home.options | asked)
    assert {info.kind for info in record.generators.values()} == {"images-for-masks"}
    widths = []
    told = {False: "which are shown only with --images", True: "right of each its mask, outlined"}
    for images, said in told.items():
        out = tmp_path / "report.html"
        page = pigbench.report(tmp_path / "records", out, store=home.options["store"], images=images).read_text("utf-8")
        ((own, width),) = re.findall(r'Generated: segguided.*?(<img[^>]*width="(\d+)")', page, re.DOTALL)
        assert said in page[page.index("Generated: segguided") :][: len(own) + 2000]
        widths.append(int(width))
    assert widths[0] < 0.7 * widths[1], "a mask takes as much room as its image"
