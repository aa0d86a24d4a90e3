"""What a group of records says, in numbers: the rows of Table 1 and Table 2 before anyone formats them.

SD is the spread of the folds' means, never evidence. Numbers that do not exist are NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pigbench.results.arm_rows import ArmRow, arm_rows
from pigbench.results.generator_rows import GeneratorRow, generator_rows
from pigbench.results.group import Group
from pigbench.results.learning import Curve
from pigbench.results.verdicts import Family


@dataclass(frozen=True)
class Summary:
    """A group and its rows: generators by extractor, arms by segmenter, both by the number of training patients.

    Within these, generators stand by name and n, and arms with `real` first; controls are last. families: the rows of
    each segmenter that get a verdict, by segmenter. curves: of each segmenter, where there are enough subsets.
    """

    group: Group
    generators: tuple[GeneratorRow, ...]
    arms: tuple[ArmRow, ...]
    families: Mapping[str, Family]
    curves: Mapping[str, Curve] = field(default_factory=dict)


def summarise(group: Group, against: str = "") -> Summary:
    """Both tables' numbers; arms differ from the arm `against` where it is there, else from as many real patients."""
    arms, families, curves = arm_rows(group, against)
    return Summary(group, tuple(generator_rows(group)), tuple(arms), families, curves)
