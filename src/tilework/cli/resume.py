"""`tilework resume`: go on exactly where a run stopped, was killed or crashed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from tilework.cli.options import Run, RunsFolder, refuse_options

if TYPE_CHECKING:
    from tilework.engine.progress import Progress
    from tilework.runs.folder import RunFolder


def resume(
    run: Run,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="engine.key=value, for example engine.epochs=400; data.path=PATH where the images were moved.",
            metavar="[ENGINE.KEY=VALUE]...",
            show_default=False,
        ),
    ] = None,
    runs: RunsFolder = None,
) -> None:
    """Go on with a run from its last checkpoint."""
    from tilework.cli.training import run_training

    refuse_options("resume", [run, *(overrides or [])])

    def prepare() -> Callable[[Progress], RunFolder]:
        from tilework.runs.folder import RunFolder

        folder = RunFolder.find(run, runs)
        from tilework.engine import resume as engine_resume

        return lambda progress: engine_resume(folder, progress=progress, overrides=tuple(overrides or ()))

    run_training(prepare)
