"""How long the commands of the README take, each on a fresh clone of this checkout's last commit.

`python benchmarks/commands.py FOLDER [STEP]…` clones into FOLDER, or goes on with the clone that is there, and times
the steps named, all of them by default, one after the other; a step finds in the store what those before it left.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

TITLE = "pigbench run --generator pig --n 2048 --folds 5"
STEPS = {
    "install and demo": ("make run", 10),
    "title": (TITLE, 75),
    "title again": (TITLE, 0.05),
    "1,024 more": (TITLE.replace("2048", "3072"), None),
    "all, smoke": ("pigbench run --generator all --controls --preset smoke", 3),
    "test": ("make test", 12),
    "all, quick": ("pigbench run --generator all --controls --preset quick --n 512 --folds 5", 150),
}
"""By name: the command, and the minutes it may take where there is an aim."""


def clone(folder: Path) -> None:
    """This checkout's last commit at `folder`, with `shared/` beside it where this one has it."""
    checkout = Path(__file__).resolve().parents[1]
    subprocess.run(["git", "clone", "--quiet", str(checkout), str(folder)], check=True)
    if (checkout.parent / "shared").is_dir() and not (folder.parent / "shared").exists():
        (folder.parent / "shared").symlink_to(checkout.parent / "shared")


def main() -> None:
    folder, steps = Path(sys.argv[1]), sys.argv[2:] or list(STEPS)
    if not folder.exists():
        clone(folder)
    print(f"{'step':18} {'minutes':>8} {'aim':>6}  command", flush=True)
    for step in steps:
        command, aim = STEPS[step]
        began = time.perf_counter()
        with (folder.parent / f"{folder.name}.log").open("a") as log:
            words = shlex.split(command.replace("pigbench", ".venv/bin/pigbench"))
            subprocess.run(words, cwd=folder, check=True, stdout=log, stderr=subprocess.STDOUT)
        minutes = (time.perf_counter() - began) / 60
        print(f"{step:18} {minutes:8.2f} {aim if aim else '–':>6}  {command}", flush=True)


if __name__ == "__main__":
    main()
