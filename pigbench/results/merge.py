"""Records of one protocol, merged whenever and wherever they were made: what one table may show together.

Merging does not depend on the order of the records, and a record that comes twice counts once. Of the scores, those of
the first test set are taken, which tables are made of.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from pigbench.metrics.classes import over_classes
from pigbench.results.described import Arm, Tuning
from pigbench.results.group import Columns, Group, Tested, Trial, cut
from pigbench.results.measured import AgreementRun, Cost, FidelityRun, GateRun, Reconstruction
from pigbench.results.naming import REAL, of_patients
from pigbench.results.record import Record
from pigbench.results.withdrawn import why_withdrawn

Unit = tuple[Any, ...]
"""What is measured once, whatever the number of records that hold it; its last three parts are the seed, the training
and the fold."""
Labels = dict[tuple[str, str], str]
"""The label to show for each (label, signature) of a generator."""
Result = TypeVar("Result", FidelityRun, GateRun, AgreementRun, Reconstruction, Trial)


def merge(records: Iterable[Record]) -> list[Group]:
    """One group for each protocol, in the order of dataset, preset and hash.

    Records that give one protocol different folds or data cannot all be right, and share no table.
    """
    together = defaultdict(list)
    for record in _in_order(list(records)):
        together[record.protocol_hash, record.folds, record.dataset.identity].append(record)
    groups = [_group(members) for members in together.values()]
    return sorted(groups, key=lambda group: (group.dataset.name, group.preset, group.protocol_hash))


def _in_order(records: list[Record]) -> list[Record]:
    """By key and time; the whole text decides only where these are equal, as it is long."""
    known = Counter((record.key, record.provenance.created) for record in records)

    def place(record: Record) -> tuple[str, ...]:
        name = (record.key, record.provenance.created)
        return (*name, record.model_dump_json() if known[name] > 1 else "")

    return sorted(records, key=place)


def _group(records: list[Record]) -> Group:
    first = records[0]
    labels, segmenters = _labels(records), _segmenter_labels(records)
    fidelity, unlike = _once(_measured(records, "fidelity", labels), _joined_fidelity)
    gates, other_gates = _once(_measured(records, "gates", labels))
    agreements, other_agreements = _once(_measured(records, "agreements", labels, segmenters), _joined_agreements)
    reconstructions, other_ceilings = _once(_measured(records, "reconstructions", labels))
    tested = _tested(records)
    places = {case: place for place, case in enumerate(tested.ids)}
    offers = (offer for record in records for offer in _trials_of(record, labels, segmenters, places))
    trials, differing = _once(offers, _joined_trials)
    tests = [next(iter(record.test_sets.values())) for record in records]
    return Group(
        protocol_hash=first.protocol_hash,
        protocol=first.protocol,
        preset=first.preset,
        banner=" ".join(sorted({record.banner for record in records} - {""})),
        dataset=first.dataset,
        folds=first.folds,
        versions=tuple(sorted({record.provenance.pigbench for record in records})),
        metrics={name: info for record in reversed(records) for name, info in record.metrics.items()},
        generators={
            labels[info.label, info.signature]: info
            for record in reversed(records)
            for info in record.generators.values()
        },
        fidelity=fidelity,
        gates=gates,
        agreements=agreements,
        reconstructions=reconstructions,
        tested=tested,
        trials=trials,
        conflicts=tuple(sorted(unlike | other_gates | other_agreements | other_ceilings | differing)),
        redefined=_redefined(records),
        costs=_costs(records),
        hardware=tuple(sorted({name for record in records for name in record.provenance.hardware})),
        tuning=_tuning(records, labels, segmenters),
        ceiling={name: score for held_out in reversed(tests) for name, score in held_out.ceiling.items()},
        ceiling_of_classes=next((tuple(of) for held_out in tests if (of := held_out.ceiling_of_classes)), ()),
        withdrawn=tuple(sorted({why_withdrawn(record) for record in records} - {""})),
    )


def _tested(records: list[Record]) -> Tested:
    """The cases of all records; of a case that two of them know, what the first says."""
    known: dict[str, tuple[str, float]] = {}
    before: list[list[str]] = []
    for record in records:
        cases = record.cases
        if cases.case_id in before[-1:]:  # most records of a protocol have the same
            continue
        before.append(cases.case_id)
        areas = np.full(len(cases), np.nan) if cases.area is None else cases.area
        for case, patient, area in zip(cases.case_id, cases.patient_id, areas.tolist(), strict=True):
            if case not in known or np.isnan(known[case][1]):
                known[case] = (known.get(case, (patient,))[0], area)
    ids = sorted(known)
    patients = sorted({patient for patient, _ in known.values()})
    number = {patient: index for index, patient in enumerate(patients)}
    of_cases = np.array([number[known[case][0]] for case in ids], dtype=int)
    return Tested(tuple(ids), tuple(patients), of_cases, np.array([known[case][1] for case in ids], dtype=float))


def _redefined(records: list[Record]) -> tuple[str, ...]:
    """The metrics of which two records name different sources, with these."""
    sources = defaultdict(set)
    for record in records:
        for name, info in record.metrics.items():
            if info.signature:
                sources[name].add(info.signature)
    return tuple(f"{name} ({', '.join(sorted(of))})" for name, of in sorted(sources.items()) if len(of) > 1)


def _costs(records: list[Record]) -> tuple[Cost, ...]:
    """What each stage cost where it was done first: a stage done twice, on other machines say, is counted once.

    The generators that a training served are those of all records.
    """
    known: dict[Unit, Cost] = {}
    served: dict[Unit, set[str]] = defaultdict(set)
    for record in records:
        for cost in record.costs:
            unit = (cost.stage, cost.label, cost.train_patients, cost.chunk, cost.seed, cost.training, cost.fold)
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
    """A label alone where it is one generator's, otherwise with the signature; of a generator's labels the longest."""
    known = sorted({(info.label, info.signature) for record in records for info in record.generators.values()})
    longest: dict[str, str] = {}
    for label, mark in known:
        longest[mark] = max(longest.get(mark, ""), label, key=len)
    apart = _told_apart({(longest[mark], mark) for _, mark in known})
    return {(label, mark): apart[longest[mark], mark] for label, mark in known}


def _segmenter_labels(records: list[Record]) -> Labels:
    return _told_apart({known for record in records for known in record.segmenters.items()})


def _told_apart(known: set[tuple[str, str]]) -> Labels:
    shared = Counter(label for label, _ in known)
    return {(label, mark): f"{label} ({mark})" if shared[label] > 1 else label for label, mark in sorted(known)}


def _measured(
    records: list[Record], part: str, labels: Labels, segmenters: Labels | None = None
) -> Iterator[tuple[Unit, Any]]:
    """One of the records' lists of measurements of generators, each with what names it."""
    for record in records:
        for run in getattr(record, part):
            info = record.generators[run.generator]
            label = labels[info.label, info.signature]
            shown = {"generator": label}
            if segmenters is not None:
                shown["segmenter"] = _segmenter(run.segmenter, record, segmenters)
            about = [getattr(run, name) for name in ("n", "extractor") if hasattr(run, name)]
            about += [shown.get("segmenter", ""), of_patients(run.train_patients).strip()]
            yield (part, label, *about, run.seed, 0, run.fold), run.model_copy(update=shown)


def _segmenter(name: str, record: Record, segmenters: Labels) -> str:
    return segmenters.get((name, record.segmenters.get(name, "")), name)


def _trials_of(
    record: Record, labels: Labels, segmenters: Labels, places: Mapping[str, int]
) -> Iterator[tuple[Unit, Trial]]:
    arms = {name: _relabelled(arm, record, labels) for name, arm in record.arms.items()}
    scores = record.scores
    held_out = np.flatnonzero(scores.of_held_out)
    place = np.array([places[case] for case in record.cases.case_id], dtype=int)[scores.case[held_out]]
    several = [] if scores.class_ is None else [scores.class_[held_out]]
    order = np.lexsort((place, scores.fit[held_out], *several))
    place, rows = place[order], held_out[order]
    measured, kept = _taken(scores.scores, rows), _taken(scores.statistics, rows)
    count = len(record.dataset.classes) if several else 1
    size = len(rows) // count  # the rows of one class, which are as many as of each other
    ends = np.searchsorted(scores.fit[rows[:size]], np.arange(len(record.fits) + 1))
    for run, start, end in zip(record.fits, ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        arm, signature = arms[run.arm]
        segmenter = _segmenter(run.segmenter, record, segmenters)
        if (arm.arm, segmenter) != (run.arm, run.segmenter):
            run = run.model_copy(update={"arm": arm.arm, "segmenter": segmenter})
        told = {name: column for name, column in measured.items() if name not in run.refused}
        classes = tuple(
            Trial(arm, run, signature, place[part], cut(told, part), cut(kept, part))
            for part in (slice(number * size + start, number * size + end) for number in range(count))
        )
        yield run.unit, classes[0] if count == 1 else _of_all(classes)


def _of_all(classes: tuple[Trial, ...]) -> Trial:
    """A fit with the means over its classes."""
    scores = {
        name: over_classes(np.stack([each.scores[name] for each in classes], axis=1)) for name in classes[0].scores
    }
    return replace(classes[0], scores=scores, statistics={}, classes=classes)


def _taken(columns: Columns, rows: np.ndarray) -> Columns:
    if np.array_equal(rows, np.arange(len(rows))):  # as most records have them
        return columns
    return cut(columns, rows)


def _relabelled(arm: Arm, record: Record, labels: Labels) -> tuple[Arm, str]:
    """The arm under its generator's label in this group, and the generator's signature."""
    if arm.generator is None:
        return arm, ""
    info = record.generators[arm.generator]
    label = labels[info.label, info.signature]
    mark = f" ({info.signature})"
    head = f"{REAL}+" if arm.arm.startswith(f"{REAL}+") else ""
    name = head + label.removesuffix(mark) + arm.arm.removeprefix(head + info.label)
    name += mark if label.endswith(mark) else ""
    return arm.model_copy(update={"arm": name, "generator": label}), info.signature


def _joined_trials(known: Trial, other: Trial) -> Trial | None:
    """One trial with the metrics of both, None where they disagree."""
    if not known.agrees(other):
        return None
    if other.scores.keys() <= known.scores.keys() and other.statistics.keys() <= known.statistics.keys():
        return known
    return replace(
        known,
        scores={**other.scores, **known.scores},
        statistics={**other.statistics, **known.statistics},
        classes=tuple(_joined_trials(*pair) or pair[0] for pair in zip(known.classes, other.classes, strict=True)),
    )


def _joined_fidelity(known: FidelityRun, other: FidelityRun) -> FidelityRun | None:
    """One run with the metrics of both, None where they disagree."""
    parts = ("values", "floors")
    pairs = [(getattr(known, part), getattr(other, part)) for part in parts]
    agree = all(ours[name] == theirs[name] for ours, theirs in pairs for name in ours.keys() & theirs.keys())
    same = ("m", "n_reference", "reference", "floor_m", "clipped_fraction", "empty_masks")
    if not agree or any(getattr(known, name) != getattr(other, name) for name in same):
        return None
    if all(theirs.keys() <= ours.keys() for ours, theirs in pairs):
        return known
    biased = [*known.biased, *(name for name in other.biased if name not in known.values)]
    both = {part: {**theirs, **ours} for part, (ours, theirs) in zip(parts, pairs, strict=True)}
    return known.model_copy(update=both | {"biased": biased})


def _joined_agreements(known: AgreementRun, other: AgreementRun) -> AgreementRun | None:
    """That of more judges; None where as many disagree."""
    if known.judges != other.judges:
        return max(known, other, key=lambda run: run.judges or 0)
    return known if known == other else None


def _same_or_nothing(known: Result, other: Result) -> Result | None:
    return known if known == other else None


def _once(
    offers: Iterable[tuple[Unit, Result]],
    joined: Callable[[Result, Result], Result | None] = _same_or_nothing,
) -> tuple[tuple[Result, ...], set[str]]:
    """The first result of every unit, a good one before a failed one, and the units whose good results differ."""
    kept: dict[Unit, Result] = {}
    conflicts = set()
    for unit, result in offers:
        known = kept.setdefault(unit, result)
        if known is result:
            continue
        if (known.status, result.status) == ("failed", "ok"):
            kept[unit] = result
        elif (known.status, result.status) == ("ok", "ok"):
            if (both := joined(known, result)) is None:
                conflicts.add(_named(unit))
            else:
                kept[unit] = both
    return tuple(kept[unit] for unit in sorted(kept)), conflicts


def _named(unit: Unit) -> str:
    *what, seed, training, fold = unit
    again = f" training {training}" if training else ""
    return " ".join(str(part) for part in what if part != "") + f" seed {seed}{again} fold {fold}"
