"""A segmenter that keeps the contract, and many that break it, each in one place."""

from __future__ import annotations

import os
from pathlib import Path

from planted import WidthConfig

from pigbench.contracts import Pairs, Segmenter


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
        return network(images) > 0


class PredictsChances(GoodSegmenter):
    def predict(self, network, images):
        return network(images).sigmoid()


class PredictsTooFew(GoodSegmenter):
    def predict(self, network, images):
        return super().predict(network, images)[:, 0]


class PredictsTogether(GoodSegmenter):
    def predict(self, network, images):
        logits = network(images)
        return logits > logits.quantile(0.9)


class PredictsByChance(GoodSegmenter):
    def predict(self, network, images):
        import torch

        return super().predict(network, images) ^ (torch.rand(images.shape) < 0.1)


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

        return interpolate(avg_pool2d(network(images), 2), scale_factor=2) > 0


class Unfinished(Segmenter):
    def build(self):
        return None
