"""`pigbench check`: a plugin against every sentence of the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pigbench.cli import options

if TYPE_CHECKING:
    from pigbench.registry import Plugin


def check(
    name: Annotated[str, typer.Argument(help="A generator or segmenter, as `pigbench list` names it.")],
    preset: options.PresetName = "smoke",
) -> None:
    """Try a plugin in a fold in miniature, with a preset's settings; exit 1 if it breaks the contract."""
    broken = sum(_broken(plugin, preset) for plugin in _named(name))
    raise SystemExit(1 if broken else 0)


def _named(name: str) -> list[Plugin]:
    """The generator or segmenter of that name, or both. Raises PigbenchError if there is neither."""
    from pigbench import registry
    from pigbench.errors import PigbenchError, did_you_mean

    groups = [registry.plugins("generators"), registry.plugins("segmenters")]
    found = [plugins[name] for plugins in groups if name in plugins]
    if not found:
        raise PigbenchError(did_you_mean("generator or segmenter", name, [name for group in groups for name in group]))
    return found


def _broken(plugin: Plugin, preset: str) -> int:
    """Print a line a check; how many are broken."""
    from pigbench.protocol import load_preset
    from pigbench.testing import generator_results, segmenter_results

    results = generator_results if plugin.group == "generators" else segmenter_results
    resolution = load_preset(preset).resolution
    states = []
    for result in results(plugin.load(), name=plugin.name, resolution=resolution, preset=preset):
        states.append(result.state)
        print(f"{result.state:9} {result.check}: {result.text}", flush=True)
        if result.state == "BROKEN":
            print(f"          the contract: {result.sentence}", flush=True)
    broken = states.count("BROKEN")
    verdict = f"breaks the contract in {broken} of {len(states)} checks" if broken else "keeps the contract"
    print(f"{plugin.group.removesuffix('s')} '{plugin.name}' of {plugin.origin} {verdict}")
    return broken
