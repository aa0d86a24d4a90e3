"""From the artifacts of a run to its record."""

from __future__ import annotations

import platform
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pigbench import __version__
from pigbench.engine.work import library_versions
from pigbench.planning.configured import GeneratorChoice
from pigbench.planning.plan import Contender, Node, Plan, Request, ordered
from pigbench.protocol import digest
from pigbench.results.record import CASE_COLUMNS, FORMAT, Record
from pigbench.stages.job import read_json
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
            "generators": {g.label: _generator(g, request, plan, store) for g in request.generators},
            "segmenters": {s.label: s.signature for s in request.segmenters},
            "fidelity": [_fidelity(node, request, store, failed) for node in plan.fidelities],
            "arms": [_arm(node, store, failed) for node in plan.segmentations],
            "gates": [_row(node, "gate.json", ("n",), store, failed) for node in plan.gates],
            "reconstructions": [_row(node, "reconstruction.json", (), store, failed) for node in plan.reconstructions],
            "cases": _cases(plan, store, failed),
            "costs": _costs(request, plan, store, manifests),
            "tuning": [asdict(study) | {"used_by": request.rows_of(study)} for study in request.tuned],
            "provenance": _provenance(request, manifests.values(), command),
        }
    )


def _generator(generator: Contender, request: Request, plan: Plan, store: Store) -> dict[str, Any]:
    trained = {
        f"{node.spec['plugin']}.{node.spec['component']}": node for node in plan.nodes() if node.stage == "train"
    }
    components = generator.plugin.components if isinstance(generator, GeneratorChoice) else ()
    passes = {}
    for component in components:
        if node := trained.get(f"{component.owner or generator.name}.{component.name}"):
            passes[f"{component.owner}.{component.name}" if component.owner else component.name] = _passes(node, store)
    return generator.info(request.protocol.preset.resolution) | {"image_passes": passes}


def _passes(train: Node, store: Store) -> int | None:
    """The image-passes that a training took; None if it failed."""
    if not store.has(train.stage, train.key):
        return None
    return int(read_json(store.open(train.stage, train.key).path / "training.json")["image_passes"])


def _fidelity(node: Node, request: Request, store: Store, failed: Mapping[str, str]) -> dict[str, Any]:
    row = {name: node.about[name] for name in ("generator", "n", "seed", "fold")}
    row |= {"extractor": request.protocol.preset.fidelity.extractor, **_status(node, failed)}
    if row["status"] == "ok":
        row |= read_json(store.open(node.stage, node.key).path / "fidelity.json")
    return row


def _row(node: Node, file: str, names: tuple[str, ...], store: Store, failed: Mapping[str, str]) -> dict[str, Any]:
    row = {name: node.about[name] for name in ("generator", *names, "seed", "fold")} | _status(node, failed)
    return row | (read_json(store.open(node.stage, node.key).path / file) if row["status"] == "ok" else {})


def _arm(node: Node, store: Store, failed: Mapping[str, str]) -> dict[str, Any]:
    names = ("arm", "generator", "n", "alone", "stretch", "segmenter", "seed", "fold")
    row = {name: node.about[name] for name in names}
    row |= _status(node, failed)
    if row["status"] == "ok":
        about = read_json(store.open(node.stage, node.key).path / "arm.json")
        row |= {name: about[name] for name in ("share", "steps", "synthetic_used", "empty_masks") if name in about}
    return row


def _status(node: Node, failed: Mapping[str, str]) -> dict[str, str]:
    return {"status": "failed" if node.key in failed else "ok", "reason": without_paths(failed.get(node.key, ""))}


def without_paths(text: str) -> str:
    """`text` with absolute paths cut to "…" and no account in a URL: a record goes to others, and they name people."""
    text = re.sub(r"://[^\s/@]*@", "://", text)
    return re.sub(r"""(?<![\w.])(?:[A-Za-z]:)?[/\\](?:[^\s'":,;()]+[/\\])*[^\s'":,;()]*""", "…", text)


def _cases(plan: Plan, store: Store, failed: Mapping[str, str]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = defaultdict(list)
    for node in plan.segmentations:
        if node.key in failed:
            continue
        found = read_json(store.entry(node.stage, node.key).path / "cases.json")
        for name in CASE_COLUMNS:
            columns[name] += found.get(name) or [node.about[name]] * len(found["case_id"])
    return {name: columns[name] for name in CASE_COLUMNS}


def _costs(request: Request, plan: Plan, store: Store, manifests: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What each stage that is there took; of a training also which generators sample with what it made."""
    users: dict[str, set[str]] = defaultdict(set)
    labels = {generator.label for generator in request.generators}
    for node in plan.nodes():
        if node.stage == "sample" and node.about["what"] in labels:
            for training in ordered([node]):
                if training.stage == "train":
                    users[training.key].add(node.about["what"])
    return [
        _cost(node, store, manifests[node.key]["cost"])
        | ({"generators": sorted(users[node.key])} if node.stage == "train" else {})
        for node in plan.nodes()
        if node.key in manifests
    ]


def _cost(node: Node, store: Store, cost: dict[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = {name: node.about[name] for name in ("fold", "seed", "chunk") if name in node.about}
    return {"stage": node.stage, "label": node.about.get("what", ""), **about, **cost, **_size(node, store)}


def _size(node: Node, store: Store) -> dict[str, int]:
    """What its seconds were spent on: images trained on or made, and the parameters of a network."""
    if node.stage == "train":
        training = read_json(store.entry(node.stage, node.key).path / "training.json")
        return {"images": training["image_passes"], "parameters": training["parameters"]}
    if node.stage == "segment":
        arm = read_json(store.entry(node.stage, node.key).path / "arm.json")
        return {name: arm[name] for name in ("images", "parameters") if name in arm}  # older artifacts do not say
    return {"images": node.spec["size"]} if node.stage == "sample" else {}


def _provenance(request: Request, manifests: Iterable[dict[str, Any]], command: str) -> dict[str, Any]:
    return {
        "pigbench": __version__,
        "versions": library_versions(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "device": request.device,
        "hardware": sorted({manifest["hardware"] for manifest in manifests if "hardware" in manifest}),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": without_paths(command),
    }
