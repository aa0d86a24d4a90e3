"""What a stranger's plugin for grey images and one class is asked of, and what not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pigbench.api.request import Options, set_up
from pigbench.errors import PigbenchError


def test_what_is_left_out_is_a_warning_where_nothing_is_printed(tmp_path: Path, plugins: Path) -> None:
    asked_for = Options(
        dataset="phantom-colour",
        generator=["pig", "noise"],
        preset="smoke",
        store=tmp_path,
        device="cpu",
        progress=False,
    )
    with pytest.warns(UserWarning, match="left out: noise, as Noise takes grey images alone"):
        set_up(asked_for)


def asked(tmp_path: Path, dataset: str, generator: list[str], masks: str | None = None) -> list[str]:
    options = Options(dataset=dataset, generator=generator, masks=masks, preset="smoke", store=tmp_path, device="cpu")
    return [choice.name for choice in set_up(options).request.generators]


def test_it_runs_where_images_are_grey_and_is_left_out_elsewhere(tmp_path: Path, plugins: Path, capsys) -> None:
    assert asked(tmp_path, "phantom", ["pig", "noise"]) == ["pig", "noise"]
    assert asked(tmp_path, "phantom-colour", ["pig", "noise"]) == ["pig"]
    assert (
        "left out: noise, as Noise takes grey images alone (channels = (1,)), and these are in"
        in capsys.readouterr().err
    )
    with pytest.raises(PigbenchError, match="Noise takes grey images alone"):
        asked(tmp_path, "phantom-colour", ["noise"])
    with pytest.raises(PigbenchError, match="Noise takes grey images alone"):  # whose masks are asked for
        asked(tmp_path, "phantom-colour", ["segguided"], masks="noise")
