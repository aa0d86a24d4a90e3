"""Arms: what a segmenter trains on, and the ways to use generated pairs beside real cases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pigbench.errors import PigbenchError, did_you_mean
from pigbench.planning.configured import GeneratorChoice
from pigbench.planning.external_pairs import GivenPairs
from pigbench.results.naming import MIXED, REAL, details

Contender = GeneratorChoice | GivenPairs
"""What has rows of its own in the tables."""


WAYS = ("mix", "pretrain", "filter", "filter+pretrain")


@dataclass(frozen=True)
class Use:
    """A way to use pairs, one of `WAYS`.

    share: the synthetic part of a batch, n/(n+N) if None; of `pretrain` the part of the steps on pairs, half if None.
    """

    way: str = "mix"
    share: float | None = None

    @property
    def pretrains(self) -> bool:
        """Whether the segmenter sees the pairs first, then real cases alone."""
        return "pretrain" in self.way.split("+")

    @property
    def filters(self) -> bool:
        """Whether only the better half of twice as many pairs is used."""
        return "filter" in self.way.split("+")

    @property
    def on_pairs(self) -> float:
        """The part of the steps that `pretrain` spends on pairs."""
        return 0.5 if self.share is None else self.share


def chosen_uses(asked: Iterable[str]) -> tuple[Use, ...]:
    """The ways that were asked for, each once: `mix`, `pretrain` and so on, or with a share `mix:0.25`.

    Raises PigbenchError for an unknown way, and for a share that is none.
    """
    return tuple(dict.fromkeys(_use(use.strip()) for several in asked for use in several.split(","))) or (Use(),)


def _use(asked: str) -> Use:
    way, colon, part = asked.partition(":")
    if way not in WAYS:
        raise PigbenchError(did_you_mean("way in --use", way, list(WAYS)))
    try:
        share = float(f"{float(part):g}") if colon else None  # as names show it, which tell arms apart
    except ValueError:
        share = 0.0
    if share is not None and not 0 < share < 1:
        raise PigbenchError(f"--use {asked}: give a share between 0 and 1, such as {way}:0.25")
    use = Use(way, share)
    return Use(way) if use.pretrains and share == Use(way).on_pairs else use


@dataclass(frozen=True)
class Arm:
    """What a segmenter is trained on: real cases, n pairs of a generator, or both (the usual case).

    alone: the generator's pairs without the real ones. way: to use pairs. stretch: how many times the usual steps.
    train_patients: how many of a fold's; None for all of them.
    """

    generator: Contender | None = None
    n: int = 0
    alone: bool = False
    way: Use = Use()
    stretch: int = 1
    train_patients: int | None = None

    @property
    def use(self) -> str:
        """As a record has it."""
        if self.generator is None:
            return REAL
        return "alone" if self.alone else MIXED if self.way.way == "mix" else self.way.way

    @property
    def share(self) -> float | None:
        """As `Use` has it."""
        return self.way.share

    @property
    def name(self) -> str:
        """`real`, `real_2x_steps`, `real+pig_2048 (mix:0.25)`, `real (16 patients)` or, alone, `pig_2048`."""
        pairs = f"{self.generator.label}_{self.n}" if self.generator else ""
        name = pairs if self.alone else "+".join(filter(None, (REAL, pairs)))
        name += "" if self.stretch == 1 else f"_{self.stretch}x_steps"
        return name + details(self.train_patients, self.use, self.share)
