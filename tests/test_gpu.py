"""On a GPU: the same samples as on the CPU within rounding, and a training that learns, compiled or not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pigbench import training
from pigbench.compiling import compile_frozen
from pigbench.contracts import Batch, SampleRequest, Task, TrainView
from pigbench.ordering import Epochs
from pigbench.planning.configured import choose_generator
from pigbench.protocol import load_preset
from pigbench.randomness import torch_generator
from pigbench.training import Loop

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"),
]


def pig():
    choice = choose_generator("pig", load_preset("smoke").diffusion, {})
    return choice.plugin(choice.config, Task(16))


def test_noise_is_drawn_on_the_cpu_so_devices_agree() -> None:
    generator = pig()
    torch.manual_seed(0)
    networks = {name: generator.build(name).eval() for name in ("guider", "conditional")}
    images = []
    for device in ("cpu", "cuda"):
        trained = {name: network.to(device) for name, network in networks.items()}
        request = SampleRequest(4, Task(16), torch.device(device), [torch_generator(0, i) for i in range(4)])
        with torch.inference_mode():
            images.append(generator.sample(trained, request).images)
    assert np.abs(images[0] - images[1]).max() < 1e-2


@pytest.mark.parametrize(("precision", "compiled"), [("float32", False), ("bfloat16", False), ("bfloat16", True)])
def test_training_learns_on_the_gpu(precision: str, compiled: bool) -> None:
    random = np.random.default_rng(0)
    view = TrainView(
        random.integers(0, 65536, (16, 1, 16, 16), dtype=np.uint16),
        np.ones((16, 1, 16, 16), np.uint8),
        [str(i) for i in range(16)],
        "d",
    )
    generator = pig()
    settings = load_preset("smoke").training
    loop = Loop(settings, 200, (0, "gpu"), ema=0.999, device="cuda", precision=precision, compiled=compiled)
    network = generator.train("guider", view, {}, loop)
    assert next(network.parameters()).device.type == "cpu"
    assert np.mean(loop.losses[-3:]) < loop.losses[0]


def test_no_step_waits_for_the_gpu() -> None:
    """But for the losses, which are read once in a window."""
    random = np.random.default_rng(0)
    images = random.integers(0, 65536, (16, 1, 16, 16), dtype=np.uint16)
    view = TrainView(images, np.ones(images.shape, np.uint8), [str(i) for i in range(16)], "d")
    generator, settings = pig(), load_preset("smoke").training
    loop = Loop(settings, 10, (0, "gpu"), ema=0.999, device="cuda", precision="bfloat16")
    state = training._State(generator.build("guider"), loop)
    order = Epochs(len(view), settings.batch, (0,))

    def loss(network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        return generator.loss("guider", network, batch, {})

    for step in range(6):
        batch = loop._batch(step, view, order, None)
        torch.cuda.set_sync_debug_mode("error" if step > 2 else "default")
        try:
            state.update(loss, batch)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert next(state.network.parameters()).is_contiguous(memory_format=torch.channels_last)


def test_a_compiled_training_of_a_chain_ends_with_the_weights_of_a_plain_one() -> None:
    """The conditional model's training calls the frozen guider at every step."""
    random = np.random.default_rng(0)
    images = random.integers(0, 65536, (16, 1, 16, 16), dtype=np.uint16)
    view = TrainView(images, random.integers(0, 2, images.shape, np.uint8), [str(i) for i in range(16)], "d")
    generator, settings = pig(), load_preset("smoke").training
    weights = []
    for compiled in (False, True):
        torch.manual_seed(0)
        guider = generator.build("guider").to("cuda").eval().requires_grad_(False)
        if compiled:
            compile_frozen(guider, "cuda")
        loop = Loop(settings, 12, (0, "gpu"), ema=0.9, device="cuda", compiled=compiled)
        trained = generator.train("conditional", view, {"guider": guider}, loop)
        weights.append(torch.cat([part.flatten() for part in trained.parameters()]))
    assert ((weights[0] - weights[1]).norm() / weights[0].norm()).item() < 1e-3


def test_what_a_compiled_frozen_network_returned_stays_as_it_is() -> None:
    """Although each of its CUDA graphs writes to the same memory at every replay, and another network reads it."""
    torch.manual_seed(0)
    first, second = (torch.nn.Conv2d(2, 2, 3, padding=1).to("cuda").requires_grad_(False) for _ in range(2))
    x = torch.randn(4, 2, 8, 8, device="cuda")
    expected = [first(second(first(x * scale))) for scale in range(5)]
    compile_frozen(first, "cuda")
    compile_frozen(second, "cuda")
    with torch.inference_mode():
        returned = [first(second(first(x * scale))) for scale in range(5)]
    for one, other in zip(returned, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-2)  # TF32
