"""The bar that is shown while files are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def reading(shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """A bar on the standard error for as long as it takes, or a line in a notebook; tell it (files done, all files)."""
    from rich.console import Console
    from rich.progress import Progress

    from pigbench.reporting.notebook import changing_text

    console = Console(stderr=True)
    if shown and console.is_jupyter:
        show = changing_text()
        yield lambda done, total: show(f"reading {done:,}/{total:,}", done == total)
        return
    with Progress(console=console, transient=True, disable=not shown) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
