"""Built-in plugins that go by an earlier source give its numbers.

After a change that alters no number run this file: it prints the tables for generators/earlier.toml and
segmenters/earlier.toml. What `NUMBERS` holds was made by those earlier sources, and is not renewed with them: a plugin
that gives other numbers loses its entry.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pigbench import registry, sources
from pigbench.contracts import Task
from pigbench.testing.generator_at_work import GeneratorAtWork
from pigbench.testing.segmenters import SegmenterAtWork

PLUGINS = [
    (group, name)
    for group in ("generators", "segmenters")
    for name, plugin in registry.plugins(group).items()  # type: ignore[arg-type]
    if plugin.target.partition(":")[0] in sources._earlier(group)
]

NUMBERS: dict[str, list[float]] = {
    "controlnet": [-0.1519, 0.62778, -0.70978, -0.70158, 0.03081],
    "copy-paste": [-0.33837, 0.39247, -2e-05, 0.49999, 0.05715],
    "ddim": [-0.15148, 0.62787, -0.7107, -0.70225, 0.0],
    "ddpm": [-0.14348, 0.65373, 0.28632, -1.0, 0.0],
    "identity": [-0.53304, 0.28411, -0.68511, -0.53582, 0.02893],
    "joint": [-0.1761, 0.62302, -0.65425, 0.36125, 0.18909],
    "ldm": [-0.25707, 0.2025, -0.16018, -0.56979, 0.03081],
    "pig": [0.0029, 0.64863, -0.07105, 0.11714, 0.2046],
    "segguided": [-0.00602, 0.64791, -0.98122, -0.4859, 0.03081],
    "shuffled": [-0.53304, 0.28411, -0.68511, -0.53582, 0.02822],
    "deeplabv3plus": [-0.02372, 0.00558, -0.02607, -0.02122, 0.0],
    "segformer": [0.21255, 0.17444, 0.44882, 0.18225, 0.0],
    "unet": [-0.06536, 0.11197, 0.05176, -0.06334, 0.0],
    "unetplusplus": [-0.06536, 0.11197, 0.05176, -0.06334, 0.0],
}
"""After three steps of training: mean and standard deviation of four samples (or logits), two pixels, and the masks'
mean, weighted by where they are."""


def module_of(group: registry.Group, name: str) -> str:
    return registry.find(group, name).target.partition(":")[0]


def numbers(group: registry.Group, name: str) -> list[float]:
    plugin = registry.find(group, name).load()
    masks = None
    if group == "generators":
        made = GeneratorAtWork(plugin, name, Task(16), "smoke", steps=3).trial()
        pixels, masks = made.images, made.masks
    else:
        fitted = SegmenterAtWork(plugin, name, Task(32), "smoke", steps=3)
        network = fitted.network.eval()
        with torch.inference_mode():
            pixels = network(torch.from_numpy(fitted.pairs.images[:4].copy())).numpy()
    weighted = 0.0 if masks is None else (masks * np.linspace(0, 1, masks.size).reshape(masks.shape)).mean()
    return [float(value) for value in (pixels.mean(), pixels.std(), pixels[0, 0, 5, 5], pixels[-1, 0, 9, 3], weighted)]


@pytest.mark.parametrize(("group", "name"), PLUGINS)
def test_the_earlier_source_is_the_one_it_goes_by(group: registry.Group, name: str) -> None:
    module = module_of(group, name)
    assert sources.source_hash(module) == sources._earlier(group)[module]["earlier"]


@pytest.mark.parametrize(("group", "name"), PLUGINS)
def test_its_numbers_are_those_of_the_earlier_source(group: registry.Group, name: str) -> None:
    np.testing.assert_allclose(numbers(group, name), NUMBERS[name], rtol=1e-3, atol=1e-3)


if __name__ == "__main__":
    for group, module in sorted({(group, module_of(group, name)) for group, name in PLUGINS}):
        print(f"# {group}/{sources.EARLIER}")
        print(f'["{module}"]\nnow = "{sources.current_hash(module)}"')
        print(f'earlier = "{sources._earlier(group)[module]["earlier"]}"\n')
