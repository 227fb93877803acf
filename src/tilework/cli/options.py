"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RunsFolder = Annotated[
    Path | None,
    typer.Option("--runs", help="Folder of runs; default ./runs, or $TILEWORK_RUNS.", show_default=False),
]
Run = Annotated[str, typer.Argument(help="A run's name, the beginning of it, its folder, or 'last'.", metavar="RUN")]
