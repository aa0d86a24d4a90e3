"""A plugin's hash sees code, not prose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pigbench import sources

PLUGIN = '''"""What it does."""
from mine import shared
from .deep import thing
import json

RATE = 0.5
"""What it is for."""


def f(x: int) -> str:
    """Says it."""
    return f"{x:>3} {shared.x}" if x > RATE else ""
'''

SAME = {
    "a comment": PLUGIN.replace("RATE = 0.5", "RATE = 0.5  # half"),
    "docstrings": PLUGIN.replace("What it", "Which").replace("Says it.", "Says.\\n\\n    More."),
    "no docstrings": PLUGIN.replace('    """Says it."""\n', "").replace('"""What it is for."""', ""),
    "a line break": PLUGIN.replace("x > RATE", "(\n        x > RATE\n    )"),
    "line ends": PLUGIN.replace("\n", "\r\n"),
    "another way to write a number or a text": PLUGIN.replace("0.5", "5e-1").replace('else ""', "else ''"),
}
OTHER = {
    "a number": PLUGIN.replace("0.5", "0.25"),
    "a name": PLUGIN.replace("RATE", "SPEED"),
    "a format": PLUGIN.replace(">3", ">4"),
    "a text that is used": PLUGIN.replace('else ""', 'else "none"'),
    "a default": PLUGIN.replace("x: int", "x: int = 1"),
    "an annotation, which a Config is made of": PLUGIN.replace("x: int", "x: float"),
}


@pytest.fixture
def hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The hash of the package's plugin after writing these files."""
    package = tmp_path / "mine"
    package.mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))

    def write_and_hash(**files: str) -> str:
        for name, text in files.items():
            (package / f"{name}.py" if name != "earlier" else package / sources.EARLIER).write_bytes(text.encode())
        for function in (sources.source_hash, sources._text, sources._earlier):
            function.cache_clear()
        return sources.source_hash("mine.plugin")

    files = {"__init__": "", "plugin": PLUGIN, "shared": "x = 1\n", "deep": "thing = 1\n", "unrelated": "y = 1\n"}
    write_and_hash(**files)
    return write_and_hash


@pytest.mark.parametrize("what", SAME)
def test_prose_and_layout_do_not_count(what: str, hashed: Callable[..., str]) -> None:
    assert SAME[what] != PLUGIN
    assert hashed(plugin=SAME[what]) == hashed(plugin=PLUGIN)


@pytest.mark.parametrize("what", OTHER)
def test_code_counts(what: str, hashed: Callable[..., str]) -> None:
    assert OTHER[what] != PLUGIN
    assert hashed(plugin=OTHER[what]) != hashed(plugin=PLUGIN)


def test_the_hash_follows_imports_inside_the_package_and_stops_at_its_border(hashed: Callable[..., str]) -> None:
    first = hashed()
    assert hashed(unrelated="y = 2\n") == first
    assert hashed(shared="x = 2\n") != first
    assert hashed(shared="x = 1\n", deep="thing = 2\n") != first


def test_every_python_sees_the_same_tree() -> None:
    """A hash made by another version of Python: fields that newer ones add are empty and do not count."""
    assert sources.tree_hash([("plugin", PLUGIN.encode())])[:16] == "e3ac20e75d75cd3b"


def test_a_package_may_say_that_a_plugin_gives_the_numbers_of_an_earlier_source(hashed: Callable[..., str]) -> None:
    now = hashed()
    told = f'["mine.plugin"]\nnow = "{now}"\nearlier = "before"\n'
    assert hashed(earlier=told) == "before"
    assert hashed(plugin=SAME["a comment"]) == "before"
    assert hashed(plugin=OTHER["a number"]) not in ("before", now)
