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
    "adopt": (1, "925e46caa7c4ee8e"),
    "agreement": (1, "4fb970592a8472ea"),
    "ceiling": (1, "298134ea11229137"),
    "embed": (1, "e0a70ff1b822ca19"),
    "fidelity": (2, "97c832568d031b86"),
    "fit": (1, "b52974efb8d545fb"),
    "floor": (3, "19fccc0862eb79b4"),
    "gate": (2, "bc54f752f5f26de6"),
    "measure": (1, "eb4c719ec97f6aad"),
    "nothing": (1, "673fef8ff32cb4b0"),
    "predict": (1, "f918fba8b6536eec"),
    "prepare": (2, "274ebb3ff559b3cf"),
    "reconstruct": (1, "543b4e55085213d7"),
    "sample": (1, "d5e6765a069ceb25"),
    "split": (1, "c4892f09fc267f1b"),
    "train": (1, "5140fb1c6d4a163d"),
    "truth": (1, "5f3e836f584e3c39"),
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
