"""The planted plugins, importable under their own names as an installed plugin is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that some of them read."""
    file = tmp_path / "scale.npy"
    np.save(file, np.float32(0.5))
    monkeypatch.setenv("PLANTED_FILE", str(file))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return file
