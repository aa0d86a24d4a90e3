"""How long `pigbench compare` takes: on one large record, and on many the first time and again.

The records are made of a published one, under other names and with other numbers: arms of 503 cases, with as many
metrics as a run measures by default.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pigbench.results import Record, read_record

PUBLISHED = Path(__file__).parents[1] / "results" / "phantom-quick-292bbd82-c3ff7384.json"
OTHERS = {name: {"kind": "case", "heading": name, "low": 0.0, "high": 1.0} for name in ("found", "false_alarms", "nsd")}
"""Metrics that the published record has not."""
HEAD = ("format", "protocol", "preset", "dataset", "folds", "seeds", "segmenters")


def made(base: Record, number: int, arms: int, trainings: int, protocol: str) -> dict[str, Any]:
    """A record of so many arms, each of a generator of its own but for `real`."""
    draw = np.random.default_rng(number)
    content = {name: getattr(base, name) for name in HEAD}
    labels = [f"g{number}x{place}" for place in range(arms - 1)]
    info = next(iter(base.generators.values()))
    names = {"real": None} | {f"real+{label}_512": label for label in labels}
    fits = [
        {"arm": arm, "segmenter": "unet", "seed": 0, "training": training, "fold": fold, "status": "ok", "steps": 600}
        for arm in names
        for training in range(trainings)
        for fold in range(base.folds)
    ]
    rows = [np.flatnonzero(base.cases.fold == fit["fold"]) for fit in fits]
    fit = np.repeat(np.arange(len(fits)), [len(of) for of in rows])
    real = np.array([one["arm"] == "real" for one in fits])[fit]  # every record has the same real ones
    draws = {name: draw.random(len(fit)) for name in (*base.scores.scores, *OTHERS)}
    always = np.random.default_rng(0).random(int(real.sum()))
    scores = {name: np.where(real, np.resize(always, len(fit)), values) for name, values in draws.items()}
    return content | {
        "key": f"{number:016}",
        "protocol_hash": protocol,
        "metrics": {name: base.metrics[name] for name in base.scores.scores} | OTHERS,
        "generators": {label: info.model_copy(update={"label": label, "signature": label}) for label in labels},
        "arms": {
            arm: {"arm": arm, "generator": label, "n": 512 if label else 0, "use": "mixed" if label else "real"}
            for arm, label in names.items()
        },
        "fits": fits,
        "fidelity": [],
        "test_sets": base.test_sets,
        "scores": {"fit": fit, "case": np.concatenate(rows), "scores": scores}
        | {"statistics": {f"overlap.{name}": draw.integers(0, 300, len(fit)) for name in ("tp", "fp", "fn", "tn")}},
    }


def write(folder: Path, number: int, arms: int, trainings: int, protocols: int) -> None:
    """Write so many records."""
    base = read_record(PUBLISHED)
    for index in range(number):
        content = made(base, index, arms, trainings, f"{index % protocols:016}")
        (folder / f"{index}.json").write_text(Record.model_validate(content).model_dump_json())


def timed(folder: Path, *arguments: str, times: int = 2) -> Iterator[float]:
    """Seconds of `pigbench compare` in a process of its own, the first time and again."""
    command = [sys.executable, "-c", "from pigbench.cli import main; main()", "compare", str(folder), *arguments]
    with tempfile.TemporaryDirectory() as cache:  # not in the folder, where it would be one more file to read
        environment = os.environ | {"XDG_CACHE_HOME": cache}
        for _ in range(times):
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
            yield time.perf_counter() - began


def inference(folder: Path) -> Iterator[tuple[str, float]]:
    """What of it the intervals take: of the one record there, in this process."""
    from pigbench.results import cases, difference, load_records, merge, summarise

    frame = cases(folder)
    arm = next(name for name in frame["arm"].unique() if name != "real")
    (group,) = merge(load_records([folder])[0])
    frame = frame.filter(frame["arm"].is_in(["real", arm]))
    for what, work in (
        ("difference of two arms", lambda: difference(frame, arm, "real")),
        ("all rows with simultaneous intervals", lambda: summarise(group)),
    ):
        work()  # imports
        began = time.perf_counter()
        work()
        yield what, time.perf_counter() - began


def main() -> None:
    """Print the seconds of each case."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--records", type=int, default=1000)
    asked.add_argument("--json", action="store_true", help="also time --format json")
    options = asked.parse_args()
    number = options.records
    cases = {
        "one record of 25 arms, 5 folds and 3 trainings": (1, 25, 3, 1),
        "one record of 2 arms, 5 folds and 5 trainings": (1, 2, 5, 1),
        f"{number} records of 10 arms, one protocol": (number, 10, 1, 1),
        f"{number} records of 10 arms, each of a protocol of its own": (number, 10, 1, number),
    }
    for what, (count, arms, trainings, protocols) in cases.items():
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), count, arms, trainings, protocols)
            size = sum(file.stat().st_size for file in Path(folder).glob("*.json")) / 2**20
            told = [f"{', '.join(f'{seconds:.1f} s' for seconds in timed(Path(folder)))}"]
            if count == 1:
                told += [f"{what} {seconds:.2f} s" for what, seconds in inference(Path(folder))]
            if options.json:
                told += [f"as JSON {next(timed(Path(folder), '--format', 'json', times=1)):.1f} s"]
            print(f"{what} ({size:.0f} MiB): {'; '.join(told)}", flush=True)


if __name__ == "__main__":
    main()
