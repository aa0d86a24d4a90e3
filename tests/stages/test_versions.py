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
    "split": ["pigbench.stages.split"],
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
    "gate": ["pigbench.stages.gate", "pigbench.metrics.contrast", "pigbench.metrics.foreign"],
    "fit": [
        "pigbench.stages.fit",
        "pigbench.training",
        "pigbench.compiling",
        "pigbench.ordering",
        "pigbench.imagenet",
    ],
    "predict": ["pigbench.stages.predict", "pigbench.stages.fit", "pigbench.data.probabilities", "pigbench.imagenet"],
    "agreement": [
        "pigbench.stages.agreement",
        "pigbench.stages.predict",
        "pigbench.data.probabilities",
        "pigbench.metrics.agreement",
        "pigbench.metrics.foreign",
    ],
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
    "adopt": (1, "46a82d2563f55776"),
    "agreement": (1, "9bfa3b14b0a38eb1"),
    "ceiling": (1, "79c627e40128e96a"),
    "embed": (1, "2847961af940cbc7"),
    "fidelity": (2, "4dd69c35f1c9ff7f"),
    "fit": (1, "7a2fc2dde45726ae"),
    "floor": (3, "91e74db3730d570f"),
    "gate": (2, "313c6909d321b316"),
    "measure": (1, "b782bc2cd91d06b2"),
    "nothing": (1, "478cabe4b52fe97a"),
    "predict": (1, "80449e9f552a4c92"),
    "prepare": (2, "a9eeeab6f42a249b"),
    "reconstruct": (1, "81651448997a0673"),
    "sample": (1, "575d83d115570ae4"),
    "split": (1, "09256cba969274a2"),
    "train": (1, "5bc1a72e79b09a87"),
    "truth": (1, "cd86d4156c91df4b"),
}


CONTRACTS = ("arrays", "batches", "config", "generator", "pairs", "plugin", "probabilities", "segmenter", "task")
ALL_REST_ON = [f"pigbench.contracts.{name}" for name in CONTRACTS]
ALL_REST_ON += ["pigbench.randomness", "pigbench.data.splits", "pigbench.stages.base", "pigbench.stages.job"]


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
