"""Stage `measure`: the statistics and scores of every metric, of one fit's held-out cases.

Predictions are brought to the grid that the protocol scores on, and judged there, class by class. Nothing is trained
and nothing is predicted here, so another metric, tolerance or threshold costs no more than this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from pigbench.contracts.metric import CaseMasks
from pigbench.data import probabilities
from pigbench.data.geometry import scoring_grid, to_image_grid
from pigbench.data.prepare import Prepared, shrink_mask
from pigbench.data.truth import Truth
from pigbench.metrics import case_metrics
from pigbench.metrics.measuring import measure_cases
from pigbench.stages import base
from pigbench.stages.job import Job, read_json
from pigbench.stages.node import Node


class MeasureSpec(base.Spec):
    """metrics: the hash of each one's source, by name. longest: of the image's own grid; None to score on the network's
    grid. fold: whose held-out patients. classes: how many."""

    metrics: dict[str, str]
    fold: int
    classes: int = 1
    longest: int | None = None


class Measured(base.Result):
    """What every metric says of every held-out case."""

    CASES, FACTS = "cases.npz", "measure.json"

    @property
    def scored(self) -> base.Scored:
        """Statistics and scores, in columns."""
        with np.load(self.directory / self.CASES) as arrays:
            columns = dict(arrays)
        return base.Scored(
            case_id=columns.pop("case_id").tolist(),
            patient_id=columns.pop("patient_id").tolist(),
            area=columns.pop("area"),
            statistics={_bare(name): values for name, values in columns.items() if name.startswith("statistic ")},
            scores={_bare(name): values for name, values in columns.items() if name.startswith("score ")},
            class_=columns.get("class"),
        )

    def values(self, metric: str) -> np.ndarray:
        """The scores that cases have of a metric."""
        found = self.scored.once.scores[metric]
        return found[np.isfinite(found)]

    @property
    def facts(self) -> dict[str, Any]:
        """What the fit's training took, and `refused`: why a metric has no scores, by name."""
        return read_json(self.directory / self.FACTS)


class Measure(base.Stage):
    """Every case and class, on the image's grid."""

    name = "measure"
    Spec = MeasureSpec
    Result = Measured
    seconds = 3.0
    table = "fits"

    def run(self, job: Job[MeasureSpec]) -> None:
        """Write the statistics and scores, and which metrics broke a rule."""
        prepared, rows, classes = job.prepared, job.prepared.rows(job.held_out), job.spec.classes
        truth = job.result("truth").truth if job.spec.longest else None
        areas: list[float] = []
        cases = judged(job, rows, job.result("predict").coded, prepared, truth, job.spec.longest)
        found = measure_cases(case_metrics(job.spec.metrics), _noting(cases, areas))
        each = np.repeat(rows, classes)
        several = {"class": np.tile(np.arange(classes, dtype=np.int32), len(rows))} if classes > 1 else {}
        np.savez_compressed(
            job.directory / Measured.CASES,
            allow_pickle=False,
            case_id=np.array([prepared.case_ids[row] for row in each]),
            patient_id=np.array([prepared.patients[row] for row in each]),
            area=np.repeat(areas, classes),
            **several,
            **{f"statistic {kept}.{name}": v for kept, own in found.statistics.items() for name, v in own.items()},
            **{f"score {name}": values for name, values in found.scores.items()},
        )
        facts = {
            name: value
            for name, value in job.result("fit").facts.items()
            if name not in ("seal", "parameters", "continued")
        }
        facts["losses"] = base.thinned(facts["losses"])
        job.write_json(Measured.FACTS, facts | {"refused": found.refused})

    def row(self, node: Node, result: Measured | None) -> dict[str, Any]:
        """One fit: arm, segmenter, seed, training and fold."""
        row = node.purpose.told("arm", "segmenter", "seed", "training", "fold")
        return row | (result.facts if result else {})


def judged(
    job: Job[Any],
    rows: np.ndarray,
    coded: Iterable[np.ndarray],
    prepared: Prepared,
    truth: Truth | None,
    longest: int | None,
) -> Iterator[list[CaseMasks]]:
    """The cases of these rows, class by class, with their coded predictions (C, R, R), on the image's own grid or the
    network's."""
    for number, (row, codes) in enumerate(zip(rows, coded, strict=True)):
        if truth is None or longest is None:
            yield _by_class(prepared.masks[row][0], codes, _spacing(prepared, row, None))
        else:
            mask = truth.mask(row)
            grid = scoring_grid(mask.shape, longest)
            if grid != mask.shape:
                mask = shrink_mask(mask, grid)
            brought = np.stack([to_image_grid(each, prepared.geometry[row], grid) for each in codes])
            yield _by_class(mask, brought, _spacing(prepared, row, grid))
        job.progress((number + 1) / len(rows), f"{number + 1}/{len(rows)}")


def _by_class(mask: np.ndarray, codes: np.ndarray, spacing: tuple[float, float] | None) -> list[CaseMasks]:
    """A case as each class sees it, from its label map (H, W) and codes, (1, H, W) of one class, else (K + 1, H, W)."""
    labels, of_classes = probabilities.foreground(codes), codes if len(codes) == 1 else codes[1:]
    return [
        CaseMasks(mask == label, labels == label, (of / np.float32(255)).astype(np.float32), spacing=spacing)
        for label, of in enumerate(of_classes, start=1)
    ]


def _spacing(prepared: Prepared, row: int, grid: tuple[int, int] | None) -> tuple[float, float] | None:
    """mm a pixel of the grid, the network's if None."""
    known, geometry = prepared.spacing[row], prepared.geometry[row]
    if known is None:
        return None
    if grid is None:
        scale = geometry.side / prepared.images.shape[-1]
        return known[0] * scale, known[1] * scale
    return known[0] * geometry.height / grid[0], known[1] * geometry.width / grid[1]


def _noting(cases: Iterable[list[CaseMasks]], areas: list[float]) -> Iterator[CaseMasks]:
    """The cases, class by class; how much of each is of any class is noted on the way."""
    for classes in cases:
        areas.append(sum(np.count_nonzero(each.truth) for each in classes) / classes[0].truth.size)
        yield from classes


def _bare(column: str) -> str:
    return column.partition(" ")[2]


STAGE = Measure()
