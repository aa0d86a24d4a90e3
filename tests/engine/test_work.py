"""What a worker says of a task that went wrong: whether it would again."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from pigbench.engine import work
from pigbench.engine.work import SourceChanged, Task, attempt
from pigbench.errors import PigbenchError
from pigbench.stages.job import StageFailed


class OutOfMemoryError(RuntimeError):
    """As torch has one."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("30 pixels cannot be halved 2 times"), "failed"),
        (RuntimeError("Sizes of tensors must match"), "failed"),
        (RuntimeError("CUDA error: device-side assert triggered"), "failed"),
        (StageFailed("NaN or infinite intensities"), "failed"),
        (PigbenchError("no case has a lesion"), "failed"),
        (FileNotFoundError(errno.ENOENT, "no such file"), "failed"),
        (MemoryError(), "hindered"),
        (OutOfMemoryError("CUDA out of memory"), "hindered"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 TiB"), "hindered"),
        (ConnectionResetError(errno.ECONNRESET, "connection reset"), "hindered"),
        (TimeoutError("no answer"), "hindered"),
        (OSError(errno.EIO, "input/output error"), "hindered"),
        (SourceChanged("the source of 'pig' has changed"), "hindered"),
        (OSError(errno.ENOSPC, "no space left on device"), "full"),
    ],
)
def test_what_may_pass_is_told_from_what_would_fail_again(
    error: Exception, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def perform(*_: object) -> None:
        raise error

    monkeypatch.setattr(work, "perform", perform)
    task = Task("train", "key", {}, {}, "train it", "phantom", str(tmp_path), 60.0)
    said, content = attempt(task, lambda share, text: None)
    assert said == kind
    if kind != "full":
        assert str(error) in content[0]
