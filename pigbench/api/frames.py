"""Summaries as polars frames: one row for each row of the tables, its metrics side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isfinite, nan
from typing import Any

import polars

from pigbench.results import ArmRow, GeneratorRow, Summary, cost_rows, score_rows, signature
from pigbench.results.rows import WORTH, set_columns

PARTS = {"mean": "mean", "sd": "sd", "delta": "delta", "low": "ci_low", "high": "ci_high"}
"""The numbers of a metric, and what `score_rows` calls them."""

TEXTS = ("generator", "against", "verdict", "use")
"""Columns of text that may have no value at all."""


def images(summaries: Iterable[Summary]) -> polars.DataFrame:
    """Table 1."""
    return _frame(
        _wide(replace(summary, generators=(row,), arms=()), row, ["mean", "sd"], extractor=row.extractor)
        for summary in summaries
        for row in summary.generators
    )


def segmentation(summaries: Iterable[Summary]) -> polars.DataFrame:
    """Table 2."""
    return _frame(
        _wide(
            replace(summary, generators=(), arms=(row,)),
            row,
            list(PARTS),
            against=row.against if row.covers else None,
            verdict=row.verdict or None,
            conditioned=row.conditioned,
            dice_together_low=row.together[0] if row.together else nan,
            dice_together_high=row.together[1] if row.together else nan,
        )
        for summary in summaries
        for row in summary.arms
    )


def costs(summaries: Iterable[Summary]) -> polars.DataFrame:
    """What training, sampling and segmenting took; `folds` is how many folds and seeds were measured."""
    return _frame(
        _head(summary) | {"work": row.what, "generator": row.generator, "folds": row.units} | row.about | row.values
        for summary in summaries
        for row in cost_rows(summary.group)
    )


def _head(summary: Summary) -> dict[str, Any]:
    group = summary.group
    return {"protocol": group.protocol_hash, "dataset": group.dataset.name, "preset": group.preset}


def _wide(
    one: Summary, row: GeneratorRow | ArmRow, parts: Sequence[str], **own: str | float | bool | None
) -> dict[str, Any]:
    """The long rows of a summary of one row, as one."""
    long = score_rows(one)
    same: tuple[str, ...] = ("generator", "n", "train_patients")
    same = ("segmenter", "arm", *same, "use") if isinstance(row, ArmRow) else same
    same += ("by",) if one.group.part else ()
    wide = _head(one) | {name: long[0][name] for name in same} | own
    wide |= {"state": row.progress.state} | {
        name: long[0][name] for name in ("folds", "seeds", "trainings", "patients")
    }
    metrics = [of_metric["metric"] for of_metric in long]
    spread = {*one.group.held("case"), *set_columns(one.group)}
    wide |= {"signature": signature(one.group, metrics, one.arms or one.generators)}
    for metric, of_metric in zip(metrics, long, strict=True):
        measured = parts if metric in spread else ["mean", "low", "high"] if metric == WORTH else ["mean"]
        wide |= {f"{metric}_{part}": of_metric[PARTS[part]] for part in measured}
    return wide


def _frame(rows: Iterable[dict[str, Any]]) -> polars.DataFrame:
    """A number that does not exist is null, in a column of numbers also where none of it exists."""
    existing = [
        {name: None if isinstance(value, float) and not isfinite(value) else value for name, value in row.items()}
        for row in rows
    ]
    kinds = dict.fromkeys(TEXTS, polars.String) | {"train_patients": polars.Int64, "conditioned": polars.Boolean}
    kinds = {name: kind for name, kind in kinds.items() if existing and name in existing[0]}
    frame = polars.DataFrame(existing, infer_schema_length=None, schema_overrides=kinds)
    return frame.with_columns(polars.selectors.by_dtype(polars.Null).cast(polars.Float64))
