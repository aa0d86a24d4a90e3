"""What a check leaves: a line that says what was seen, or what broke and the contract's sentence on it."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

OURS = Path(__file__).parent.parent


class ContractBroken(AssertionError):
    """A plugin breaks the contract: the message names plugin, check and fault, and quotes the contract's sentence."""

    def __init__(self, plugin: str, result: Result) -> None:
        super().__init__(f"{plugin}: {result.check}: {result.text}\nThe contract: {result.sentence}")


class Fault(Exception):
    """What a check found wrong; `sentence` is the contract's."""

    def __init__(self, text: str, sentence: str) -> None:
        super().__init__(text)
        self.sentence = sentence


@dataclass(frozen=True)
class Result:
    """One check of one plugin. text: what was seen, or what is wrong; sentence: of the contract, where it is broken."""

    check: str
    state: Literal["ok", "BROKEN", "not tried"]
    text: str
    sentence: str = ""
    cause: BaseException | None = None


@dataclass(frozen=True)
class Check:
    """A check: its name, what it does to a subject, and whether the ones after it make no sense without it.

    run: returns what it saw, in a few words; raises Fault.
    """

    name: str
    run: Callable[[Any], str]
    first_of_all: bool = False


def run_checks(checks: Sequence[Check], subject: Any) -> Iterator[Result]:
    """The results, each as soon as it is known."""
    missing = ""
    for check in checks:
        if missing:
            yield Result(check.name, "not tried", f"'{missing}' comes first")
            continue
        try:
            yield Result(check.name, "ok", check.run(subject))
        except Fault as fault:
            yield Result(check.name, "BROKEN", str(fault), fault.sentence, fault.__cause__ or fault)
            missing = check.name if check.first_of_all else ""


def require(plugin: str, results: Iterator[Result]) -> None:
    """Raises ContractBroken for the first result that is."""
    for result in results:
        if result.state == "BROKEN":
            raise ContractBroken(plugin, result) from result.cause


@contextmanager
def calling(what: str, promise: Any) -> Iterator[None]:
    """Turns whatever a plugin raises into a Fault that says where; the sentence is the docstring of `promise`."""
    try:
        yield
    except Fault:
        raise
    except Exception as error:
        raise Fault(f"{what} raises {_told(error)}", promised(promise)) from error


def require_words(plugin: Any, **properties: Any) -> None:
    """Raises Fault where what a plugin says of itself, by the names of properties of the contract, is not a string."""
    for name, promise in properties.items():
        with calling(name, promise):
            said = getattr(plugin, name)
        if not isinstance(said, str):
            raise Fault(f"its {name} is {type(said).__name__}, not str", promised(promise))


def promised(method: Any) -> str:
    """What the contract says of a method: the first paragraph of its docstring, in one line."""
    return " ".join((inspect.getdoc(method) or "").partition("\n\n")[0].split())


def entry(owner: type, name: str) -> str:
    """What a class's docstring says of one field, from "name: " to the next field's; of the class, if nothing."""
    text = " ".join((inspect.getdoc(owner) or "").split())
    found = re.search(rf"(?<=\. ){name}: .*?(?=(?<=\.) \w+: |$)", text)
    return found.group() if found else promised(owner)


def _told(error: Exception) -> str:
    """Kind, message and where in the plugin: `ValueError: … (noise.py, line 12)`."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next((frame for frame in frames if OURS not in Path(frame.filename).parents), frames[-1])
    return f"{type(error).__name__}: {error} ({Path(place.filename).name}, line {place.lineno})"
