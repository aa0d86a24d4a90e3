"""PIGBench: does synthetic data help? Generators of image/mask pairs, judged by the segmenters trained on them.

    record = pigbench.run(generator="pig", dataset="phantom", preset="quick")
    tables = pigbench.compare("runs")

The names below are imported when they are first used, so that `import pigbench` costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pigbench.api.compare import Tables, compare
    from pigbench.api.datasets import import_dataset
    from pigbench.api.evaluate import evaluate
    from pigbench.api.report import report
    from pigbench.api.run import run
    from pigbench.api.sample import Samples, sample
    from pigbench.errors import PigbenchError
    from pigbench.results.record import Record

__version__ = "0.1.0"
__all__ = [
    "PigbenchError",
    "Record",
    "Samples",
    "Tables",
    "compare",
    "evaluate",
    "import_dataset",
    "report",
    "run",
    "sample",
]

_HOMES = {
    "PigbenchError": "errors",
    "Record": "results.record",
    "Samples": "api.sample",
    "Tables": "api.compare",
    "compare": "api.compare",
    "evaluate": "api.evaluate",
    "import_dataset": "api.datasets",
    "report": "api.report",
    "run": "api.run",
    "sample": "api.sample",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pigbench' has no attribute '{name}'")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"pigbench.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
