"""From the artifacts of a run to its record."""

from __future__ import annotations

import platform
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from pigbench import __version__, stages
from pigbench.engine.work import library_versions
from pigbench.planning.configured import GeneratorChoice, MetricChoice
from pigbench.planning.plan import Contender, Plan, Request
from pigbench.privacy import without_files, without_paths
from pigbench.processes import instructions
from pigbench.protocol import digest
from pigbench.results.cases import Scores, TestCases, TestSet
from pigbench.results.described import MetricInfo
from pigbench.results.record import FORMAT, HELD_OUT, Record
from pigbench.stages.base import Scored, thinned
from pigbench.stages.ceiling import MeanScores
from pigbench.stages.measure import Measured
from pigbench.stages.node import Node, ordered
from pigbench.stages.train import TrainedNetwork
from pigbench.store import Store

DatasetFacts = Mapping[str, Any]


def make_record(
    request: Request, plan: Plan, store: Store, dataset: DatasetFacts, failed: Mapping[str, str], command: str
) -> Record:
    """The record of a run.

    dataset: name, patients, cases, has_patient_ids. failed: the reason of each node that failed, by key.
    Raises store.Damaged for an artifact whose bytes do not match its manifest.
    """
    protocol = request.protocol
    manifests = {
        node.key: store.manifest(node.stage, node.key) for node in plan.nodes() if store.has(node.stage, node.key)
    }
    tables = _tables(plan, store, failed)
    scored = _scored(plan, store, failed)
    test_set = _test_set(scored, _ceiling(plan, store, failed))
    return Record.model_validate(
        {
            "format": FORMAT,
            "key": digest([plan.key, *sorted(failed)]) if failed else plan.key,
            "protocol": protocol.model_dump(mode="json"),
            "protocol_hash": protocol.signature,
            "preset": protocol.preset.name,
            "banner": protocol.preset.banner,
            "dataset": {**dataset, "identity": protocol.dataset_identity},
            "folds": protocol.folds,
            "seeds": list(request.seeds),
            "metrics": {metric.name: _metric(metric) for metric in request.metrics},
            "generators": {g.label: _generator(g, request, plan, store) for g in request.generators},
            "segmenters": {s.label: s.signature for s in request.segmenters},
            "arms": {arm["arm"]: arm for arm in map(_arm, plan.measurements)},
            **tables,
            "test_sets": {HELD_OUT: test_set},
            "scores": _columns(scored, test_set),
            "costs": _costs(request, plan, store, manifests),
            "tuning": [asdict(study) | {"used_by": request.rows_of(study)} for study in request.tuned],
            "provenance": _provenance(request, manifests.values(), command),
        }
    )


def _metric(metric: MetricChoice) -> MetricInfo:
    return MetricInfo.of(metric.name, metric.plugin, f"{metric.name}@{metric.source[:8]}", metric.origin)


def _arm(node: Node) -> dict[str, Any]:
    """What the fit of a node trains on."""
    return node.purpose.told("arm", "generator", "n", "use", "share", "train_patients", "stretch")


def _tables(plan: Plan, store: Store, failed: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The rows of every table of the record, by its name, as the stages give them."""
    tables: dict[str, list[dict[str, Any]]] = defaultdict(list, fits=[], fidelity=[])
    for node in plan.targets:
        stage = stages.find(node.stage)
        if stage.table:
            row = stage.row(node, None if node.key in failed else stage.Result(store.open(node.stage, node.key).path))
            tables[stage.table].append(row | _status(node, failed))
    return tables


def _scored(plan: Plan, store: Store, failed: Mapping[str, str]) -> dict[int, tuple[Node, Scored]]:
    """What was measured of each fit's cases, by the fit's place in the table of fits."""
    return {
        number: (node, Measured(store.entry(node.stage, node.key).path).scored)
        for number, node in enumerate(plan.measurements)
        if node.key not in failed
    }


def _test_set(scored: Mapping[int, tuple[Node, Scored]], ceiling: Mapping[str, Any]) -> TestSet:
    """The held-out cases of all folds, each once. ceiling: as `TestSet` has it."""
    of_folds = {node.purpose.fold or 0: found.once for node, found in scored.values()}
    folds = [np.full(len(found.case_id), fold, np.int32) for fold, found in of_folds.items()]
    cases = TestCases(
        case_id=[case for found in of_folds.values() for case in found.case_id],
        patient_id=[patient for found in of_folds.values() for patient in found.patient_id],
        fold=np.concatenate([np.empty(0, np.int32), *folds]),
        area=np.concatenate([np.empty(0), *(found.area for found in of_folds.values())]),
    )
    return TestSet(cases=cases, **ceiling)


def _columns(scored: Mapping[int, tuple[Node, Scored]], test_set: TestSet) -> Scores:
    """The statistics and scores of every case of every fit."""
    place = {case: number for number, case in enumerate(test_set.cases.case_id)}
    return Scores.stacked(
        (
            (fit, [place[case] for case in found.case_id], found.statistics, found.scores)
            for fit, (_, found) in scored.items()
        ),
        [found.class_ for _, found in scored.values() if found.class_ is not None],
    )


def _ceiling(plan: Plan, store: Store, failed: Mapping[str, str]) -> dict[str, Any]:
    """What perfect masks of the network's resolution would score; nothing where that is the grid that is scored on."""
    known = [node for node in plan.ceiling if node.key not in failed]
    if not known:
        return {}
    found = MeanScores(store.open(known[0].stage, known[0].key).path)
    return {"ceiling": found.numbers, "ceiling_of_classes": found.of_classes}


def _generator(generator: Contender, request: Request, plan: Plan, store: Store) -> dict[str, Any]:
    trained: dict[str, Node] = {}
    for each in plan.nodes():  # of several, one that is there; of these the last, which is of the most patients
        part = each.purpose.component
        if part and (part not in trained or store.has(each.stage, each.key)):
            trained[part] = each
    components = generator.plugin.components if isinstance(generator, GeneratorChoice) else ()
    told: dict[str, dict[str, Any]] = {"image_passes": {}, "arithmetic": {}, "losses": {}}
    for component in components:
        if node := trained.get(f"{component.owner or generator.name}.{component.name}"):
            name = f"{component.owner}.{component.name}" if component.owner else component.name
            facts = _facts(node, store)  # empty if it failed
            told["image_passes"][name] = facts.get("image_passes")
            told["arithmetic"][name] = facts.get("arithmetic")
            told["losses"][name] = facts.get("losses", [])
    return generator.info(request.protocol.task) | told


def _facts(node: Node, store: Store) -> dict[str, Any]:
    """What a training took, its losses thinned, if it is there."""
    if not store.has(node.stage, node.key):
        return {}
    facts = TrainedNetwork(store.entry(node.stage, node.key).path).facts
    return facts | {"losses": thinned(facts["losses"])}


def _work(node: Node, store: Store) -> dict[str, int]:
    """What the seconds of a node were spent on, if it is there."""
    if not store.has(node.stage, node.key):
        return {}
    stage = stages.find(node.stage)
    return stage.work(stage.Spec(**node.spec), stage.Result(store.entry(node.stage, node.key).path))


def _status(node: Node, failed: Mapping[str, str]) -> dict[str, str]:
    return {"status": "failed" if node.key in failed else "ok", "reason": without_files(failed.get(node.key, ""))}


def _costs(request: Request, plan: Plan, store: Store, manifests: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What each stage that is there took; of a training also which generators sample with what it made."""
    users: dict[str, set[str]] = defaultdict(set)
    labels = {generator.label for generator in request.generators}
    for node in plan.nodes():
        if node.purpose.chunk is not None and node.purpose.generator in labels:
            for other in ordered([node]):
                if other.purpose.component:
                    users[other.key].add(node.purpose.generator)
    return [
        {
            "stage": node.stage,
            "label": node.purpose.what,
            "row": stages.find(node.stage).costs_of(node),
            **node.purpose.told("fold", "train_patients", "seed", "training", "chunk"),
            **manifests[node.key]["cost"],
            **_work(node, store),
            **(_of_training(node, users, store) if node.purpose.component else {}),
        }
        for node in plan.nodes()
        if node.key in manifests
    ]


def _of_training(node: Node, users: Mapping[str, set[str]], store: Store) -> dict[str, Any]:
    """Whose the trained network is, and its losses."""
    return {"generators": sorted(users[node.key]), "losses": _facts(node, store).get("losses", [])}


def _provenance(request: Request, manifests: Iterable[dict[str, Any]], command: str) -> dict[str, Any]:
    return {
        "pigbench": __version__,
        "versions": library_versions(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "device": request.device,
        "hardware": sorted({manifest["hardware"] for manifest in manifests if "hardware" in manifest}),
        "instructions": instructions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": without_paths(command),
    }
