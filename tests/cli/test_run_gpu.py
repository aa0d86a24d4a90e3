"""`pigbench run` on a GPU: several workers side by side on one, and what it cost."""

from __future__ import annotations

import json

import pytest
import torch

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"),
]


def test_two_workers_share_a_gpu_and_the_record_says_what_it_cost(make_home) -> None:
    home = make_home()
    smoke = ("--preset", "smoke", "--dataset", "tiny", "--set", "segmentation.steps=4")
    done = home("run", "--generator", "pig", *smoke, "--device", "cuda", "--workers", 2)
    assert done.returncode == 0, done.stderr
    record = json.loads(home.records[0].read_text())
    assert record["provenance"]["device"] == "cuda"
    assert any(" with " in hardware for hardware in record["provenance"]["hardware"])
    networks = [cost for cost in record["costs"] if cost["stage"] in ("train", "sample", "fit")]
    assert all(cost["gpu_s"] > 0 and cost["gpu_peak_mib"] > 0 for cost in networks)
