"""`pigbench.run`: the whole way, from a dataset to a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pigbench.api.complete import complete
from pigbench.api.refusals import refusing
from pigbench.api.request import Options, set_up

if TYPE_CHECKING:
    from pigbench.results import Record


@refusing()
def run(
    generator: str | Sequence[str] = "pig",
    *,
    masks: str | Sequence[str] | None = None,
    controls: bool = False,
    n: int | Sequence[int] | None = None,
    folds: int | None = None,
    set_aside: float | None = None,
    train_patients: int | str | Sequence[int | str] | None = None,
    dataset: str = "phantom",
    segmenter: str | Sequence[str] = "unet",
    metric: str | Sequence[str] | None = None,
    preset: str = "quick",
    seed: int = 0,
    seeds: int = 1,
    trainings: int | str | Sequence[int | str] | Mapping[str, int] | None = None,
    use: str | Sequence[str] | None = None,
    set: Mapping[str, Any] | Sequence[str] | None = None,
    tuned: bool | str | Sequence[str] | None = None,
    storage: str | None = None,
    workers: int | None = None,
    device: str = "auto",
    engine: str | None = None,
    scheduler: str | None = None,
    cluster: str | Path | None = None,
    store: str | Path = "runs",
    results: str | Path | None = None,
    checkpoint_every: float = 60.0,
    progress: bool = True,
) -> Record:
    """Train generators on some patients, and see whether what they make helps a segmenter on the others.

    What is in the store already is not computed again, so the same call goes on with a run that was stopped. As with
    `pigbench run`, of which every argument is an option, the record is also written to `results`.

    generator: one or several; "all" for each that is installed. masks: whose masks images are made for, "real" or a
    generator. controls: add the arms that give the others their meaning. n: samples per fold, one number or several
    (default: the preset's). folds: by patient (default: the preset's, mostly 5). set_aside: share of the patients kept
    for tuning, 0 to 0.9, out of all folds (default: the studies', or none). train_patients: how many of each fold's
    training patients everything is trained on, as [8, 16, "all"]; smaller subsets are parts of larger ones. dataset:
    "phantom", or a name given to `import_dataset`. segmenter: one or several. metric: one or several besides the
    default ones. preset: smoke, demo, quick, overnight, small, medium or paper. seed, seeds: the first seed, and how
    many. trainings: of the segmenter in each arm, fold and seed: 3, or ["3", "real=5"] where an arm has another number
    (default: the preset's). use: how arms use pairs: "mix" at their natural share n/(n+N), or "mix:0.25" at that part
    of each batch; "pretrain" on pairs, then on real cases, half of the steps each, or "pretrain:0.25" for that part on
    pairs; "filter", of twice as many pairs those that real-only segmenters agree with; "filter+pretrain". set: other
    settings, as {"training.learning_rate": 1e-4} or ["pig.guide=binary"]. tuned: studies whose settings are taken; True
    for each generator's own. storage: where studies are kept (default: STORE/studies.db).

    workers: processes (default: one per core; on a GPU as the preset says). device: auto, cpu or cuda. engine,
    scheduler, cluster: "local" or "dask", the address of a running Dask scheduler, or a TOML file that describes a job
    queue. store: where artifacts and datasets are kept. results: where the record goes (default: STORE/records).
    checkpoint_every: seconds between two checkpoints of a training. progress: tell on the standard error, or in the
    notebook, how it goes.

    Returns the record; what failed stands in it with its reason, even if that is all of it. Raises PigbenchError for
    what cannot be run as asked. KeyboardInterrupt ends the workers and passes through; what was computed stays.
    """
    options = Options(**locals())  # nothing but the arguments is local yet
    return complete(set_up(options), options.as_call("run")).record
