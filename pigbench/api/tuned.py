"""`tuned`: a run with the settings that studies chose, on patients that they did not see."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from pigbench.api.settings import as_changes

if TYPE_CHECKING:
    from pigbench.api.request import Options
    from pigbench.planning.plan import Request
    from pigbench.store import Store


def with_tuned(request: Request, options: Options, store: Store) -> Request:
    """`request` with the settings that the studies which `options.tuned` names chose."""
    from pigbench.tuning.chosen import OWN, with_studies
    from pigbench.tuning.storage import studies_in

    def command(generator: str, trials: int) -> str:
        return shlex.join(["pigbench", "tune", "generator", generator, "--trials", str(trials), *_shared(options)])

    told = [OWN] if options.tuned is True else options.tuned or ()
    names = [told] if isinstance(told, str) else list(told)
    with studies_in(options.storage, store.root, existing=bool(options.storage)) as studies:
        return with_studies(request, names, studies, command)


def _shared(options: Options) -> list[str]:
    """What a run and a study that fits it have in common, as options of the command line."""
    from pigbench.protocol import Preset

    heads = {change: change.partition("=")[0].partition(".")[0] for change in as_changes(options.set)}
    general = [change for change, head in heads.items() if head in Preset.model_fields]
    given = ["--preset", options.preset, "--dataset", options.dataset]
    given += ["--set-aside", str(options.set_aside)] if options.set_aside else []
    given += [part for change in general for part in ("--set", change)]
    given += ["--store", str(options.store)] if Path(options.store) != Path("runs") else []
    return given + (["--storage", options.storage] if options.storage else [])
