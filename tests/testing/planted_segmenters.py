"""A segmenter that keeps the contract, and many that break it, each in one place."""

from __future__ import annotations

import os
from pathlib import Path

from planted import WidthConfig

from pigbench.contracts import Pairs, Segmenter, lesion_probabilities


class GoodSegmenter(Segmenter):
    """One convolution, and a little augmentation."""

    Config = WidthConfig

    def build(self):
        from torch import nn

        width = self.config.width
        return nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.Conv2d(width, 1, 1))

    def augment(self, pairs, seed):
        import numpy as np

        flip = np.random.default_rng(seed).random(len(pairs)) < 0.5
        images, masks = pairs.images.copy(), pairs.masks.copy()
        images[flip], masks[flip] = images[flip, ..., ::-1], masks[flip, ..., ::-1]
        return Pairs(images, masks)

    def loss(self, network, batch):
        return (network(batch.images).sigmoid() - batch.masks).square().mean()

    def predict(self, network, images):
        return lesion_probabilities(network(images))


class TakesAResolution(GoodSegmenter):
    def __init__(self, config, resolution):
        super().__init__(config, resolution)


class ClaimsColour(GoodSegmenter):
    channels = (1, 3)


class PredictsMasks(GoodSegmenter):
    def predict(self, network, images):
        return network(images) > 0


class PredictsOneChance(GoodSegmenter):
    def predict(self, network, images):
        return network(images).sigmoid()


class PredictsDouble(GoodSegmenter):
    def predict(self, network, images):
        return super().predict(network, images).double()


class PredictsLogits(GoodSegmenter):
    def predict(self, network, images):
        import torch

        logits = network(images)
        return torch.cat([-logits, logits], dim=1)


class PredictsTooMuch(GoodSegmenter):
    def predict(self, network, images):
        return super().predict(network, images).sqrt()


class PredictsTooFew(GoodSegmenter):
    def predict(self, network, images):
        return super().predict(network, images)[:, 0]


class PredictsTogether(GoodSegmenter):
    def predict(self, network, images):
        logits = network(images)
        return lesion_probabilities(logits - logits.quantile(0.9))


class LeansOnMates(GoodSegmenter):
    """A little: it turns hardly a pixel."""

    def predict(self, network, images):
        return lesion_probabilities(network(images) + 0.01 * images.mean())


class PredictsByChance(GoodSegmenter):
    def predict(self, network, images):
        import torch

        return lesion_probabilities(network(images) + torch.randn(images.shape))


class AugmentsUnseeded(GoodSegmenter):
    def augment(self, pairs, seed):
        import numpy as np

        return super().augment(pairs, int(np.random.default_rng().integers(1 << 30)))


class AugmentsInPlace(GoodSegmenter):
    def augment(self, pairs, seed):
        pairs.images[:] = -pairs.images
        return pairs


class AugmentsTooFar(GoodSegmenter):
    def augment(self, pairs, seed):
        return Pairs(pairs.images * 2, pairs.masks)


class AugmentsToTensors(GoodSegmenter):
    def augment(self, pairs, seed):
        return Pairs(pairs.images.astype("float64"), pairs.masks)


class SegmenterReadsAFile(GoodSegmenter):
    def build(self):
        with Path(os.environ["PLANTED_FILE"]).open("rb"):
            return super().build()


class SegmenterRemembers(GoodSegmenter):
    calls = 0

    def loss(self, network, batch):
        self.calls += 1
        return super().loss(network, batch) + self.calls * network(batch.images).mean()


class PoolsOddSizes(GoodSegmenter):
    def predict(self, network, images):
        from torch.nn.functional import avg_pool2d, interpolate

        return lesion_probabilities(interpolate(avg_pool2d(network(images), 2), scale_factor=2))


class StartsAnew(GoodSegmenter):
    def train(self, cases, loop, start=None):
        return super().train(cases, loop)


class TrainsOnItsOwn(GoodSegmenter):
    """Keeps the contract: it trains the last layer alone."""

    def train(self, cases, loop, start=None):
        network = self.build()
        if start is not None:
            network.load_state_dict(start)
        network[0].requires_grad_(False)
        return loop.fit(network, self.loss, cases, augment=self.augment)


class TrainsToNothing(GoodSegmenter):
    def train(self, cases, loop, start=None):
        return None


class PretrainedOnMuch(GoodSegmenter):
    pretrained_on = ("ImageNet", "COCO")


class Unfinished(Segmenter):
    def build(self):
        return None
