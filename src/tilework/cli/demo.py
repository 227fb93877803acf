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
DREAM_TOKENIZER: tuple[str, ...] = (
    "name=demo-loops",
    "data.animations=4",
    "data.variants=40",
    "engine.steps=1200",
    "objective.sharpness.weight={kind: linear, start: 0.0, end: 0.12, over: 1200 steps}",
    "optimizer.lr={kind: cosine, start: 2e-3, end: 1e-5, over: 1200 steps, warmup: 30 steps}",
)
"""Four of the ten kinds of loops, and a fifth of the steps."""
DREAM_PRIOR: tuple[str, ...] = (
    "name=demo-motion",
    "engine.steps=700",
    "engine.validate_every_epochs=1",
    "engine.snapshot_every_epochs=1",
    "data.epoch_items=21000",
    "data.validate_items=4",
    "optimizer.lr={kind: cosine, start: 2e-3, end: 4e-5, over: 700 steps, warmup: 20 steps}",
)


Live = Annotated[bool, typer.Option("--live", help="Watch and steer it in the browser (`tilework studio`).")]


Dream = Annotated[
    bool,
    typer.Option(
        "--dream",
        help="Instead: from drawn loops to tokens to a new loop; ten minutes on two cores, half an hour without bf16.",
    ),
]


def demo(
    runs: RunsFolder = None,
    dream: Dream = False,
    live: Live = False,
    port: Port = 7860,
    open_: Open = False,
    url: Url = None,
) -> None:
    """Train the 2-D residual-VQ model on real handwritten digits, and show what it learned. About a minute, offline."""
    if url and not live:
        raise UserError("demo --url has nothing to open", why="without --live there is no studio", fix="add --live")
    if dream and live:
        raise UserError(
            "demo --dream and --live were both given",
            why="the demo that is watched is the other one",
            fix="leave --live out, and open `tilework studio` beside it to watch",
        )
    if dream:
        _dreamed(runs)
    elif live:
        _watched(runs, port, open_, outside_of(url))
    else:
        _in_terminal(runs)


def _in_terminal(runs: Path | None) -> None:
    _trained("rqvae-digits", RECIPE_OVERRIDES, runs)


def _dreamed(runs: Path | None) -> None:
    """A small tokenizer of drawn loops, a small prior over its tokens, and a loop from it, in the run folder of the prior."""
    tokenizer = _trained("p5-sharp", DREAM_TOKENIZER, runs)
    prior = tokenizer and _trained("motion-prior", (f"parent={tokenizer.path}", *DREAM_PRIOR), runs)
    if prior is None:  # another process than the main one of several
        return
    from tilework.cli.dreaming import save_dream, watching
    from tilework.cli.interrupted import report_interrupt
    from tilework.cli.output import console_for_text
    from tilework.dream import motion, open_dreamer
    from tilework.priors.contract import Sampling

    console = console_for_text()
    with (
        report_interrupt(console, f"Both runs are whole. To dream: tilework dream {prior.path}"),
        watching() as watch,
    ):
        console.print("dreaming a loop")
        dreamer = open_dreamer(prior, which="last")
        sampling = Sampling(guidance=1.0, top_p=0.95)  # what draws loops best
        save_dream(motion(dreamer, fps=15, sampling=sampling, watch=watch), prior.path / "dream.gif", dreamer.name)


def _trained(recipe: str, overrides: tuple[str, ...], runs: Path | None) -> RunFolder | None:
    from tilework.cli.training import run_training

    def prepare() -> Callable[[Progress], RunFolder]:
        from tilework.spec import load_spec

        spec = load_spec(recipe, overrides)
        from tilework.engine import train as engine_train

        return lambda progress: engine_train(spec, root=runs, progress=progress)

    return run_training(prepare)


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
