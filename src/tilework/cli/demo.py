"""`tilework demo`: the main job in a minute, offline, on data that comes along."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from tilework.cli.options import RunsFolder
from tilework.cli.studio import Open, Port, Url, outside_of
from tilework.errors import UserError

if TYPE_CHECKING:
    from tilework.engine.progress import Progress
    from tilework.runs.folder import RunFolder
    from tilework.studio.address import Address


RECIPE_OVERRIDES: tuple[str, ...] = ()
"""The demo is the recipe as it is shipped."""


Live = Annotated[bool, typer.Option("--live", help="Watch and steer it in the browser (`tilework studio`).")]


def demo(runs: RunsFolder = None, live: Live = False, port: Port = 7860, open_: Open = False, url: Url = None) -> None:
    """Train the 2-D residual-VQ model on real handwritten digits, and show what it learned. About a minute, offline."""
    if url and not live:
        raise UserError("demo --url has nothing to open", why="without --live there is no studio", fix="add --live")
    if live:
        _watched(runs, port, open_, outside_of(url))
    else:
        _in_terminal(runs)


def _in_terminal(runs: Path | None) -> None:
    from tilework.cli.training import run_training

    def prepare() -> Callable[[Progress], RunFolder]:
        from tilework.spec import load_spec

        spec = load_spec("rqvae-digits", RECIPE_OVERRIDES)
        from tilework.engine import train as engine_train

        return lambda progress: engine_train(spec, root=runs, progress=progress)

    run_training(prepare)


def _watched(runs: Path | None, port: int, open_: bool, outside: Address | None) -> None:
    """The same run in a process of its own, and the studio in this one; Ctrl-C ends both, the run at a checkpoint."""
    import time

    from rich.console import Console

    from tilework.cli.studio import serve, sigterm_as_ctrl_c
    from tilework.studio.server import LOOPBACK, Studio

    console = Console(highlight=False, soft_wrap=True)
    # Before the run: a port that is in use must not leave one behind.
    studio = Studio(runs, LOOPBACK, port, outside=outside)
    launcher = studio.app.app.state.launcher
    try:
        with console.status("starting the run"), sigterm_as_ctrl_c():
            name = f"demo-{time.strftime('%Y%m%d-%H%M%S')}"
            run_id = launcher.start(["demo", "--runs", str(studio.root.path)], name)
        serve(
            studio,
            open_,
            f"#/runs/{quote(run_id)}" if run_id else "",
            "and the run, which `tilework resume` goes on with",
        )
    finally:
        studio.close()
        if launcher.reap():
            with console.status("the run saves a checkpoint"):
                launcher.interrupt()
