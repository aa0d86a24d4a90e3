"""Stage `train`: one component of a generator on one fold's training patients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from pigbench import registry
from pigbench.contracts import Component, Generator, TrainView
from pigbench.protocol import Training
from pigbench.randomness import seed_for
from pigbench.stages.job import Job

if TYPE_CHECKING:
    import torch

WEIGHTS = "weights.safetensors"


def run(job: Job) -> None:
    """Writes weights.safetensors and training.json (steps, image-passes, parameters, losses)."""
    from pigbench.training import Loop

    spec = job.spec
    device = job.device
    generator, component = _generator(spec), spec["component"]
    view = job.train_view()
    training = Training(**spec["training"])
    loop = Loop(
        training,
        steps_of(training, spec["share"], len(view)),
        (spec["seed"], "train", spec["plugin"], component, spec["fold"]),
        ema=training.ema,
        device=device,
        precision=spec["numerics"]["precision"],
        compiled=spec["numerics"].get("compile", False),
        checkpoints=job.checkpoints,
        interval=job.interval,
        progress=lambda step, steps, loss: job.progress(step / steps, f"loss {loss:.4f}"),
    )
    trained = load_networks(job, device)
    network = _train(generator, component, view, trained, loop)
    save_weights(job, network)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    passes = loop.steps * training.batch
    job.write_json(
        "training.json",
        {
            "steps": loop.steps,
            "image_passes": passes,
            "parameters": parameters,
            "losses": loop.losses,
            "seal": view.seal,
        },
    )


def steps_of(training: Training, share: float, cases: int) -> int:
    """The optimiser steps of a component: its share of the image-passes, or epochs over the cases."""
    images = training.images * share if training.images else (training.epochs or 1) * cases
    return max(1, math.ceil(images / training.batch))


def load_networks(job: Job, device: str) -> dict[str, torch.nn.Module]:
    """The trained components among a job's inputs, by name, frozen, on `device`.

    Each is built by the plugin and the settings that trained it, so a borrowed component is its owner's.
    """
    from safetensors.torch import load_file

    from pigbench.compiling import compile_frozen
    from pigbench.training import laid_out

    networks = {}
    for role, entry in job.inputs.items():
        kind, _, name = role.partition(":")
        if kind == "trained":
            network = _generator(entry.manifest["spec"]).build(name)
            network.load_state_dict(load_file(entry.path / WEIGHTS))
            networks[name] = laid_out(network, device).eval().requires_grad_(False)
            if job.spec["numerics"].get("compile"):
                compile_frozen(networks[name], device)
    return networks


def _generator(spec: Mapping[str, Any]) -> Generator:
    """The generator of a training spec, able to read the component's settings and no others."""
    plugin = registry.find("generators", spec["plugin"]).load()
    component = next(c for c in plugin.components if c.name == spec["component"])
    return plugin(OnlySettings(spec["settings"], plugin, component), spec["resolution"])


def save_weights(job: Job, network: torch.nn.Module) -> None:
    """Write a network into the artifact, for `load_networks`."""
    from safetensors.torch import save_file

    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(weights, str(job.directory / WEIGHTS))


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
