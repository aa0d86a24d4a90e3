"""What `pigbench doctor` looks at."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pigbench import __version__, registry
from pigbench.errors import PigbenchError
from pigbench.processes import cores


@dataclass(frozen=True)
class Finding:
    """One thing looked at, and whether it is as it should be."""

    subject: str
    text: str
    fine: bool = True


def examine(store: Path) -> Iterator[Finding]:
    """Look at everything a run needs."""
    yield Finding("pigbench", f"{__version__}, Python {platform.python_version()} on {platform.platform()}")
    yield from _libraries()
    yield from _packages()
    yield from _plugins()
    yield from _extractors()
    yield from _device()
    yield from _store(store)


def _libraries() -> Iterator[Finding]:
    from pigbench.engine.work import LIBRARIES, library_versions

    found = library_versions()
    for name in LIBRARIES:
        yield Finding(name, found.get(name, "not installed"), name in found)


def _packages() -> Iterator[Finding]:
    """`generators` is a name that others use too: is it ours that Python finds?"""
    from importlib.util import find_spec

    home = Path(sys.modules["pigbench"].__file__ or "").parent.parent
    for name in ("generators", "segmenters"):
        spec = find_spec(name)
        where = Path(spec.origin).parent.parent if spec and spec.origin else None
        owner = f"found in {where}" if where else "not found"
        text = owner if where == home else f"{owner}, not beside pigbench in {home}: another package has its name"
        yield Finding(f"package {name}", text, where == home)


def _plugins() -> Iterator[Finding]:
    for group in ("generators", "segmenters"):
        try:
            for name, plugin in registry.plugins(group).items():  # type: ignore[arg-type]
                error = plugin.error()
                yield Finding(f"{group.removesuffix('s')} {name}", error or plugin.origin, not error)
        except PigbenchError as error:
            yield Finding(group, str(error), False)


def _extractors() -> Iterator[Finding]:
    from pigbench.metrics.extractors import extractor_names, find_weights

    for name in extractor_names():
        try:
            find_weights(name, fetch=False)
        except PigbenchError as error:  # not wrong: only the presets that name it need it
            yield Finding(f"extractor {name}", f"not usable now: {error}")
        else:
            yield Finding(f"extractor {name}", "weights found")


def _device() -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        yield Finding("GPU", torch.cuda.get_device_name(0))
    else:
        yield Finding("GPU", "none that torch can use; everything runs on the CPU")
    yield Finding("cores", str(cores()))


def _store(root: Path) -> Iterator[Finding]:
    from pigbench.store import Store

    try:
        store = Store(root)
    except PigbenchError as error:
        yield Finding("store", str(error), False)
        return
    free = shutil.disk_usage(store.root).free / 2**30
    yield Finding("store", f"{root}: {free:.1f} GiB free", free > 1)
    if rubbish := store.rubbish():
        yield Finding("store", f"{len(rubbish)} leftovers of crashes: `pigbench store gc` drops them")
