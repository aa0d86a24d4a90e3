"""The loss curves of every training, thinned as records keep them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import ceil, isfinite
from typing import TYPE_CHECKING

from pigbench.reporting.report.drawing import BLUE, Drawing, drawn, logarithmic
from pigbench.results import Group
from pigbench.results.naming import row_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACROSS = 3
Losses = dict[str, list[list[float]]]
"""By panel, the curves in it."""


def losses(group: Group, generator: str = "") -> list[Drawing]:
    """Of generators, a panel for each network; of segmenters, a panel for each arm. Those that records hold.

    generator: its networks alone, if one is named.
    """
    networks = _of_networks(group, generator)
    fits: Losses = defaultdict(list)
    for trial in group.trials:
        if trial.run.losses and not generator:
            fits[f"{trial.run.segmenter}: {row_name(trial.arm)}"].append(_known(trial.run.losses))
    told = {
        "Losses of the generators' networks": (networks, "A line for each training that records hold."),
        "Losses of segmenters": (fits, "A line for each fold, seed and training."),
    }
    return [_drawing(title, panels, caption) for title, (panels, caption) in told.items() if panels]


def _of_networks(group: Group, generator: str) -> Losses:
    """A panel for each network: the curves of all its trainings, or, of older records, that of one."""
    panels: Losses = defaultdict(list)
    for cost in group.costs:
        if cost.losses and generator in ("", *cost.generators):
            panels[cost.label].append(_known(cost.losses))
    told = {of for cost in group.costs if cost.losses for of in cost.generators}
    for label, info in group.generators.items():
        for component, curve in info.losses.items():
            if curve and label not in told and generator in ("", label):
                panels[f"{label}: {component}"].append(_known(curve))
    return panels


def _known(curve: Sequence[float | None]) -> list[float]:
    return [value if value is not None else float("nan") for value in curve]


def _drawing(title: str, panels: Losses, caption: str) -> Drawing:
    return Drawing(
        title=title,
        caption=caption + " Means over fiftieths of a training, on a logarithmic scale.",
        svg=drawn(lambda figure: _paint(figure, panels), 1.6 * ceil(len(panels) / ACROSS) + 0.3, arranged=False),
        headings=("Training", "curves", "first", "last, mean"),
        rows=tuple((name, str(len(curves)), _mean(curves, 0), _mean(curves, -1)) for name, curves in panels.items()),
    )


def _mean(curves: Sequence[Sequence[float]], place: int) -> str:
    values = [curve[place] for curve in curves if isfinite(curve[place])]
    return f"{sum(values) / len(values):.4g}" if values else "-"


def _paint(figure: Figure, panels: Mapping[str, Sequence[Sequence[float]]]) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    down = ceil(len(panels) / ACROSS)
    inches = 1 / figure.get_figheight()
    figure.subplots_adjust(0.05, 0.25 * inches, 0.99, 1 - 0.25 * inches, hspace=0.45, wspace=0.17)
    axes = figure.subplots(down, ACROSS, squeeze=False).flatten()
    for axis, (name, curves) in zip(axes, panels.items(), strict=False):
        for curve in curves:
            steps = [(step + 0.5) / len(curve) for step in range(len(curve))]
            axis.plot(steps, curve, color=BLUE, linewidth=0.6, alpha=0.7)
        axis.set_yscale("log")
        logarithmic(axis.yaxis)
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=5))
        axis.yaxis.set_minor_locator(NullLocator())
        axis.set_title(name, fontsize=8)
        axis.set_xticks([0, 1], ["start", "end"])
        axis.tick_params(labelsize=7)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
