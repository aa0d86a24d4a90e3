"""The mark `process`, which `make check` leaves out, cannot be forgotten."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from collections.abc import Callable

import pytest

COMMAND = [sys.executable, "-c", ""]


@pytest.mark.parametrize(
    "start",
    [
        lambda: subprocess.run(COMMAND),
        lambda: subprocess.Popen(args=COMMAND),
        lambda: multiprocessing.get_context("spawn").Process(target=print).start(),
    ],
)
def test_a_test_without_the_mark_cannot_start_a_process(start: Callable[[], object]) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"mark it @pytest\.mark\.process"):
        start()


@pytest.mark.process
def test_a_test_with_the_mark_can() -> None:
    assert subprocess.run(COMMAND).returncode == 0
