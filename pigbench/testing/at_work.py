"""A plugin at work under observation: what it reads, and what it changes that is not its own."""

from __future__ import annotations

import pickle
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pigbench.contracts import Batch, Generator, Pairs, Plugin, Segmenter, Task, require_able, rule
from pigbench.counting import counted
from pigbench.errors import PigbenchError
from pigbench.protocol import load_preset
from pigbench.randomness import torch_generator
from pigbench.testing.audit import watching
from pigbench.testing.miniature import STEPS, make_view
from pigbench.testing.results import Fault, calling, entry, promised
from pigbench.training import Diverged

if TYPE_CHECKING:
    import torch

P = TypeVar("P", bound=Plugin)
BATCH = 4
MANY = 3
"""As many classes are tried of a plugin that can tell any number apart."""


class AtWork(ABC):
    """A plugin with a preset's settings in a fold in miniature. What it does besides its work is remembered.

    contract: what it promises to be.
    """

    contract: type[Generator | Segmenter]

    def __init__(self, plugin: type[Plugin], name: str, task: Task, preset: str, steps: int = STEPS) -> None:
        """steps: of every training."""
        self.plugin, self.name, self.task, self.steps = plugin, name, task, steps
        self.preset = load_preset(preset)
        self.view = make_view(task)
        self.reads: list[str] = []  # files, addresses and programs, with when
        self.drawn: list[str] = []  # global random states that moved, with when
        self.changed: list[str] = []  # when the view's content changed
        self.package = package_of(plugin)

    @abstractmethod
    def trial(self) -> object:
        """The whole way once, from settings to results."""

    @cached_property
    def pairs(self) -> Pairs:
        """All cases."""
        return self.view.pairs(np.arange(len(self.view)))

    def batch(self) -> Batch:
        """What a loss is computed of."""
        import torch

        masks = np.array(self.pairs.masks)[:BATCH].astype(np.float32)
        images = torch.from_numpy(self.pairs.images[:BATCH].copy())
        return Batch(images, torch.from_numpy(masks), step=0, generator=torch_generator("loss"))

    def made(self, plugin: type[P], config: Any) -> P:
        """A plugin with these settings, for the subject's task. Raises Fault."""
        try:
            require_able(plugin, self.task)
        except PigbenchError as error:
            raise Fault(str(error), promised(Plugin.__init__)) from error
        with calling("__init__", Plugin.__init__):
            return plugin(config, self.task)

    def trained(
        self, what: str, train: Callable[[], object], *, seed: int, checkpoints: Path | None
    ) -> torch.nn.Module:
        """The network that `train` gives, frozen, on the CPU. Raises Fault where it gives none."""
        import torch

        own, theirs = self.plugin.train, self.contract.train  # type: ignore[attr-defined]
        promise = self.contract.loss if own is theirs else theirs
        allowed = [checkpoints] if checkpoints else []
        with self.at_work(what, promise, allowed), torch.random.fork_rng():
            torch.manual_seed(seed)
            network = train()
        if not isinstance(network, torch.nn.Module):
            raise Fault(f"{what} gives {type(network).__name__}", promised(theirs))
        return network.to("cpu").eval().requires_grad_(False)

    def untrained(self, what: str, build: Callable[[], torch.nn.Module], *, seed: int) -> torch.nn.Module:
        """The network that `build` gives. Raises Fault."""
        import torch

        with self.at_work(what, self.contract.build), torch.random.fork_rng():
            torch.manual_seed(seed)
            return build()

    @contextmanager
    def at_work(self, what: str, promise: Any, allowed: Sequence[Path] = ()) -> Iterator[None]:
        """One part of the plugin's work; what it raises becomes a Fault that quotes the docstring of `promise`.

        allowed: directories that may be read. torch computes in one thread, as a stage on a CPU does.
        """
        states, content, found = random_states(), self._content(), list[str]()
        try:
            with _one_thread(), watching(allowed, self.package) as found, calling(what, promise):
                yield
        finally:
            self.reads += [f"{path} ({what})" for path in found]
            self.drawn += [f"{name}'s ({what})" for name, state in random_states().items() if state != states[name]]
            self.changed += [what] if self._content() != content else []

    def _content(self) -> list[bytes]:
        pairs = self.view.pairs(np.arange(len(self.view)))
        assert pairs.masks is not None
        return [pairs.images.tobytes(), pairs.masks.tobytes()]


def random_states_alone(subject: AtWork) -> str:
    """Check: no global random state has moved."""
    if subject.drawn:
        raise Fault(f"moved: {_listed(subject.drawn)}", rule("Take every random number"))
    return "torch's, NumPy's and Python's stayed as they were"


def nothing_else_read(subject: AtWork) -> str:
    """Check: no file was read, no address connected to, and no program started."""
    if subject.reads:
        raise Fault(f"read: {_listed(subject.reads)}", rule("Read no file"))
    return "no file and no address beyond code and installed libraries"


def view_unchanged(subject: AtWork) -> str:
    """Check: the training cases are what they were."""
    if subject.changed:
        raise Fault(f"the view's arrays changed: {_listed(subject.changed)}", rule("The same request"))
    return "the training cases are what they were"


def other_sizes(subject: AtWork) -> str:
    """Check: an odd and a larger size work, or are refused with a ValueError."""
    seen = []
    for resolution in (subject.task.resolution - 1, subject.task.resolution * 3 // 2):
        seen.append(f"{resolution} pixels {_tried(_with(subject, replace(subject.task, resolution=resolution)))}")
    return ", ".join(seen)


def other_tasks(subject: AtWork) -> str:
    """Check: every kind of image works that it declares, with the most classes, or three, that it declares."""
    most, seen = min(subject.plugin.most_classes or MANY, MANY), []
    for channels in subject.plugin.channels:
        classes = tuple(f"class {number + 1}" for number in range(most))
        task = replace(subject.task, channels=channels, classes=classes)
        told = f"{'grey' if channels == 1 else 'colour'} with {counted(most, 'class', 'classes')}"
        try:
            _with(subject, task).trial()
        except Fault as fault:
            raise Fault(f"{told}: {fault}", entry(Plugin, "channels")) from fault
        seen.append(told)
    return ", ".join(seen)


def _with(subject: AtWork, task: Task) -> AtWork:
    """The same plugin for another task, trained for one step."""
    return type(subject)(subject.plugin, subject.name, task, subject.preset.name, steps=1)


def _tried(other: AtWork) -> str:
    try:
        other.trial()
    except Fault as fault:
        cause = fault.__cause__
        if isinstance(cause, (ValueError, PigbenchError)) and not isinstance(cause, Diverged):
            return "refused"
        raise Fault(
            f"at {other.task.resolution} pixels {fault}: refuse such a size with a ValueError", rule("Images are")
        ) from cause
    return "work"


def random_states() -> dict[str, bytes]:
    """The global random states, by whose they are."""
    import torch

    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "NumPy": pickle.dumps(np.random.get_state()),
        "Python": pickle.dumps(random.getstate()),
    }


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def package_of(plugin: type) -> Path | None:
    """The folder of the plugin's top-level package, or its file if it is a single one; None if defined on the fly."""
    try:
        spec = find_spec(plugin.__module__.partition(".")[0])
    except ValueError:  # __main__ has none
        return None
    if spec is None or not spec.has_location:
        return None
    return Path(next(iter(spec.submodule_search_locations or [spec.origin or ""])))


def _listed(things: list[str], most: int = 3) -> str:
    named = list(dict.fromkeys(things))
    more = f" and {len(named) - most} more" if len(named) > most else ""
    return ", ".join(named[:most]) + more
