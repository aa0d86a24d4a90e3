"""What a run was asked to use: generators and segmenters with their settings, and what tells them from their like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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

    @property
    def label(self) -> str:
        """The name, with the settings the user changed: `pig(guide=binary)`."""
        return _label(self.name, self.changed)

    @cached_property
    def source(self) -> str:
        """The hash of the plugin's source files."""
        return registry.source_hash(self.plugin.__module__)

    @property
    def signature(self) -> str:
        """Name and hash of source and settings, such as `pig@1a2b3c4d`."""
        return f"{self.name}@{digest([self.source, self.config.model_dump(mode='json')])[:8]}"


@dataclass(frozen=True)
class SegmenterChoice:
    """A segmenter to run."""

    name: str
    config: Config
    changed: dict[str, Any]
    source: str

    @property
    def label(self) -> str:
        """The name, with the settings the user changed."""
        return _label(self.name, self.changed)


def choose_generator(name: str, protocol_settings: Mapping[str, Any], own: Mapping[str, Any]) -> GeneratorChoice:
    """The installed generator of that name with its settings. Raises PigbenchError for an unknown name or setting."""
    plugin = registry.find("generators", name)
    loaded = plugin.load()
    config = plugin_config(loaded.Config, name, protocol_settings, own)
    return GeneratorChoice(name, loaded, config, dict(own), plugin.origin)  # type: ignore[arg-type]


def choose_segmenter(name: str, protocol_settings: Mapping[str, Any], own: Mapping[str, Any]) -> SegmenterChoice:
    """The installed segmenter of that name with its settings."""
    loaded = registry.find("segmenters", name).load()
    config = plugin_config(loaded.Config, name, protocol_settings, own)
    return SegmenterChoice(name, config, dict(own), registry.source_hash(loaded.__module__))  # type: ignore[arg-type]


def borrowed_from(generators: Iterable[GeneratorChoice]) -> Iterator[str]:
    """The names of the generators whose components others borrow."""
    for generator in generators:
        for component in generator.plugin.components:
            if component.owner:
                yield component.owner


def _label(name: str, changed: Mapping[str, Any]) -> str:
    changes = ",".join(f"{setting}={value}" for setting, value in sorted(changed.items()))
    return f"{name}({changes})" if changes else name
