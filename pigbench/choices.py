"""What a run was asked to use: generators and segmenters with their settings, and what tells them from their like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pigbench import registry
from pigbench.contracts import Config, Generator
from pigbench.protocol import digest, plugin_config


@dataclass(frozen=True)
class GeneratorChoice:
    """A generator to run: its class, its settings, and what tells it from its like."""

    name: str
    plugin: type[Generator]
    config: Config
    changed: dict[str, Any]  # the settings the user gave, which the label shows
    origin: str
    lenders: tuple[GeneratorChoice, ...] = ()  # whose components it borrows

    @property
    def label(self) -> str:
        """The name, with the settings the user changed: `pig(guide=binary)`."""
        borrowed = {f"{other.name}.{name}": value for other in self.lenders for name, value in other.changed.items()}
        return _label(self.name, self.changed | borrowed)

    @cached_property
    def source(self) -> str:
        """The hash of the plugin's source files."""
        return registry.source_hash(self.plugin.__module__)

    @property
    def signature(self) -> str:
        """Name and hash of source and settings, lenders' too, such as `pig@1a2b3c4d`."""
        lent = [other.signature for other in self.lenders]
        return f"{self.name}@{digest([self.source, self.config.model_dump(mode='json'), *lent])[:8]}"


@dataclass(frozen=True)
class SegmenterChoice:
    """A segmenter to run."""

    name: str
    config: Config
    changed: dict[str, Any]
    source: str

    @property
    def signature(self) -> str:
        """Name and hash of source and settings, such as `unet@1a2b3c4d`."""
        return f"{self.name}@{digest([self.source, self.config.model_dump(mode='json')])[:8]}"

    @property
    def label(self) -> str:
        """The name, with the settings the user changed."""
        return _label(self.name, self.changed)


def choose_generator(name: str, shared: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]]) -> GeneratorChoice:
    """The installed generator of that name with its settings, and those that it borrows from.

    shared: the preset's `[diffusion]` table. changes: the user's settings, by plugin name. Raises PigbenchError for an
    unknown name or setting.
    """
    plugin = registry.find("generators", name)
    loaded = plugin.load()
    own = dict(changes.get(name, {}))
    config = plugin_config(loaded.Config, name, shared, own)
    owners = dict.fromkeys(component.owner for component in loaded.components if component.owner)
    lenders = tuple(choose_generator(owner, shared, changes) for owner in owners)
    return GeneratorChoice(name, loaded, config, own, plugin.origin, lenders)  # type: ignore[arg-type]


def choose_segmenter(name: str, shared: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]]) -> SegmenterChoice:
    """The installed segmenter of that name with its settings; the arguments are those of `choose_generator`."""
    loaded = registry.find("segmenters", name).load()
    own = dict(changes.get(name, {}))
    config = plugin_config(loaded.Config, name, shared, own)
    return SegmenterChoice(name, config, own, registry.source_hash(loaded.__module__))  # type: ignore[arg-type]


def _label(name: str, changed: Mapping[str, Any]) -> str:
    changes = ",".join(f"{setting}={value}" for setting, value in sorted(changed.items()))
    return f"{name}({changes})" if changes else name
