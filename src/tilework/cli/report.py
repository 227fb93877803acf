"""`tilework report`: one page about a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tilework.cli.options import Run, RunsFolder
from tilework.cli.paths import out_folder_or_file


def report(
    run: Run,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Where to write the page; default: the run's folder.",
            show_default=False,
            parser=out_folder_or_file,
            metavar="PATH",
        ),
    ] = None,
    runs: RunsFolder = None,
) -> None:
    """Write one HTML page (and its images) about a run: curves, reconstructions, code usage, latent map."""
    from tilework.report import report as write_report
    from tilework.runs.folder import RunFolder

    typer.echo(write_report(RunFolder.find(run, runs), out))
