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
    "train": [
        "pigbench.stages.train",
        "pigbench.training",
        "pigbench.compiling",
        "pigbench.ordering",
        "pigbench.imagenet",
    ],
    "sample": ["pigbench.stages.sample", "pigbench.stages.train", "pigbench.compiling", "pigbench.ordering"],
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
        "pigbench.compiling",
        "pigbench.metrics.reconstruction",
    ],
    "nothing": ["pigbench.stages.nothing"],
    "gate": ["pigbench.stages.gate", "pigbench.metrics.contrast"],
    "segment": [
        "pigbench.stages.segment",
        "pigbench.training",
        "pigbench.compiling",
        "pigbench.ordering",
        "pigbench.metrics.overlap",
        "pigbench.imagenet",
    ],
}

KNOWN = {
    "adopt": (1, "9406decf0083a78a"),
    "embed": (1, "c719a41d5a63bc8b"),
    "fidelity": (1, "8f5d45573067203f"),
    "floor": (2, "0ab1254697d0ae9a"),
    "gate": (1, "209978626d9c09b6"),
    "nothing": (1, "739ac29c9646236a"),
    "prepare": (1, "d29d20a5e57307b3"),
    "reconstruct": (1, "a9c2b5e386b38792"),
    "sample": (1, "8053218cf3a315ef"),
    "segment": (1, "6c55313cd256a0ac"),
    "split": (1, "bdcc7ab82e389ae9"),
    "train": (1, "ecad62af3e260a8a"),
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
