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
    "prepare": ["pigbench.stages.prepare", "pigbench.data.prepare", "pigbench.data.geometry", "pigbench.data.pixels"],
    "truth": ["pigbench.stages.truth", "pigbench.data.truth", "pigbench.data.pixels"],
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
    "floor": ["pigbench.stages.floor", "pigbench.metrics.comparing"],
    "fidelity": ["pigbench.stages.fidelity", "pigbench.stages.floor", "pigbench.metrics.comparing"],
    "reconstruct": [
        "pigbench.stages.reconstruct",
        "pigbench.stages.train",
        "pigbench.compiling",
        "pigbench.metrics.reconstruction",
    ],
    "nothing": ["pigbench.stages.nothing"],
    "gate": ["pigbench.stages.gate", "pigbench.metrics.contrast"],
    "fit": [
        "pigbench.stages.fit",
        "pigbench.training",
        "pigbench.compiling",
        "pigbench.ordering",
        "pigbench.imagenet",
    ],
    "predict": ["pigbench.stages.predict", "pigbench.stages.fit", "pigbench.data.probabilities", "pigbench.imagenet"],
    "measure": [
        "pigbench.stages.measure",
        "pigbench.data.geometry",
        "pigbench.data.prepare",
        "pigbench.data.probabilities",
        "pigbench.data.truth",
        "pigbench.metrics.measuring",
    ],
    "ceiling": [
        "pigbench.stages.ceiling",
        "pigbench.stages.measure",
        "pigbench.data.geometry",
        "pigbench.data.prepare",
        "pigbench.data.truth",
        "pigbench.metrics.measuring",
    ],
}

KNOWN = {
    "adopt": (1, "97a8d5189a8900c7"),
    "ceiling": (1, "48e58377a17608eb"),
    "embed": (1, "f10f011c61c91656"),
    "fidelity": (2, "22f70cfe66f79e12"),
    "fit": (1, "510362b2cc9d95d8"),
    "floor": (3, "5161df59e7d6c78f"),
    "gate": (1, "ef7cf6661a7469ab"),
    "measure": (1, "29698c9ca4232bb4"),
    "nothing": (1, "07f5d8d8a4bac22a"),
    "predict": (1, "9ff1c5a52ee3c68d"),
    "prepare": (2, "3feffaaa7df81fc9"),
    "reconstruct": (1, "14dc1a1b86139765"),
    "sample": (1, "22bab1149c069c8a"),
    "split": (1, "028f9bdc2675384a"),
    "train": (1, "b9c3c768a9b6fdcd"),
    "truth": (1, "66292d6787836b37"),
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
