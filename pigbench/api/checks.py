"""What is checked before work starts: numbers in their ranges, the device, the data, and whether networks fit it."""

from __future__ import annotations

import inspect
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pigbench import registry
from pigbench.api.refusals import require_known
from pigbench.counting import counted
from pigbench.errors import PigbenchError
from pigbench.processes import cores

if TYPE_CHECKING:
    from pigbench.api.request import Options
    from pigbench.data.source import Source
    from pigbench.planning.arms import Use
    from pigbench.planning.configured import SegmenterChoice
    from pigbench.planning.plan import Plan
    from pigbench.protocol import Preset, Protocol
    from pigbench.store import Store

MOST_SET_ASIDE = 0.9


def check_ranges(options: Options) -> None:
    """Raises PigbenchError for a number that the command line's parser would not let through."""
    for name, least in (("seeds", 1), ("workers", 1), ("checkpoint_every", 0), ("set_aside", 0)):
        if (value := getattr(options, name)) is not None and value < least:
            raise PigbenchError(f"--{name.replace('_', '-')} {value}: at least {least}")
    if (options.set_aside or 0) > MOST_SET_ASIDE:
        raise PigbenchError(f"--set-aside {options.set_aside}: at most {MOST_SET_ASIDE}")


def checked_samples(samples: Sequence[int]) -> tuple[int, ...]:
    """The numbers of samples, each once, ascending. Raises PigbenchError for one that is too small."""
    for n in samples:
        if n < 2:
            raise PigbenchError(f"--n {n}: a distance between sets needs at least 2 samples")
    return tuple(sorted(set(samples)))


def resolve_device(device: str) -> str:
    """`auto` is a GPU if torch sees one. Raises PigbenchError for an unknown device or a GPU that is not there."""
    require_known("device", [device], ["auto", "cpu", "cuda"])
    if device == "cpu" or (device == "auto" and not _may_have_gpu()):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise PigbenchError("no GPU that torch can use: take --device cpu or auto")
    return "cpu"


def _may_have_gpu() -> bool:
    """Whether it is worth the two seconds of importing torch to ask it."""
    return any(Path(name).exists() for name in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))


def default_workers(device: str, preset: Preset) -> int:
    """One worker per core on a CPU; on a GPU as many as the preset says."""
    return cores() if device == "cpu" else preset.gpu_workers


def check_compiler(preset: Preset, device: str) -> None:
    """Raises PigbenchError where networks are to be compiled for a CPU and nothing can compile them."""
    compiler = os.environ.get("CXX", "g++")
    if preset.numerics.compile and device == "cpu" and not shutil.which(compiler):
        raise PigbenchError(
            f"numerics.compile needs a C++ compiler on a CPU, and there is no {compiler}: install one, or --set "
            "numerics.compile=false"
        )


def check_lesions(source: Source) -> None:
    """Raises PigbenchError where there is nothing to segment, and no mask to make an image for."""
    if not any(case.lesion_fraction > 0 for case in source.cases()):
        raise PigbenchError(f"no case of dataset '{source.name}' has a lesion: all its masks are empty")


def check_folds(protocol: Protocol, source: Source) -> None:
    """Raises PigbenchError where there are too few patients for the folds, or for those that are set aside."""
    from pigbench.data.splits import part

    if protocol.folds < 2:
        raise PigbenchError(f"--folds {protocol.folds}: at least 2, so that some patients are held out")
    cases, besides = source.cases(), ""
    if protocol.set_aside:
        cases = part(cases, protocol.set_aside, protocol.split_seed, tuning=False)
        besides = " besides those set aside"
    patients = len({case.patient_id for case in cases})
    if patients < protocol.folds:
        raise PigbenchError(
            f"dataset '{source.name}' has {counted(patients, 'patient')}{besides}, fewer than {protocol.folds} folds"
        )


def check_start(uses: Sequence[Use], segmenters: Sequence[SegmenterChoice]) -> None:
    """Raises PigbenchError where a segmenter is to be pretrained that cannot start from given weights."""
    for segmenter in segmenters if any(use.pretrains for use in uses) else ():
        train = registry.find("segmenters", segmenter.name).load().train
        if "start" not in inspect.signature(train).parameters:
            raise PigbenchError(
                f"segmenter '{segmenter.name}' cannot be pretrained: its train() has no parameter `start` for initial "
                "weights; take another --segmenter, or --use mix"
            )


def check_subsets(chosen: Sequence[int | None], protocol: Protocol, source: Source) -> None:
    """Raises PigbenchError where a fold has fewer training patients, and where a number is that of all."""
    from pigbench.data.splits import check_subset, make_folds, part

    if chosen != (None,):
        cases = part(source.cases(), protocol.set_aside, protocol.split_seed, tuning=False)
        split = make_folds(cases, protocol.folds, protocol.split_seed)
        check_subset(max(size or 0 for size in chosen), split)
        sizes = {sum(map(len, split)) - len(held_out) for held_out in split}
        if None in chosen and sizes <= {*chosen}:
            raise PigbenchError(f"--train-patients {chosen[-2]},all: all are {chosen[-2]}, so leave out one of the two")


def check_resolution(plan: Plan, store: Store) -> None:
    """Raises PigbenchError where a network that is still to be trained cannot work at the run's resolution.

    Asking takes some seconds, most of them for importing torch. So it is done where resolution or networks are not the
    preset's, and not again for what is trained already.
    """
    nodes = [node for node in plan.nodes() if node.purpose.trains]
    if missing := [node for node in nodes if not store.has(node.stage, node.key)]:
        from pigbench.planning.resolutions import refuse_impossible

        refuse_impossible(missing)
