"""How long a report of a large table takes, and how large it is: ten generators, 25 arms, 5 folds, 3 trainings.

`python benchmarks/report.py` makes up such a record of 503 cases with all its loss curves, and prints the seconds of a
first and a second report, the size of the file, and what `--images` adds to it at most: pictures of noise, which packs
worst, of ten generators, three controls, real pairs and cases, at the largest size that is shown.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "reporting"))
import numpy as np
import record_factory as factory

import pigbench
from pigbench.reporting.report.pictures import LONGEST, PAIRS, SUSPECTS, _cells, _picture
from pigbench.results import Record, write_record

WITH_MASKS = ("pig", "joint", "ldm", "segguided", "controlnet", "one", "two", "three")
IMAGES_ALONE = ("ddpm", "ddim")
POINTS = 50


def large_record() -> Record:
    """24 arms with pairs and real only, each fit with a loss curve."""
    record = factory.make_record(
        (*WITH_MASKS, *IMAGES_ALONE), (512, 1024, 2048), patients=80, cases_each=6, trainings=3
    )
    content = factory.content(record)
    curve = [1 / (1 + step) for step in range(POINTS)]
    for fit in content["fits"]:
        fit["losses"] = curve
    for info in content["generators"].values():
        info["losses"] = dict.fromkeys(info["image_passes"], curve)
    return Record.model_validate(content)


def pictures() -> float:
    """MiB of all pictures of a report with `--images`."""
    stream = np.random.default_rng(0)

    def sheet(count: int) -> int:
        images = stream.random((count, 3, LONGEST, LONGEST)).astype(np.float32)
        masks = (stream.random((count, 1, LONGEST, LONGEST)) > 0.5).astype(np.uint8)
        return len(_picture(_cells(images, masks, "noise"), "", "").data)

    pairs, suspects, cases = sheet(PAIRS), sheet(2 * SUSPECTS), sheet(18)
    return (10 * (pairs + suspects) + 3 * pairs + pairs + cases) / 2**20


def main() -> None:
    with TemporaryDirectory() as directory:
        runs = Path(directory)
        write_record(large_record(), runs / "records")
        (runs / "artifacts" / "sample").mkdir(parents=True)  # pages are kept in a store alone
        for which in ("first", "again"):
            started = time.perf_counter()
            file = pigbench.report(runs, runs / "report.html", store=runs)
            print(f"{which}: {time.perf_counter() - started:.1f} s, {file.stat().st_size / 2**20:.1f} MiB")
    print(f"pictures with --images: at most {pictures():.1f} MiB more")


if __name__ == "__main__":
    main()
