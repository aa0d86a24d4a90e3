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
from pigbench.contracts import Generator, Metric, Segmenter
from pigbench.testing.results import ContractBroken, Result, require, run_checks

__all__ = [
    "ContractBroken",
    "Result",
    "check_generator",
    "check_metric",
    "check_segmenter",
    "generator_results",
    "metric_results",
    "segmenter_results",
]


def check_generator(cls: type[Generator], *, resolution: int = 16, preset: str = "smoke") -> None:
    """Try a generator with a preset's settings. Raises ContractBroken for the first sentence that it breaks."""
    require(cls.__name__, generator_results(cls, resolution=resolution, preset=preset))


def check_segmenter(cls: type[Segmenter], *, resolution: int = 16, preset: str = "smoke") -> None:
    """Try a segmenter; the arguments are those of `check_generator`."""
    require(cls.__name__, segmenter_results(cls, resolution=resolution, preset=preset))


def check_metric(cls: type[Metric]) -> None:
    """Try a metric of cases or of sets. Raises ContractBroken for the first sentence that it breaks."""
    require(cls.__name__, metric_results(cls))


def generator_results(
    cls: type[Generator], *, name: str | None = None, resolution: int = 16, preset: str = "smoke"
) -> Iterator[Result]:
    """Every check of a generator, each as soon as it is made.

    name: the plugin's, for which a preset may have settings; by default the one that it is installed under.
    """
    from pigbench.testing.generator_at_work import GeneratorAtWork
    from pigbench.testing.generators import CHECKS

    return run_checks(CHECKS, GeneratorAtWork(cls, name or _installed_as(cls, "generators"), resolution, preset))


def segmenter_results(
    cls: type[Segmenter], *, name: str | None = None, resolution: int = 16, preset: str = "smoke"
) -> Iterator[Result]:
    """Every check of a segmenter; the arguments are those of `generator_results`."""
    from pigbench.testing.segmenters import CHECKS, SegmenterAtWork

    return run_checks(CHECKS, SegmenterAtWork(cls, name or _installed_as(cls, "segmenters"), resolution, preset))


def metric_results(cls: type[Metric]) -> Iterator[Result]:
    """Every check of a metric of cases or of sets, each as soon as it is made."""
    from pigbench.testing.metrics import checks_of

    return run_checks(*checks_of(cls))


def _installed_as(cls: type, group: registry.Group) -> str:
    """The name of the class's entry point, or of the class if it has none."""
    target = f"{cls.__module__}:{cls.__qualname__}"
    named = (plugin.name for plugin in registry.plugins(group).values() if plugin.target == target)
    return next(named, cls.__name__)
