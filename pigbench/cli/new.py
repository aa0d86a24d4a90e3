"""`pigbench new`: a package with a plugin that works, to be changed into yours."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pigbench.errors import PigbenchError

if TYPE_CHECKING:
    from pigbench.registry import Group

Name = Annotated[str, typer.Argument(help="What to call it: letters, digits, - and _.")]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="A new or empty folder. [NAME]")]

app = typer.Typer(no_args_is_help=True, help="Create a working plugin package to start from.")


def _command(kind: str, group: Group) -> None:
    """Add the command that writes a package with a plugin of this kind."""

    @app.command(
        kind,
        help=f"Write a package with a {kind}: one file, one test, and the entry point that makes PIGBench find it.",
    )
    def new(name: Name, out: Out = None) -> None:
        _write(group, name, out or Path(name))


def _write(group: Group, name: str, directory: Path) -> None:
    from importlib.resources import files
    from string import Template

    words = _words(group, name, directory)
    kind = group.removesuffix("s")
    directory.mkdir(parents=True, exist_ok=True)
    names = {"module.py": f"{words['module']}.py", "test.py": f"test_{words['module']}.py"}
    for template in sorted((files("pigbench") / "templates" / kind).iterdir(), key=lambda file: file.name):
        plain = template.name.removesuffix(".in")
        path = directory / names.get(plain, plain)
        path.write_text(Template(template.read_text(encoding="utf-8")).substitute(words), encoding="utf-8")
        print(path)
    print(f"Next: pip install --editable {directory}, and then: pigbench check {name}")


def _words(group: Group, name: str, directory: Path) -> dict[str, str]:
    """What the templates are filled with. Raises PigbenchError for a name or a folder that cannot be had."""
    from importlib.util import find_spec
    from keyword import iskeyword

    from pigbench import contracts, registry

    module = name.replace("-", "_")
    class_name = "".join(part[:1].upper() + part[1:] for part in module.split("_"))
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise PigbenchError(f"'{name}' cannot be a plugin's name: letters, digits, - and _, a letter first")
    if taken := registry.plugins(group).get(name):
        raise PigbenchError(
            f"the {group.removesuffix('s')} '{name}' is there already, of {taken.origin}: choose another name"
        )
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise PigbenchError(f"{directory} is in the way: choose another name, or a new folder with --out")
    if iskeyword(module) or hasattr(contracts, class_name) or module in sys.stdlib_module_names or find_spec(module):
        raise PigbenchError(f"'{module}' means something to Python already: choose another name")
    return {"name": name, "module": module, "class_name": class_name}


_command("generator", "generators")
_command("segmenter", "segmenters")
_command("metric", "metrics")
