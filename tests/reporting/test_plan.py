"""`--dry-run`: what is cached, and what the rest takes in time, memory and disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from pigbench.api.request import Options, set_up
from pigbench.planning.configured import choose_generator, choose_segmenter
from pigbench.planning.estimate import Probed, Size, alike
from pigbench.planning.plan import Plan, Request
from pigbench.planning.planner import make_plan
from pigbench.protocol import Protocol, load_preset
from pigbench.reporting.plan import print_plan
from pigbench.stages.node import Node
from pigbench.store import Store

PRESET = load_preset("smoke")
SIZE = Size(every=500, training=400)
TRIED = {
    "fit unet": Probed(seconds=25, peak_mib=700, size=2**20),
    "embed": Probed(seconds=0.1, peak_mib=1234.4, size=5120),
}
Show = Callable[..., str]


@pytest.fixture
def request_() -> Request:
    return Request(
        protocol=Protocol(preset=PRESET, dataset="phantom", dataset_identity="d", folds=2),
        generators=(choose_generator("pig", PRESET.diffusion, {}),),
        samples=(8,),
        segmenters=(choose_segmenter("unet", PRESET.segmentation.network, {}),),
        seeds=(0,),
    )


@pytest.fixture
def plan(request_: Request) -> Plan:
    """Five nodes: split and prepare, a segmenter in two folds on real cases, and those cases embedded."""
    whole = make_plan(request_)
    embed = next(node for node in whole.nodes() if node.stage == "embed" and node.inputs["images"].stage == "prepare")
    real = [node.inputs["fit"] for node in whole.measurements if node.purpose.arm == "real"]
    return Plan(measurements=real, fidelities=[embed])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def asked() -> list[Node]:
    """What the probe was asked for."""
    return []


@pytest.fixture
def show(
    request_: Request,
    plan: Plan,
    store: Store,
    asked: list[Node],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Show:
    """What is printed where a probe finds what is given."""

    def printed(tried: dict[str, Probed], workers: int = 2) -> str:
        def probe(wanted: Iterable[Node]) -> dict[str, Probed]:
            asked.extend(wanted)
            return tried

        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr("pigbench.reporting.plan.probe", probe)
        print_plan(plan, request_, store, workers, SIZE)
        return capsys.readouterr().out

    return printed


def publish(store: Store, node: Node, weights: int = 0, cost: dict[str, float] | None = None) -> None:
    with store.building() as directory:
        (directory / "weights").write_bytes(bytes(weights))
        store.publish(node.stage, node.key, directory, {"spec": node.spec} | ({"cost": cost} if cost else {}))


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_what_is_cached_and_what_the_rest_takes(show: Show, plan: Plan, store: Store) -> None:
    publish(store, next(node for node in plan.nodes() if node.stage == "split"))
    text = show(TRIED)
    assert ["split", "phantom", "1", "1", "0", "s"] in rows(text)
    assert ["prepare", "phantom", "1", "0", "10", "s"] in rows(text)
    assert ["fit", "unet", "on", "real", "2", "0", "5", "min"] in rows(text)  # 2 folds × 6 steps × 25 s
    assert ["embed", "phantom", "1", "0", "50", "s"] in rows(text)  # 500 images × 0.1 s
    assert "5 stages, 1 cached; about 3 min on 2 workers" in text  # (10 + 300 + 50) / 2
    assert "memory about 1,234 MiB a worker (probed" in text
    assert "GPU" not in text
    # the cases: 500 × 16² × 3 bytes; the weights: 2 MiB; the features: 500 × 5,120 bytes
    assert f"disk about {(500 * 16**2 * 3 + 2 * 2**20 + 500 * 5120) / 2**20:.0f} MiB" in text
    assert "smoke" in text


def test_the_memory_of_a_gpu_stands_beside_the_hosts(show: Show) -> None:
    text = show(TRIED | {"fit unet": Probed(25, 700, 2**20, gpu_peak_mib=4321)})
    assert "memory about 1,234 MiB a worker, GPU memory about 4,321 MiB a worker (probed" in text


def test_what_nobody_knows_is_said(show: Show, plan: Plan, asked: list[Node]) -> None:
    text = show({})
    assert "about at least 6 s, without 3 stages of unknown time, on 2 workers" in text  # split and prepare: 11 s
    assert ["fit", "unet", "on", "real", "2", "0", "unknown", "time"] in rows(text)
    assert "memory" not in text
    assert [node.key for node in asked] == [node.key for node in plan.nodes()]


def test_what_was_seen_is_not_probed(show: Show, plan: Plan, store: Store, asked: list[Node]) -> None:
    """One fold's weights, time and memory tell of the other's."""
    publish(store, plan.measurements[0], 30 * 2**20, {"wall_s": 60.0, "peak_mib": 2000.0, "gpu_peak_mib": 50.0})
    text = show({"embed": TRIED["embed"]})
    assert {alike(node) for node in asked} == {"split phantom", "prepare phantom", "embed"}
    assert ["fit", "unet", "on", "real", "2", "1", "60", "s"] in rows(text)
    assert "memory about 2,000 MiB a worker, GPU memory about 50 MiB a worker" in text
    assert "disk about 33 MiB" in text  # 30 of the other fold's weights, 2.8 of cases and features


def test_nothing_left_nothing_needed(show: Show, plan: Plan, store: Store, asked: list[Node]) -> None:
    for node in plan.nodes():
        publish(store, node)
    text = show({})
    assert "5 stages, 5 cached; about 0 s" in text
    assert "disk" not in text
    assert asked == []


def test_one_of_anything_is_singular(show: Show, plan: Plan, store: Store) -> None:
    for node in plan.nodes():
        if node.stage != "embed":
            publish(store, node)
    text = show({}, workers=1)
    assert "without 1 stage of unknown time, on 1 worker\n" in text
    assert "seed 0\n" in text


def test_patients_set_aside_are_not_trained_on(tmp_path: Path) -> None:
    sizes = [
        set_up(Options(generator=["pig"], preset="smoke", set_aside=share, device="cpu", store=tmp_path)).size
        for share in (None, 0.5)
    ]
    assert sizes[0].every == sizes[1].every  # all are prepared
    assert sizes[0].training == sizes[0].every // 2  # two folds
    assert sizes[1].training == pytest.approx(sizes[0].training / 2, rel=0.2)
