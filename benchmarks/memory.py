"""Whether memory stays bounded: sampling whatever n, and preparing a set of the paper's size."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PIGBENCH = str(Path(sys.executable).with_name("pigbench"))
SLICES, SIDE = 8723, 512


def sampling_peak(n: int) -> float:
    """Peak MiB of the sampling stages of a short `quick` run with n samples."""
    with tempfile.TemporaryDirectory() as directory:
        options = ("--preset", "quick", "--set", "training.images=64", "--folds", "2", "--n", str(n))
        command = [PIGBENCH, "sample", "--generator", "pig", *options]
        subprocess.run(command, cwd=directory, check=True, capture_output=True)
        manifests = Path(directory).glob("runs/artifacts/sample/*/manifest.json")
        return max(json.loads(path.read_text())["cost"]["peak_mib"] for path in manifests)


def prepare_peak() -> tuple[float, float]:
    """Peak MiB of this process and seconds for preparing SLICES slices of SIDE × SIDE, 16-bit."""
    from pigbench.data.prepare import prepare
    from pigbench.data.source import CaseInfo, Source

    class Slices(Source):
        name, has_patient_ids = "slices", True

        def identity(self) -> dict:
            return {}

        def cases(self) -> list[CaseInfo]:
            return [CaseInfo(f"c{i}", f"p{i % 367}", 0.01) for i in range(SLICES)]

        def read(self, index: int, resolution: int) -> tuple[np.ndarray, np.ndarray]:
            image = np.random.default_rng(index).integers(0, 65536, (SIDE, SIDE), dtype=np.uint16)
            return image, (image > 60000).astype(np.uint8)

    with tempfile.TemporaryDirectory() as directory:
        began = time.perf_counter()
        prepare(Slices(), SIDE, Path(directory))
        taken = time.perf_counter() - began
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, taken


def main() -> None:
    peak, taken = prepare_peak()
    print(f"prepare {SLICES} slices at {SIDE}²: peak {peak:.0f} MiB (aim 2048), {taken:.0f} s")
    few, many = sampling_peak(256), sampling_peak(2048)
    print(f"sample: peak {few:.0f} MiB at n=256, {many:.0f} MiB at n=2048: {many / few - 1:+.1%} (aim within 10 %)")


if __name__ == "__main__":
    main()
