"""As for generators: each planted fault is found and named."""

from __future__ import annotations

from importlib import import_module

import pytest

from pigbench import registry
from pigbench.contracts import Task, rule
from pigbench.testing import ContractBroken, check_segmenter, results_of
from pigbench.testing.segmenters import SegmenterAtWork, augmentation

PURE = "`pairs` augmented, a pure function of (pairs, seed)."
PREDICT = "Probabilities (N, K + 1, H, W) float32 of background and classes"
CHANCES = rule("Probabilities are")
BUILT_FOR = "An `__init__` of your own takes (self, config, task), too."


FAULTS = [
    ("TakesAResolution", "declaration", "takes (self, config, resolution): make it (self, config, task)", BUILT_FOR),
    (
        "ClaimsColour",
        "channels and classes",
        "colour with 1 class: training raises RuntimeError",
        "those that its images can have",
    ),
    ("PretrainedOnMuch", "declaration", "its pretrained_on is tuple", "The data that its networks"),
    ("PredictsMasks", "prediction", "(4, 1, 16, 16) bool: return probabilities (N, K + 1, H, W)", CHANCES),
    ("PredictsOneChance", "prediction", "such as `lesion_probabilities(logits)`, in place of masks", CHANCES),
    ("PredictsTooFew", "prediction", "(4, 16, 16)", CHANCES),
    ("PredictsDouble", "prediction", "float64 where (4, 2, 16, 16) float32", CHANCES),
    ("PredictsLogits", "prediction", "where probabilities were asked", CHANCES),
    ("PredictsTooMuch", "prediction", ", not 1", CHANCES),
    ("PredictsTogether", "prediction", "among other images", PREDICT),
    ("LeansOnMates", "prediction", "among other images", PREDICT),
    ("PredictsByChance", "prediction", "among other images", PREDICT),
    ("AugmentsUnseeded", "augmentation", "again with the same seed", PURE),
    ("AugmentsInPlace", "augmentation", "differ", PURE),
    ("AugmentsTooFar", "augmentation", "not in [-1, 1]", rule("Intensities are")),
    ("AugmentsToTensors", "augmentation", "float64", PURE),
    ("SegmenterReadsAFile", "nothing else read", "scale.npy (build)", rule("Read no file")),
    ("SegmenterRemembers", "resume", "gives other weights", rule("Take every random")),
    ("StartsAnew", "start", "from other weights it ends with the same ones", rule("A training that")),
    ("TrainsToNothing", "training", "gives NoneType", "The trained network."),
    ("PoolsOddSizes", "other sizes", "at 15 pixels predict gives (4, 2, 14, 14) float32", rule("Images are")),
    ("Unfinished", "declaration", "loss, predict", "a network, its augmentation and its loss"),
]


def plugin(name: str) -> type:
    return getattr(import_module("planted_segmenters"), name)


@pytest.mark.process
@pytest.mark.parametrize("name", ["GoodSegmenter", "TrainsOnItsOwn"])
def test_a_good_one_passes_every_check(name: str) -> None:
    results = list(results_of("segmenters", plugin(name)))
    assert {result.state for result in results} == {"ok"}, results
    assert len(results) == 13


@pytest.mark.process
@pytest.mark.parametrize(("name", "check", "told", "sentence"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_planted_fault_is_named_with_the_contracts_sentence(name: str, check: str, told: str, sentence: str) -> None:
    with pytest.raises(ContractBroken) as broken:
        check_segmenter(plugin(name))
    said = str(broken.value)
    assert said.startswith(f"{name}: {check}: ")
    assert told in said
    assert sentence in said.partition("\nThe contract: ")[2]


def test_colour_is_augmented_with_masks_of_one_channel() -> None:
    unet = registry.find("segmenters", "unet").load()
    assert augmentation(SegmenterAtWork(unet, "unet", Task(32, channels=3), "smoke")).startswith("a pure function")
