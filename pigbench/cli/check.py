"""`pigbench check`: a plugin against every sentence of the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pigbench.cli import options

if TYPE_CHECKING:
    from pigbench.registry import Plugin


def check(
    name: Annotated[str, typer.Argument(help="A generator, segmenter or metric, as `pigbench list` names it.")],
    preset: options.PresetName = "smoke",
) -> None:
    """Test a plugin on a few synthetic cases, trained with a preset's settings; exit 1 if it breaks the contract."""
    broken = sum(_broken(plugin, preset) for plugin in _named(name))
    raise SystemExit(1 if broken else 0)


def _named(name: str) -> list[Plugin]:
    """What has that name, of whatever kind. Raises PigbenchError if nothing has."""
    from pigbench import registry
    from pigbench.api.refusals import require_known

    groups = [registry.plugins("generators"), registry.plugins("segmenters"), registry.plugins("metrics")]
    require_known("generator, segmenter or metric", [name], [known for group in groups for known in group])
    return [plugins[name] for plugins in groups if name in plugins]


def _broken(plugin: Plugin, preset: str) -> int:
    """Print a line a check; how many are broken."""
    from pigbench.protocol import load_preset
    from pigbench.testing import results_of

    states, size = [], load_preset(preset).resolution
    for result in results_of(plugin.group, plugin.load(), name=plugin.name, resolution=size, preset=preset):
        states.append(result.state)
        print(f"{result.state:9} {result.check}: {result.text}", flush=True)
        if result.state == "BROKEN":
            print(f"          the contract: {result.sentence}", flush=True)
    broken = states.count("BROKEN")
    verdict = f"breaks the contract in {broken} of {len(states)} checks" if broken else "keeps the contract"
    print(f"{plugin.group.removesuffix('s')} '{plugin.name}' of {plugin.origin} {verdict}")
    return broken
