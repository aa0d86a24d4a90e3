"""Generators that break the contract in what they declare or how they train, each in one place."""

from __future__ import annotations

from planted import Good

from pigbench.contracts import Component, Generator


class LossDrawsByItself(Good):
    def loss(self, component, network, batch, trained):
        import torch

        return super().loss(component, network, batch, trained) * torch.rand(())


class LossRemembers(Good):
    calls = 0

    def loss(self, component, network, batch, trained):
        self.calls += 1  # a mere factor could be lost in the clipping of gradients
        return super().loss(component, network, batch, trained) + self.calls * network(batch.images).mean()


class DividesByContrast(Good):
    """Which a flat image does not have."""

    def loss(self, component, network, batch, trained):
        contrast = batch.images.std(dim=(1, 2, 3), keepdim=True)
        return (super().loss(component, network, batch, trained) / contrast).mean()


class LossIsLost(Good):
    def loss(self, component, network, batch, trained):
        return super().loss(component, network, batch, trained) / 0


class ReadsAnotherSetting(Good):
    components = (Component("network"),)


class NeedsMore(Good):
    def loss(self, component, network, batch, trained):
        return trained["guider"](batch.images).mean()


class TrainsNothing(Good):
    def train(self, component, view, trained, loop):
        return None


class UnsavedWeights(Good):
    def build(self, component):
        import torch

        network = super().build(component)
        network[0].register_buffer("shift", torch.randn(()), persistent=False)
        network[0].register_forward_hook(lambda layer, given, output: output + layer.shift)
        return network


class SharedWeights(Good):
    def build(self, component):
        from torch import nn

        network = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1))
        network[1].weight = network[0].weight
        return network


class AnotherNetwork(Good):
    def train(self, component, view, trained, loop):
        from torch import nn

        network = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1))
        return loop.fit(network, lambda net, batch: self.loss(component, net, batch, trained), view)


class NoSample(Generator):
    kind = "pairs"


class NoKind(Good):
    kind = "both"


class NoteIsATuple(Good):
    note = ("one", "two")


class SamplerIsANumber(Good):
    sampler = 32


class TakesAResolution(Good):
    def __init__(self, config, resolution):
        super().__init__(config, resolution)


class Twins(Good):
    components = (Component("network"), Component("network"))


class NeedsAStranger(Good):
    components = (Component("network", settings=("width",), needs=("guider",)),)


class NeedsEachOther(Good):
    components = (Component("network", needs=("guider",)), Component("guider", needs=("network",)))


class NoSuchSetting(Good):
    components = (Component("network", settings=("depth",)),)


class NoSuchOwner(Good):
    components = (Component("network", owner="ddpn"),)


class NoSuchLoan(Good):
    components = (Component("network", owner="ddpm"),)
