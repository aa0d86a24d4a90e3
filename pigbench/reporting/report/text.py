"""How a run was made, in words: its protocol, and the commands without the paths in them."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from pigbench.privacy import CUT, like_a_path
from pigbench.results import Record

_TOLD = {
    "generator",
    "masks",
    "n",
    "folds",
    "set_aside",
    "train_patients",
    "dataset",
    "segmenter",
    "metric",
    "preset",
    "seed",
    "seeds",
    "trainings",
    "use",
    "set",
    "tuned",
    "workers",
    "device",
    "engine",
    "checkpoint_every",
    "controls",
}
"""The options whose values are told; any other may name a folder, a file or a person."""


def command_of(record: Record) -> str:
    """The command that made a record, without paths; empty where it does not say."""
    command = str((record.provenance.model_extra or {}).get("command", ""))
    return without_values(command)


def without_values(command: str) -> str:
    """A command line, or a call in Python, with every value cut to `…` that may be a path."""
    try:
        return _call(command) if "(" in command.partition(" ")[0] else " ".join(_words(shlex.split(command)))
    except (ValueError, SyntaxError):
        return CUT


def _words(words: list[str]) -> Iterator[str]:
    told = False  # whether the next word is the value of an option that is
    for place, word in enumerate(words):
        if place == 0:
            yield "pigbench"
        elif word.startswith("-"):
            name, equals, value = word.partition("=")
            told = name.lstrip("-").replace("-", "_") in _TOLD
            yield name + equals + (_value(value, told) if equals else "")
        else:
            yield _value(word, told or place == 1)
            told = False


def _value(value: str, told: bool) -> str:
    return shlex.quote(value) if told and not like_a_path(value) else CUT


def _call(command: str) -> str:
    call = ast.parse(command, mode="eval").body
    if not isinstance(call, ast.Call):
        return CUT
    cut = ast.Constant(CUT)
    call.args = [cut for _ in call.args]
    for keyword in call.keywords:
        if keyword.arg not in _TOLD or like_a_path(ast.unparse(keyword.value)):
            keyword.value = cut
    return ast.unparse(call)


def protocol_in_words(record: Record) -> Iterator[tuple[str, str]]:
    """What the protocol says, as pairs of a heading and a sentence; what a record of an earlier format lacks is left
    out."""
    protocol = record.protocol.model_dump(mode="json")
    preset: Mapping[str, Any] = protocol.get("preset") or {}
    yield "Data", _data(record, protocol)
    if training := preset.get("training"):
        yield "Generators", _generators(training)
    if diffusion := preset.get("diffusion"):
        yield "Diffusion", f"{diffusion['timesteps']} steps of noise, sampled by {diffusion.get('sampler', 'DDIM')}"
    if segmentation := preset.get("segmentation"):
        yield "Segmenters", _training(segmentation)
    if scoring := preset.get("scoring"):
        yield "Scoring", _scoring(scoring)
    if fidelity := preset.get("fidelity"):
        yield "Image metrics", f"features of {fidelity['extractor']}, up to {fidelity['reference']} reference images"


def _data(record: Record, protocol: Mapping[str, Any]) -> str:
    side = record.protocol.preset.resolution
    told = (
        f"{record.dataset.name}, {record.dataset.patients} {record.dataset.grouped_by}s, {record.dataset.cases} cases"
    )
    told += f", prepared at {side} × {side}" if side else ""
    told += f"; {record.folds} folds by {record.dataset.grouped_by}, split seed {protocol.get('split_seed', 0)}"
    aside = record.protocol.set_aside
    return told + (f"; {aside:.0%} of the patients set aside" if aside else "")


def _generators(training: Mapping[str, Any]) -> str:
    much = f"{training['images']:,} image-passes" if training.get("images") else f"{training.get('epochs')} epochs"
    equal = " (as much arithmetic for every generator)" if training.get("budget") == "flops" else ""
    return f"{much} for every generator{equal}; {_training(training)}"


def _training(settings: Mapping[str, Any]) -> str:
    steps = f"{settings['steps']:,} steps of " if settings.get("steps") else ""
    told = f"{steps}batch {settings['batch']}, {settings['optimizer']} at {settings['learning_rate']:g}"
    return f"{told}, {settings.get('schedule', 'constant')} schedule"


def _scoring(scoring: Mapping[str, Any]) -> str:
    if scoring["grid"] == "native":
        return f"on each image's own grid, at most {scoring['longest']:,} pixels a side"
    return "on the grid that segmenters work on"
