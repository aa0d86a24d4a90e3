"""What a segmenter is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pigbench.contracts.batches import Batch
from pigbench.contracts.pairs import Pairs
from pigbench.contracts.plugin import Plugin

if TYPE_CHECKING:
    import torch

    from pigbench.training import Cases, Loop


class Segmenter(Plugin, ABC):
    """A segmenter plugin: a network, its augmentation and its loss; the last weights are what is evaluated."""

    @abstractmethod
    def build(self) -> torch.nn.Module:
        """The untrained network; the suite seeds torch before it asks, alike in every arm."""

    def augment(self, pairs: Pairs, seed: int) -> Pairs:
        """`pairs` augmented, a pure function of (pairs, seed)."""
        return pairs

    @abstractmethod
    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """The scalar training loss on `batch`."""

    def train(self, cases: Cases, loop: Loop, start: Mapping[str, torch.Tensor] | None = None) -> torch.nn.Module:
        """The trained network. Override only where the common loop does not fit.

        cases: real and synthetic ones, which `loop` draws in its own order. start: the weights to start from, a
        `state_dict` of what `build` makes; None: those of `build`.
        """
        network = self.build()
        if start is not None:
            network.load_state_dict(start)
        return loop.fit(network, self.loss, cases, augment=self.augment)

    @abstractmethod
    def predict(self, network: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        """Probabilities (N, K + 1, H, W) float32 of background and classes, for images (N, C, H, W) in [-1, 1], each
        image by itself. `lesion_probabilities` makes them from one class's logits."""
