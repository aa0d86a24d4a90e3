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
    "adopt": (1, "b1500a6a3c0f4d99"),
    "agreement": (1, "6d4925d17fcfce14"),
    "ceiling": (1, "7c41fc2f39231cdf"),
    "embed": (1, "90bd7b4c5eae61a8"),
    "fidelity": (2, "45fffe92270560f8"),
    "fit": (1, "bc2529cd1cbe2fdd"),
    "floor": (3, "0e6f443707aac6ed"),
    "gate": (2, "f7a0fde2a0f349f3"),
    "measure": (1, "f0e7870952683ea6"),
    "nothing": (1, "a1e1204e7abe5d2e"),
    "predict": (1, "ed00629316a5c4bd"),
    "prepare": (2, "1ba9dd699ab7f3f9"),
    "reconstruct": (1, "9ba04ffd38c8f209"),
    "sample": (1, "97e6fd2d1af8dd3c"),
    "split": (1, "93e11864154e845c"),
    "train": (1, "c636613b1b69c61c"),
    "truth": (1, "c213f9fc708a2ecc"),
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
