"""What a stranger's plugin for grey images and one class is asked of, and what not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pigbench.api.request import Options, set_up
from pigbench.errors import PigbenchError


def asked(tmp_path: Path, dataset: str, generator: list[str]) -> list[str]:
    options = Options(dataset=dataset, generator=generator, preset="smoke", store=tmp_path, device="cpu")
    return [choice.name for choice in set_up(options).request.generators]


def test_it_runs_where_images_are_grey_and_is_left_out_elsewhere(tmp_path: Path, plugins: Path, capsys) -> None:
    assert asked(tmp_path, "phantom", ["pig", "noise"]) == ["pig", "noise"]
    assert asked(tmp_path, "phantom-colour", ["pig", "noise"]) == ["pig"]
    assert "left out: Noise declares channels = (1,), and the task's images have 3" in capsys.readouterr().err
    with pytest.raises(PigbenchError, match="Noise declares channels"):
        asked(tmp_path, "phantom-colour", ["noise"])
