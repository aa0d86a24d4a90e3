"""A study: the trials of one plugin under one protocol, worked on by one process or several, one after the other.

What the sampler draws descends from the seed and the place of the trial in the study, and depends on what ended before:
a study that was cut off and taken up again, by one process, tries what it would have tried. No two trials that count
have the same place, however many processes there are.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import count, islice
from typing import TYPE_CHECKING, Any

from pigbench.errors import PigbenchError
from pigbench.planning.configured import GeneratorChoice, SegmenterChoice
from pigbench.protocol import digest
from pigbench.randomness import seed_for
from pigbench.tuning.space import described
from pigbench.tuning.trial import Evaluation, TrialFailed, WorkerDied

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

TRIALS = 20
"""The default of --trials."""

UNPRUNED = 5
"""Complete trials before which none is pruned; those that failed are not among them."""

DEADLY = 3
"""Workers killed at the trial of one place, under one process, after which it has failed."""


def default_name(plugin: str, preset: str, identity: str) -> str:
    """What a study is called unless the user says otherwise: plugin, preset and dataset."""
    return f"{plugin}-{preset}-{identity[:8]}"


def about(evaluation: Evaluation, seed: int) -> dict[str, Any]:
    """All that decides what a trial comes to, but for what it varies: a study is gone on with under the same alone."""
    request, choice, space = evaluation.request, evaluation.choice, evaluation.space
    return {
        "group": evaluation.group,
        "plugin": choice.name,
        "signature": signature(choice, space),
        "space": described(space),
        "protocol": request.protocol.compared,
        "samples": request.samples[0] if evaluation.group == "generators" else 0,
        "seed": seed,
        "device": request.device,
    }


def signature(choice: GeneratorChoice | SegmenterChoice, varied: Iterable[str]) -> str:
    """A plugin's name and the hash of its source and of the settings that are not varied, lenders' too."""
    shared: list[Any] = [choice.source, choice.config.model_dump(mode="json", exclude=set(varied))]
    if isinstance(choice, GeneratorChoice):
        shared += [lender.signature for lender in choice.lenders]
    return f"{choice.name}@{digest(shared)[:8]}"


def open_study(storage: BaseStorage, name: str, evaluation: Evaluation, seed: int, patients: int) -> Study:
    """The study of that name, made if there is none.

    patients: how many it tunes on, for the record. Raises PigbenchError for a study of something else, saying what
    differs.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        direction=evaluation.objective.direction,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED),
        load_if_exists=True,
    )
    ours, protocol = about(evaluation, seed), evaluation.request.protocol
    facts = {"dataset": protocol.dataset, "preset": protocol.preset.name, "patients": patients}
    for part, value in (("facts", facts), ("about", ours)):
        if part not in study.user_attrs and not study.get_trials(deepcopy=False):
            study.set_user_attr(part, value)
    if differing := differences(study.user_attrs.get("about", {}), ours):
        raise PigbenchError(
            f"study '{name}' was made otherwise: {some(differing)}. Choose another name with --study, or go on with it "
            "as it was made"
        )
    return study


def work(study: Study, evaluation: Callable[[Trial], float], seed: int, trials: int, timeout: float | None) -> None:
    """Try configurations until the study has that many trials that ended, or no time is left to begin another one.

    Others may work on it at the same time: each ends what it has begun, so there can be one too many for each of them.
    A trial whose worker was killed counts as cut off, and is tried again, but not for ever.
    """
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    deaths: Counter[int] = Counter()

    def tried(trial: Trial) -> float:
        where = take_place(study, trial)
        study.sampler = sampler(seed, where)
        try:
            return evaluation(trial)
        except TrialFailed as failure:
            died = isinstance(failure, WorkerDied)
            deaths[where] += died
            if not died or deaths[where] == DEADLY:
                trial.set_user_attr("reason", str(failure))
            raise

    while len(ended(study.get_trials(deepcopy=False))) < trials and time.monotonic() < deadline:
        try:
            study.optimize(tried, n_trials=1, catch=(TrialFailed,))
        except ValueError as error:
            if "Cannot tell" not in str(error):  # else another process took this one for dead: a suspended laptop, say
                raise


def sampler(seed: int, place: int) -> BaseSampler:
    """What draws the trial in that place."""
    from optuna.samplers import TPESampler

    stream = seed_for(seed, "tune", place) % 2**32
    return TPESampler(seed=stream, constant_liar=False)  # what others are at work on changes nothing


def take_place(study: Study, trial: Trial) -> int:
    """Give a trial the first place that no other one holds, and say which.

    Places are left to earlier trials that have yet to take one, so trials that begin at once take different ones. A
    trial that was cut off holds none any more; one whose process was killed is "running" until the heartbeat tells, or
    for good in a journal, and keeps its place so long. Trials of older studies do not say theirs.
    """
    others = [other for other in study.get_trials(deepcopy=False) if other.number != trial.number]
    holding = [other for other in others if not was_cut_off(other)]
    held = {other.user_attrs["place"] for other in holding if "place" in other.user_attrs}
    left = sum("place" not in other.user_attrs and other.number < trial.number for other in holding)
    place = next(islice((place for place in count() if place not in held), left, None))
    trial.set_user_attr("place", place)
    return place


def ended(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that came to an end: complete, pruned, or failed for a reason."""
    return [trial for trial in trials if trial.state.is_finished() and not was_cut_off(trial)]


def was_cut_off(trial: FrozenTrial) -> bool:
    """Whether its process was stopped, or died; such a trial counts for nothing."""
    return trial.state.name == "FAIL" and "reason" not in trial.user_attrs


def differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    """What differs between two descriptions, such as "protocol.folds is 3 there, 5 here"."""
    there, here = dict(_flat("", theirs)), dict(_flat("", ours))
    return [
        f"{name} is {there.get(name, 'absent')} there, {here.get(name, 'absent')} here"
        for name in sorted(there.keys() | here.keys())
        if there.get(name) != here.get(name)
    ]


def some(differing: list[str], most: int = 3) -> str:
    """The first differences, and how many more there are."""
    more = len(differing) - most
    return "; ".join(differing[:most]) + (f"; and {more} more" if more > 0 else "")


def _flat(name: str, value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else key, inner)
    else:
        yield name, value
