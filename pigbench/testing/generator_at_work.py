"""A generator in a fold in miniature: its components trained, saved, built again and sampled from as a run does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pigbench.contracts import Component, Generator, Pairs
from pigbench.planning.configured import GeneratorChoice, choose_generator
from pigbench.protocol import plugin_config
from pigbench.randomness import seed_for
from pigbench.stages.sample import make_request
from pigbench.stages.train import OnlySettings
from pigbench.testing.at_work import BATCH, AtWork
from pigbench.testing.pairs import require_pairs
from pigbench.testing.results import Fault, entry
from pigbench.training import Loop

if TYPE_CHECKING:
    import torch

Networks = Mapping[str, "torch.nn.Module"]


class GeneratorAtWork(AtWork):
    """A generator with a preset's settings, each component trained when it is first asked for."""

    plugin: type[Generator]
    contract = Generator

    @cached_property
    def _trained(self) -> dict[tuple[str, str], torch.nn.Module]:
        return {}

    def trial(self) -> Pairs:
        """Every component trained, one batch sampled."""
        return self.first

    @cached_property
    def choice(self) -> GeneratorChoice:
        """The generator with its settings, and those that it borrows from. Raises PigbenchError."""
        shared = self.preset.diffusion
        config = plugin_config(self.plugin.Config, self.name, shared, {})
        owners = dict.fromkeys(component.owner for component in self.plugin.components if component.owner)
        lenders = tuple(choose_generator(owner, shared, {}) for owner in owners)
        return GeneratorChoice(self.name, self.plugin, config, {}, "", lenders)  # type: ignore[arg-type]

    @property
    def own(self) -> list[Component]:
        """The components that it trains itself."""
        return [component for component in self.plugin.components if component.owner is None]

    @cached_property
    def networks(self) -> dict[str, torch.nn.Module]:
        """Every component by name, trained and frozen."""
        return {component.name: self.network(self.choice, component) for component in self.plugin.components}

    @cached_property
    def first(self) -> Pairs:
        """The first batch of samples."""
        return self.sample()

    def network(self, choice: GeneratorChoice, component: Component) -> torch.nn.Module:
        """One component, its own or borrowed, trained once."""
        choice, component = self.lender(choice, component)
        key = (choice.name, component.name)
        if key not in self._trained:
            self._trained[key] = self.train(choice, component)
        return self._trained[key]

    def lender(self, choice: GeneratorChoice, component: Component) -> tuple[GeneratorChoice, Component]:
        """Whose a component is, and how they declare it."""
        if component.owner is None:
            return choice, component
        owner = next(lender for lender in choice.lenders if lender.name == component.owner)
        return owner, next(theirs for theirs in owner.plugin.components if theirs.name == component.name)

    def train(
        self, choice: GeneratorChoice, component: Component, checkpoints: Path | None = None, **more: Any
    ) -> torch.nn.Module:
        """The network of a short training, which goes on from a checkpoint where there is one; `more` is the Loop's."""
        declared = {other.name: other for other in choice.plugin.components}
        needed = {name: self.network(choice, declared[name]) for name in component.needs}
        training = self.preset.training_for(choice.name)
        path = (0, "train", choice.name, component.name, 0)
        loop = Loop(training, self.steps, path, ema=training.ema, checkpoints=checkpoints, interval=0.0, **more)
        generator = self._reading_only(choice, component)
        return self.trained(
            f"training '{component.name}'",
            lambda: generator.train(component.name, self.view, needed, loop),
            seed=seed_for(*path, "initial weights"),
            checkpoints=checkpoints,
        )

    def loss(self, component: Component) -> torch.Tensor:
        """One loss of an untrained network of its own, in evaluation mode: nothing but the loss draws numbers."""
        generator, network = self.built(component)
        needed = {name: self.networks[name] for name in component.needs}
        with self.at_work(f"loss of '{component.name}'", Generator.loss):
            return generator.loss(component.name, network.eval(), self.batch(), needed)

    def built(self, component: Component) -> tuple[Generator, torch.nn.Module]:
        """A component of its own or borrowed, untrained, and the generator that built it."""
        generator = self._reading_only(*self.lender(self.choice, component))
        what, seed = f"building '{component.name}'", seed_for("other weights")
        return generator, self.untrained(what, lambda: generator.build(component.name), seed=seed)

    def fresh(self) -> Generator:
        """The generator as sampling sees it, without memories."""
        return self.made(self.plugin, self.choice.config)

    def sample(
        self,
        indices: range = range(BATCH),
        networks: Networks | None = None,
        generator: Generator | None = None,
        for_masks: bool = False,
        on_step: Callable[..., None] | None = None,
    ) -> Pairs:
        """The samples of those indices, four of them or more, as a run asks for them. Raises Fault.

        for_masks: ask a generator of pairs for images to the masks of training cases.
        """
        import torch

        trained = self.networks if networks is None else networks
        generator = generator or self.fresh()
        masks: Literal["real"] | None = "real" if for_masks else None
        request = make_request(generator, self.view, indices, seed=0, fold=0, masks=masks, on_step=on_step)
        given = np.array(request.masks)
        with self.at_work("sample", Generator.sample), torch.inference_mode():
            pairs = require_pairs(generator.sample(trained, request), self.name, generator, len(indices))
        if for_masks and not np.array_equal(np.array(pairs.masks), given):
            raise Fault("other masks came back than were given", entry(Generator, "takes_masks"))
        return pairs

    def _reading_only(self, choice: GeneratorChoice, component: Component) -> Generator:
        """A generator that can read what the component's settings name, and no other setting."""
        settings = choice.config.model_dump(mode="json", include=set(component.settings))
        return self.made(choice.plugin, OnlySettings(settings, choice.plugin, component))
