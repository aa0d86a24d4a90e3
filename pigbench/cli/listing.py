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
        What.DATASETS: lambda: _datasets(store),
        What.PRESETS: _presets,
        What.EXTRACTORS: _extractors,
        What.SETTINGS: lambda: _settings(preset),
    }.get(what, lambda: _plugins(what.value))()
    if format is Format.JSON:
        print(json.dumps(rows, indent=1))
    else:
        _print_table(rows)


def _plugins(group: str) -> Rows:
    from pigbench import registry

    rows = []
    for name, plugin in registry.plugins(group).items():  # type: ignore[arg-type]
        error = plugin.error()
        loaded = None if error else plugin.load()
        about = error or (loaded.__doc__ or "").strip().partition("\n")[0]
        shown = _shown_of(loaded) if group == "metrics" else {}
        rows.append({"name": name, **shown, "about": about, "origin": plugin.origin, "error": error})
    return rows


def _shown_of(metric: Any) -> dict[str, str]:
    """What a table shows of a metric; nothing of None, which stands for one that does not import."""
    from pigbench.contracts import CaseMetric

    if metric is None:
        return {"of": "", "column": "", "better": ""}
    of = "cases" if issubclass(metric, CaseMetric) else "sets"
    return {"of": of, "column": f"{metric.heading} {metric.unit}".strip(), "better": metric.better}


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
