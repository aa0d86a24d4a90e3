"""What is offered for an unknown name: what was meant, or what there is."""

from __future__ import annotations

import pytest

from pigbench.errors import LISTED, did_you_mean
from pigbench.protocol import preset_keys

GENERATORS = ["controlnet", "copy-paste", "ddim", "ddpm", "identity", "joint", "ldm", "pig", "segguided", "shuffled"]
SEGMENTERS = ["deeplabv3plus", "segformer", "unet", "unetplusplus"]
PRESETS = ["smoke", "demo", "quick", "small", "medium", "paper"]
DEVICES = ["auto", "cpu", "cuda"]
KEYS = [*preset_keys(), "diffusion.steps", "diffusion.channels", "segmentation.network.encoder"]


@pytest.mark.parametrize(
    ("name", "known", "offered"),
    [
        ("training.lr", KEYS, ["training.learning_rate"]),  # an abbreviation, of that table alone
        ("segmentation.lr", KEYS, ["segmentation.learning_rate"]),
        ("lr", KEYS, ["training.learning_rate", "segmentation.learning_rate"]),
        ("training.wd", KEYS, ["training.weight_decay"]),
        ("training.optim", KEYS, ["training.optimizer"]),
        ("training.optimiser", KEYS, ["training.optimizer"]),
        ("training.learningrate", KEYS, ["training.learning_rate"]),
        ("training.learning-rate", KEYS, ["training.learning_rate"]),
        ("training.num_epochs", KEYS, ["training.epochs"]),
        ("training.batch_size", KEYS, ["training.batch"]),
        ("trainig.batch", KEYS, ["training.batch"]),
        ("trainign.lr", KEYS, ["training.learning_rate"]),
        ("numerics.precision", KEYS, ["numerics.gpu_precision"]),
        ("fidelity.extrator", KEYS, ["fidelity.extractor"]),
        ("diffusion.stepz", KEYS, ["diffusion.steps"]),
        ("segmentation.network.encodr", KEYS, ["segmentation.network.encoder"]),
        ("resoluton", KEYS, ["resolution"]),
        ("batch", KEYS, ["training.batch", "sampling.batch", "segmentation.batch"]),
        ("pgi", GENERATORS, ["pig"]),
        ("PIG", GENERATORS, ["pig"]),
        ("ddmp", GENERATORS, ["ddpm"]),
        ("control-net", GENERATORS, ["controlnet"]),
        ("copy_paste", GENERATORS, ["copy-paste"]),
        ("suffled", GENERATORS, ["shuffled"]),
        ("u-net", SEGMENTERS, ["unet"]),
        ("unet++", SEGMENTERS, ["unetplusplus"]),
        ("deeplab", SEGMENTERS, ["deeplabv3plus"]),
        ("quik", PRESETS, ["quick"]),
        ("CPU", DEVICES, ["cpu"]),
        ("cuda:0", DEVICES, ["cuda"]),
    ],
)
def test_what_was_meant_is_offered_and_nothing_else(name: str, known: list[str], offered: list[str]) -> None:
    meant = " or ".join(repr(one) for one in offered)
    assert did_you_mean("name", name, known) == f"unknown name '{name}': did you mean {meant}?"


@pytest.mark.parametrize(
    ("name", "known"),
    [("xyz", GENERATORS), ("gan", GENERATORS), ("vae", GENERATORS), ("large", PRESETS), ("gpu", DEVICES)],
)
def test_where_nothing_is_near_there_is_a_list_and_no_guess(name: str, known: list[str]) -> None:
    assert did_you_mean("name", name, known) == f"unknown name '{name}': known are {', '.join(sorted(known))}"


def test_of_a_table_that_exists_only_its_own_keys_are_listed() -> None:
    assert did_you_mean("key", "sampling.lr", KEYS) == (
        "unknown key 'sampling.lr': known are sampling.batch, sampling.chunk"
    )
    assert "segmentation.steps" not in did_you_mean("key", "training.steps", KEYS)  # another thing of that name


def test_a_list_ends_somewhere_and_may_be_empty() -> None:
    many = [f"q{number:02}" for number in range(LISTED + 3)]
    assert did_you_mean("study", "zebra", many).endswith("q19 and 3 more")
    assert did_you_mean("study", "zebra", []) == "unknown study 'zebra': known are none"
