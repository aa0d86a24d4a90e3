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
    "embed": ["pigbench.stages.embed", "pigbench.metrics.extractors", "pigbench.metrics.efficientnet_lite0"],
    "floor": ["pigbench.stages.floor", "pigbench.metrics.fidelity"],
    "fidelity": ["pigbench.stages.fidelity", "pigbench.stages.floor", "pigbench.metrics.fidelity"],
    "segment": ["pigbench.stages.segment", "pigbench.training", "pigbench.ordering", "pigbench.metrics.overlap"],
}

KNOWN = {
    "embed": (1, "6d85deeda89d5ee7"),
    "fidelity": (1, "0d284fa99b114182"),
    "floor": (1, "711729eb021134e4"),
    "prepare": (1, "b93ffcfd8ab6ab9b"),
    "sample": (1, "002f2466716673a5"),
    "segment": (1, "73d296b72a9667bd"),
    "split": (1, "ced58876c8563146"),
    "train": (1, "1628440ba0f6848d"),
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
