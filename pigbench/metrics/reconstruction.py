"""How much of an image a compression keeps."""

from __future__ import annotations

import numpy as np


def errors(images: np.ndarray, rebuilt: np.ndarray) -> dict[str, float]:
    """The mean absolute and the root mean squared error as a part of the range [-1, 1], and the PSNR in dB.

    images, rebuilt: (N, C, H, W) float32 in [-1, 1].
    """
    difference = (rebuilt.astype(np.float64) - images) / 2
    squared = float(np.mean(difference**2))
    psnr = float("inf") if squared == 0 else -10 * float(np.log10(squared))
    return {"mae": float(np.mean(np.abs(difference))), "rmse": squared**0.5, "psnr": psnr}
