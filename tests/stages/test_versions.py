"""A stage's version guards its artifacts' keys: change what a stage computes, and this test asks for a new version.

If the change cannot alter an artifact, only renew the hash: `python tests/stages/test_versions.py` prints them.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from pigbench.sources import tree_hash
from pigbench.stages import NAMES, find

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
        "pigbench.data.external_pairs",
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
"adopt": (1, "3f6a1fd733809c12"),
    "embed": (1, "6a6181af29ea9f9c"),
    "fidelity": (1, "1305110c3acb3078"),
    "floor": (2, "138afe05d8d532f5"),
    "gate": (1, "b48de002a1e5cf6a"),
    "nothing": (1, "2ea439819cf9ce61"),
    "prepare": (1, "19bd8afb19cf7918"),
    "reconstruct": (1, "d1489794a2557f0a"),
    "sample": (1, "cb427fa57adac0df"),
    "segment": (1, "d7906a7123377381"),
    "split": (1, "badbd19a7aa2cc77"),
    "train": (1, "1d4f5177bb6a405d"),
}


CONTRACTS = ("arrays", "batches", "config", "generator", "pairs", "plugin", "probabilities", "segmenter", "task")
ALL_REST_ON = [f"pigbench.contracts.{name}" for name in CONTRACTS]
ALL_REST_ON += ["pigbench.randomness", "pigbench.stages.base", "pigbench.stages.job"]


def source_hash(stage: str) -> str:
    """Of code, not of prose, as plugins' hashes are."""
    files = []
    for module in ALL_REST_ON + COMPUTED_BY[stage]:
        spec = find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        files.append((module, Path(spec.origin).read_bytes()))
    return tree_hash(files)[:16]


@pytest.mark.parametrize("stage", sorted(NAMES))
def test_a_changed_stage_asks_for_a_new_version(stage: str) -> None:
    known = KNOWN[stage]
    assert (find(stage).version, source_hash(stage)) == known, (
        f"what computes '{stage}' has changed: raise its version if its artifacts change, and renew KNOWN in any case"
    )


if __name__ == "__main__":
    for stage in sorted(NAMES):
        print(f'    "{stage}": ({find(stage).version}, "{source_hash(stage)}"),')
