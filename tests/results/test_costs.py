"""What work cost: counted over every attempt, and added up by hand here."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pigbench.engine import usage
from pigbench.engine.usage import Cost, Meter
from pigbench.results import cost_rows, cost_score_rows, merge
from pigbench.results.measured import Cost as Costs
from pigbench.results.record import Record


def entry(stage: str, label: str, fold: int, wall: float, **more: float) -> dict:
    base = {"stage": stage, "label": label, "row": f"{stage} {label.partition('.')[0]}", "fold": fold, "seed": 0}
    return base | {"wall_s": wall, "cpu_s": wall, "peak_mib": 100.0, "gpu_s": 0.0, "gpu_peak_mib": 0.0} | more


@pytest.fixture
def costly(make_record: Callable[..., Record]) -> Callable[..., Record]:
    """Makes a record of these costs."""
    return lambda *costs, **options: make_record(**options).model_copy(
        update={"costs": [Costs.model_validate(cost) for cost in costs]}
    )


def test_a_generators_costs_are_those_of_its_components_and_chunks(costly) -> None:
    record = costly(
        entry("train", "pig.guider", 0, 10, images=240, parameters=1000),
        entry("train", "pig.conditional", 0, 30, images=240, parameters=2000, peak_mib=300.0),
        entry("train", "pig.guider", 1, 20, images=240, parameters=1000),
        entry("train", "pig.conditional", 1, 20, images=240, parameters=2000),
        entry("train", "other.guider", 0, 999, images=1, parameters=9),
        entry("sample", "pig", 0, 4, chunk=0, images=256),
        entry("sample", "pig", 0, 4, chunk=1, images=256),
        entry("segment", "unet on real+pig_2048", 0, 7),
    )
    rows = {row.what: row for row in cost_rows(merge([record])[0])}
    train = rows["train pig"]
    assert train.units == 2
    assert train.values["wall_s"] == 40
    assert train.values["parameters"] == 3000
    assert train.values["peak_mib"] == (300 + 100) / 2
    assert train.values["images_per_s"] == 12
    assert rows["sample pig"].values["images_per_s"] == 64
    assert rows["segment unet on real+pig_2048"].values["wall_s"] == 7
    assert math.isnan(rows["segment unet on real+pig_2048"].values["parameters"])
    assert "segment unet on real" not in rows  # nobody measured it


def test_a_stage_in_two_records_is_counted_once(costly) -> None:
    first = costly(entry("sample", "pig", 0, 4, chunk=0, images=256))
    again = costly(*first.costs, key="0ther0ther0ther0")
    (row,) = [row for row in cost_rows(merge([first, again])[0]) if row.what == "sample pig"]
    assert (row.units, row.values["wall_s"]) == (1, 4)


def test_a_borrowed_training_is_counted_for_all_whom_any_record_names(costly) -> None:
    ddpm = entry("train", "ddpm.denoiser", 0, 10, images=240, parameters=1000)
    records = [
        costly(ddpm | {"generators": ["ddpm"]}, generators=("ddpm",), key="f1rstf1rst"),
        costly(ddpm | {"generators": ["ddim"]}, generators=("ddim",), key="sec0ndsec0nd"),
    ]
    rows = {row.what: row for row in cost_rows(merge(records)[0])}
    assert rows["train ddpm"].values["wall_s"] == rows["train ddim"].values["wall_s"] == 10


def test_cost_rows_in_long_form_leave_out_what_is_not_known(costly) -> None:
    rows = cost_score_rows(merge([costly(entry("segment", "unet on real", 0, 7))])[0])
    assert {row["metric"]: row["mean"] for row in rows} == {
        "wall_s": 7, "cpu_s": 7, "gpu_s": 0, "peak_mib": 100, "gpu_peak_mib": 0,
    }  # fmt: skip
    assert {(row["table"], row["arm"]) for row in rows} == {(4, "segment unet on real")}


def test_a_killed_attempt_is_paid_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "NOTED_EVERY", -1.0)
    killed = Meter(tmp_path, on_gpu=False)
    with killed:
        time.sleep(0.05)
        killed.note()  # and then nothing more is heard of it
    with Meter(tmp_path, on_gpu=False) as second:
        cost = second.cost()
    assert 0.05 <= cost.wall_s < 1
    (tmp_path / "cost-cut-short.json").write_text('{"wall_s":')
    (tmp_path / "cost-earlier.json").write_text(json.dumps({"wall_s": 100.0, "cpu_s": 90.0, "peak_mib": 1e6}))
    with Meter(tmp_path, on_gpu=False) as third:
        assert third.cost().wall_s == pytest.approx(100.05, abs=0.5)
        assert third.cost().peak_mib == 1e6


def test_a_failed_attempt_is_paid_for(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Meter(tmp_path, on_gpu=False):
        raise RuntimeError
    assert len(list(tmp_path.glob("cost-*.json"))) == 1


def test_cpu_seconds_are_this_process_and_not_the_wall(tmp_path: Path) -> None:
    with Meter(tmp_path, on_gpu=False) as running:
        time.sleep(0.1)
        idle = running.cost()
        began = os.times().user
        while os.times().user - began < 0.1:
            pass
        busy = running.cost()
    assert idle.cpu_s < 0.1 <= idle.wall_s
    assert busy.cpu_s >= 0.1
    assert Cost(1, 2, 3, 4, 5) + Cost(1, 1, 9, 1, 1) == Cost(2, 3, 9, 5, 5)
