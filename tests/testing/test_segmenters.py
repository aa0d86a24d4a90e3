"""As for generators: each planted fault is found and named."""

from __future__ import annotations

from importlib import import_module

import pytest

from pigbench.contracts import rule
from pigbench.testing import ContractBroken, check_segmenter, segmenter_results

PURE = "`pairs` augmented, a pure function of (pairs, seed)."
PREDICT = "Masks (N, 1, H, W), boolean"


FAULTS = [
    ("PredictsChances", "prediction", "float32 where (4, 1, 16, 16) torch.bool", PREDICT),
    ("PredictsTooFew", "prediction", "(4, 16, 16)", PREDICT),
    ("PredictsTogether", "prediction", "among other images", PREDICT),
    ("PredictsByChance", "prediction", "among other images", PREDICT),
    ("AugmentsUnseeded", "augmentation", "again with the same seed", PURE),
    ("AugmentsInPlace", "augmentation", "differ", PURE),
    ("AugmentsTooFar", "augmentation", "not in [-1, 1]", rule("Intensities are")),
    ("AugmentsToTensors", "augmentation", "float64", PURE),
    ("SegmenterReadsAFile", "nothing else read", "scale.npy (build)", rule("Read no file")),
    ("SegmenterRemembers", "resume", "gives other weights", rule("Take every random")),
    ("PoolsOddSizes", "other sizes", "at 15 pixels predict gives masks (4, 1, 14, 14)", rule("Images are")),
    ("Unfinished", "declaration", "loss, predict", "a network, its augmentation and its loss"),
]


def plugin(name: str) -> type:
    return getattr(import_module("planted_segmenters"), name)


@pytest.mark.process
def test_a_good_one_passes_every_check() -> None:
    results = list(segmenter_results(plugin("GoodSegmenter")))
    assert {result.state for result in results} == {"ok"}, results
    assert len(results) == 11


@pytest.mark.process
@pytest.mark.parametrize(("name", "check", "told", "sentence"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_planted_fault_is_named_with_the_contracts_sentence(name: str, check: str, told: str, sentence: str) -> None:
    with pytest.raises(ContractBroken) as broken:
        check_segmenter(plugin(name))
    said = str(broken.value)
    assert said.startswith(f"{name}: {check}: ")
    assert told in said
    assert sentence in said.partition("\nThe contract: ")[2]
