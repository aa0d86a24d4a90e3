"""Stage `truth`: a dataset's masks as they were imported, once for all resolutions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pigbench.data import truth
from pigbench.data.source import Source
from pigbench.stages import base
from pigbench.stages.job import Job


class TruthSpec(base.Spec):
    """dataset: its identity."""

    dataset: str


class TrueMasks(base.Result):
    """The masks, whose file `data.truth` knows."""

    @property
    def truth(self) -> truth.Truth:
        """The masks, by row of the prepared index."""
        return truth.Truth(self.directory)


class TruthStage(base.Stage):
    """Reading takes as long as the files are large."""

    name = "truth"
    Spec = TruthSpec
    Result = TrueMasks
    seconds = 5.0
    reads_files = True

    def run(self, job: Job[TruthSpec]) -> None:
        """Write the masks."""
        from pigbench.data.datasets import open_dataset

        source = open_dataset(job.dataset, job.store)
        truth.write(_masks(job, source), job.directory, len(source.classes))


def _masks(job: Job[TruthSpec], source: Source) -> Iterator[np.ndarray]:
    count = len(source.cases())
    for row in range(count):
        yield source.read_truth(row)
        job.progress((row + 1) / count, f"{row + 1}/{count}")


STAGE = TruthStage()
