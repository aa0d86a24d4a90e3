"""Stage `train`: one component of a generator on one fold's training patients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, field_serializer

from pigbench import registry
from pigbench.contracts import Component, Generator, TrainView, instance
from pigbench.protocol import Training
from pigbench.randomness import seed_for
from pigbench.stages import base
from pigbench.stages.job import Job, read_json
from pigbench.stages.node import Node

if TYPE_CHECKING:
    import torch


class TrainSpec(base.PluginSpec, base.FoldSpec):
    """component: what of the plugin is trained; `settings` are those that it declares. share: its part of the
    image-passes."""

    component: str
    training: Training
    share: float
    seed: int

    @field_serializer("training")
    def _whole(self, training: Training) -> dict[str, Any]:
        return training.model_dump(mode="json", exclude={"budget"})  # defaults too: a preset may change them


class TrainedNetwork(base.Result):
    """A trained network."""

    WEIGHTS, FACTS = "weights.safetensors", "training.json"

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """The network's state."""
        from safetensors.torch import load_file

        return load_file(self.directory / self.WEIGHTS)

    @property
    def facts(self) -> dict[str, Any]:
        """steps, image_passes, arithmetic, parameters, losses and the seal of the training patients."""
        return read_json(self.directory / self.FACTS)


class Train(base.Stage):
    """A unit of work is an optimiser step."""

    name = "train"
    Spec = TrainSpec
    Result = TrainedNetwork
    plugins = "generators"
    urgency = 20.0
    probed = True

    def run(self, job: Job[TrainSpec]) -> None:
        """Write the network and what its training took."""
        spec = job.spec
        generator = _generator(spec)
        view = job.train_view()
        steps = steps_of(spec.training, spec.share, len(view))
        path = (spec.seed, "train", spec.plugin, spec.component, spec.fold)
        loop = job.loop(spec.training, steps, path, ema=spec.training.ema)
        network = _train(generator, spec.component, view, load_networks(job, job.device), loop)
        save_weights(job, network)
        facts = {
            "steps": loop.steps,
            "image_passes": loop.steps * spec.training.batch,
            "arithmetic": loop.arithmetic,
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "losses": loop.losses,
            "seal": view.seal,
        }
        job.write_json(TrainedNetwork.FACTS, facts)

    def units(self, node: Node, size: base.Size) -> float:
        """The steps."""
        return float(steps_of(Training(**node.spec["training"]), node.spec["share"], size.training))

    def units_of(self, spec: Any, result: TrainedNetwork) -> float:
        """The steps; where they are epochs, of as many cases as it had."""
        return float(steps_of(spec.training, spec.share, 0) if spec.training.images else result.facts["steps"])

    def work(self, spec: Any, result: TrainedNetwork) -> dict[str, int]:
        """Image-passes and parameters."""
        facts = result.facts
        return {"images": facts["image_passes"], "parameters": facts["parameters"]}

    def costs_of(self, node: Node) -> str:
        """The generator's."""
        return f"train {node.purpose.what.rpartition('.')[0]}"


def steps_of(training: Training, share: float, cases: int) -> int:
    """The optimiser steps of a component: its share of the image-passes, or epochs over the cases."""
    images = training.images * share if training.images else (training.epochs or 1) * cases
    return max(1, math.ceil(images / training.batch))


def load_networks(job: Job[Any], device: str) -> dict[str, torch.nn.Module]:
    """The trained components among a job's inputs, by name, frozen, on `device`.

    Each is built by the plugin and the settings that trained it, so a borrowed component is its owner's.
    """
    from pigbench.compiling import compile_frozen
    from pigbench.training import laid_out

    networks = {}
    for role, entry in job.inputs.items():
        kind, _, name = role.partition(":")
        if kind == "trained":
            network = _generator(TrainSpec(**entry.manifest["spec"])).build(name)
            network.load_state_dict(TrainedNetwork(entry.path).weights)
            networks[name] = laid_out(network, device).eval().requires_grad_(False)
            if job.spec.numerics.compile:
                compile_frozen(networks[name], device)
    return networks


def _generator(spec: TrainSpec) -> Generator:
    """The generator of a training spec, able to read the component's settings and no others."""
    plugin = registry.find("generators", spec.plugin).load()
    component = next(c for c in plugin.components if c.name == spec.component)
    return instance(plugin, OnlySettings(spec.settings, plugin, component), spec.task)


def save_weights(job: Job[Any], network: torch.nn.Module) -> None:
    """Write a network into the artifact, for `TrainedNetwork.weights`."""
    from safetensors.torch import save_file

    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(weights, str(job.directory / TrainedNetwork.WEIGHTS))


def _train(
    generator: Generator, component: str, view: TrainView, trained: Mapping[str, torch.nn.Module], loop: Any
) -> torch.nn.Module:
    """Train, with torch's global generator seeded for the initial weights and put back afterwards."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed_for(*loop.path, "initial weights"))
        return generator.train(component, view, trained, loop)


class OnlySettings:
    """The Config fields that a component declares. Reading another is an error: it would not be in the key."""

    def __init__(self, settings: Mapping[str, Any], plugin: type[Generator], component: Component) -> None:
        fields = plugin.Config.model_fields
        kinds: dict[str, Any] = {name: fields[name].annotation for name in settings}
        typed = {name: TypeAdapter(kind).validate_python(settings[name]) for name, kind in kinds.items()}
        self.__dict__.update(typed)  # field by field: the whole Config may refuse a part of its settings
        self.__dict__["_of"] = f"{plugin.__name__}: component '{component.name}'"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"{self._of} reads the setting '{name}': add it to the component's settings")


STAGE = Train()
