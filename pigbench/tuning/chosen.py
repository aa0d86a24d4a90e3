"""What a run takes from studies: the best configuration of each, and the patients that they were found on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pigbench.errors import PigbenchError
from pigbench.planning.configured import GeneratorChoice, with_values
from pigbench.planning.external_pairs import GivenPairs
from pigbench.planning.plan import Request
from pigbench.tuning.findings import Findings, find_study, read_study
from pigbench.tuning.space import can_be_tuned
from pigbench.tuning.study import TRIALS, default_name, differences, signature, some
from pigbench.tuning.trial import OBJECTIVES, on_tuning_patients

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

OWN = ""
"""In the place of a study's name: each generator's own."""


def with_studies(
    request: Request, names: Sequence[str], storage: BaseStorage, command: Callable[[str, int], str]
) -> Request:
    """`request` with the configurations that the studies chose, on the patients that none of them saw.

    names: of studies; `OWN` for that of each generator which can be tuned, which then must have had equal trials.
    command: what to type for that many trials of a generator, for messages. Raises PigbenchError for studies that are
    not there, do not fit the run or one another, or chose nothing that it uses.
    """
    studies = [read_study(storage, name) for name in dict.fromkeys(names) if name != OWN]
    if OWN in names:
        studies += _own(request, studies, storage, command)
    for study in studies:
        _check_fits(study, request)
    tuned = tuple(study.tuned() for study in studies)
    shares = {study.set_aside for study in tuned}
    if request.protocol.set_aside:
        shares.add(request.protocol.set_aside)
    if len(shares) > 1:
        raise PigbenchError(
            f"the studies and --set-aside name several shares of the patients, {', '.join(map(str, sorted(shares)))}: "
            "a run sets one aside"
        )
    values = {group: {of.plugin: of.params for of in tuned if of.group == group} for group in OBJECTIVES}
    chosen = replace(
        request,
        protocol=request.protocol.model_copy(update={"set_aside": max(shares, default=0.0)}),
        generators=tuple(
            with_values(generator, values["generators"]) if isinstance(generator, GeneratorChoice) else generator
            for generator in request.generators
        ),
        segmenters=tuple(with_values(segmenter, values["segmenters"]) for segmenter in request.segmenters),
        tuned=tuned,
    )
    _check_used(chosen)
    return chosen


def _own(
    request: Request, named: Sequence[Findings], storage: BaseStorage, command: Callable[[str, int], str]
) -> list[Findings]:
    """The studies of the generators that have none among the `named`."""
    preset, identity = request.protocol.preset.name, request.protocol.dataset_identity
    known = {study.about["plugin"]: study for study in named if study.about["group"] == "generators"}
    wanted = [name for name in _tunable(request) if name not in known]
    if not wanted and not known:
        raise PigbenchError("--tuned: no generator of this run has anything to tune; name a study, or leave it out")
    found = {name: find_study(storage, default_name(name, preset, identity)) for name in wanted}
    counts = {name: len(study.ended) if study else 0 for name, study in (known | found).items()}
    _check_equal(counts, command)
    return [study for study in found.values() if study]


def _tunable(request: Request) -> list[str]:
    """The generators of a run that can be tuned, those that it borrows from or takes masks from among them."""
    generators = [generator for generator in request.generators if isinstance(generator, GeneratorChoice)]
    used = [used for generator in generators for used in generator.with_those_it_uses()]
    return list(dict.fromkeys(choice.name for choice in used if can_be_tuned(choice)))


def _check_equal(counts: dict[str, int], command: Callable[[str, int], str]) -> None:
    """Refuse generators that had fewer trials than others, or none."""
    most = max(counts.values()) or TRIALS
    behind = {name: most - count for name, count in counts.items() if count < most}
    if behind:
        lacking = ", ".join(f"{name} lacks {count} of {most}" for name, count in behind.items())
        commands = "; ".join(command(name, most) for name in behind)
        raise PigbenchError(f"--tuned gives every generator as many trials, and {lacking}. Run: {commands}")


def _check_fits(study: Findings, request: Request) -> None:
    share = study.about["protocol"]["set_aside"]
    here = on_tuning_patients(request, share).protocol.compared
    if differing := differences(study.about["protocol"], here):
        raise PigbenchError(f"study '{study.study}' is of another protocol: {some(differing)}")
    for choice in (*request.generators, *request.segmenters):
        if isinstance(choice, GivenPairs) or choice.name != study.about["plugin"]:
            continue
        if signature(choice, study.about["space"]) != study.about["signature"]:
            raise PigbenchError(
                f"study '{study.study}' tuned another '{choice.name}': its source, or settings that the study did not "
                "vary, differ from this run's. Tune it again, under another --study name"
            )


def _check_used(request: Request) -> None:
    seen: set[tuple[str, str]] = set()
    for study in request.tuned:
        kind = study.group.removesuffix("s")
        if (study.group, study.plugin) in seen:
            raise PigbenchError(f"--tuned: two studies are of {kind} '{study.plugin}': give one")
        seen.add((study.group, study.plugin))
        if not request.rows_of(study):
            raise PigbenchError(
                f"--tuned {study.study}: this run uses no value of it; it is of {kind} '{study.plugin}'"
            )
