"""A stage's version guards its artifacts' keys: change what a stage computes, and this test asks for a new version.

If the change cannot alter an artifact, only renew the hash: `python tests/stages/test_versions.py` prints them.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

import pytest

from pigbench.stages import VERSIONS

COMPUTED_BY = {
    "split": ["pigbench.stages.split", "pigbench.data.splits"],
    "prepare": ["pigbench.stages.prepare", "pigbench.data.prepare", "pigbench.data.pixels"],
    "train": ["pigbench.stages.train", "pigbench.training", "pigbench.ordering", "pigbench.imagenet"],
    "sample": ["pigbench.stages.sample", "pigbench.stages.train", "pigbench.ordering"],
    "adopt": [
        "pigbench.stages.adopt",
        "pigbench.data.pairs",
        "pigbench.data.prepare",
        "pigbench.data.pixels",
    ],
    "embed": [
        "pigbench.stages.embed",
        "pigbench.metrics.extractors",
        "pigbench.metrics.efficientnet_lite0",
        "pigbench.imagenet",
    ],
    "floor": ["pigbench.stages.floor", "pigbench.metrics.fidelity"],
    "fidelity": ["pigbench.stages.fidelity", "pigbench.stages.floor", "pigbench.metrics.fidelity"],
    "reconstruct": [
        "pigbench.stages.reconstruct",
        "pigbench.stages.train",
        "pigbench.metrics.reconstruction",
    ],
    "gate": ["pigbench.stages.gate", "pigbench.metrics.contrast"],
    "segment": [
        "pigbench.stages.segment",
        "pigbench.training",
        "pigbench.ordering",
        "pigbench.metrics.overlap",
        "pigbench.imagenet",
    ],
}

KNOWN = {
    "adopt": (1, "ba873542c0af3040"),
    "embed": (1, "e32c31e102d14970"),
    "fidelity": (1, "dd7696bf055ae97c"),
    "floor": (2, "577ec8b45f10fa7a"),
    "gate": (1, "b60a3f8e329c8db8"),
    "prepare": (1, "f46791f8c652e1c7"),
    "reconstruct": (1, "d502d9358cee8765"),
    "sample": (1, "196f1517c209e9d0"),
    "segment": (1, "8225f60c0ce76707"),
    "split": (1, "e581f93555bbea6d"),
    "train": (1, "a7d98d7c41dcb066"),
}


ALL_REST_ON = ["pigbench.contracts", "pigbench.randomness", "pigbench.stages.job"]


def source_hash(stage: str) -> str:
    digest = hashlib.sha256()
    for module in ALL_REST_ON + COMPUTED_BY[stage]:
        spec = find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        digest.update(Path(spec.origin).read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


@pytest.mark.parametrize("stage", sorted(VERSIONS))
def test_a_changed_stage_asks_for_a_new_version(stage: str) -> None:
    known = KNOWN[stage]
    assert (VERSIONS[stage], source_hash(stage)) == known, (
        f"what computes '{stage}' has changed: raise its version in pigbench/stages/__init__.py if its artifacts "
        "change, and renew KNOWN in any case"
    )


if __name__ == "__main__":
    for stage in sorted(VERSIONS):
        print(f'    "{stage}": ({VERSIONS[stage]}, "{source_hash(stage)}"),')
