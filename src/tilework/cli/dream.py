"""`tilework dream`: new images and motion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from tilework.cli.exploring import Device, Which, open_run
from tilework.cli.options import Run, RunsFolder
from tilework.errors import UserError

if TYPE_CHECKING:
    from tilework.dream.choosing import Choice


def dream(
    run: Run,
    count: Annotated[int | None, typer.Option("--count", help="How many; 16 images or 1 clip by default.")] = None,
    frames: Annotated[int | None, typer.Option("--frames", help="Frames of a clip, of a prior of clips.")] = None,
    loop: Annotated[bool, typer.Option("--loop", help="A loop; refused where the prior learned from none.")] = False,
    start: Annotated[
        str | None, typer.Option("--start", metavar="FILE", help="Go on from an image, a GIF, a clip, or validation:N.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--end", metavar="FILE", help="With --start: what lies between that and this.")
    ] = None,
    label: Label = None,
    morph: Annotated[
        str | None, typer.Option("--morph", metavar="LABEL", help="With --label: a loop from that to this and back.")
    ] = None,
    between: Annotated[
        str | None,
        typer.Option("--between", help="How frames between key frames come to be: prior or latents.", metavar="WAY"),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from", help="Of a VAE: normal, aggregate (posterior) or mixture (of Gaussians).", metavar="WHAT"
        ),
    ] = None,
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
    """Dream up new images or motion: by a prior, by the newest prior of an autoencoder, or from a VAE's latent space."""
    from tilework.dream.choosing import chosen
    from tilework.dream.drawing import refuse_count

    refuse_count(1 if count is None else count, 1 if frames is None else frames)
    sampling = sampling_of(temperature, top_k, top_p, guidance, steps, order)
    _refuse_alone(start, end, label, morph)
    choice = chosen(run, runs)
    motion = {
        "--frames": frames, "--loop": loop or None, "--start": start, "--end": end, "--morph": morph, "--between": between,
    }  # fmt: skip
    drawn = {"--label": label, "--top-k": top_k, "--guidance": guidance or None, "--steps": steps}
    if not choice.prior:
        _refuse(choice, {**motion, **drawn}, "is no prior: images are drawn from its latent space")
        _from_latents(choice, 16 if count is None else count, source or "normal", seed, out, which, device, runs)
        return
    if source is not None:
        raise UserError(
            f"--from {source} is for models without tokens",
            why=f"{choice.run.name} is a prior, and draws tokens",
            fix="leave --from out",
        )
    from tilework import dream as dreams

    dreamer = open_dreaming(choice.run, which, device, runs, parent, choice.of)
    options = [name for name, value in motion.items() if value is not None]
    if options and not dreamer.moves:
        raise UserError(
            f"{dreamer.name} cannot use {options[0]}",
            why="it is a prior of images: it has never seen one frame follow another",
            fix=f"leave {options[0]} out, or train one of clips with `tilework train motion-prior parent={dreamer.parent.name}`",
        )
    check_out(out, moves=dreamer.moves)
    common = {"sampling": sampling, "seed": seed}
    with watching() as watch:
        if morph is not None and label is not None:
            shown = dreams.morph(dreamer, label, morph, frames, how=between, fps=fps, watch=watch, **common)  # type: ignore[arg-type]
        elif start is not None and end is not None:
            shown = dreams.between(
                dreamer, start, end, frames, label=label, how=between, fps=fps, watch=watch, **common  # type: ignore[arg-type]
            )  # fmt: skip
        elif dreamer.moves:
            shown = dreams.motion(
                dreamer, frames, loop=loop or None, count=1 if count is None else count, label=label, start=start,
                between=between, fps=fps, watch=watch, **common,  # type: ignore[arg-type]
            )  # fmt: skip
        else:
            shown = dreams.images(dreamer, 16 if count is None else count, label, watch=watch, **common)  # type: ignore[arg-type]
    save_dream(shown, out, dreamer.name)


def _from_latents(
    choice: Choice, count: int, kind: str, seed: int, out: Path | None, which: str, device: str, runs: Path | None
) -> None:
    from tilework.dream.continuous import from_latents

    check_out(out, moves=False)
    opened = open_run(str(choice.run), which, device, runs)
    save_dream(from_latents(opened, count, kind, seed), out, opened.name)  # type: ignore[arg-type]


def _refuse_alone(start: str | None, end: str | None, label: str | None, morph: str | None) -> None:
    if end is not None and start is None:
        raise UserError(
            "--end was given without --start",
            why="what lies between two images needs both",
            fix="write --start FILE too",
        )
    if morph is not None and label is None:
        raise UserError(
            "--morph was given without --label", why="a morph goes from one label to another", fix="write --label too"
        )
    if morph is not None and start is not None:
        raise UserError("--morph and --start were both given", why="a morph begins with its label", fix="leave one out")


def _refuse(choice: Choice, given: dict[str, object], why: str) -> None:
    options = [name for name, value in given.items() if value is not None]
    if options:
        raise UserError(
            f"{choice.run.name} cannot use {options[0]}",
            why=f"it {why}",
            fix=f"leave {options[0]} out, or name a run of a prior",
        )
