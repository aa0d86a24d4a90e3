"""`pigbench sample`: sample, show what came out, and how it came about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pigbench.cli import options
from pigbench.cli.engines import ClusterFile, Engine, SchedulerAddress, chosen_place
from pigbench.cli.last_run import Told, go_on
from pigbench.cli.setting_up import Options, set_up

if TYPE_CHECKING:
    from pigbench.cli.setting_up import Setup
    from pigbench.stages.node import Node


def sample(
    generator: options.SampledGenerators = None,
    masks: options.Masks = None,
    n: options.SampledNumber = None,
    fold: Annotated[int, typer.Option(help="The fold whose training patients the generator sees.", min=0)] = 0,
    folds: options.SampledFolds = None,
    dataset: options.SampledDataset = None,
    preset: options.SampledPreset = None,
    seed: options.SampledSeed = None,
    set_: options.Changes = None,
    train: options.Train = False,
    workers: options.Workers = None,
    device: options.Device = "auto",
    engine: Engine = None,
    scheduler: SchedulerAddress = None,
    cluster: ClusterFile = None,
    store: options.StoreDir = Path("runs"),
    sheet: Annotated[Path | None, typer.Option(help="Write a contact sheet of the samples (PNG).")] = None,
    trace: Annotated[
        Path | None, typer.Option(help="Write how one sample comes about, as Figure 3 does (PNG).")
    ] = None,
) -> None:
    """Sample from a generator trained on one fold; `--sheet` and `--trace` draw what came out.

    What is not given is taken from the newest record in the store, of those that fit what is.
    """
    from pigbench.cli.stages import compute_part, refuse_training
    from pigbench.errors import PigbenchError
    from pigbench.planning.planner import sample_nodes

    told = Told(generators=generator, samples=n, folds=folds, dataset=dataset, preset=preset, seed=seed, changes=set_)
    place = chosen_place(engine, scheduler, cluster, workers)
    rest = Options(generators=["pig"], masks=masks, workers=workers, device=device, place=place, store=store)
    setup = set_up(go_on(told, rest))
    if trace and setup.place:
        raise PigbenchError("--trace draws on this machine: give it without a cluster, when the samples are there")
    if fold >= setup.request.protocol.folds:
        raise PigbenchError(f"--fold {fold}: the folds are 0 to {setup.request.protocol.folds - 1}")
    if (sheet or trace) and len(setup.request.generators) > 1:
        raise PigbenchError("--sheet and --trace draw one generator: give one --generator")
    for drawing in (sheet, trace):
        if drawing and not drawing.absolute().parent.is_dir():
            raise PigbenchError(f"{drawing}: its directory does not exist")
    nodes = sample_nodes(setup.request, fold)
    if not train:
        refuse_training(setup, nodes)
    code = compute_part(setup, nodes)
    if code == 0 and sheet:
        _draw_sheet(setup, nodes, sheet)
    if code == 0 and trace:
        _draw_trace(setup, nodes[0], trace)
    raise SystemExit(code)


def _draw_sheet(setup: Setup, nodes: list[Node], path: Path, cells: int = 48) -> None:
    from pigbench.contracts import to_unit_range
    from pigbench.reporting.contact_sheet import Cell, contact_sheet
    from pigbench.stages.sample import Samples, load_images, load_masks

    chunks = [Samples(setup.store.open(node.stage, node.key).path) for node in nodes]
    images, masks = load_images(chunks, cells), load_masks(chunks, cells)
    shown = to_unit_range(images)
    contact_sheet(
        [Cell(shown[i, 0], None if masks is None else masks[i, 0], f"sample {i}") for i in range(len(shown))],
        path,
        title=f"{nodes[0].purpose.what} on {setup.request.protocol.dataset}, fold {nodes[0].purpose.fold}, "
        f"the first {len(shown)} samples, not chosen",
    )
    print(f"contact sheet: {path}")


def _draw_trace(setup: Setup, node: Node, path: Path) -> None:
    """Sample the chunk's first batch again, watching its first sample."""
    from pigbench.engine.work import Task, open_job
    from pigbench.errors import PigbenchError
    from pigbench.reporting.trace import Recorder, trace_strip
    from pigbench.stages.sample import sampler

    task = Task.of(node, setup.request.protocol.dataset, setup.store.root, setup.checkpoint_every)
    recorder = Recorder()
    with setup.store.building() as directory:
        draw, _ = sampler(open_job(task, setup.store, directory, lambda share, text: None), recorder)
        first = node.spec["chunk"] * node.spec["size"]
        draw(range(first, first + node.spec["batch"]))
    if not recorder.frames:
        raise PigbenchError(f"'{node.spec['plugin']}' never calls request.on_step: there is nothing to trace")
    trace_strip(recorder.frames, path, title=f"{node.purpose.what}: how one sample comes about")
    print(f"trace: {path}")
