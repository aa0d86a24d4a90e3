"""What a run would take on this machine: its own stages in miniature, for some seconds, on invented cases.

A few images are embedded, and a few training steps of every network, a few samples of every generator and a few steps
of every segmenter are run, in a process of their own, with a store of their own, and scaled up. What the time does not
reach stays unknown.
"""

from __future__ import annotations

import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from pigbench import stages
from pigbench.engine.work import Task, perform
from pigbench.planning.configured import GeneratorChoice
from pigbench.planning.estimate import Probed, Size, alike, units
from pigbench.planning.plan import Request
from pigbench.planning.planner import make_plan
from pigbench.processes import die_with_parent, keep_freed_memory
from pigbench.protocol import Preset, Training
from pigbench.stages import prepare, split
from pigbench.stages.node import Node, ordered
from pigbench.store import Store

SECONDS = 10.0
STARTING = 60.0  # seconds at most for the libraries and the extractor to load, not counted
STEPS = 4  # of every training
SAMPLES = 16
PATIENTS, SLICES = 8, 2
SIZE = Size(PATIENTS * SLICES, PATIENTS * SLICES // 2)


def probe(request: Request, wanted: Iterable[Node], seconds: float = SECONDS) -> dict[str, Probed]:
    """What nodes like those wanted take, by `alike`; those that were not reached in time are missing."""
    wanted = [node for node in wanted if _tells(node)]
    if not wanted:
        return {}
    plan = make_plan(_in_miniature(request)).nodes()
    rooms = (prepare.STAGE, split.STAGE)
    cases, folds = (next((node for node in plan if node.stage == stage.name), None) for stage in rooms)
    if not (cases and folds):
        return {}
    with tempfile.TemporaryDirectory() as directory:
        store = Store(Path(directory))
        _publish_cases(store, cases, folds, request.protocol.preset.resolution)
        nodes = _tried(plan, wanted, cases)
        tasks = [(alike(node), units(node, SIZE), Task.of(node, "", store.root, 60.0)) for node in nodes]
        return _measure(tasks, seconds)


def _tried(plan: list[Node], wanted: list[Node], prepared: Node) -> list[Node]:
    """One node of every kind wanted, of the miniature plan's first fold, and what they rest on, in order.

    What is embedded are the prepared cases, and that comes first: it waits for no training, which may take all the time
    there is.
    """
    kinds = {alike(node) for node in wanted}
    chosen = {alike(node): replace(node, inputs={"images": prepared}) for node in wanted if "images" in node.inputs}
    for node in plan:
        if node.purpose.fold == 0 and _tells(node) and alike(node) in kinds:
            chosen.setdefault(alike(node), node)  # once: a segmenter's steps take as long in every arm
    return [node for node in ordered(chosen.values()) if _tells(node)]


def _tells(node: Node) -> bool:
    """Whether a little of the node's work tells what the rest takes."""
    return stages.find(node.stage).probed


def _in_miniature(request: Request) -> Request:
    """The same request with next to nothing to do."""
    preset = request.protocol.preset
    shares = [
        component.share / sum(one.share for one in choice.plugin.components if one.owner is None)
        for choice in request.generators
        if isinstance(choice, GeneratorChoice)
        for component in choice.plugin.components
        if component.owner is None
    ]
    small = preset.model_copy(
        update={
            "training": _few_steps(preset.training, min(shares, default=1.0)),
            "training_of": {name: _few_of(preset, name, min(shares, default=1.0)) for name in preset.training_of},
            "sampling": preset.sampling.model_copy(update={"batch": SAMPLES, "chunk": SAMPLES}),
            "segmentation": preset.segmentation.model_copy(update={"steps": STEPS}),
            "numerics": preset.numerics.model_copy(update={"compile": False}),  # it would take all the time there is
        }
    )
    return replace(
        request,
        protocol=request.protocol.model_copy(update={"preset": small, "folds": 2}),
        generators=tuple(choice for choice in request.generators if isinstance(choice, GeneratorChoice)),
        samples=(SAMPLES,),
        seeds=request.seeds[:1],
        controls=False,
        makes_reference=False,
    )


def _few_steps(training: Training, share: float) -> Training:
    return training.model_copy(update={"images": int(STEPS * training.batch / share), "epochs": None})


def _few_of(preset: Preset, name: str, share: float) -> dict[str, object]:
    few = _few_steps(preset.training_for(name), share)
    return few.model_dump(exclude={"epochs"})


def _publish_cases(store: Store, prepared: Node, folds: Node, resolution: int) -> None:
    """Noise with a square for a lesion, as if it had been prepared and split."""
    from pigbench.data.prepare import write
    from pigbench.data.source import CaseInfo

    patients = [f"patient {number}" for number in range(PATIENTS)]
    infos = [CaseInfo(f"{patient} {slice_}", patient, 0.06) for patient in patients for slice_ in range(SLICES)]
    shape = (len(infos), resolution, resolution)
    masks = np.zeros(shape, np.uint8)
    masks[:, : resolution // 4, : resolution // 4] = 1
    images = np.random.default_rng(0).integers(0, 65536, shape, np.uint16)
    with store.building() as directory:
        write(infos, [{"images": images, "masks": masks}], resolution, directory)
        store.publish(prepared.stage, prepared.key, directory, {"spec": prepared.spec})
    with store.building() as directory:
        content = json.dumps([patients[::2], patients[1::2]])
        (directory / split.Folds.FILE).write_text(content, encoding="utf-8")
        store.publish(folds.stage, folds.key, directory, {"spec": folds.spec})


def _measure(tasks: list[tuple[str, float, Task]], seconds: float) -> dict[str, Probed]:
    """Run the tasks in a process of their own until they or the seconds end."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(tasks, theirs))
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


def _run(tasks: list[tuple[str, float, Task]], connection: Connection) -> None:
    die_with_parent()
    keep_freed_memory()
    import diffusers  # noqa: F401
    import segmentation_models_pytorch  # noqa: F401

    from pigbench import training

    training.LOSS_WINDOW = 1  # so that every step is told
    for _, _, task in tasks:
        if "extractor" in task.spec:
            with suppress(Exception):  # so will the task
                _load_extractor(task)
    connection.send(None)
    for kind, amount, task in tasks:
        try:
            connection.send({kind: _one(task, amount)})
        except Exception:  # the run itself will say what is wrong
            continue


def _one(task: Task, amount: float) -> Probed:
    told = [(time.perf_counter(), 0.0)]
    perform(task, lambda share, text: told.append((time.perf_counter(), share)))
    first = told[1] if len(told) > 2 else told[0]  # what comes before the first step is done once
    last = told[-1]
    entry = Store(Path(task.store)).entry(task.stage, task.key)
    cost = entry.manifest["cost"]
    seconds = (last[0] - first[0]) / (last[1] - first[1]) / amount
    return Probed(
        seconds, cost["peak_mib"], entry.size / (amount if stages.find(task.stage).grows else 1.0), cost["gpu_peak_mib"]
    )


def _load_extractor(task: Task) -> None:
    """Load the network and use it once: what a process does once would count for most of so few images' time."""
    from pigbench.metrics.extractors import features

    image = np.zeros((1, 1, 32, 32), np.float32)
    features(image, task.spec["extractor"], task.spec["numerics"]["device"], batch=1)
