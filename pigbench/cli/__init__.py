"""The command line: one file a verb, each thin: parse, call, print."""

from __future__ import annotations

import gc
import sys

import typer

from pigbench.cli import (
    check,
    compare,
    data,
    doctor,
    evaluate,
    export,
    listing,
    new,
    report,
    run,
    sample,
    split,
    store,
    train,
    tune,
)
from pigbench.cli.options import spelled_out

app = typer.Typer(
    name="pigbench",
    help="Does synthetic data help? Train generators, train segmenters with and without what they make, and compare.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
)
app.command("run")(run.run)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.add_typer(tune.app, name="tune")
app.command("evaluate")(evaluate.evaluate)
app.command("train")(train.train)
app.command("sample")(sample.sample)
app.command("export")(export.export)
app.add_typer(data.app, name="data")
app.add_typer(split.app, name="split")
app.command("list")(listing.list_)
app.add_typer(new.app, name="new")
app.command("check")(check.check)
app.add_typer(store.app, name="store")
app.command("doctor")(doctor.doctor)


def main() -> None:
    """The console script. A user's mistake is one line and exit 2."""
    from pigbench.api.refusals import refusing
    from pigbench.errors import PigbenchError

    gc.set_threshold(100_000, 50, 1000)  # a thousand records are millions of objects, hardly one of them garbage
    try:
        with refusing():
            app(args=spelled_out(sys.argv[1:]))
    except PigbenchError as error:
        print(f"pigbench: {error}", file=sys.stderr)
        raise SystemExit(2) from None
