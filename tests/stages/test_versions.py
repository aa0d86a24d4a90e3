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
    "prepare": ["pigbench.stages.prepare", "pigbench.data.prepare"],
    "train": ["pigbench.stages.train", "pigbench.training", "pigbench.ordering"],
    "sample": ["pigbench.stages.sample"],
    "embed": ["pigbench.stages.embed", "pigbench.metrics.extractors", "pigbench.metrics.efficientnet_lite0"],
    "floor": ["pigbench.stages.floor", "pigbench.metrics.fidelity"],
    "fidelity": ["pigbench.stages.fidelity", "pigbench.metrics.fidelity"],
    "segment": ["pigbench.stages.segment", "pigbench.training", "pigbench.ordering", "pigbench.metrics.overlap"],
}

KNOWN = {
    "embed": (1, "a08627b3e54fecec"),
    "fidelity": (1, "85ad89de5b5295ec"),
    "floor": (1, "000166bff7cf8457"),
    "prepare": (1, "472cd1a8dfd6e04a"),
    "sample": (1, "50fef15d93f11218"),
    "segment": (1, "fd43f57b39d0df80"),
    "split": (1, "01a544f378f32ddd"),
    "train": (1, "dc8942fb1a0e4b9b"),
}


def source_hash(stage: str) -> str:
    digest = hashlib.sha256()
    for module in COMPUTED_BY[stage]:
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
