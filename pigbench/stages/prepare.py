"""Stage `prepare`: a dataset, or fresh reference cases of it, at one resolution as memory-mapped arrays.

Cases are read in blocks, and a block is kept until all are there, so a killed run goes on where it was. Where reading
takes long, as with compressed DICOM, every core reads blocks of its own. Neither changes a byte of the artifact.
"""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pigbench.data.source import Source
from pigbench.processes import cores, die_with_parent, may_start_processes
from pigbench.stages import base
from pigbench.stages.job import Job
from pigbench.stages.node import Node

if TYPE_CHECKING:
    from pigbench.data.prepare import Prepared

BLOCK = 32  # cases
MOST_READERS = 8  # beyond it disks set the pace
WORTH_READERS = 5.0  # seconds of reading left from which starting processes for it pays


class PrepareSpec(base.Spec):
    """dataset: its identity. reference: so many fresh cases instead of the dataset's own."""

    dataset: str
    resolution: int
    reference: int | None = None


class PreparedSet(base.Result):
    """A prepared set, whose files `data.prepare` knows."""

    @property
    def prepared(self) -> Prepared:
        """Images, masks and index, memory-mapped."""
        from pigbench.data.prepare import Prepared

        return Prepared(self.directory)

    @property
    def images(self) -> np.ndarray:
        """(n, C, R, R) uint16, memory-mapped."""
        return self.prepared.images


class Prepare(base.Stage):
    """Reading takes as long as the files are large."""

    name = "prepare"
    version = 2
    Spec = PrepareSpec
    Result = PreparedSet
    seconds = 10.0
    reads_files = True

    def run(self, job: Job[PrepareSpec]) -> None:
        """Write the prepared set."""
        from pigbench.data.prepare import write

        source = _source(job)
        cases = source.cases()
        starts = range(0, len(cases), BLOCK)
        _read_missing(job, source, starts)
        side = job.spec.resolution
        write(cases, (_block(job, source, start) for start in starts), (source.channels, side, side), job.directory)

    def images(self, node: Node, size: base.Size) -> int | None:
        """All cases, or the reference cases."""
        return node.spec.get("reference", size.every)


def _source(job: Job[PrepareSpec]) -> Source:
    from pigbench.data.datasets import open_dataset

    source = open_dataset(job.dataset, job.store)
    if job.spec.reference is None:
        return source
    fresh = source.reference(job.spec.reference)
    assert fresh is not None, f"{job.dataset} makes no reference cases"
    return fresh


def _read_missing(job: Job[PrepareSpec], source: Source, starts: range) -> None:
    """Read and keep the blocks that no earlier attempt has kept; the first tells whether more processes pay."""
    missing = [start for start in starts if not job.has_kept(_name(start))]
    for number, start in enumerate(missing):
        began = time.perf_counter()
        _block(job, source, start)
        _tell(job, source, len(starts) - len(missing) + number + 1)
        left = missing[number + 1 :]
        takes_long = (time.perf_counter() - began) * len(left) > WORTH_READERS
        if takes_long and cores() > 1 and may_start_processes():
            _read_side_by_side(job, source, left, len(starts) - len(left))
            return


def _read_side_by_side(job: Job[PrepareSpec], source: Source, starts: list[int], done: int) -> None:
    context = multiprocessing.get_context("spawn")
    readers = min(cores(), MOST_READERS, len(starts))
    with ProcessPoolExecutor(readers, context, _start_reader, (replace(job, progress=_silent),)) as pool:
        try:
            for number, _ in enumerate(pool.map(_read, starts), start=1):
                _tell(job, source, done + number)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _block(job: Job[PrepareSpec], source: Source, start: int) -> dict[str, np.ndarray]:
    """The cases from row `start` on, prepared now or kept from an earlier attempt."""
    from pigbench.data.prepare import prepare_rows

    rows = range(start, min(start + BLOCK, len(source.cases())))
    return job.kept(_name(start), partial(prepare_rows, source, rows, job.spec.resolution))


def _name(start: int) -> str:
    return f"from-{start}"


def _tell(job: Job[PrepareSpec], source: Source, blocks: int) -> None:
    count = len(source.cases())
    done = min(blocks * BLOCK, count)
    job.progress(done / count, f"{done}/{count}")


_reader: tuple[Job[PrepareSpec], Source]
"""What a reader process works on; it reads blocks until it is stopped, and opening the source takes time."""


def _start_reader(job: Job[PrepareSpec]) -> None:
    global _reader
    die_with_parent()
    _reader = job, _source(job)


def _read(start: int) -> None:
    job, source = _reader
    _block(job, source, start)


def _silent(share: float, text: str) -> None:
    pass


STAGE = Prepare()
