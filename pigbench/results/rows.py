"""The numbers of a group as flat rows, one for each metric of each table row, every one with its signature."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from typing import Any

from pigbench.metrics.inference import CONFIDENCE
from pigbench.results.arm_rows import DECIDING, ArmRow
from pigbench.results.conditioning import Likeness
from pigbench.results.costs import cost_rows
from pigbench.results.generator_rows import CLIPPED, GeneratorRow, floor_of
from pigbench.results.group import Group
from pigbench.results.naming import REAL, way_of
from pigbench.results.pool import Estimate
from pigbench.results.progress import Progress, size_of
from pigbench.results.summary import Summary

SCORE_COLUMNS = (
    *(
        "table",
        "protocol",
        "dataset",
        "preset",
        "generator",
        "n",
        "arm",
        "train_patients",
        "use",
        "segmenter",
        "metric",
    ),
    *("mean", "sd", "delta", "ci_low", "ci_high", "together_low", "together_high", "verdict", "conditioned"),
    *("folds", "seeds", "trainings", "patients", "signature"),
)

WORTH = "worth"
"""What Table 3 has beside the scores."""


def score_rows(summary: Summary) -> list[dict[str, Any]]:
    """Tables 1 to 3 in long form, keys as in `SCORE_COLUMNS`; numbers that do not exist are None.

    Every metric that the records hold, as it is defined, without the tables' factors. `<metric>_floor` is what real
    images have in the generated ones' place, `<metric>_by_patient` the per-patient mean; `agreement` and `contrast`
    beside those of real pairs, `agreement_real` and `contrast_real`, and their ratio over chance, `agreement_ratio` and
    `contrast_ratio`, say whether lesions are where masks are. `conditioned`, in rows of Table 2 with pairs, is what
    they say together: False for NOT CONDITIONED, None where nothing can be told. `together_low` and `together_high`
    bound the difference of Dice for all ranked rows of a segmenter at once, and decide its `verdict`. `worth`, in
    Table 3, is a number of patients, 0 for fewer than the curve has and None for more. `train_patients` is None for
    all; `use` is "real", "alone", or as `--use` has it. A failed row keeps its place without numbers, and `folds` says
    how many are there. Rows of some cases alone say which in another key, `by`.
    """
    group = summary.group
    head = {"protocol": group.protocol_hash, "dataset": group.dataset.name, "preset": group.preset}
    rows = [head | row for of_generator in summary.generators for row in _generator_rows(group, of_generator)]
    rows += [head | row for of_arm in summary.arms for row in _arm_rows(group, of_arm)]
    rows += [head | row for row in _worth_rows(summary)]
    part = {"by": group.part.by} if group.part else {}
    return [{column: row.get(column) for column in SCORE_COLUMNS} | part for row in rows]


def cost_score_rows(group: Group) -> list[dict[str, Any]]:
    """Costs in the same columns: `table` is 4, `arm` the work, `folds` the folds and seeds measured."""
    head = {"table": 4, "protocol": group.protocol_hash, "dataset": group.dataset.name, "preset": group.preset}
    rows = [
        head
        | {"generator": row.generator, "arm": row.what, "metric": name, "mean": value, "folds": row.units}
        | row.about
        for row in cost_rows(group)
        for name, value in row.values.items()
        if isfinite(value)
    ]
    return [{column: row.get(column) for column in SCORE_COLUMNS} for row in rows]


def signature(group: Group, metrics: Sequence[str], rows: Sequence[GeneratorRow] | Sequence[ArmRow]) -> str:
    """What must be known to trust and repeat `metrics` in `rows`, in one line, as sacreBLEU does it."""
    of_arms = [row for row in rows if isinstance(row, ArmRow)]
    of_generators = [row for row in rows if isinstance(row, GeneratorRow)]
    labels = sorted({row.generator for row in rows if row.generator})
    trainings = {row.progress.trainings for row in of_arms} or {1}
    subsets = {row.train_patients for row in rows}
    ways = {way_of(row.about.use, row.about.share) for row in of_arms if row.generator} - {"mix", "alone"}
    parts = [
        ",".join(metrics),
        f"folds:{group.folds}",
        *([f"aside:{group.set_aside:g}"] if group.set_aside else []),
        f"group:{group.dataset.grouped_by}",
        f"seeds:{_listed(len(row.progress.seeds) for row in rows)}",
        *([f"trainings:{_listed(trainings)}"] if trainings != {1} else []),
        *([f"train:{','.join(map(_patients, sorted(subsets, key=size_of)))}"] if subsets - {None} else []),
        f"n:{_listed(row.n for row in rows if row.generator) or 0}",
        *([f"use:{','.join(sorted(ways))}"] if ways else []),
        f"gen:{_listed(group.generators[label].signature for label in labels) or 'none'}",
        f"data:{group.dataset.name}@{group.dataset.identity[:8]}",
        f"preset:{group.preset}",
        f"protocol:{group.protocol_hash[:8]}",
        *([f"by:{group.part.by}"] if group.part else []),
    ]
    if of_generators:
        parts.append(f"extractor:{_listed(row.extractor for row in of_generators)}")
        size = "floor_m" if all(metric.endswith("_floor") for metric in metrics) else "m"
        sizes = (getattr(run, size) for row in of_generators for run in row.runs)
        parts.append(f"m:{_listed(size for size in sizes if size)}")
    if of_arms:
        parts.append(f"segmenter:{_listed(row.segmenter for row in of_arms)}")
    if compared := [row for row in of_arms if row.covers]:
        parts += [f"to:{against}" for against in sorted({row.against for row in compared} - {REAL})]
        parts.append(f"ci:{CONFIDENCE:.0%}|se:CR2|over:{_listed('+'.join(row.covers) for row in compared)}")
    sources = [info.signature for metric in metrics if (info := group.metrics.get(metric)) and info.signature]
    parts += [f"metrics:{','.join(sources)}"] if sources else []
    return "|".join([*parts, f"v:{_listed(group.versions)}"])


def _patients(size: int | None) -> str:
    return "all" if size is None else str(size)


def set_columns(group: Group) -> list[str]:
    """The names of what the records hold of generated images: metrics, each before its floor, and `CLIPPED`."""
    held = group.held("set").items()
    return [column for name, info in held for column in (name, *[floor_of(name)] * info.has_floor)] + [CLIPPED]


def _generator_rows(group: Group, row: GeneratorRow) -> list[dict[str, Any]]:
    who = {"table": 1, "generator": row.generator, "n": row.n, "train_patients": row.train_patients}
    who |= {"patients": group.dataset.patients}
    rows = []
    for metric in set_columns(group):
        of_metric = _numbers(row.metrics.get(metric, Estimate()), row.progress)
        rows.append(who | of_metric | {"metric": metric, "signature": signature(group, [metric], [row])})
    return rows + [who | of_measure for of_measure in _likeness_rows(group, row, "agreement", row.agreement)]


def _arm_rows(group: Group, row: ArmRow) -> list[dict[str, Any]]:
    who = {"table": 2, "conditioned": row.conditioned} | _who(row)
    rows = []
    for metric in group.held("case"):
        estimate = row.metrics.get(metric, Estimate())
        for name, shown in ((metric, estimate), (f"{metric}_by_patient", Estimate(mean=estimate.patient_mean))):
            of_metric = _numbers(shown, row.progress) | {"metric": name, "patients": row.patients}
            if name == DECIDING and row.together:
                of_metric |= {"together_low": row.together[0], "together_high": row.together[1]}
                of_metric |= {"verdict": row.verdict}
            rows.append(who | of_metric | {"signature": signature(group, [name], [row])})
    who |= {"patients": row.patients}
    for measure, likeness in (("agreement", row.agreement), ("contrast", row.contrast)):
        rows += [who | of_measure for of_measure in _likeness_rows(group, row, measure, likeness)]
    return rows


def _worth_rows(summary: Summary) -> Iterator[dict[str, Any]]:
    """What arms are worth in patients; None where that is more than all there are."""
    for row in summary.arms:
        curve = summary.curves.get(row.segmenter)
        if curve and (worth := curve.worth.get(row.arm)):
            numbers = _numbers(Estimate(mean=worth.patients, low=worth.low, high=worth.high), row.progress)
            about = {"table": 3, "metric": WORTH, "patients": row.patients}
            yield _who(row) | numbers | about | {"signature": signature(summary.group, [DECIDING], [row])}


def _who(row: ArmRow) -> dict[str, Any]:
    who = {"generator": row.generator, "n": row.n, "arm": row.arm, "segmenter": row.segmenter}
    return who | {"train_patients": row.train_patients, "use": way_of(row.about.use, row.about.share)}


def _likeness_rows(
    group: Group, row: GeneratorRow | ArmRow, measure: str, likeness: Likeness | None
) -> list[dict[str, Any]]:
    """Of generated and of real pairs, and what part the former have of the latter over chance."""
    names = (measure, f"{measure}_real", f"{measure}_ratio")
    told = dict(zip(names, (likeness.generated, likeness.real, likeness.ratio), strict=True)) if likeness else {}
    rows: Any = [row]
    return [
        _numbers(Estimate(mean=value), row.progress) | {"metric": name, "signature": signature(group, [name], rows)}
        for name, value in told.items()
    ]


def _numbers(estimate: Estimate, progress: Progress) -> dict[str, float | int | None]:
    numbers = {"mean": estimate.mean, "sd": estimate.sd, "delta": estimate.delta}
    numbers |= {"ci_low": estimate.low, "ci_high": estimate.high}
    existing = {name: value if isfinite(value) else None for name, value in numbers.items()}
    return existing | {"folds": progress.folds, "seeds": len(progress.seeds), "trainings": progress.trainings}


def _listed(values: Iterable[Any]) -> str:
    return ",".join(str(value) for value in sorted(set(values)))
