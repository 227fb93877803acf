"""`tilework encode`: images and clips as a folder of tokens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from tilework.cli.exploring import Device, Which
from tilework.cli.options import Run, RunsFolder
from tilework.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from tilework.engine.compute import Compute
    from tilework.engine.encoding import Encoded, Origin
    from tilework.engine.encoding.clips import Loops


def encode(
    run: Run,
    data: Annotated[
        str | None,
        typer.Argument(
            help="A data set, a folder or a file of images or clips; the run's own images where it is left out.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write.")] = Path("tokens"),
    layout: Annotated[
        str, typer.Option(help="npz, parquet, or what other trainers read, beside npz: llamagen, jsonl.")
    ] = "npz",
    mirror: Annotated[bool, typer.Option("--mirror", help="Every image a second time, mirrored.")] = False,
    loops: Annotated[
        str, typer.Option(help="Which clips are loops: auto (those without a seam), all or none.")
    ] = "auto",
    shard_items: Annotated[
        int | None, typer.Option(help="Images of each file; some thousands by default.", min=1, show_default=False)
    ] = None,
    more: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of DATA: --set every=4.", metavar="KEY=VALUE")
    ] = None,
    which: Which = "best",
    device: Device = "auto",
    runs: RunsFolder = None,
) -> None:
    """Write images and clips as tokens. Interrupted, the same command goes on; several processes share the work."""
    from tilework.cli.interrupted import report_interrupt
    from tilework.cli.launch import relaunch_if_asked
    from tilework.cli.output import console_for_text

    if loops not in {"auto", "all", "none"}:
        raise UserError(f"--loops {loops} is not known", why="it is auto, all or none", fix="leave it out for auto")
    relaunch_if_asked()
    console = console_for_text()
    with report_interrupt(console, "The same command goes on where it stopped."):
        with console.status("loading torch"):
            from tilework.engine.encoding import encode as write
            from tilework.engine.encoding.encode import plan

        compute = _compute(device)
        main = compute is None or compute.main
        with _bar(console, main, None) as prepared, _in_turn(compute):
            origin = _opened(run, data, more or [], which, device, runs, prepared, compute)
        planned = plan(origin, layout=layout, mirror=mirror, loops=cast("Loops", loops), shard_items=shard_items)
        with _bar(console, main, planned.manifest.items) as encoded:
            done = write(origin, out.expanduser(), planned, ranks=compute, progress=encoded)
    if main:
        _print_written(console, out, origin, done)


def _compute(device: str) -> Compute | None:
    """This process among the others, where a launcher started several."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return None
    from tilework.engine.compute import Compute
    from tilework.spec import EngineSettings

    return Compute(EngineSettings.model_validate({"device": device, "precision": "float32"}))


@contextmanager
def _in_turn(compute: Compute | None) -> Iterator[None]:
    """Images are prepared by one process of a machine, and found by the others."""
    if compute is None:
        yield
    else:
        with compute.first_on_this_machine():
            yield


def _opened(
    run: str,
    data: str | None,
    settings: list[str],
    which: str,
    device: str,
    runs: Path | None,
    prepared: Any,
    compute: Compute | None,
) -> Origin:
    from tilework.engine.encoding import open_origin

    origin = open_origin(run, data, settings, which=which, device=device, runs=runs, progress=prepared)
    if compute is not None:  # each process its own GPU
        origin.model.network.to(compute.device)
        origin.model.device = compute.device
    return origin


@contextmanager
def _bar(console: Console, main: bool, items: int | None) -> Iterator[Any]:
    """A bar of the main process: while images are prepared (`items` None), and while they are encoded."""
    from tilework.cli.preparing import Preparing, Words

    if not main:
        yield None
        return
    words = Words() if items is None else Words("encoding", "encoded", "images", goes_on=False)
    with Preparing(console, items, words) as bar:
        yield bar


def _print_written(console: Console, out: Path, origin: Origin, done: Encoded) -> None:
    from rich.text import Text

    tokens, manifest = done.tokens, done.tokens.manifest
    held_out, grid = int((tokens.sides == 1).sum()), manifest.grid
    levels = f" on {grid.levels} levels" if grid.levels > 1 else ""
    console.print(
        Text.assemble(
            (str(out), "bold"),
            f"  {manifest.items:,} images of {manifest.images.width}x{manifest.images.height} by {manifest.parent.run}, "
            f"step {manifest.parent.step:,}: {grid.width}x{grid.height} tokens{levels} of {grid.codes:,} codes, "
            f"{manifest.bits:,.0f} bits an image",
        ),
        soft_wrap=True,
    )
    size = sum(shard.bytes for shard in manifest.shards) / 1e6
    clips = len(set(tokens.groups[tokens.frames >= 0].tolist()))
    facts = [
        f"{manifest.items - held_out:,} to train on, {held_out:,} held out",
        f"{clips:,} clips, {len(manifest.closed_groups):,} of them loops" if clips else "",
        f"{len(manifest.classes)} classes" if manifest.classes else "",
        f"{len(manifest.shards):,} shard{'s' * (len(manifest.shards) != 1)}, {size:,.1f} MB",
        "nothing was left to do" if not done.made else "",
    ]
    console.print("; ".join(fact for fact in facts if fact), style="dim", soft_wrap=True)
    if origin.undivided:
        console.print(
            Text.assemble(("note: ", "yellow"), "these images cannot be divided; all count as training images"),
            soft_wrap=True,
        )
    for file, reason in origin.store.skipped[:5]:
        console.print(Text.assemble(("left out: ", "yellow"), f"{file}: {reason}"), soft_wrap=True)
    if len(origin.store.skipped) > 5:
        console.print(f"and {len(origin.store.skipped) - 5:,} more were left out")
    console.print(Text(f"images again: tilework decode {out} --out images", style="dim"))
