"""The check that a plugin's module imports nothing that takes seconds, and reads nothing, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

from pigbench.contracts import rule
from pigbench.testing.at_work import AtWork
from pigbench.testing.results import Fault

HEAVY = {"torch", "torchvision", "diffusers", "transformers", "timm", "segmentation_models_pytorch", "albumentations"}
HEAVY |= {"sklearn", "tensorflow", "jax", "monai", "matplotlib"}

LOOK = """
import importlib, json, pathlib, sys
sys.path[:], module, package, heavy = json.loads(sys.argv[1])
from pigbench.testing.audit import watching
with watching(own=package and pathlib.Path(package)) as read:
    importlib.import_module(module)
print(json.dumps([[name for name in heavy if name in sys.modules], read]))
"""


def late_imports(subject: AtWork) -> str:
    """Check: importing the plugin's module brings in none of HEAVY and reads nothing but code. Raises Fault."""
    module = subject.plugin.__module__
    told = json.dumps([sys.path, module, subject.package and str(subject.package), sorted(HEAVY)])
    done = subprocess.run([sys.executable, "-c", LOOK, told], capture_output=True, text=True, timeout=120)
    if done.returncode:
        return f"not looked at: {module} does not import by itself"
    heavy, read = json.loads(done.stdout.splitlines()[-1])
    if heavy:
        raise Fault(f"importing {module} imports {', '.join(heavy)}", rule("Import torch"))
    if read:
        raise Fault(f"importing {module} reads {', '.join(read)}", rule("Read no file"))
    return f"importing {module} is light, and reads nothing"
