"""How arms are named: in records, where a name tells them apart, and in the rows of tables."""

from __future__ import annotations

from pigbench.results.described import Arm

REAL = "real"
MIXED = "mixed"
"""What records call `mix`, the usual way to use pairs."""


def way_of(use: str, share: float | None) -> str:
    """A way to use pairs as `--use` has it, such as `mix`, `mix:0.25` or `pretrain`."""
    way = "mix" if use == MIXED else use
    return way if share is None else f"{way}:{share:g}"


def details(train_patients: int | None, use: str, share: float | None) -> str:
    """What a name has in brackets, such as ` (16 patients, pretrain)`; empty for all patients and the usual way."""
    usual = use in (REAL, "alone") or (use == MIXED and share is None)
    told = [] if train_patients is None else [f"{train_patients} patient{'s' * (train_patients != 1)}"]
    told += [] if usual else [way_of(use, share)]
    return f" ({', '.join(told)})" if told else ""


def of_patients(train_patients: int | None) -> str:
    """What the name of a generator trained on a subset ends in."""
    return details(train_patients, REAL, None)


def row_name(arm: Arm) -> str:
    """The name of an arm's row: `real only, 2x steps`, `+pig_2048`, `pig_2048 only`, `+pig_512 (16 patients)`."""
    about = details(arm.train_patients, arm.use, arm.share)
    steps = "" if arm.stretch == 1 else f", {arm.stretch}x steps"
    if arm.generator is None:
        return f"real only{steps}{about}"
    name = arm.arm.replace(about, "")
    name = name.replace(f"_{arm.stretch}x_steps", "") if steps else name
    return (f"{name} only" if arm.use == "alone" else name.removeprefix(REAL)) + steps + about
