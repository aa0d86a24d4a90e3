"""A study as a terminal shows it and as a figure, and how its trials go while it is at work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pigbench.counting import counted
from pigbench.engine.driver import Event
from pigbench.reporting.numbers import number
from pigbench.reporting.tuning import hours
from pigbench.tuning.findings import Findings, Tried

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 20
"""Trials in the table; the worst are left out."""


def print_study(found: Findings) -> None:
    """Print what the study is, its trials, the best first, and what they cost."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name in ("trial", found.objective.name, "state", *found.about["space"], "wall", "CPU", "GPU"):
        table.add_column(name, justify="left" if name == "state" else "right", overflow="fold")
    rows = _in_order(found)
    for trial in rows[:SHOWN]:
        chosen = (_short(trial.params.get(name, "")) for name in found.about["space"])
        costs = map(hours, (trial.wall_s, trial.cpu_s, trial.gpu_s))
        table.add_row(str(trial.number), number(trial.value), trial.state, *chosen, *costs)
    console = Console()
    for line in heading(found):
        console.print(Text(line))
    console.print(table)
    if len(rows) > SHOWN:
        console.print(Text(f"and {len(rows) - SHOWN} more"))
    for trial in rows:
        if trial.reason:
            console.print(Text(f"trial {trial.number} failed: {trial.reason}", style="red"))


def heading(found: Findings) -> Iterator[str]:
    """What the study is, and how far it is."""
    facts, about, states = found.facts, found.about, [trial.state for trial in found.ended]
    yield (
        f"study {found.study}: {about['group'].removesuffix('s')} {about['signature']} on {facts['dataset']}, preset "
        f"{facts['preset']}, {facts['patients']} tuning patients ({about['protocol']['set_aside']:.0%}, in no fold)"
    )
    aim = "lower is better" if found.objective.direction == "minimize" else "higher is better"
    wall, cpu, gpu = (sum(getattr(trial, name) for trial in found.trials) for name in ("wall_s", "cpu_s", "gpu_s"))
    yield (
        f"{found.objective.name} over {about['protocol']['folds']} inner folds, {aim}; "
        f"{counted(len(states), 'trial')}, "
        f"{states.count('pruned')} pruned, {states.count('failed')} failed; {hours(wall)}, CPU {hours(cpu)}"
        + (f", GPU {hours(gpu)}" if gpu else "")
    )


def draw_study(found: Findings, path: Path) -> None:
    """Write a PNG: the objective trial by trial with the best so far, and the objective against every setting."""
    from matplotlib.figure import Figure

    complete = [trial for trial in found.trials if trial.state == "complete"]
    pruned = [trial for trial in found.trials if trial.state == "pruned" and trial.value is not None]
    space = found.about["space"]
    figure = Figure(figsize=(3.2 * (1 + len(space)), 3), layout="constrained")
    axes = figure.subplots(1, 1 + len(space), squeeze=False, sharey=True)[0]
    _draw_history(axes[0], found, complete, pruned)
    for name, axis in zip(space, axes[1:], strict=True):
        _draw_setting(axis, name, space[name], complete, pruned)
    axes[0].set_ylabel(found.objective.name)
    figure.suptitle(
        f"{found.study}: {len(found.ended)} trials on {found.facts['patients']} tuning patients", fontsize=10
    )
    figure.savefig(path, dpi=150, format="png")


@contextmanager
def watching() -> Iterator[tuple[Callable[[str], None], Callable[[Event], None]]]:
    """What to tell of trials, in lines, and of the engine's events, the last of which a terminal shows."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    with console.status("") as status:

        def observe(event: Event) -> None:
            if event.kind in ("failed", "note"):
                console.print(Text(f"{event.label}: {event.text}"), soft_wrap=True)
            else:
                status.update(Text(f"{event.label} {event.share:.0%} {event.text}"))

        yield lambda line: console.print(Text(line), soft_wrap=True), observe


def _in_order(found: Findings) -> list[Tried]:
    """The best first, then those that have no place."""
    ranked = found.ranked
    return ranked + [trial for trial in found.trials if trial not in ranked]


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _draw_history(axis: Axes, found: Findings, complete: Sequence[Tried], pruned: Sequence[Tried]) -> None:
    from itertools import accumulate

    better = min if found.objective.direction == "minimize" else max
    values = [trial.value or 0.0 for trial in complete]
    axis.scatter([trial.number for trial in complete], values, s=14)
    axis.scatter(
        [trial.number for trial in pruned], [trial.value or 0.0 for trial in pruned], s=14, marker="x", c="0.6"
    )
    axis.step([trial.number for trial in complete], list(accumulate(values, better)), where="post", c="C1")
    axis.set_xlabel("trial (line: best so far; x: pruned)")


def _draw_setting(axis: Axes, name: str, mark: Any, complete: Sequence[Tried], pruned: Sequence[Tried]) -> None:
    """mark: the setting's range, or the list of its choices, as the study keeps them."""
    choices = mark if isinstance(mark, list) else None
    for trials, marker, colour in ((complete, "o", "C0"), (pruned, "x", "0.6")):
        values = [trial.params[name] for trial in trials]
        places = [choices.index(value) for value in values] if choices else values
        axis.scatter(places, [trial.value or 0.0 for trial in trials], s=14, marker=marker, c=colour)
    if choices:
        axis.set_xticks(range(len(choices)), [str(choice) for choice in choices])
        axis.set_xlim(-0.5, len(choices) - 0.5)
    else:
        axis.set_xscale("log" if mark["log"] else "linear")
        axis.set_xlim(mark["low"], mark["high"])
    axis.set_xlabel(name)
