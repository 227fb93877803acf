"""`tilework repaint`: a region of an image or a clip, dreamed anew."""

from __future__ import annotations

from typing import Annotated

import typer

from tilework.cli.dreaming import (
    Fps,
    Guidance,
    Label,
    Order,
    OutOrDefault,
    ParentRun,
    Seed,
    Steps,
    Temperature,
    TopK,
    TopP,
    check_out,
    open_dreaming,
    sampling_of,
    save_dream,
    watching,
)
from tilework.cli.exploring import Device, Which
from tilework.cli.options import Run, RunsFolder
from tilework.errors import UserError


def repaint(
    run: Run,
    item: Annotated[
        str,
        typer.Argument(metavar="IMAGE", help="An image, a GIF or a clip; or a validation image's number, or train:N."),
    ],
    region: Annotated[
        str,
        typer.Option(
            "--region", help="X,Y,WIDTH,HEIGHT in pixels of the model's images, or a mask file: white = anew."
        ),
    ],
    count: Annotated[int, typer.Option("--count", help="In how many ways.")] = 4,
    label: Label = None,
    temperature: Temperature = 1.0,
    top_k: TopK = None,
    top_p: TopP = 1.0,
    guidance: Guidance = 0.0,
    seed: Seed = 0,
    steps: Steps = None,
    order: Order = "halton",
    fps: Fps = 30,
    out: OutOrDefault = None,
    parent: ParentRun = None,
    which: Which = "best",
    device: Device = "auto",
    runs: RunsFolder = None,
) -> None:
    """Dream a region of an image or a clip anew; all other tokens stay as they are."""
    from tilework.dream import repaint as dreamed
    from tilework.dream.choosing import chosen
    from tilework.dream.repainting import read_region

    sampling = sampling_of(temperature, top_k, top_p, guidance, steps, order)
    choice = chosen(run, runs)
    if not choice.prior:
        raise UserError(
            f"{choice.run.name} cannot repaint",
            why="its latent is continuous, and has no tokens that could be drawn anew",
            fix="name a run of a prior, or of an autoencoder with tokens that has one",
        )
    dreamer = open_dreaming(choice.run, which, device, runs, parent, choice.of)
    check_out(out, moves=dreamer.moves)
    where = read_region(dreamer, region)
    with watching() as watch:
        shown = dreamed(
            dreamer, item, where, count, label=label, sampling=sampling, seed=seed, fps=fps, watch=watch
        )  # fmt: skip
    save_dream(shown, out, f"{dreamer.name}-repainted")
