"""A generator that keeps the contract, and many that break it in sampling, each in one place."""

from __future__ import annotations

import os

from pigbench.contracts import Component, Config, Generator, Pairs


class WidthConfig(Config):
    """One setting."""

    width: int = 4


class Good(Generator):
    """A small network from noise to images; what is bright is the mask."""

    kind = "pairs"
    takes_masks = True
    reconstructs = True
    Config = WidthConfig
    components = (Component("network", settings=("width",)),)

    def build(self, component):
        from torch import nn

        width = self.config.width
        return nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1), nn.Dropout(0.2), nn.SiLU(), nn.Conv2d(width, 1, 3, padding=1)
        )

    def loss(self, component, network, batch, trained):
        return (network(batch.images + 0.1 * batch.noise()) - batch.images).square().mean()

    def sample(self, trained, request):
        images = trained["network"](request.noise()) + 0.5 * request.noise()
        return Pairs.clipped(images, images > 0.3 if request.masks is None else request.masks)

    def reconstruct(self, trained, images):
        return trained["network"](images)


class Changed(Good):
    """Hands its samples to `change`."""

    def sample(self, trained, request):
        return self.change(super().sample(trained, request))


class WrongShape(Changed):
    def change(self, pairs):
        return Pairs(pairs.images[:, :, :-1], pairs.masks)


class DoublePrecision(Changed):
    def change(self, pairs):
        return Pairs(pairs.images.astype("float64"), pairs.masks)


class NotANumber(Changed):
    def change(self, pairs):
        return Pairs(pairs.images + float("nan"), pairs.masks)


class OutOfRange(Changed):
    def change(self, pairs):
        return Pairs(pairs.images * 3, pairs.masks)


class MasksOf255(Changed):
    def change(self, pairs):
        return Pairs(pairs.images, pairs.masks * 255)


class FloatMasks(Changed):
    def change(self, pairs):
        return Pairs(pairs.images, pairs.masks.astype("float32"))


class NoMasks(Changed):
    def change(self, pairs):
        return Pairs(pairs.images)


class BareArray(Changed):
    def change(self, pairs):
        return pairs.images


class Raises(Changed):
    def change(self, pairs):
        raise RuntimeError("it forgot everything")


class OtherMasks(Changed):
    def change(self, pairs):
        return Pairs(pairs.images, 1 - pairs.masks)


class ReadsAFile(Changed):
    def change(self, pairs):
        import numpy as np

        return Pairs(pairs.images * np.load(os.environ["PLANTED_FILE"]), pairs.masks)


class CallsHome(Changed):
    def change(self, pairs):
        import socket

        with socket.socket() as line:
            line.settimeout(0.01)
            line.connect_ex(("127.0.0.1", 9))
        return pairs


class GlobalTorch(Changed):
    def change(self, pairs):
        import torch

        return Pairs(pairs.images * float(torch.rand(())), pairs.masks)


class GlobalNumPy(Changed):
    def change(self, pairs):
        import numpy as np

        return Pairs(pairs.images * np.float32(np.random.rand()), pairs.masks)


class GlobalPython(Changed):
    def change(self, pairs):
        import random

        random.random()
        return pairs


class Unseeded(Changed):
    def change(self, pairs):
        import numpy as np

        return Pairs(pairs.images * np.float32(np.random.default_rng().random()), pairs.masks)


class Remembers(Good):
    calls = 0

    def sample(self, trained, request):
        self.calls += 1
        pairs = super().sample(trained, request)
        return Pairs(pairs.images / self.calls, pairs.masks)


class BatchMates(Changed):
    def change(self, pairs):
        return Pairs.clipped(pairs.images - pairs.images.mean(), pairs.masks)


class ByPlace(Changed):
    def change(self, pairs):
        import numpy as np

        noise = np.random.default_rng(0).random(pairs.images.shape, dtype=np.float32)
        return Pairs(pairs.images * noise, pairs.masks)


class ByCount(Changed):
    def change(self, pairs):
        return Pairs(pairs.images / len(pairs), pairs.masks)


class ChangesTheView(Good):
    def sample(self, trained, request):
        request.view.masks[0] = 1
        return super().sample(trained, request)


class DisturbedByWatching(Good):
    def sample(self, trained, request):
        if request.on_step is not None:
            request.on_step(0, 0, None, request.noise())
        return super().sample(trained, request)


class EvenSizesOnly(Good):
    takes_masks = False

    def sample(self, trained, request):
        half = request.noise((1, request.resolution // 2, request.resolution // 2))
        images = half.repeat_interleave(2, -1).repeat_interleave(2, -2)
        return Pairs.clipped(images + trained["network"](request.noise()), images > 0.3)


class Refuses(Good):
    def build(self, component):
        if self.resolution % 8:
            raise ValueError(f"{self.resolution} pixels cannot be halved 3 times")
        return super().build(component)


class Enlarges(Good):
    def reconstruct(self, trained, images):
        return images.repeat(1, 1, 2, 2)
