"""A plugin's hash sees code, not prose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pigbench import registry, sources

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


EDITS = [
    ("metrics/nsd.py", "TOLERANCE_MM = 2.0", "TOLERANCE_MM = 2.0  # two", set()),
    ("metrics/nsd.py", "TOLERANCE_MM = 2.0", "TOLERANCE_MM = 3.0", {"nsd"}),
    ("metrics/surface.py", "np.pad(mask, 1)", "np.pad(mask, 2)", {"nsd", "hd95"}),
    ("metrics/components.py", "LEAST_IOU = 0.1", "LEAST_IOU = 0.2", {"found", "false_alarms"}),
    ("metrics/overlap.py", "whole > 0", "whole > 1", {"dice", "iou", "precision", "recall"}),
    ("metrics/neighbourhoods.py", "NEIGHBOURS = 3", "NEIGHBOURS = 5", {"image_precision", "image_recall"}),
    ("metrics/__init__.py", '"found", ', "", set()),
    ("randomness.py", ">> 1", ">> 2", set()),
    ("contracts/metric.py", "scale: ClassVar[float] = 100.0", "scale: ClassVar[float] = 1.0", set()),
]


@pytest.mark.parametrize(("file", "before", "after", "changed"), EDITS, ids=[f"{edit[0]}: {edit[2]}" for edit in EDITS])
def test_a_built_in_metric_goes_by_its_own_file_and_what_it_shares(
    file: str, before: str, after: str, changed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = {name: plugin.target.partition(":")[0] for name, plugin in registry.plugins("metrics").items()}
    built_in = {name: module for name, module in modules.items() if module.startswith("pigbench.metrics.")}
    as_they_are = {name: sources.current_hash(module) for name, module in built_in.items()}
    edited = Path(sources.__file__).parent / file
    text = edited.read_text(encoding="utf-8").replace(before, after)
    assert after in text or not after
    assert text != edited.read_text(encoding="utf-8")
    monkeypatch.setattr(sources, "_text", lambda path: text.encode() if path == edited else path.read_bytes())
    assert {name for name, module in built_in.items() if sources.current_hash(module) != as_they_are[name]} == changed
