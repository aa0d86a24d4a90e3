"""The networks whose features the Fréchet and kernel distances are taken on, by name.

A name stands for exact weights: a file whose hash is another is refused, so two numbers under one name always compare.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pigbench.errors import PigbenchError, did_you_mean
from pigbench.imagenet import weights_file

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Extractor:
    """A network that takes (N, 3, H, W) uint8 and gives a tuple whose first entry is (N, dimension).

    find_weights: the weights file, fetched if that may be; sha256 is its hash. load: the network from that file. about:
    one line for a list of extractors.
    """

    dimension: int
    sha256: str
    find_weights: Callable[[bool], Path]
    load: Callable[[Path], torch.nn.Module]
    about: str


def extractor_names() -> list[str]:
    """The names that `features` knows; nothing heavy is imported."""
    return sorted(EXTRACTORS)


def find_weights(name: str, fetch: bool = True) -> Path:
    """The weights file of the extractor `name`, fetched over the network where that is its way and `fetch` allows it.

    Raises PigbenchError for an unknown name, or for weights that cannot be had, saying how to get them.
    """
    if name not in EXTRACTORS:
        raise PigbenchError(did_you_mean("extractor", name, extractor_names()))
    return EXTRACTORS[name].find_weights(fetch)


def features(
    images: np.ndarray,
    extractor: str,
    device: str = "cpu",
    batch: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """The features of `images` (N, C, H, W) float32 in [-1, 1], C = 1 or 3, as (N, D) float32.

    The images are rounded to 8 bits, which is what the extractors take, and grey is repeated in three channels.
    Every batch has `batch` images (the last is padded), so the features of an image do not depend on its neighbours.
    progress: called with (images done, images in all) after each batch.
    """
    import torch

    network = load_extractor(extractor, str(device))
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(f"images of shape {images.shape}, not (N, 1, H, W) or (N, 3, H, W)")
    found = np.empty((len(images), EXTRACTORS[extractor].dimension), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(images), batch):
            stop = min(start + batch, len(images))
            padded = images[np.minimum(np.arange(start, start + batch), stop - 1)]
            colour = torch.from_numpy(_to_uint8(padded)).to(device).expand(-1, 3, -1, -1)
            found[start:stop] = network(colour)[0][: stop - start].cpu().numpy()
            if progress is not None:
                progress(stop, len(images))
    return found


@cache
def load_extractor(name: str, device: str = "cpu") -> torch.nn.Module:
    """The network called `name` on `device`, with its verified weights; loaded once a process."""
    weights = find_weights(name)
    wanted = EXTRACTORS[name]
    # This check is also what makes it safe that torch-fidelity unpickles the Inception file.
    if hashlib.sha256(weights.read_bytes()).hexdigest() != wanted.sha256:
        raise PigbenchError(f"{weights} does not hold the weights of '{name}': its SHA-256 should be {wanted.sha256}")

    import torch

    network = wanted.load(weights)
    return network.to(device, memory_format=torch.channels_last)  # on a CPU 1.5 times as fast as the default


def _to_uint8(images: np.ndarray) -> np.ndarray:
    lowest, highest = float(images.min()), float(images.max())  # NaN if any pixel is
    if not (lowest >= -1 and highest <= 1):
        raise PigbenchError(f"images from {lowest:.3g} to {highest:.3g}: features are of images in [-1, 1]")
    return np.rint((images + 1) * 127.5).astype(np.uint8)


def _find_inception(fetch: bool) -> Path:
    given = os.environ.get("PIGBENCH_INCEPTION")
    if given is not None:
        if not Path(given).is_file():
            raise PigbenchError(f"PIGBENCH_INCEPTION names no file: {given}")
        return Path(given)

    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    cached = Path(torch.hub.get_dir(), "checkpoints", URL_INCEPTION_V3.rsplit("/", 1)[1])
    if not cached.is_file():
        try:
            if not fetch:
                raise FileNotFoundError("the network was not asked")
            cached.parent.mkdir(parents=True, exist_ok=True)
            verified = EXTRACTORS["inception"].sha256
            torch.hub.download_url_to_file(URL_INCEPTION_V3, str(cached), hash_prefix=verified, progress=False)
        except (OSError, RuntimeError) as error:
            raise PigbenchError(
                f"the weights of 'inception' are missing ({error}). Set PIGBENCH_INCEPTION to a copy of {cached.name}, "
                f"or put it at {cached}" + (f", or let this machine reach {URL_INCEPTION_V3}" if fetch else "")
            ) from error
    return cached


def _load_inception(weights: Path) -> torch.nn.Module:
    from torch_fidelity.utils import create_feature_extractor

    return create_feature_extractor(
        "inception-v3-compat", ["2048"], cuda=False, verbose=False, feature_extractor_weights_path=str(weights)
    )


def _load_lite0(weights: Path) -> torch.nn.Module:
    from pigbench.metrics.efficientnet_lite0 import EfficientNetLite0

    return EfficientNetLite0(weights)


EXTRACTORS = {
    "efficientnet-lite0": Extractor(
        dimension=1280,
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        find_weights=lambda fetch: weights_file(),
        load=_load_lite0,
        about="1280 features; its weights come with the installation; not the Inception distance",
    ),
    "inception": Extractor(
        dimension=2048,
        sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        find_weights=_find_inception,
        load=_load_inception,
        about="2048 features, the usual FID; weights from PIGBENCH_INCEPTION, torch's cache or the network",
    ),
}
