"""What the watch reports, and what it lets pass."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pigbench.testing import audit
from pigbench.testing.audit import watching


def reads(path: Path, **allowed: object) -> list[str]:
    with watching(**allowed) as found:  # type: ignore[arg-type]
        path.read_bytes()
    return found


def test_a_users_file_is_reported_once_by_its_whole_path(
    tmp_path: Path, planted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(planted.parent)
    with watching() as found:
        np.load(planted.name)
        np.load(planted)
        os.close(os.open(planted, os.O_RDONLY))
    assert found == [str(planted)]


def test_nothing_is_seen_outside_the_watch(planted: Path) -> None:
    with watching() as found:
        pass
    planted.read_bytes()
    assert found == []


def test_what_raises_is_reported_too(planted: Path) -> None:
    kept = []
    with pytest.raises(RuntimeError), watching() as found:
        kept.append(found)
        planted.read_bytes()
        raise RuntimeError
    assert kept[0] == [str(planted)]


def test_code_libraries_and_the_system_may_be_read(tmp_path: Path) -> None:
    code = tmp_path / "mine.py"
    code.write_text("x = 1\n")
    metadata = tmp_path / "mine-1.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Name: mine\n")
    library = Path(np.__file__).parent / "py.typed"
    for path in (code, metadata, library, Path("/etc/hosts")):
        assert reads(path) == [], path


def test_an_imported_package_brings_its_data_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "elsewhere_installed"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "table.csv").write_text("1\n")
    assert reads(package / "table.csv") == [str(package / "table.csv")]
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("elsewhere_installed")
    assert reads(package / "table.csv") == []
    assert reads(package / "table.csv", own=package) == [str(package / "table.csv")]  # the plugin's own is not keyed
    assert reads(package / "__init__.py", own=package) == []


def test_data_beside_a_plugin_of_a_single_file_is_reported_also_among_installed_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_libraries", lambda: [str(tmp_path)])
    plugin = tmp_path / "mine.py"
    library = tmp_path / "library" / "table.csv"
    library.parent.mkdir()
    for file in (plugin, tmp_path / "mine.csv", library):
        file.write_text("1\n")
    assert reads(tmp_path / "mine.csv") == []
    assert reads(tmp_path / "mine.csv", own=plugin) == [str(tmp_path / "mine.csv")]
    assert reads(library, own=plugin) == []
    assert reads(plugin, own=plugin) == []


@pytest.mark.process
def test_a_program_that_is_started_is_reported(planted: Path) -> None:
    with watching() as found:
        subprocess.run(["cat", planted], capture_output=True, check=True)
        os.system(f"cat '{planted}' > /dev/null")
    assert found == ["what the program cat reads"]


def test_scratch_written_in_the_watch_may_be_read_back_and_no_other(tmp_path: Path, planted: Path) -> None:
    with watching() as found:
        np.save(tmp_path / "scratch.npy", np.zeros(2))
        np.load(tmp_path / "scratch.npy")
    assert found == []
    with watching() as found:
        planted.read_bytes()
        planted.write_bytes(b"")
    assert found == [str(planted)]


def test_allowed_folders_absent_files_and_folders_are_not_reported(tmp_path: Path, planted: Path) -> None:
    assert reads(planted, allowed=[tmp_path]) == []
    with watching() as found:
        os.close(os.open(tmp_path, os.O_RDONLY))
        with pytest.raises(FileNotFoundError):
            (tmp_path / "absent").read_bytes()
    assert found == []


def test_watches_may_lie_inside_each_other(planted: Path) -> None:
    with watching() as outer, watching([planted.parent]) as inner:
        planted.read_bytes()
    assert (outer, inner) == ([str(planted)], [])
