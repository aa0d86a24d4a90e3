"""The protocol: everything that must be equal for two numbers to be compared. A preset is a named protocol.

A preset is a commented TOML file in `pigbench/presets/`. Its `[diffusion]` and `[segmentation.network]` tables hold
defaults for the Config fields of the same name of every generator and segmenter; `[diffusion.ldm]` holds `ldm`'s own.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from functools import cache, reduce
from importlib.resources import files
from operator import getitem
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pigbench.contracts import LESION, Task
from pigbench.errors import PigbenchError, did_you_mean

METRIC_DEFINITIONS = 1
"""Raised by hand whenever what a number means changes: such records must not share a table."""


Off = Literal[False]
"""TOML has no null: `ema = false` and `clip = false` switch these off."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Training(_Table):
    """How a network is optimised. `images` counts the image-passes of one generator over all its components."""

    images: int | None = Field(None, gt=0, description="image-passes in all, shared by the components")
    epochs: float | None = Field(None, gt=0, description="instead of images: passes over the cases, a component")
    budget: Literal["images", "flops"] = Field("images", description="what is equal; flops: PIG's, in so many images")
    batch: int = Field(16, gt=0)
    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: float = Field(2e-4, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    schedule: Literal["constant", "cosine", "plateau"] = "constant"
    warmup: int = Field(0, ge=0, description="steps of linear warm-up")
    ema: Annotated[float, Field(gt=0, lt=1)] | Off = Field(0.9999, description="decay; warms up as (1+step)/(10+step)")
    clip: Annotated[float, Field(gt=0)] | Off = Field(1.0, description="gradient norm")

    @model_validator(mode="after")
    def _one_budget(self) -> Training:
        if (self.images is None) == (self.epochs is None):
            raise ValueError("give images or epochs, one of them")
        if self.budget == "flops" and self.images is None:
            raise ValueError("budget = flops takes image-passes, and this preset counts epochs: use another preset")
        return self


class Sampling(_Table):
    """Samples are computed in whole chunks of batches of one fixed shape."""

    batch: int = Field(64, gt=1)
    chunk: int = Field(256, gt=1)


class Fidelity(_Table):
    """How generated images are compared with real ones."""

    extractor: str = "efficientnet-lite0"
    reference: int = Field(4096, gt=1, description="fresh real images, where a dataset can make them")


class Segmentation(_Table):
    """How a segmenter is trained, alike in every arm."""

    steps: int = Field(600, gt=0)
    batch: int = Field(16, gt=0)
    optimizer: Literal["adam", "adamw"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-4, ge=0)
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup: int = Field(50, ge=0)
    clip: Annotated[float, Field(gt=0)] | Off = 1.0
    network: dict[str, Any] = Field(default_factory=dict)


class Scoring(_Table):
    """On which grid predictions are scored: each image's own, or the one that networks work on."""

    grid: Literal["native", "working"] = "native"
    longest: int = Field(default=1024, gt=0, description="side in pixels to which larger native grids are shrunk")


class Numerics(_Table):
    """What changes the last digits. A CPU always computes in float32 and one thread a stage."""

    gpu_precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = Field(default=False, description="torch.compile every network; on a CPU it takes a C++ compiler")


class Preset(_Table):
    """One preset file."""

    name: str
    about: str
    banner: str = ""
    resolution: int = Field(gt=7)
    samples: int = Field(gt=1, description="the default of --n")
    folds: int = Field(5, gt=1)
    trainings: int = Field(1, gt=0, description="the default of --trainings")
    gpu_workers: int = Field(1, gt=0, description="the default of --workers on a GPU")
    training: Training
    training_of: dict[str, dict[str, Any]] = Field(default_factory=dict, description="exceptions, by generator")
    diffusion: dict[str, Any]
    sampling: Sampling
    fidelity: Fidelity
    segmentation: Segmentation
    scoring: Scoring = Scoring()
    numerics: Numerics = Numerics()
    seconds: dict[str, float] = Field(default_factory=dict, description="measured costs, for estimates only")

    @model_validator(mode="after")
    def _budgets_of_all(self) -> Preset:
        for generator in self.training_of:
            self.training_for(generator)
        return self

    def training_for(self, generator: str) -> Training:
        """The training settings of a generator: the preset's, with its own exceptions."""
        own = self.training_of.get(generator, {})
        kept = self.training.model_dump()
        if own.keys() & {"images", "epochs"}:
            kept |= {"images": None, "epochs": None}
        return Training(**(kept | own))


class Protocol(_Table):
    """A preset met by a dataset: what two numbers must share to be compared.

    set_aside: the share of the patients that is kept for tuning and stands in no fold. flips: how segmenters mirror the
    dataset's images, unless they are told otherwise. channels, classes: of the dataset, see `contracts.Task`.
    """

    preset: Preset
    dataset: str
    dataset_identity: str
    folds: int
    split_seed: int = 0
    set_aside: float = Field(0.0, ge=0, lt=1)
    flips: str = "both"
    channels: int = 1
    classes: tuple[str, ...] = LESION
    metric_definitions: int = METRIC_DEFINITIONS
    stage_versions: dict[str, int] = Field(default_factory=dict)

    @property
    def task(self) -> Task:
        """What plugins are built for."""
        return Task(self.preset.resolution, self.channels, self.classes)

    @property
    def signature(self) -> str:
        """16 hexadecimal digits over what is compared."""
        return digest(self.compared)[:16]

    @property
    def compared(self) -> dict[str, Any]:
        """Everything but names, texts, estimates, and what is one generator's own."""
        content = self.model_dump(mode="json", exclude={"dataset": True, "preset": _NOT_COMPARED})
        shared = content["preset"]["diffusion"]
        content["preset"]["diffusion"] = {name: value for name, value in shared.items() if not isinstance(value, dict)}
        for (*tables, name), value in _LATER.items():
            table = reduce(getitem, tables, content)
            if table[name] == value:
                del table[name]
        if self.preset.scoring.grid == "working":
            del content["preset"]["scoring"]
        return content


_LATER = {
    ("set_aside",): 0.0,
    ("flips",): "both",
    ("channels",): 1,
    ("classes",): list(LESION),
    ("preset", "numerics", "compile"): False,
    ("preset", "training", "budget"): "images",
}
"""What came after the first records, and what it was then: left out, so that they keep their hash."""
_NOT_COMPARED = {"name", "about", "banner", "samples", "folds", "trainings", "gpu_workers", "seconds"}


def digest(content: Any) -> str:
    """The SHA-256 of canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def preset_names() -> list[str]:
    """The presets, from the quickest to the paper's."""
    return ["smoke", "demo", "quick", "overnight", "small", "medium", "paper"]


@cache
def _preset_table(name: str) -> dict[str, Any]:
    if name not in preset_names():
        raise PigbenchError(did_you_mean("preset", name, preset_names()))
    table = tomllib.loads((files("pigbench") / "presets" / f"{name}.toml").read_text(encoding="utf-8"))
    if base := table.pop("extends", None):
        table = _extended(_preset_table(base), table)
    return table | {"name": name}


def _extended(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """`base` with what `own` says otherwise, table by table."""
    return base | {
        name: _extended(base[name], value) if isinstance(value, dict) and name in base else value
        for name, value in own.items()
    }


def load_preset(name: str, changes: Mapping[str, Any] | None = None) -> Preset:
    """The preset of that name with `changes`, such as {"training.learning_rate": 1e-4}.

    Raises PigbenchError for an unknown preset or key, or a value of the wrong type.
    """
    table = json.loads(json.dumps(_preset_table(name)))
    for key, value in (changes or {}).items():
        _change(table, key, value)
    try:
        return Preset.model_validate(table)
    except ValidationError as error:
        raise PigbenchError(f"preset '{name}': {_first_fault(error)}") from None


def preset_keys() -> list[str]:
    """Every key of a preset that `--set` can change, dotted."""
    tables: dict[str, type[BaseModel]] = {
        "training": Training,
        "sampling": Sampling,
        "fidelity": Fidelity,
        "segmentation": Segmentation,
        "scoring": Scoring,
    }
    keys = ["resolution", "numerics.gpu_precision", "numerics.compile"]
    keys += [f"{table}.{field}" for table, model in tables.items() for field in model.model_fields]
    return keys


def _change(table: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        table = table.setdefault(parent, {})
    table[last] = value
    if last in ("images", "epochs"):  # one replaces the other
        table.pop("epochs" if last == "images" else "images", None)


def plugin_config(model: type[BaseModel], name: str, shared: Mapping[str, Any], own: Mapping[str, Any]) -> BaseModel:
    """A plugin's Config: its own defaults, under the preset's `shared` values (where a table of the plugin's name holds
    those for it alone), under the user's `own`.

    Raises PigbenchError for an unknown field of `own` or a value that does not fit.
    """
    for field in own:
        if field not in model.model_fields:
            raise PigbenchError(did_you_mean(f"setting of '{name}'", field, list(model.model_fields)))
    values = {field: value for field, value in shared.items() if field in model.model_fields}
    values |= shared.get(name, {})
    try:
        return model(**(values | dict(own)))
    except ValidationError as error:
        raise PigbenchError(f"'{name}': {_first_fault(error)}") from None


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"])
    return f"{where}: {fault['msg'][0].lower()}{fault['msg'][1:]}, got {fault['input']!r}" if where else fault["msg"]
