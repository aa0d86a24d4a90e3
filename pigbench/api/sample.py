"""`pigbench.sample`: pairs of a trained generator as arrays, and drawings of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pigbench.api.compute import compute_part, refuse_training
from pigbench.api.failures import prospects, reasons
from pigbench.api.last_run import go_on
from pigbench.api.refusals import refusing
from pigbench.api.request import Setup, set_up
from pigbench.errors import PigbenchError

if TYPE_CHECKING:
    import numpy as np

    from pigbench.stages.node import Node


class Samples(NamedTuple):
    """What a generator made. images: (n, channels, H, W) float32, -1 to 1. masks: (n, 1, H, W) uint8, or None."""

    images: np.ndarray
    masks: np.ndarray | None


@refusing()
def sample(
    generator: str | None = None,
    *,
    masks: str | None = None,
    n: int | None = None,
    fold: int = 0,
    folds: int | None = None,
    dataset: str | None = None,
    preset: str | None = None,
    train_patients: int | str | None = None,
    seed: int | None = None,
    set: Mapping[str, Any] | Sequence[str] | None = None,
    train: bool = False,
    workers: int | None = None,
    device: str = "auto",
    engine: str | None = None,
    scheduler: str | None = None,
    cluster: str | Path | None = None,
    store: str | Path = "runs",
    progress: bool = True,
) -> Samples:
    """Sample from a generator trained on one fold.

    What is None is taken from the newest record in the store, of those that fit what is given; without any record it is
    as in `pigbench.run`. fold: the fold whose training patients the generator sees, from 0. n: how many samples; the
    first ones are the same whatever n is. train_patients: how many of the fold's, or "all", it was trained on. train:
    train what is not trained. Everything else is as in `pigbench.run`.

    Raises PigbenchError for what cannot be done as asked, is not trained, or fails.
    """
    given = {name: value for name, value in locals().items() if name not in ("fold", "train")}  # the arguments
    setup, nodes = set_up_samples(given, fold, train)
    if len(setup.request.generators) > 1:
        raise PigbenchError("sample gives the pairs of one generator: name one, with one of the masks")
    outcome = compute_part(setup, nodes)
    if outcome.failed:
        raise PigbenchError("; ".join([*reasons(nodes, outcome), prospects(nodes, outcome)]))
    return _arrays(setup, nodes, max(setup.request.samples))


def set_up_samples(
    given: Mapping[str, Any], fold: int | None, train: bool, sheet: Path | None = None, trace: Path | None = None
) -> tuple[Setup, list[Node]]:
    """The setup that these options and the newest record come to, and the chunks of one fold, or of all.

    sheet, trace: files to be drawn. Raises PigbenchError for a fold that is none, for what cannot be drawn, and for
    what is not trained unless `train`.
    """
    from pigbench.planning.planner import sample_nodes
    from pigbench.planning.subsets import only_subset

    setup = set_up(go_on(given))
    folds = setup.request.protocol.folds
    if fold is not None and not 0 <= fold < folds:
        raise PigbenchError(f"--fold {fold}: the folds are 0 to {folds - 1}")
    only_subset(setup.request.train_patients)
    _check_drawings(setup, sheet, trace)
    nodes = sample_nodes(setup.request, fold)
    if not train:
        refuse_training(setup, nodes)
    return setup, nodes


def _check_drawings(setup: Setup, sheet: Path | None, trace: Path | None) -> None:
    """Raises PigbenchError where these files could not be drawn of the samples."""
    if trace and setup.place:
        raise PigbenchError("--trace draws on this machine: give it without a cluster, when the samples are there")
    if (sheet or trace) and len(setup.request.generators) > 1:
        raise PigbenchError("--sheet and --trace draw one generator: give one --generator")
    for drawing in (sheet, trace):
        if drawing and not drawing.absolute().parent.is_dir():
            raise PigbenchError(f"{drawing}: its directory does not exist")


def draw_sheet(setup: Setup, nodes: list[Node], path: Path, cells: int = 48) -> None:
    """Draw the first samples of the chunks, not chosen, with their masks (PNG)."""
    from pigbench.contracts.arrays import as_picture
    from pigbench.reporting.contact_sheet import Cell, contact_sheet

    images, masks = _arrays(setup, nodes, cells)
    contact_sheet(
        [
            Cell(as_picture(image), None if masks is None else masks[i, 0], f"sample {i}")
            for i, image in enumerate(images)
        ],
        path,
        title=f"{nodes[0].purpose.what} on {setup.request.protocol.dataset}, fold {nodes[0].purpose.fold}, "
        f"the first {len(images)} samples, not chosen",
        classes=setup.request.protocol.classes,
    )


def draw_trace(setup: Setup, node: Node, path: Path) -> None:
    """Sample the chunk's first batch again, and draw how its first sample comes about (PNG)."""
    from pigbench.compiled_code import kept_in
    from pigbench.engine.work import Task, open_job
    from pigbench.reporting.trace import Recorder, trace_strip
    from pigbench.stages.sample import sampler

    task = Task.of(node, setup.request.protocol.dataset, setup.store.root, setup.options.checkpoint_every)
    recorder = Recorder()
    with setup.store.building() as directory, kept_in(setup.store):
        draw, _ = sampler(open_job(task, setup.store, directory, lambda share, text: None), recorder)
        first = node.spec["chunk"] * node.spec["size"]
        draw(range(first, first + node.spec["batch"]))
    if not recorder.frames:
        raise PigbenchError(f"'{node.spec['plugin']}' never calls request.on_step: there is nothing to trace")
    title = f"{node.purpose.what}: how one sample comes about"
    trace_strip(recorder.frames, path, title, setup.request.protocol.classes)


def _arrays(setup: Setup, nodes: list[Node], n: int) -> Samples:
    """The first n samples of successive chunks."""
    from pigbench.contracts import to_unit_range
    from pigbench.stages import sample as stage

    chunks = [stage.Samples(setup.store.open(node.stage, node.key).path) for node in nodes]
    return Samples(to_unit_range(stage.load_images(chunks, n)), stage.load_masks(chunks, n))
