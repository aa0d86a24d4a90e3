"""What a generator is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pigbench.contracts.batches import Batch, SampleRequest
from pigbench.contracts.pairs import Pairs, TrainView
from pigbench.contracts.plugin import Plugin

if TYPE_CHECKING:
    import torch

    from pigbench.training import Loop

Kind = Literal["images", "pairs", "images-for-masks"]


@dataclass(frozen=True)
class Component:
    """One network that a generator trains.

    name: unique within its generator.
    needs: components that must be trained before, by name; they arrive frozen in `trained`.
    settings: the Config fields that its training reads. Only these enter its key and only these can be read while it
        trains, so changing a sampling setting never trains anything again.
    owner: the generator that this component is borrowed from. `ddim` borrows `ddpm`'s denoiser: trained once, sampled
        by both.
    share: its part of the generator's training budget, relative to the generator's other own components.
    """

    name: str
    needs: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    owner: str | None = None
    share: float = 1.0


class Generator(Plugin, ABC):
    """A generator plugin: its components, how each is built and trained, and its sampler.

    kind: what it makes. takes_masks: whether a generator of pairs can also make images for given masks
    (`request.masks`). reconstructs: whether it has `reconstruct`, so that the suite measures what that loses.
    is_control: whether it only gives other rows their meaning, and runs when controls are asked for.
    """

    kind: ClassVar[Kind]
    takes_masks: ClassVar[bool] = False
    reconstructs: ClassVar[bool] = False
    is_control: ClassVar[bool] = False
    components: ClassVar[tuple[Component, ...]] = ()

    @property
    def note(self) -> str:
        """What a reader of its numbers must know, shown with them."""
        return ""

    @property
    def sampler(self) -> str:
        """How it samples and in how many steps, such as "DDIM, 32 steps"; empty where there is nothing to say."""
        return ""

    def build(self, component: str) -> torch.nn.Module:
        """The untrained network of `component`; the suite seeds torch before it asks."""
        raise NotImplementedError(f"{type(self).__name__}.build('{component}')")

    def loss(
        self, component: str, network: torch.nn.Module, batch: Batch, trained: Mapping[str, torch.nn.Module]
    ) -> torch.Tensor:
        """The scalar training loss of `component` on `batch`; `trained` holds what it needs, frozen."""
        raise NotImplementedError(f"{type(self).__name__}.loss('{component}')")

    def train(
        self, component: str, view: TrainView, trained: Mapping[str, torch.nn.Module], loop: Loop
    ) -> torch.nn.Module:
        """The trained network of `component`. Override only where the common loop does not fit."""
        network = self.build(component)
        return loop.fit(network, lambda net, batch: self.loss(component, net, batch, trained), view)

    @abstractmethod
    def sample(self, trained: Mapping[str, torch.nn.Module], request: SampleRequest) -> Pairs:
        """`request.count` samples. `trained` holds every component by name, frozen, on `request.device`."""

    def reconstruct(self, trained: Mapping[str, torch.nn.Module], images: torch.Tensor) -> torch.Tensor:
        """Images (N, C, H, W) in [-1, 1] through a generator's own compression and back: no sample can be better."""
        raise NotImplementedError(f"{type(self).__name__}.reconstruct")
