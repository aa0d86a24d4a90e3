"""Text in a notebook's cell that changes in its place."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY = 0.25
"""Seconds between two changes: each is a message to the browser."""


def changing_text() -> Callable[[str, bool], None]:
    """A function that shows a text in the place of the one before. Too soon after that it does nothing, unless told to.

    It needs no widgets, only IPython, which every notebook has.
    """
    from IPython.display import display

    handle = display({"text/plain": ""}, raw=True, display_id=True)
    shown = 0.0

    def show(text: str, whenever: bool) -> None:
        nonlocal shown
        if whenever or time.monotonic() - shown >= EVERY:
            shown = time.monotonic()
            handle.update({"text/plain": text}, raw=True)

    return show
