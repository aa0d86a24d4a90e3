"""The kit finds each fault that was planted, and names it with the contract's sentence."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch

from pigbench.contracts import rule
from pigbench.testing import ContractBroken, check_generator, results_of

IMAGES, INTENSITIES, MASKS = rule("Images are"), rule("Intensities are"), rule("Masks are")
RANDOM, SAME, MATES = rule("Take every random"), rule("The same request"), rule("A sample must not")
BUILT_FOR = "An `__init__` of your own takes (self, config, task), too."
FILES, WEIGHTS = rule("Read no file"), rule("A network's weights")


FAULTS = [
    ("WrongShape", "samples", "(4, 1, 15, 16) float32 where (4, 1, 16, 16) float32", IMAGES),
    ("DoublePrecision", "samples", "float64", IMAGES),
    ("NotANumber", "samples", "NaN or infinite", INTENSITIES),
    ("OutOfRange", "samples", "intensities up to 3", INTENSITIES),
    ("MasksOf255", "samples", "values up to 255", MASKS),
    ("FloatMasks", "samples", "float32 where (4, 1, 16, 16) uint8", MASKS),
    ("NoMasks", "samples", "no masks", rule("A generator of pairs")),
    ("BareArray", "samples", "ndarray, not Pairs", "`request.count` samples."),
    ("Raises", "samples", "RuntimeError: it forgot everything (planted.py, line", "`request.count` samples."),
    ("OtherMasks", "given masks", "other masks came back", "takes_masks: whether"),
    ("Enlarges", "reconstruction", "(4, 1, 32, 32)", "no sample can be better"),
    ("GlobalTorch", "random states", "torch's (sample)", RANDOM),
    ("GlobalNumPy", "random states", "NumPy's (sample)", RANDOM),
    ("GlobalPython", "random states", "Python's (sample)", RANDOM),
    ("LossDrawsByItself", "random states", "torch's (loss of 'network')", RANDOM),
    ("ReadsAFile", "nothing else read", "scale.npy (sample)", FILES),
    ("CallsHome", "nothing else read", "the address 127.0.0.1 (sample)", FILES),
    ("ChangesTheView", "view unchanged", "sample", SAME),
    ("Unseeded", "same request", "asked again, intensities differ", SAME),
    ("Remembers", "same request", "asked twice of one object", SAME),
    ("DisturbedByWatching", "same request", "watched by on_step, intensities differ", SAME),
    ("BatchMates", "batch mates", "among other batch mates", MATES),
    ("ByPlace", "batch mates", "among other batch mates", MATES),
    ("ByCount", "batch mates", "in a batch of 8", MATES),
    ("UnsavedWeights", "weights are all", "from saved and loaded weights", WEIGHTS),
    ("SharedWeights", "weights are all", "cannot be saved", WEIGHTS),
    ("AnotherNetwork", "weights are all", "do not fit what build makes", WEIGHTS),
    ("LossRemembers", "resume", "stopped after 10 of 11 steps and gone on with, gives other weights", RANDOM),
    ("EvenSizesOnly", "other sizes", "at 15 pixels sample raises RuntimeError", IMAGES),
    ("LossIsLost", "training", "Diverged: the loss became inf at step 0", "The scalar training loss"),
    ("DividesByContrast", "training", "Diverged: the loss became inf at step", "The scalar training loss"),
    ("ReadsAnotherSetting", "training", "reads the setting 'width': add it to the component's", "training loss"),
    ("NeedsMore", "training", "KeyError: 'guider'", "holds what it needs, frozen"),
    ("TrainsNothing", "training", "gives NoneType", "The trained network of `component`."),
    ("NoSample", "declaration", "no method 'sample'", "`request.count` samples."),
    ("NoKind", "declaration", "not one of images, pairs, images-for-masks", "kind: what it makes."),
    ("NoteIsATuple", "declaration", "its note is tuple", "What a reader of its numbers must know"),
    ("SamplerIsANumber", "declaration", "its sampler is int", "How it samples and in how many steps"),
    ("TakesAResolution", "declaration", "takes (self, config, resolution): make it (self, config, task)", BUILT_FOR),
    ("Twins", "declaration", "two components are named 'network'", "name: unique within its generator."),
    ("NeedsAStranger", "declaration", "'network' needs guider", "needs: components that must be trained before"),
    ("NeedsEachOther", "declaration", "need each other", "needs: components that must be trained before"),
    ("NoSuchSetting", "declaration", "no field depth", "settings: the Config fields that its training reads."),
    ("NoSuchOwner", "declaration", "did you mean 'ddpm'", "typed, frozen"),
    ("NoSuchLoan", "declaration", "'ddpm' has no component 'network'", "owner: the generator"),
    ("planted_heavy.Heavy", "late imports", "importing planted_heavy imports torch", rule("Import torch")),
    ("planted_reader.Reader", "late imports", "scale.npy", FILES),
]


def plugin(name: str) -> type:
    """The class of that name from one of the planted modules, or from the one that it names."""
    module, _, cls = name.rpartition(".")
    places = [import_module(place) for place in ([module] if module else ["planted", "planted_training"])]
    return next(getattr(place, cls) for place in places if hasattr(place, cls))


@pytest.mark.process
@pytest.mark.parametrize("name", ["Good", "Refuses"])
def test_a_good_one_passes_every_check(name: str) -> None:
    results = list(results_of("generators", plugin(name)))
    assert {result.state for result in results} == {"ok"}, results
    assert len(results) == 15
    check_generator(plugin(name), resolution=24)


@pytest.mark.process
@pytest.mark.parametrize(("name", "check", "told", "sentence"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_planted_fault_is_named_with_the_contracts_sentence(name: str, check: str, told: str, sentence: str) -> None:
    with pytest.raises(ContractBroken) as broken:
        check_generator(plugin(name))
    said = str(broken.value)
    assert said.startswith(f"{name.rpartition('.')[2]}: {check}: ")
    assert told in said
    assert sentence in said.partition("\nThe contract: ")[2]


@pytest.mark.process
def test_what_rests_on_a_broken_check_is_not_tried() -> None:
    states = {result.check: result.state for result in results_of("generators", plugin("WrongShape"))}
    assert states["training"] == "ok"
    assert states["samples"] == "BROKEN"
    assert states["resume"] == "not tried"
    independent = {result.check: result.state for result in results_of("generators", plugin("GlobalNumPy"))}
    assert independent["random states"] == "BROKEN"
    assert independent["resume"] == "ok"


@pytest.mark.process
def test_the_kit_itself_leaves_no_trace() -> None:
    torch.manual_seed(3)
    np.random.seed(3)
    torch.set_num_threads(1)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    check_generator(plugin("Good"))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
