"""The report of a run as its user sends it: nothing in it names them, their folders, files or patients."""

from __future__ import annotations

import base64
import gzip
import re
from pathlib import Path
from typing import Any

import pytest

MARK = "Xanthippe"


@pytest.fixture(scope="module")
def marked(make_home: Any) -> Any:
    """A home with a finished run, in which everything that a user names for themselves carries a mark."""
    home = make_home()
    for name in ("images", "masks"):
        (home.path / MARK / name).mkdir(parents=True)
        for file in (home.path / "pngs" / name).iterdir():
            (home.path / MARK / name / f"{MARK}{file.name}").write_bytes(file.read_bytes())
    home.environment.update(USER=MARK, LOGNAME=MARK)
    store = ("--store", f"{MARK}-store")
    found = home("data", "import", "folder", MARK, "--name", "tiny", "--patient-regex", rf"({MARK}p\d+)_", *store)
    assert found.returncode == 0, found.stderr
    smoke = ("--preset", "smoke", "--dataset", "tiny", "--workers", 1, "--set", "segmentation.steps=4")
    done = home("run", "--generator", "noise", *smoke, *store, "--results", home.path / f"{MARK}-results")
    assert done.returncode == 0, done.stderr
    (record,) = (home.path / f"{MARK}-results").glob("*.json")
    assert f"To send it to others: pigbench report {record}" in done.stdout
    return home


@pytest.mark.parametrize("images", [(), ("--images",)])
def test_no_name_of_the_users_is_in_it(marked: Any, images: tuple[str, ...]) -> None:
    where = (f"{MARK}-results", "--store", f"{MARK}-store")
    done = marked("report", *where, "--out", "r.html", "--force", *images)
    assert done.returncode == 0, done.stderr
    page = (marked.path / "r.html").read_text(encoding="utf-8")
    assert ("Real pairs" in page) == bool(images) and "Generated: noise" in page
    records = re.findall(r"data:application/gzip;base64,([A-Za-z0-9+/=]*)", page)
    carried = "".join(gzip.decompress(base64.b64decode(record)).decode() for record in records)
    assert len(records) == 1 and '"case_id"' in carried
    for text in (page, carried):
        assert MARK.lower() not in text.lower()
        assert str(Path.home()) + "/" not in text and str(marked.path) not in text
