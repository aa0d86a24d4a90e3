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
    "train": ["pigbench.stages.train", "pigbench.training", "pigbench.ordering"],
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
    "segment": ["pigbench.stages.segment", "pigbench.training", "pigbench.ordering", "pigbench.metrics.overlap"],
}

KNOWN = {
    "adopt": (1, "16d01e24bc7e3110"),
    "embed": (1, "823f96e7f458229a"),
    "fidelity": (1, "a356cfbc757f7572"),
    "floor": (2, "75d9381c99913b9b"),
    "gate": (1, "d85dab80a0f5c050"),
    "prepare": (1, "20c14e38e04a3519"),
    "reconstruct": (1, "3d859a2e6841c1e9"),
    "sample": (1, "ae4afc512818a507"),
    "segment": (1, "4be8d457ff427ca3"),
    "split": (1, "fdd316852040ae1e"),
    "train": (1, "f41d82713e2a1192"),
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
