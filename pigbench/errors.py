"""Errors that a user can act on. The command line prints them in one line and exits with 2."""


class PigbenchError(Exception):
    """Something the user gave or asked for is wrong; the message names it and the way out."""


def did_you_mean(kind: str, name: str, known: list[str]) -> str:
    """One sentence for an unknown `name` of some `kind`: the nearest known names, or all of them."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"unknown {kind} '{name}': did you mean {' or '.join(repr(k) for k in near)}?"
    return f"unknown {kind} '{name}': known are {', '.join(sorted(known)) or 'none'}"


def in_a_line(error: Exception) -> str:
    """What an error says, its line breaks left out."""
    return " ".join(str(error).split())
