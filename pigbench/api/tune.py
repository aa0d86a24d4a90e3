"""A plugin's settings chosen on patients that are set aside."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pigbench.api.request import Options, set_up

if TYPE_CHECKING:
    from pigbench.tuning.findings import Findings


def tune(options: Options, share: float, name: str | None, trials: int, timeout: float | None) -> Findings:
    """Work on the study of the one plugin of `options`, until it has so many trials, and say what it has found.

    share: of the patients, to tune on. name: the study's; None for that of plugin, preset and dataset. timeout: begin
    no trial after so many seconds. KeyboardInterrupt passes through; the trials that ended stay.
    """
    from pigbench.data.splits import INNER, set_aside
    from pigbench.reporting.studies import watching
    from pigbench.tuning.findings import read_study
    from pigbench.tuning.space import check_tunable
    from pigbench.tuning.storage import studies_in
    from pigbench.tuning.study import default_name, open_study, work
    from pigbench.tuning.trial import Evaluation, on_tuning_patients

    setup, seed = set_up(replace(options, folds=INNER)), options.seed
    request = on_tuning_patients(setup.request, share)
    evaluation = Evaluation(request, setup.store, setup.workers, options.checkpoint_every)
    check_tunable(evaluation.choice)
    protocol = request.protocol
    patients = len(set_aside(setup.source.cases(), share, protocol.split_seed))
    name = name or default_name(evaluation.choice.name, protocol.preset.name, protocol.dataset_identity)
    with studies_in(options.storage, setup.store.root) as studies, watching() as (say, observe):
        study = open_study(studies, name, evaluation, seed, patients)
        work(study, replace(evaluation, say=say, observe=observe), seed, trials, timeout)
        return read_study(studies, name)
