"""What rows of the tables cost: seconds, memory, speed and size, as means over folds and seeds.

Numbers that do not exist are NaN. Seconds are those of one worker; records of different machines are not told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from pigbench.results.merge import Group
from pigbench.results.record import Cost

COSTS = ("wall_s", "cpu_s", "gpu_s", "peak_mib", "gpu_peak_mib", "images_per_s", "parameters")


@dataclass(frozen=True)
class CostRow:
    """One kind of work. what: `train pig`, `sample pig`, `segment unet on real`. values: by name of `COSTS`.

    units: how many folds and seeds were measured. generator: whose work it is, None for the real-only arm.
    """

    what: str
    units: int
    generator: str | None = None
    values: dict[str, float] = field(default_factory=dict)


def cost_rows(group: Group) -> list[CostRow]:
    """Training and sampling of every generator, then every arm; what no record of the group measured is left out."""
    rows = [row for label in sorted(group.generators) for row in _of_generator(group, label)]
    arms = sorted({(trial.run.segmenter, trial.run.arm, trial.run.generator) for trial in group.trials}, key=str)
    for segmenter, arm, generator in arms:
        what = f"segment {segmenter} on {arm}"
        rows.append(_row(what, _costs_of("segment", f"{segmenter} on {arm}", group), generator))
    return [row for row in rows if row.units]


def _of_generator(group: Group, label: str) -> Iterator[CostRow]:
    """Its trainings, borrowed components too, for what it samples with took them all; and its samples."""
    passes = group.generators[label].image_passes
    components = {name if "." in name else f"{label}.{name}" for name in passes}
    trainings = [
        cost for cost in group.costs if cost.stage == "train" and (label in cost.generators or cost.label in components)
    ]
    yield _row(f"train {label}", trainings, label)
    yield _row(f"sample {label}", _costs_of("sample", label, group), label)


def _costs_of(stage: str, label: str, group: Group) -> list[Cost]:
    return [cost for cost in group.costs if (cost.stage, cost.label) == (stage, label)]


def _row(what: str, costs: Iterable[Cost], generator: str | None) -> CostRow:
    """One row over these costs, a fold and seed being a unit."""
    units: dict[tuple[int | None, int | None], list[Cost]] = {}
    for cost in costs:
        units.setdefault((cost.fold, cost.seed), []).append(cost)
    whole = [_unit(of_one) for of_one in units.values()]
    values = {name: float(np.mean([unit[name] for unit in whole])) for name in COSTS} if whole else {}
    return CostRow(what, len(whole), generator, values)


def _unit(costs: list[Cost]) -> dict[str, float]:
    """The costs of one fold and seed: seconds and parameters added up, the highest peak, images by their seconds."""

    def of(name: str) -> list[float]:
        return [np.nan if (value := getattr(cost, name)) is None else float(value) for cost in costs]

    added = {name: sum(of(name)) for name in ("wall_s", "cpu_s", "gpu_s", "parameters")}
    seconds = added["wall_s"]
    return added | {
        "peak_mib": max(of("peak_mib")),
        "gpu_peak_mib": max(of("gpu_peak_mib")),
        "images_per_s": sum(of("images")) / seconds if seconds else np.nan,
    }
