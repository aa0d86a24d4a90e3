"""What lesion sizes mean for a run, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pigbench.counting import counted
from pigbench.data.lesions import FEWEST, inverted, small
from pigbench.protocol import load_preset, preset_names


def small_lesions(fractions: Sequence[float | None], resolution: int, classes: int = 1) -> str | None:
    """A sentence on images whose lesion, or a class, has too few pixels at a resolution, and what would keep them; None
    if there are none. Several lesions of an image count as one.

    fractions: of each case, as `data.lesions.prepared_fraction` gives them.
    """
    lost = small(fractions, resolution)
    if not lost:
        return None
    of_all = sum(bool(fraction) for fraction in fractions)
    steps = []
    for finer, presets in _presets_above(resolution).items():
        steps.append(f"{small(fractions, finer) or 'none'} at {finer} × {finer} ({', '.join(presets)})")
        if not small(fractions, finer):
            break
    else:
        enough = math.ceil(math.sqrt(FEWEST / min(fraction for fraction in fractions if fraction)))
        steps.append(f"none from {enough} × {enough} on (--set resolution=…)")
    told = f"in {lost} of {counted(of_all, 'image')} {'a class' if classes > 1 else 'the lesion'} has"
    return f"Careful: {told} fewer than {FEWEST} pixels at {resolution} × {resolution}; {', '.join(steps)}."


def large_masks(fractions: Sequence[float], name: str, classes: int = 1, *, has_values: bool = True) -> str | None:
    """A sentence on masks that cover more than half of their image, all classes together; None if there are none.

    has_values: whether options of the import say what the values of masks mean.
    """
    if not (count := inverted(fractions)):
        return None
    cover = "covers" if count == 1 else "cover"
    told = f"{count} of {counted(len(fractions), 'mask')} {cover} more than half of the image"
    if 2 * count < len(fractions):
        return f"{told}: look at `pigbench data show {name}`."
    if not has_values:
        return f"Careful: {told}. Look at `pigbench data show {name}`: lesion and background may be exchanged."
    if classes > 1:
        return (
            f"Careful: {told}. Look at `pigbench data show {name}`: if a class is the background, import again with "
            "`--classes background=…` for its values."
        )
    return (
        f"Careful: {told}. Look at `pigbench data show {name}`: if lesion and background are exchanged, import again "
        "with `--foreground 0` (smoothed masks: `--foreground 0-127`)."
    )


def _presets_above(resolution: int) -> dict[int, list[str]]:
    """The presets of each resolution above that one, ascending."""
    found: dict[int, list[str]] = {}
    for name in preset_names():
        if (finer := load_preset(name).resolution) > resolution:
            found.setdefault(finer, []).append(name)
    return dict(sorted(found.items()))
