"""What rows of the tables cost: seconds, memory, speed and size, as means over folds and seeds.

Numbers that do not exist are NaN. Seconds are those of one worker; records of different machines are not told apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pigbench.results.described import Arm
from pigbench.results.group import Group
from pigbench.results.measured import Cost
from pigbench.results.naming import way_of

COSTS = ("wall_s", "cpu_s", "gpu_s", "peak_mib", "gpu_peak_mib", "images_per_s", "parameters")


@dataclass(frozen=True)
class CostRow:
    """One kind of work. what: `train pig`, `sample pig`, `segment unet on real`. values: by name of `COSTS`.

    units: how many folds and seeds were measured. generator: whose work it is, None for the real-only arm. arm: that
    was segmented on; None for a generator's work, which is a mean over all numbers of training patients.
    """

    what: str
    units: int
    generator: str | None = None
    arm: Arm | None = None
    values: dict[str, float] = field(default_factory=dict)

    @property
    def about(self) -> dict[str, Any]:
        """`train_patients` and `use`, as other rows have them; None for a generator's work."""
        if self.arm is None:
            return {"train_patients": None, "use": None}
        return {"train_patients": self.arm.train_patients, "use": way_of(self.arm.use, self.arm.share)}


def cost_rows(group: Group) -> list[CostRow]:
    """What was done for every generator, then for every arm; what no record of the group measured is left out."""
    together: dict[str, list[Cost]] = defaultdict(list)
    for cost in group.costs:
        for what in _rows_of(cost):
            together[what].append(cost)
    generators = {label: (0, label) for label in group.generators}
    arms = {
        f"{trial.run.segmenter} on {trial.arm.arm}": (1, str((trial.run.segmenter, trial.arm.arm)))
        for trial in group.trials
    }
    of_arm = {f"{trial.run.segmenter} on {trial.arm.arm}": trial.arm for trial in group.trials}
    places = generators | arms
    rows = [(what, costs, what.partition(" ")[2]) for what, costs in together.items()]
    known = sorted((row for row in rows if row[2] in places), key=lambda row: places[row[2]])
    return [_row(what, costs, whom, of_arm.get(whom)) for what, costs, whom in known]


def _rows_of(cost: Cost) -> list[str]:
    """The rows that a cost belongs to: its own, and with a training those of all generators that it served."""
    work = cost.row.partition(" ")[0]
    return [f"{work} {generator}" for generator in cost.generators] if cost.generators else [cost.row]


def _row(what: str, costs: Iterable[Cost], whose: str, arm: Arm | None) -> CostRow:
    """One row over these costs, a fold, subset, seed and training being a unit. whose: a generator, without an arm."""
    units: dict[tuple[int | None, ...], list[Cost]] = {}
    for cost in costs:
        units.setdefault((cost.fold, cost.train_patients, cost.seed, cost.training), []).append(cost)
    whole = [_unit(of_one) for of_one in units.values()]
    values = {name: float(np.mean([unit[name] for unit in whole])) for name in COSTS} if whole else {}
    return CostRow(what, len(whole), arm.generator if arm else whose, arm, values)


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
