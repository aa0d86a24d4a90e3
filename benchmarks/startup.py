"""How long the command line takes to say something: `--help`, `list`, and a finished run repeated."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

PIGBENCH = str(Path(sys.executable).with_name("pigbench"))
RUN = ("run", "--generator", "ddpm", "--preset", "smoke")


def seconds(directory: str, *arguments: str, repeats: int = 5) -> float:
    """The median wall-clock time of a command, in a process of its own."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run([PIGBENCH, *arguments], cwd=directory, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return median(times)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([PIGBENCH, *RUN], cwd=directory, check=True, capture_output=True)
        print(f"{'command':44} {'seconds':>8}  aim")
        for arguments, aim in (
            (("--help",), 0.5),
            (("list", "generators"), 0.5),
            (("list", "datasets"), 0.5),
            (RUN, 3.0),
        ):
            print(f"{' '.join(arguments):44} {seconds(directory, *arguments):8.2f}  {aim}")


if __name__ == "__main__":
    main()
