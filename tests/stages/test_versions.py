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
    "adopt": (1, "03954a8236f61040"),
    "ceiling": (1, "9527ba17f86629fa"),
    "embed": (1, "932be37250175536"),
    "fidelity": (2, "e0ae5078a5040e66"),
    "fit": (1, "43307ceb977c9ee5"),
    "floor": (3, "63df31b26c9912c1"),
    "gate": (1, "8f67d3c70e4c098d"),
    "measure": (1, "018f53f48f89be98"),
    "nothing": (1, "012951fdd22086d8"),
    "predict": (1, "57c67ee91711fc9c"),
    "prepare": (2, "43155b37677111bf"),
    "reconstruct": (1, "11fbcc85614aceca"),
    "sample": (1, "b0bf7dc3d629a90d"),
    "split": (1, "67eb6e2b9c00dde8"),
    "train": (1, "f63d80c1614c616f"),
    "truth": (1, "ee8fa305156599fd"),
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
