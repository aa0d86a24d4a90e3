"""One spelling of names that systems and people write in several ways."""

from __future__ import annotations

import unicodedata


def composed(name: str) -> str:
    """A name with its accents and umlauts as one character each: some systems store them as two."""
    return unicodedata.normalize("NFC", name)
