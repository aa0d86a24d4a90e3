"""A census in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pigbench.counting import counted
from pigbench.data.census import Census, ClassCensus
from pigbench.reporting.lesions import large_masks, small_lesions

SHADES = " ▁▂▃▄▅▆▇█"


def lines(name: str, census: Census, drawn: str = "", resolution: int = 32) -> Iterator[str]:
    """What `pigbench data inspect` prints. Ids are pseudonyms.

    drawn: what of the suspects is drawn, and where. resolution: at which small lesions are counted.
    """
    whose = (
        f" of {counted(census.patients, census.grouped_by)}" if census.grouped_by != "case" else ", patients unknown"
    )
    yield f"{name}: {counted(census.cases, 'case')}{whose}, {census.empty} with an empty mask"
    yield f"size: {_counted({f'{width}×{height}': count for (width, height), count in census.sizes.items()})}"
    yield f"pixels: {_counted(census.depths)}"
    for each, counts in census.classes.items():
        yield from _of_class(each, counts, census)
    yield from filter(
        None, (_large(name, census), small_lesions(census.prepared_shares, resolution, len(census.classes)))
    )
    yield f"intensities, least to greatest: |{_bars(census.intensities.tolist())}|"
    if census.folds:
        yield f"folds, {census.grouped_by}s (cases): " + ", ".join(
            f"{patients} ({cases})" for patients, cases in census.folds
        )
    yield from _shared("equal", census.duplicates)
    yield from _shared("nearly equal", census.near_duplicates)
    if census.near_duplicates:
        yield "Nearly equal images are suspects, no proof: look at them before you merge patients"
        yield drawn or "(--pictures FILE.png draws them side by side)"


def _large(name: str, census: Census) -> str | None:
    return large_masks(census.shares, name, len(census.classes))


def _of_class(name: str, counts: ClassCensus, census: Census) -> Iterator[str]:
    if len(census.classes) > 1:
        whose = f", of {counted(counts.patients, census.grouped_by)}" if census.grouped_by != "case" else ""
        yield f"{name}: in {census.cases - counts.regions.get(0, 0)} of {counted(census.cases, 'image')}{whose}"
    if counts.unlearnt:
        folds = ", ".join(map(str, counts.unlearnt))
        yield f"Careful: no training patient of fold {folds} has {name}, so nobody can learn it there"
    yield f"{name}, separate regions in an image: {_counted(counts.regions)}"
    if counts.fractions:
        least, lower, median, upper, greatest = (f"{100 * value:.2f}" for value in counts.fractions)
        yield f"{name}, % of the image: {least} to {greatest}, median {median}, quartiles {lower} and {upper}"


def _shared(how: str, groups: list[list[str]], most: int = 10) -> Iterator[str]:
    if not groups:
        yield f"no {how} images in two patients"
        return
    are = f"{counted(len(groups), 'group')} of {how} images {'is' if len(groups) == 1 else 'are'}"
    yield f"Careful: {are} in more than one patient and can leak:"
    for group in groups[:most]:
        yield f"  {', '.join(group)}"
    if len(groups) > most:
        yield f"  and {len(groups) - most} more"


def _counted(counts: Mapping[Any, int], most: int = 6) -> str:
    listed = [f"{what} ({count})" for what, count in list(counts.items())[:most]]
    return ", ".join(listed) + (f" and {len(counts) - most} more" if len(counts) > most else "")


def _bars(shares: Sequence[float]) -> str:
    greatest = max(shares) or 1
    return "".join(SHADES[round((len(SHADES) - 1) * (share / greatest) ** 0.5)] for share in shares)
