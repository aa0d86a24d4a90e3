"""The page itself: chapters put into a template, with a policy that lets nothing in but its own script."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from pigbench import __version__
from pigbench.reporting.cells import Table
from pigbench.reporting.render import FIRST_NOTES
from pigbench.reporting.report.card import Card
from pigbench.reporting.report.chapters import Chapter
from pigbench.reporting.report.drawing import ID

if TYPE_CHECKING:
    from jinja2 import Environment

MARK = '<meta name="generator" content="pigbench report">'
"""What tells a report from any other file."""


def page(
    title: str,
    chapters: Sequence[Chapter],
    overview: Table | None = None,
    *,
    images: bool = False,
    remarks: Sequence[str] = (),
) -> str:
    """One self-contained HTML file. It makes no request, and is read without its script.

    images: whether the chapters may hold images of a dataset. remarks: what was left out, and the like.
    """
    generated = any(chapter.pictures or chapter.cases for chapter in chapters)
    return _rendered("page.html", title, generated, images, chapters=chapters, overview=overview, remarks=remarks)


def card_page(card: Card, *, images: bool = False, remarks: Sequence[str] = ()) -> str:
    """A generator's card as such a file."""
    return _rendered("card.html", card.label, bool(card.pictures), images, card=card, remarks=remarks)


def _rendered(template: str, title: str, pictures: bool, images: bool, **content: object) -> str:
    pages = _pages()
    script, style = (_source(pages, name) for name in ("script.js", "style.css"))
    made = pages.get_template(template).render(
        title=title,
        version=__version__,
        holds=_what_it_holds(pictures, images),
        mark=MARK,
        policy=policy(script),
        script=script,
        style=style,
        first_notes=FIRST_NOTES,
        **content,
    )
    return _with_ids_of_their_own(made)


def _with_ids_of_their_own(made: str) -> str:
    """The page, the ids in equal drawings, which are equal, told apart."""
    seen: Counter[str] = Counter()

    def apart(drawing: re.Match[str]) -> str:
        prefix = re.search(rf'\bid="({ID}-)', drawing[0])
        if not prefix:
            return drawing[0]
        number = seen[prefix[1]]
        seen[prefix[1]] += 1
        return drawing[0].replace(prefix[1], f"{prefix[1]}{number}-") if number else drawing[0]

    return re.sub(r"<svg .*?</svg>", apart, made, flags=re.DOTALL)


def _what_it_holds(pictures: bool, images: bool) -> str:
    """What a reader must know of the pictures before passing the file on."""
    if not pictures:
        return "This file holds no images."
    if images:
        return "This file holds real images of the dataset: pass it on only where these may go."
    return (
        "This file holds generated images, and neither images nor masks of the dataset; where Copies is high generated "
        "images may resemble real ones."
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
