"""Reports of made-up records, and a reader of their tables."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest


class Reader(HTMLParser):
    """A page's tables, each a title and rows of cells, and the links and ids that it has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self._cell: list[str] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [
            value or "" for name, value in attrs if name in ("href", "src", "xlink:href", "srcset", "action")
        ]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self.tables[-1][-1].append("".join(self._cell))
            self._cell = None

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._cell is not None:
            self._cell.append(data)


@pytest.fixture
def read_page():
    """A function that reads a page."""
    return Reader


@pytest.fixture
def protocols():
    """A function from records to what a report is made of."""
    from pigbench.api.report import Wanted, protocols

    return lambda *records: list(protocols(records, Wanted(store=Path("no-store"))))


@pytest.fixture
def page_of(protocols):
    """A function from records to their report."""
    from pigbench.reporting.report.chapters import chapter
    from pigbench.reporting.report.overview import overview
    from pigbench.reporting.report.page import page

    def page_of(*records):
        of = protocols(*records)
        return page("A title", [chapter(one) for one in of], overview([one.summary for one in of]))

    return page_of
