"""The page itself: chapters put into a template, with a policy that lets nothing in but its own script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from pigbench import __version__
from pigbench.reporting.cells import Table
from pigbench.reporting.render import FIRST_NOTES
from pigbench.reporting.report.chapters import Chapter

if TYPE_CHECKING:
    from jinja2 import Environment

MARK = '<meta name="generator" content="pigbench report">'
"""What tells a report from any other file."""


def page(title: str, chapters: Sequence[Chapter], overview: Table | None = None) -> str:
    """One self-contained HTML file. It makes no request, and is read without its script."""
    pages = _pages()
    script, style = (_source(pages, name) for name in ("script.js", "style.css"))
    return pages.get_template("page.html").render(
        title=title,
        version=__version__,
        mark=MARK,
        policy=policy(script),
        script=script,
        style=style,
        chapters=chapters,
        overview=overview,
        first_notes=FIRST_NOTES,
    )


def policy(script: str) -> str:
    """The content security policy of a page with this script."""
    own = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{own}'"


@cache
def _pages() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("pigbench.reporting.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _source(pages: Environment, name: str) -> str:
    assert pages.loader is not None
    return pages.loader.get_source(pages, name)[0]
