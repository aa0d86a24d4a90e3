"""What a run's work takes on this machine: three training steps of each of its networks, a few images made or embedded.

They are timed in a process of their own, for some seconds, on invented cases, and scaled up. Nothing of it is stored,
and what the time does not reach stays unknown.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import numpy as np

from pigbench import registry, stages
from pigbench.contracts import instance
from pigbench.engine import usage
from pigbench.planning.estimate import Probed, alike
from pigbench.planning.untrained import build, build_needed
from pigbench.processes import die_with_parent, keep_freed_memory
from pigbench.stages.node import Node
from pigbench.testing.miniature import make_view

if TYPE_CHECKING:
    import torch

SECONDS = 10.0
STARTING = 60.0  # seconds at most for the libraries to load, not counted
STEPS = 4  # of every training; the first, at which libraries get ready, is not timed
IMAGES = 16


def probe(wanted: Iterable[Node], seconds: float = SECONDS) -> dict[str, Probed]:
    """What nodes like those wanted take, by `alike`; those that were not reached in time are missing."""
    kinds = {alike(node): node for node in wanted if stages.find(node.stage).probed}
    if not kinds:
        return {}
    ours, theirs = multiprocessing.Pipe()
    nodes = sorted(kinds.values(), key=lambda node: stages.find(node.stage).plugins == "generators")  # the slowest last
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(nodes, theirs))
    process.start()
    theirs.close()
    found: dict[str, Probed] = {}
    deadline = time.monotonic() + STARTING
    try:
        while ours.poll(max(0.0, deadline - time.monotonic())):
            message = ours.recv()
            if message is None:
                deadline = time.monotonic() + seconds
            else:
                found.update(message)
    except EOFError:
        pass
    finally:
        process.kill()
        process.join()
    return found


def _run(nodes: list[Node], connection: Connection) -> None:
    """Send None when the libraries are there, then what each node takes."""
    die_with_parent()
    keep_freed_memory()
    import diffusers  # noqa: F401
    import segmentation_models_pytorch  # noqa: F401

    connection.send(None)
    for node in nodes:
        with suppress(Exception):  # the run itself will say what is wrong
            connection.send({alike(node): probed(node)})


def probed(node: Node) -> Probed:
    """What a little of the node's work takes, in this process. Raises what a plugin raises."""
    import torch

    stage = stages.find(node.stage)
    spec: Any = stage.Spec(**node.spec)
    torch.set_num_threads(spec.numerics.threads or 1)
    on_gpu = spec.numerics.device != "cpu"
    usage.forget_peaks(on_gpu)
    if stage.plugins is None:
        seconds, size = _embed(spec)
    elif node.purpose.trains:
        seconds, size = _train(node, spec)
    else:
        seconds, size = _sample(node, spec), 0
    return Probed(seconds, usage.peak_mib(), size, usage.gpu_peak_mib() if on_gpu else 0.0)


def _train(node: Node, spec: Any) -> tuple[float, int]:
    """Seconds a step, and the bytes of the network."""
    from pigbench.training import Loop

    told: list[float] = []
    loop = Loop(
        spec.training,
        STEPS,
        ("probe",),
        ema=getattr(spec.training, "ema", False),
        device=spec.numerics.device,
        precision=spec.numerics.precision,
        window=1,
        progress=lambda step, steps, loss: told.append(time.perf_counter()),
    )
    subject, network = build(node)
    view = make_view(spec.task)
    if node.purpose.segmenter:
        subject.train(view, loop)
    else:
        subject.train(spec.component, view, _needed(node, spec.numerics.device), loop)
    return (told[-1] - told[0]) / (STEPS - 1), sum(value.nbytes for value in network.state_dict().values())


def _sample(node: Node, spec: Any) -> float:
    """Seconds an image."""
    import torch

    from pigbench.stages.sample import make_request

    plugin = registry.find("generators", spec.plugin).load()
    generator = instance(plugin, plugin.Config(**spec.settings), spec.task)
    device, view = spec.numerics.device, make_view(spec.task)
    request = make_request(generator, view, range(IMAGES), 0, 0, masks=spec.masks, device=device)
    if spec.masks:
        request.masks = view.masks[request.cases]
    trained = _needed(node, device)
    start = time.perf_counter()
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=spec.numerics.precision == "bfloat16"):
        generator.sample(trained, request)
    return (time.perf_counter() - start) / IMAGES


def _needed(node: Node, device: str) -> dict[str, torch.nn.Module]:
    from pigbench.training import laid_out

    return {name: laid_out(network, device) for name, network in build_needed(node).items()}


def _embed(spec: Any) -> tuple[float, float]:
    """Seconds and bytes an image."""
    from pigbench.metrics.extractors import features

    images = np.zeros((IMAGES, 1, 32, 32), np.float32)  # enlarged or reduced to what the extractor takes
    features(images[:1], spec.extractor, spec.numerics.device)  # it is loaded once
    start = time.perf_counter()
    made = features(images, spec.extractor, spec.numerics.device)
    return (time.perf_counter() - start) / IMAGES, made.nbytes / IMAGES
