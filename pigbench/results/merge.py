"""Records of one protocol, merged whenever and wherever they were made: what one table may show together.

Merging does not depend on the order of the records, and a record that comes twice counts once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pigbench.results.record import (
    ArmRun,
    Cost,
    Dataset,
    FidelityRun,
    GateRun,
    GeneratorInfo,
    Reconstruction,
    Record,
    Tuning,
    UsedProtocol,
)

Unit = tuple[Any, ...]
"""What is measured once, whatever the number of records that hold it; its last two parts are the seed and the fold."""
Labels = dict[tuple[str, str], str]
"""The label to show for each (label, signature) of a generator."""
Result = TypeVar("Result", FidelityRun, GateRun, Reconstruction, "Trial")


@dataclass(frozen=True)
class Trial:
    """One arm tested on one fold with one seed: its run, its generator and its cases, sorted by id.

    cases: (patient_id, case_id, tp, fp, fn, tn) each; empty where the run failed.
    """

    run: ArmRun
    signature: str
    cases: tuple[tuple[str, str, int, int, int, int], ...]

    @property
    def status(self) -> str:
        """`ok` or `failed`."""
        return self.run.status


@dataclass(frozen=True)
class Group:
    """Everything known under one protocol, duplicates counted once.

    generators: by the label that names them in tables and in `fidelity` and `trials`, where two generators of the
    same label and different signatures carry their signature. conflicts: results that two records give differently.
    costs: of every stage, each fold, seed and chunk once, under the labels that the records gave. hardware: what the
    stages ran on, as far as the records say. tuning: the studies
    behind a generator or a segmenter, by its label.
    """

    protocol_hash: str
    protocol: UsedProtocol
    preset: str
    banner: str
    dataset: Dataset
    folds: int
    versions: tuple[str, ...]
    generators: dict[str, GeneratorInfo]
    fidelity: tuple[FidelityRun, ...]
    gates: tuple[GateRun, ...]
    reconstructions: tuple[Reconstruction, ...]
    trials: tuple[Trial, ...]
    conflicts: tuple[str, ...]
    costs: tuple[Cost, ...] = ()
    hardware: tuple[str, ...] = ()
    tuning: Mapping[str, tuple[Tuning, ...]] = field(default_factory=dict)

    @property
    def set_aside(self) -> float:
        """The share of the patients that is kept for tuning and stands in no fold."""
        return self.protocol.set_aside


def merge(records: Iterable[Record]) -> list[Group]:
    """One group for each protocol, in the order of dataset, preset and hash.

    Records that give one protocol different folds or data cannot all be right, and share no table.
    """
    together = defaultdict(list)
    for record in sorted(records, key=_order):
        together[record.protocol_hash, record.folds, record.dataset.identity].append(record)
    groups = [_group(members) for members in together.values()]
    return sorted(groups, key=lambda group: (group.dataset.name, group.preset, group.protocol_hash))


def _order(record: Record) -> tuple[str, ...]:
    return record.key, record.provenance.created, record.model_dump_json()


def _group(records: list[Record]) -> Group:
    first = records[0]
    labels = _labels(records)
    fidelity, unlike = _once(_measured(records, "fidelity", labels))
    gates, other_gates = _once(_measured(records, "gates", labels))
    reconstructions, other_ceilings = _once(_measured(records, "reconstructions", labels))
    segmenters = _segmenter_labels(records)
    trials, differing = _once(offer for record in records for offer in _trials_of(record, labels, segmenters))
    return Group(
        protocol_hash=first.protocol_hash,
        protocol=first.protocol,
        preset=first.preset,
        banner=" ".join(sorted({record.banner for record in records} - {""})),
        dataset=first.dataset,
        folds=first.folds,
        versions=tuple(sorted({record.provenance.pigbench for record in records})),
        generators={
            labels[info.label, info.signature]: info
            for record in reversed(records)
            for info in record.generators.values()
        },
        fidelity=fidelity,
        gates=gates,
        reconstructions=reconstructions,
        trials=trials,
        conflicts=tuple(sorted(unlike | other_gates | other_ceilings | differing)),
        costs=_costs(records),
        hardware=tuple(sorted({name for record in records for name in record.provenance.hardware})),
        tuning=_tuning(records, labels, segmenters),
    )


def _costs(records: list[Record]) -> tuple[Cost, ...]:
    """What each stage cost where it was done first: a stage done twice, on other machines say, is counted once.

    The generators that a training served are those of all records.
    """
    known: dict[Unit, Cost] = {}
    served: dict[Unit, set[str]] = defaultdict(set)
    for record in records:
        for cost in record.costs:
            unit = (cost.stage, cost.label, cost.chunk, cost.seed, cost.fold)
            known.setdefault(unit, cost)
            served[unit] |= set(cost.generators)
    return tuple(cost.model_copy(update={"generators": sorted(served[unit])}) for unit, cost in known.items())


def _tuning(records: list[Record], labels: Labels, segmenters: Labels) -> dict[str, tuple[Tuning, ...]]:
    """Each study once for each label, as it stood after most trials."""
    found: dict[str, dict[tuple[str, str], Tuning]] = defaultdict(dict)
    for record in records:
        for study in record.tuning:
            for name in study.used_by:
                info = record.generators.get(name) if study.group == "generators" else None
                mark = info.signature if info else record.segmenters.get(name, "")
                shown = (labels if info else segmenters).get((name, mark), name)
                known = found[shown].setdefault((study.group, study.study), study)
                if study.trials > known.trials:
                    found[shown][study.group, study.study] = study
    return {label: tuple(studies.values()) for label, studies in found.items()}


def _labels(records: list[Record]) -> Labels:
    """A label alone where it is one generator's, otherwise with the signature."""
    known = {(info.label, info.signature) for record in records for info in record.generators.values()}
    return _told_apart(known)


def _segmenter_labels(records: list[Record]) -> Labels:
    return _told_apart({known for record in records for known in record.segmenters.items()})


def _told_apart(known: set[tuple[str, str]]) -> Labels:
    shared = [label for label, _ in known]
    return {(label, mark): f"{label} ({mark})" if shared.count(label) > 1 else label for label, mark in sorted(known)}


def _measured(records: list[Record], part: str, labels: Labels) -> Iterator[tuple[Unit, Any]]:
    """One of the records' lists of measurements of generators, each with what names it."""
    for record in records:
        for run in getattr(record, part):
            info = record.generators[run.generator]
            label = labels[info.label, info.signature]
            about = [getattr(run, name) for name in ("n", "extractor") if hasattr(run, name)]
            yield (part, label, *about, run.seed, run.fold), run.model_copy(update={"generator": label})


def _trials_of(record: Record, labels: Labels, segmenters: Labels) -> list[tuple[Unit, Trial]]:
    cases = defaultdict(list)
    for arm, segmenter, seed, fold, *case in record.cases.rows():
        cases[arm, segmenter, seed, fold].append(tuple(case))
    trials = []
    for run in record.arms:
        tested = cases[run.arm, run.segmenter, run.seed, run.fold] if run.status == "ok" else []
        signature = ""
        if run.generator is not None:
            info = record.generators[run.generator]
            signature, label = info.signature, labels[info.label, info.signature]
            arm = run.arm if label == info.label else f"{run.arm} ({signature})"
            run = run.model_copy(update={"arm": arm, "generator": label})
        mark = record.segmenters.get(run.segmenter, "")
        run = run.model_copy(update={"segmenter": segmenters.get((run.segmenter, mark), run.segmenter)})
        trial = Trial(run, signature, tuple(sorted(tested, key=lambda case: case[1])))
        trials.append(((run.arm, run.segmenter, run.seed, run.fold), trial))
    return trials


def _once(offers: Iterable[tuple[Unit, Result]]) -> tuple[tuple[Result, ...], set[str]]:
    """The first result of every unit, a good one before a failed one, and the units whose good results differ."""
    kept: dict[Unit, Result] = {}
    conflicts = set()
    for unit, result in offers:
        known = kept.setdefault(unit, result)
        if (known.status, result.status) == ("failed", "ok"):
            kept[unit] = result
        elif (known.status, result.status) == ("ok", "ok") and result != known:
            conflicts.add(" ".join(str(part) for part in unit[:-2]) + f" seed {unit[-2]} fold {unit[-1]}")
    return tuple(kept[unit] for unit in sorted(kept)), conflicts
