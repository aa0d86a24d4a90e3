"""Notes on generated masks: whether lesions are where they are, and which classes they have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from math import isfinite

import numpy as np

from pigbench.reporting.numbers import each, number, span
from pigbench.reporting.row_names import made_by, shown
from pigbench.results import ArmRow, Group
from pigbench.results.conditioning import Likeness, Pairs
from pigbench.results.measured import GateRun
from pigbench.results.naming import of_patients


def conditioning_notes(rows: Sequence[ArmRow]) -> Iterable[str]:
    """Whether lesions are where the masks are, once for each generator, n and subset."""
    of = {made_by(row): row for row in rows if row.generator and not row.filtered}
    for what, told in (
        ("contrast of lesions to what is around the mask", {name: row.contrast for name, row in of.items()}),
        ("agreement of masks with real-only segmenters (Dice)", {name: row.agreement for name, row in of.items()}),
    ):
        yield from _likeness(what, {name: likeness for name, likeness in told.items() if likeness})
    unknown = [name for name, row in of.items() if row.conditioned is None]
    if unsure := [name for name in unknown if of[name].contrast or of[name].agreement]:
        yield (
            f"whether lesions follow the masks cannot be told of {', '.join(unsure)}: neither measure tells real pairs "
            "from real pairs of which half have another patient's mask, or there are too few pairs or patients"
        )
    if unmeasured := [name for name in unknown if name not in unsure]:
        yield f"whether lesions follow the masks was not measured of {', '.join(unmeasured)}"
    if filtered := [shown(row) for row in rows if row.filtered]:
        names = ", ".join(filtered)
        yield f"whether lesions follow the masks is not judged where agreement has chosen the pairs: {names}"


def class_notes(group: Group, rows: Sequence[ArmRow]) -> Iterable[str]:
    """How many masks have each of several classes, once for each generator, n and subset, beside real pairs."""
    of_pairs: dict[Pairs, list[GateRun]] = defaultdict(list)
    for run in group.gates:
        if run.shares:
            of_pairs[run.generator, run.n, run.train_patients].append(run)
    made, real = {}, []
    for row in {made_by(row): row for row in rows if row.generator}.values():
        if runs := of_pairs.get((row.generator or "", row.n, row.train_patients)):
            made[made_by(row)] = _in_percent(np.mean([run.shares for run in runs], axis=0))
            real += [run.real_shares for run in runs]
    yield from _unlearnt(group)
    if made:
        what = f"masks with {', '.join(group.dataset.classes)}, % (real pairs {_in_percent(np.mean(real, axis=0))})"
        yield from each(what, made)


def _unlearnt(group: Group) -> Iterable[str]:
    """The classes that no training mask of a fold has, as far as gates tell."""
    for label, name in enumerate(group.dataset.classes):
        without = {(run.fold, of_patients(run.train_patients)) for run in group.gates if _lacks(run, label)}
        if without:
            where = ", ".join(f"fold {fold}{subset}" for fold, subset in sorted(without))
            yield f"no training mask of {where} has {name}, so nobody can learn it there"


def _lacks(run: GateRun, label: int) -> bool:
    return bool(run.real_shares) and run.real_shares[label] == 0


def _in_percent(shares: np.ndarray) -> str:
    return ", ".join(number(share, 100, 1) for share in shares.tolist())


def _likeness(what: str, told: Mapping[str, Likeness]) -> Iterable[str]:
    """A measure's values beside those of real pairs, and what foreign masks would make of these."""
    known = {name: of for name, of in told.items() if isfinite(of.ratio)}
    if not known:
        return
    real = span((of.real for of in known.values()), told=partial(number, factor=100, digits=1))
    scaled = {name: of for name, of in known.items() if isfinite(of.foreign_50)}
    parts = {share: [getattr(of, f"foreign_{share}") for of in scaled.values()] for share in (30, 50)}
    scale = [f"with {share} % foreign masks {span(of, told=number)}" for share, of in parts.items()]
    over_chance = f"; over chance real pairs count as 1, {', '.join(scale)}" if scaled else ""
    values = {
        name: number(of.generated, 100, 1) + (f" ({number(of.ratio, 1, 2)})" if name in scaled else "")
        for name, of in known.items()
    }
    yield from each(f"{what}, % (real pairs {real}{over_chance})", values)


def refusals(rows: Sequence[ArmRow]) -> Iterable[str]:
    """By what rows are not conditioned, if any are not."""
    if not (refused := [row for row in rows if row.conditioned is False]):
        return
    by = {"contrast": [row.contrast for row in refused], "agreement": [row.agreement for row in refused]}
    below = {what: [of for of in told if of and of.conditioned is False] for what, told in by.items()}
    said = [
        f"{span((of.least for of in told), told=partial(number, factor=100, digits=0))}% of the real {what}"
        + " over chance" * any(isfinite(of.foreign_50) for of in told)
        for what, told in below.items()
        if told
    ]
    yield f"NOT CONDITIONED: less than {' and '.join(said)}, so not ranked"
