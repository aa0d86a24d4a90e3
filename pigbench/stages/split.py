"""Stage `split`: the folds, as lists of held-out patients. Made before preparation, so alike at every resolution."""

from __future__ import annotations

from pigbench.stages import base
from pigbench.stages.job import Job, read_json


class SplitSpec(base.Spec):
    """set_aside: the share of the patients kept for tuning; None where none are. tuning: whose folds these are then."""

    dataset: str
    folds: int
    seed: int
    set_aside: float | None = None
    tuning: bool | None = None


class Folds(base.Result):
    """The folds."""

    FILE = "folds.json"

    @property
    def held_out(self) -> list[list[str]]:
        """The held-out patients of each fold."""
        return read_json(self.directory / self.FILE)


class Split(base.Stage):
    """Where patients are set aside, the folds are the other patients', or with `tuning` theirs alone."""

    name = "split"
    Spec = SplitSpec
    Result = Folds
    seconds = 1.0

    def run(self, job: Job[SplitSpec]) -> None:
        """Write each fold's held-out patients."""
        from pigbench.data.datasets import open_dataset
        from pigbench.data.splits import make_folds, part

        spec, cases = job.spec, open_dataset(job.dataset, job.store).cases()
        if spec.set_aside is not None:
            cases = part(cases, spec.set_aside, spec.seed, tuning=bool(spec.tuning))
        job.write_json(Folds.FILE, make_folds(cases, spec.folds, spec.seed))


STAGE = Split()
