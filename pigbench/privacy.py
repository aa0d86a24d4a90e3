"""What may name a user in a text that others read: paths, file names and accounts."""

from __future__ import annotations

import re

CUT = "…"
_ACCOUNT = re.compile(r"://[^\s/@]*@")
_QUOTED = re.compile(r"""(['"])(?:[A-Za-z]:)?[^'"]*[/\\][^'"]*\1""")
_ABSOLUTE = re.compile(r"""(?<![\w.])(?:[A-Za-z]:)?[/\\](?:[^\s'":,;()]+[/\\])*[^\s'":,;()]*""")
_RELATIVE = re.compile(r"(?<![\w.])[\w.~-]+(?:[/\\][\w.~-]+)*[/\\][\w-]+\.\w+")
_FILE = re.compile(r"[\w-]\.[A-Za-z]\w{0,11}$")


def without_paths(text: str) -> str:
    """`text` with absolute paths cut to "…" and no account in a URL: a record goes to others, and they name people."""
    return _ABSOLUTE.sub(CUT, _ACCOUNT.sub("://", text))


def without_any_path(text: str) -> str:
    """The same for a message, which quotes paths: relative ones and those with spaces are cut, too."""
    return _RELATIVE.sub(CUT, without_paths(_QUOTED.sub(rf"\1{CUT}\1", text)))


def like_a_path(value: str) -> bool:
    """Whether a setting's value may be a path, or the name of a file."""
    return bool(re.search(r"[/\\]", value) or _FILE.search(value))
