"""The documents: their numbers are the published records', and what they link to is there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from pigbench.reporting import render
from pigbench.reporting.tables import section
from pigbench.results import load_records, merge, summarise

HOME = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path for places in ("*.md", "docs/*.md", "*/README.md", "results/earlier.md") for path in HOME.glob(places)
)
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
pytestmark = pytest.mark.skipif(not (HOME / "results").is_dir(), reason="not part of a source distribution")
IN_README = {
    "LGG, overnight": "f6abbacf7f877e4b",
    "LGG, quick": "f2d1b2c44d4b259e",
    "phantom, quick": "70c6708a269b38b2",
}
"""The protocols of its small table, by what it calls them."""


@cache
def as_compare_shows_them() -> dict[str, str]:
    """What `pigbench compare results --format markdown` prints, by the hash of the protocol."""
    records, skipped = load_records([HOME / "results"])
    assert not skipped
    summaries = [summarise(group) for group in merge(records)]
    return {summary.group.protocol_hash: render.markdown([section(summary)]) for summary in summaries}


def rows(text: str) -> list[list[str]]:
    """The cells of every row of a document's tables."""
    return [[cell.strip() for cell in line[1:-2].split(" |")] for line in text.splitlines() if line.startswith("|")]


def test_results_show_every_published_record_as_compare_does() -> None:
    document = "".join((HOME / "results" / name).read_text(encoding="utf-8") for name in ("README.md", "earlier.md"))
    assert set(as_compare_shows_them()) >= set(IN_README.values())
    for shown in as_compare_shows_them().values():
        heading, *parts = re.split(r"^(?=###)", shown.strip(), flags=re.MULTILINE)
        for part in (heading, *parts):
            assert part.strip() in document, "renew it: pigbench compare results --format markdown"


def test_the_small_table_of_the_readme_has_the_numbers_of_the_records() -> None:
    """A dash where a row was not run on a dataset."""
    of_datasets = {dataset: second_table(as_compare_shows_them()[protocol]) for dataset, protocol in IN_README.items()}
    table = {row[0]: row[1:] for row in rows((HOME / "README.md").read_text(encoding="utf-8"))}
    heading = table["Trained on"]
    assert heading[0::2] == list(IN_README)
    known = {name for of_dataset in of_datasets.values() for name in of_dataset}
    shown = {name: tuple(cells) for name, cells in table.items() if name in known}
    assert {"real only", "real only, 2x steps"} < set(shown)
    for name, cells in shown.items():
        assert cells == tuple(cell for dataset in IN_README for cell in of_datasets[dataset].get(name, ("-", "-")))


def second_table(section: str) -> dict[str, tuple[str, str]]:
    """The score and the difference of every row of Table 2, by its name."""
    heading, _, *found = rows(section.partition("### Table 2")[2].partition("### Table 3")[0])
    delta = next(place for place, cell in enumerate(heading) if cell.startswith("Δ Dice"))
    return {row[0]: (re.sub(r"\*\*|</?ins>", "", row[1]), row[delta]) for row in found}


def test_the_readme_is_short() -> None:
    lines = (HOME / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(HOME)))
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in LINK.findall(without_code(text)):
        if "://" in target:
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), f"{target}: no such file"
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), f"{target}: no such heading"


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def anchors(text: str) -> list[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings]
