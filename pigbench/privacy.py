"""What may name a user in a text that others read: paths, file names and accounts."""

from __future__ import annotations

import re

CUT = "…"
_ACCOUNT = re.compile(r"://[^\s/@]*@")
_ABSOLUTE = re.compile(r"""(?<![\w.])(?:[A-Za-z]:)?[/\\](?:[^\s'":,;()]+[/\\])*[^\s'":,;()]+""")
_QUOTED = re.compile(r"""(?<!\w)(['"])([^'"\n]*)\1""")
_RELATIVE = re.compile(r"(?<![\w.…])[\w.~-]+(?:[/\\][\w.~-]+)+")
_ENDINGS = (
    "bin|bmp|ckpt|csv|dcm|gz|h5|html|jpeg|jpg|json|nii|npy|npz|pickle|pkl|png|pt|pth|safetensors|tif|tiff|toml|txt|zip"
)
_FILE = re.compile(rf"(?<![\w…])[\w.-]*\w\.(?:{_ENDINGS})\b", re.IGNORECASE)
_ENDING = re.compile(r"[\w-]\.[A-Za-z]\w{0,11}$")


def without_paths(text: str) -> str:
    """`text` with absolute paths cut to "…" and no account in a URL: a record goes to others, and they name people."""
    return _ABSOLUTE.sub(CUT, _ACCOUNT.sub("://", text))


def without_files(text: str) -> str:
    """The same for a message: quoted paths with spaces, relative paths and names of files are cut, too."""
    text = _QUOTED.sub(lambda found: f"{found[1]}{CUT}{found[1]}" if like_a_path(found[2]) else found[0], text)
    text = _RELATIVE.sub(lambda found: found[0] if _is_ratio(found[0]) else CUT, without_paths(text))
    return _FILE.sub(CUT, text)


def like_a_path(value: str) -> bool:
    """Whether a setting's value may be a path, or the name of a file."""
    return bool(re.search(r"[/\\]", value) or _ENDING.search(value))


def _is_ratio(text: str) -> bool:
    """Whether it is no path but such as 3/5, n/a or images/s."""
    parts = re.split(r"[/\\]", text)
    return len(parts) == 2 and any(len(part) == 1 or part.isdigit() for part in parts)
