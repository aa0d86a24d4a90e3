"""`pigbench list`: what there is to choose from."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pigbench.cli import options

Rows = list[dict[str, Any]]


class What(StrEnum):
    """What can be listed."""

    GENERATORS = "generators"
    SEGMENTERS = "segmenters"
    METRICS = "metrics"
    DATASETS = "datasets"
    PRESETS = "presets"
    EXTRACTORS = "extractors"
    SETTINGS = "settings"


class Format(StrEnum):
    """How a listing is printed."""

    TABLE = "table"
    JSON = "json"


def list_(
    what: Annotated[What, typer.Argument(help=f"{', '.join(list(What)[:-1])} or {list(What)[-1]}.")],
    format: Annotated[Format, typer.Option("--format", help="table or json.")] = Format.TABLE,
    preset: Annotated[str, typer.Option(help="Preset whose values are listed.")] = "quick",
    store: options.StoreDir = Path("runs"),
) -> None:
    """List the generators, segmenters or metrics, datasets, presets, extractors, or all that `--set` can change."""
    rows = {
        What.GENERATORS: lambda: _plugins("generators"),
        What.SEGMENTERS: lambda: _plugins("segmenters"),
        What.METRICS: _metrics,
        What.DATASETS: lambda: _datasets(store),
        What.PRESETS: _presets,
        What.EXTRACTORS: _extractors,
        What.SETTINGS: lambda: _settings(preset),
    }[what]()
    if format is Format.JSON:
        print(json.dumps(rows, indent=1))
    else:
        _print_table(rows)


def _plugins(group: str) -> Rows:
    from pigbench import registry

    rows = []
    for name, plugin in registry.plugins(group).items():  # type: ignore[arg-type]
        error = plugin.error()
        about = error or (plugin.load().__doc__ or "").strip().partition("\n")[0]
        rows.append({"name": name, "about": about, "origin": plugin.origin, "error": error})
    return rows


def _metrics() -> Rows:
    from pigbench import registry
    from pigbench.contracts import CaseMetric

    rows = []
    for row in _plugins("metrics"):
        told = dict.fromkeys(("of", "column", "better"), "")
        if not row["error"]:
            metric = registry.find("metrics", row["name"]).load()
            of = "cases" if issubclass(metric, CaseMetric) else "sets"
            told = {"of": of, "column": f"{metric.heading} {metric.unit}".strip(), "better": metric.better}
        rows.append({"name": row.pop("name"), **told, **row})
    return rows


def _datasets(store: Path) -> Rows:
    from dataclasses import asdict

    from pigbench.data.datasets import list_datasets

    return [asdict(info) for info in list_datasets(store)]


def _presets() -> Rows:
    from pigbench.protocol import load_preset, preset_names

    return [{"name": name, "about": load_preset(name).about} for name in preset_names()]


def _extractors() -> Rows:
    from pigbench.metrics.extractors import EXTRACTORS

    return [{"name": name, "about": extractor.about} for name, extractor in sorted(EXTRACTORS.items())]


def _settings(preset: str) -> Rows:
    from pydantic_core import to_jsonable_python

    from pigbench.api.settings import all_settings
    from pigbench.protocol import load_preset

    known = all_settings(load_preset(preset))
    return [{"name": name, "value": to_jsonable_python(value), "about": about} for name, value, about in known]


def _print_table(rows: Rows) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns = [name for name in (rows[0] if rows else {}) if name != "error"]
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        style = "red" if row.get("error") else None
        table.add_row(*(Text(_shown(row[name])) for name in columns), style=style)
    Console().print(table)


def _shown(value: Any) -> str:
    """Text as it is, everything else as `--set` takes it."""
    return value if isinstance(value, str) else json.dumps(value)
