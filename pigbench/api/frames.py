"""Summaries as polars frames: one row for each row of the tables, numbers as they are, null where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

import polars

from pigbench.metrics.overlap import METRICS
from pigbench.results import ArmRow, Estimate, GeneratorRow, Summary, cost_rows, signature
from pigbench.results.costs import COSTS
from pigbench.results.summary import DISTANCES

HEAD = ("protocol", "dataset", "preset")
WHOLE = {"n", "folds", "seeds", "patients"}
TEXTS = {*HEAD, "generator", "extractor", "state", "segmenter", "arm", "against", "work", "signature"}
OF_DISTANCE = ("mean", "sd")
OF_SCORE = ("mean", "sd", "by_patient", "delta", "low", "high")
CONTRASTS = ("contrast", "contrast_real")


def images(summaries: Iterable[Summary]) -> polars.DataFrame:
    """Table 1."""
    columns = [*HEAD, *("generator", "n", "extractor", "state", "folds", "seeds", "patients")]
    columns += [*_columns(DISTANCES, OF_DISTANCE), "signature"]
    return _frame(
        columns,
        (
            _head(summary)
            | {"generator": row.generator, "n": row.n, "extractor": row.extractor, **_progress(row)}
            | {"patients": summary.group.dataset.patients}
            | _numbers(row.metrics, DISTANCES, OF_DISTANCE)
            | {"signature": signature(summary.group, DISTANCES, [row])}
            for summary in summaries
            for row in summary.generators
        ),
    )


def segmentation(summaries: Iterable[Summary]) -> polars.DataFrame:
    """Table 2."""
    columns = [*HEAD, *("segmenter", "arm", "generator", "n", "against", "state", "folds", "seeds", "patients")]
    columns += [*_columns(METRICS, OF_SCORE), *CONTRASTS, "signature"]
    return _frame(
        columns,
        (
            _head(summary)
            | {"segmenter": row.segmenter, "arm": row.arm, "generator": row.generator, "n": row.n}
            | {"against": row.against, "patients": row.patients, **_progress(row)}
            | _numbers(row.metrics, METRICS, OF_SCORE)
            | ({"contrast": row.contrast.generated, "contrast_real": row.contrast.real} if row.contrast else {})
            | {"signature": signature(summary.group, METRICS, [row])}
            for summary in summaries
            for row in summary.arms
        ),
    )


def costs(summaries: Iterable[Summary]) -> polars.DataFrame:
    """What training, sampling and segmenting took; `folds` is how many folds and seeds were measured."""
    return _frame(
        [*HEAD, "work", "generator", "folds", *COSTS],
        (
            _head(summary) | {"work": row.what, "generator": row.generator, "folds": row.units} | row.values
            for summary in summaries
            for row in cost_rows(summary.group)
        ),
    )


def _head(summary: Summary) -> dict[str, Any]:
    group = summary.group
    return {"protocol": group.protocol_hash, "dataset": group.dataset.name, "preset": group.preset}


def _progress(row: GeneratorRow | ArmRow) -> dict[str, Any]:
    return {"state": row.progress.state, "folds": row.progress.folds, "seeds": len(row.progress.seeds)}


def _columns(metrics: Sequence[str], parts: Sequence[str]) -> list[str]:
    return [f"{metric}_{part}" for metric in metrics for part in parts]


def _numbers(metrics: dict[str, Estimate], names: Sequence[str], parts: Sequence[str]) -> dict[str, float]:
    field = {"by_patient": "patient_mean"}
    return {
        f"{name}_{part}": getattr(metrics.get(name, Estimate()), field.get(part, part))
        for name in names
        for part in parts
    }


def _frame(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> polars.DataFrame:
    schema = {
        name: polars.String if name in TEXTS else polars.Int64 if name in WHOLE else polars.Float64 for name in columns
    }
    return polars.DataFrame(
        [tuple(_existing(row.get(name)) for name in columns) for row in rows], schema=schema, orient="row"
    )


def _existing(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value
