"""The contract's suite: it tries a plugin in a fold in miniature, and says what broke and which sentence says so.

For a plugin's own tests::

    from my_package.noise import Noise
    from pigbench.testing import check_generator


    def test_it_keeps_the_contract():
        check_generator(Noise)

`pigbench check NAME` prints the same checks, one a line.
"""

from __future__ import annotations

from collections.abc import Iterator

from pigbench import registry
from pigbench.contracts import Generator, Metric, Segmenter, Task
from pigbench.contracts.plugin import Plugin, require_channels
from pigbench.testing.results import ContractBroken, Result, require, run_checks

__all__ = ["ContractBroken", "Result", "check_generator", "check_metric", "check_segmenter", "results_of"]


def check_generator(cls: type[Generator], *, resolution: int = 16, preset: str = "smoke") -> None:
    """Try a generator with a preset's settings. Raises ContractBroken for the first sentence that it breaks."""
    require(cls.__name__, results_of("generators", cls, resolution=resolution, preset=preset))


def check_segmenter(cls: type[Segmenter], *, resolution: int = 16, preset: str = "smoke") -> None:
    """Try a segmenter; the arguments are those of `check_generator`."""
    require(cls.__name__, results_of("segmenters", cls, resolution=resolution, preset=preset))


def check_metric(cls: type[Metric]) -> None:
    """Try a metric of cases or of sets. Raises ContractBroken for the first sentence that it breaks."""
    require(cls.__name__, results_of("metrics", cls))


def results_of(
    group: registry.Group, cls: type, *, name: str | None = None, resolution: int = 16, preset: str = "smoke"
) -> Iterator[Result]:
    """Every check of a generator, segmenter or metric, each as soon as it is made.

    name: the plugin's, for which a preset may have settings; by default the one that it is installed under. A metric
    has no use for it, nor for resolution and preset. Raises PigbenchError for `channels` that no task has.
    """
    from pigbench.testing import generators, metrics, segmenters

    if group == "metrics":
        return run_checks(*metrics.checks_of(cls))
    name = name or _installed_as(cls, group)
    if issubclass(cls, Plugin):
        require_channels(cls)
    task = Task(resolution, channels=getattr(cls, "channels", (1,))[0])
    if group == "generators":
        return run_checks(generators.CHECKS, generators.GeneratorAtWork(cls, name, task, preset))
    return run_checks(segmenters.CHECKS, segmenters.SegmenterAtWork(cls, name, task, preset))


def _installed_as(cls: type, group: registry.Group) -> str:
    """The name of the class's entry point, or of the class if it has none."""
    target = f"{cls.__module__}:{cls.__qualname__}"
    named = (plugin.name for plugin in registry.plugins(group).values() if plugin.target == target)
    return next(named, cls.__name__)
