"""Figure 3 of the paper: how a mask and its image come out of noise, step by step.

A sampler calls `on_step(step, t, mask, image)` with its estimates x̂0, a plane a class (N, K, H, W), and ŷ0
(N, C, H, W), in [-1, 1] once clipped; a generator of images alone gives None for the mask. `Recorder` is such an
`on_step`; `trace_strip` draws it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pigbench.contracts.arrays import as_picture
from pigbench.reporting.contact_sheet import colour_of

Frame = tuple[int, np.ndarray | None, np.ndarray]
"""(t, mask estimate (K, H, W) or None, image estimate (C, H, W))."""


class Recorder:
    """Keeps evenly spaced steps of one sample, in bounded memory and without knowing how many steps will come."""

    def __init__(self, keep: int = 8, sample: int = 0) -> None:
        """keep: frames wanted, at least 2. sample: which of the batch to follow."""
        self.keep = keep
        self.sample = sample
        self._stride = 1
        self._kept: list[Frame] = []
        self._last: Frame | None = None

    def __call__(self, step: int, t: int, mask: Any, image: Any) -> None:
        """Note one step: tensors (N, K, H, W) and (N, C, H, W), the mask's may be None."""
        self._last = (t, None if mask is None else self._array(mask), self._array(image))
        if step % self._stride == 0:
            self._kept.append(self._last)
        if len(self._kept) > 8 * self.keep:  # enough and to spare: from now on every second one
            self._kept = self._kept[::2]
            self._stride *= 2

    @property
    def frames(self) -> list[Frame]:
        """At most `keep` frames: the first step, the last, and evenly spaced ones between."""
        frames = list(self._kept)
        if self._last is not None and frames[-1] is not self._last:
            frames.append(self._last)
        chosen = np.linspace(0, len(frames) - 1, min(self.keep, len(frames))).round().astype(int)
        return [frames[i] for i in chosen]

    def _array(self, estimates: Any) -> np.ndarray:
        return estimates[self.sample].detach().float().cpu().numpy()


def trace_strip(frames: list[Frame], path: Path, title: str = "", classes: Sequence[str] = ()) -> None:
    """Write `frames` to `path` as a PNG: a column a step, labelled by t, mask estimates above image estimates.

    classes: their names, shown in their colours if there are several and masks.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    if not frames:
        raise ValueError("no frames to draw: the sampler never called on_step")
    times, masks, images = zip(*frames, strict=True)
    rows = [("image", images)] if masks[0] is None else [("mask", masks), ("image", images)]
    figure = Figure(figsize=(1.2 * len(frames) + 0.3, 1.25 * len(rows) + (0.6 if title else 0.3)), layout="constrained")
    axes = figure.subplots(len(rows), len(frames), squeeze=False)
    for (name, pictures), line in zip(rows, axes, strict=True):
        line[0].set_ylabel(name)
        for picture, axis in zip(pictures, line, strict=True):
            shown = _mask_picture(picture) if name == "mask" else _unit(as_picture(picture))
            axis.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
    for t, axis in zip(times, axes[0], strict=True):
        axis.set_title(f"t = {t}", fontsize=9)
    if title:
        figure.suptitle(title, fontsize=10)
    if len(classes) > 1 and len(rows) > 1:
        known = [Patch(color=_colour(label), label=name) for label, name in enumerate(classes, start=1)]
        figure.legend(handles=known, loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    figure.savefig(path, dpi=150, format="png")


def _mask_picture(planes: np.ndarray) -> np.ndarray:
    """One plane in grey; several each in its class's colour, on black."""
    if len(planes) == 1:
        return _unit(planes[0])
    colours = np.array([_colour(label) for label in range(1, len(planes) + 1)])
    return np.clip(np.einsum("khw,kc->hwc", _unit(planes), colours), 0, 1)


def _colour(label: int) -> tuple[float, ...]:
    """A class's colour, 0 to 1."""
    return tuple(part / 255 for part in colour_of(label))


def _unit(values: np.ndarray) -> np.ndarray:
    """-1..1 as 0..1, what lies beyond clipped."""
    return np.clip((values + 1) / 2, 0, 1)
