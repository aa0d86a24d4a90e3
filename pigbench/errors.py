"""Errors that a user can act on. The command line prints them in one line and exits with 2."""

from __future__ import annotations

import re
from collections.abc import Sequence

LISTED = 20
"""So many known names are listed at most where none is near."""

NEAR = 0.7
"""How alike a name must be to be offered: below, what is offered is mostly what nobody meant."""

SHORT = 5
"""Names of fewer letters are no typing errors of one another unless they begin alike: `gpu` is no `cpu`."""


class PigbenchError(Exception):
    """Something the user gave or asked for is wrong; the message names it and the way out."""


def did_you_mean(kind: str, name: str, known: Sequence[str]) -> str:
    """One sentence for an unknown `name` of some `kind`: the nearest known names, or those it can be.

    Of dotted names, such as `training.lr`, the table is taken as right where it exists: only its own keys are offered.
    """
    among = _of_the_same_table(name, known)
    if near := nearest(name, among):
        return f"unknown {kind} '{name}': did you mean {' or '.join(repr(k) for k in near)}?"
    listed = sorted(set(among))
    more = f" and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    return f"unknown {kind} '{name}': known are {', '.join(listed[:LISTED]) or 'none'}{more}"


def nearest(name: str, known: Sequence[str], most: int = 3) -> list[str]:
    """The known names that `name` may be a typing error or an abbreviation of, the likeliest first.

    Only what is about as likely as the first one is given. Where one name has a table and the other has none, their
    last parts are compared: `lr` may be `training.learning_rate`.
    """
    scores = {other: _likeness(name, other) for other in known}
    best = max(scores.values(), default=0.0)
    least = 1.0 if best == 1.0 else max(NEAR, best - 0.1)
    found = [other for other, score in scores.items() if score >= least]
    return sorted(found, key=lambda other: -scores[other])[:most]


def _of_the_same_table(name: str, known: Sequence[str]) -> Sequence[str]:
    table, dot, _ = name.rpartition(".")
    return [other for other in known if dot and other.rpartition(".")[0] == table] or known


def _likeness(name: str, other: str) -> float:
    """From 0 to 1; of dotted names, that of their last parts, and no more than that of their tables."""
    (table, dot, last), (other_table, other_dot, other_last) = name.rpartition("."), other.rpartition(".")
    if not (dot and other_dot):
        return _of_parts(last, other_last)
    return min(_of_parts(last, other_last), _of_parts(table, other_table))


def _of_parts(name: str, other: str) -> float:
    ours, theirs = _words(name), _words(other)
    a, b = "".join(ours), "".join(theirs)
    if not a or not b:
        return 0.0
    if a == b:
        return 1.0
    if len(theirs) > 1 and a == "".join(word[0] for word in theirs):  # lr: learning_rate
        return 0.95
    if len(a) > 2 and any(word.startswith(a) for word in [b, *theirs]):  # optim: optimizer
        return 0.9
    by_word = [0.9 * _alike(a, word) for word in theirs] if len(theirs) > 1 else []  # stepz: ddpm_steps
    return max(_alike(a, b), *by_word, 0.0)


def _alike(a: str, b: str) -> float:
    """The share of letters in common and in order, two that are swapped counting as in order."""
    from difflib import SequenceMatcher

    if min(len(a), len(b)) < SHORT and a[0] != b[0]:
        return 0.0
    if sorted(a) == sorted(b):
        return 0.9  # letters swapped
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", name.lower().replace("+", "plus")) if word]


def in_a_line(error: Exception | str, most: int | None = None) -> str:
    """What an error says, its line breaks left out; of more than `most` letters, the middle too."""
    text = " ".join(str(error).split())
    if most is None or len(text) <= most:
        return text
    return f"{text[: most // 2].rstrip()} … {text[-(most // 2) :].lstrip()}"
