"""`tilework sample`: points of a latent space, decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tilework.cli.exploring import POINT, Device, Out, Through, Which, notes, numbers, open_run, read_point, save
from tilework.cli.options import Run, RunsFolder
from tilework.errors import UserError

if TYPE_CHECKING:
    from tilework.explore.opened import Opened
    from tilework.explore.points import Point


def sample(
    run: Run,
    out: Out,
    at: Annotated[
        list[str] | None, typer.Option("--at", help=f"A point; may be repeated. {POINT}", metavar="POINT")
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            "--mode",
            help="prior draws from N(0, I); normal from N(MU, SIGMA^2) in every dimension; exact decodes MU itself.",
            show_default="prior, or normal with --mu or --sigma",
        ),
    ] = None,
    mu: Annotated[
        str | None, typer.Option("--mu", help="One number for all dimensions, or one for each from the first: 2,-1.5.")
    ] = None,
    sigma: Annotated[str | None, typer.Option("--sigma", help="As --mu; 1 where none is given.")] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", help="Seed of the first image; each further image takes the next seed.", min=0),
    ] = None,
    count: Annotated[int | None, typer.Option("--count", help="Images; 16 by default.", min=1)] = None,
    through: Through = "quantiser",
    which: Which = "best",
    device: Device = "auto",
    runs: RunsFolder = None,
) -> None:
    """Decode points of a latent space to a sheet of images (.png, .html): drawn ones, or those that --at names."""
    from tilework.explore import files
    from tilework.explore.sampling import sample as decode

    files.checked(out, moves=False)
    drawing = {"--mode": mode, "--mu": mu, "--sigma": sigma, "--seed": seed, "--count": count}
    options = [name for name, value in drawing.items() if value is not None]
    if at and options:
        raise UserError(
            f"--at and {options[0]} were both given",
            why="--at names each point whole",
            fix="leave one out; a point can give it too: seed:7;*~0,0.5",
        )
    named = [read_point(text) for text in at or []]
    opened = open_run(run, which, device, runs)
    points = named or _drawn(opened, mode, mu, sigma, seed or 0, count)
    shown = decode(opened, points, through=through)
    save(shown, out)
    notes(points, opened)


def _drawn(
    opened: Opened, mode: str | None, mu: str | None, sigma: str | None, seed: int, count: int | None
) -> list[Point]:
    from tilework.explore.points import Band, Origin, Point
    from tilework.explore.sampling import prior, refuse_many

    mode = mode or ("normal" if mu is not None or sigma is not None else "prior")
    if mode not in {"prior", "normal", "exact"}:
        raise UserError(
            f"there is no mode '{mode}'", why="the modes are prior, normal and exact", fix="write --mode normal"
        )
    refused: dict[str, str | int | None] = {}
    if mode != "normal":
        refused = {"--mu": mu, "--sigma": sigma} if mode == "prior" else {"--sigma": sigma, "--count": count}
    for option, value in refused.items():
        if value is not None:
            raise UserError(
                f"--mode {mode} and {option} were both given",
                why="what is drawn from the prior has mu 0 and sigma 1" if mode == "prior" else "nothing is drawn",
                fix=f"leave {option} out, or write --mode normal",
            )
    means, deviations = _each(opened, mu, "--mu", 0.0), _each(opened, sigma, "--sigma", 1.0)
    if mode == "exact":
        return [Point(exact=means[1], every=Band(means[0], 0.0) if means[0] else None)]
    if mode == "prior":
        return prior(16 if count is None else count, seed)
    count = 16 if count is None else count
    refuse_many(count)
    every = Band(means[0], deviations[0])
    own = means[1].keys() | deviations[1].keys()
    bands = {d: Band(means[1].get(d, means[0]), deviations[1].get(d, deviations[0])) for d in sorted(own)}
    return [Point(Origin("seed", seed + number), bands=bands, every=every) for number in range(count)]


def _each(opened: Opened, text: str | None, option: str, usual: float) -> tuple[float, dict[int, float]]:
    """What holds for every dimension, and what for single ones. Raises UserError for more numbers than dimensions."""
    found = [usual] if text is None else numbers(text, option)
    if option == "--sigma" and min(found) < 0:
        raise UserError(f"--sigma {text} is negative", why="a standard deviation is not", fix="write --sigma 0.5")
    if len(found) == 1:
        return found[0], {}
    if len(found) > opened.dimensions:
        raise UserError(
            f"{option} has {len(found)} numbers",
            why=f"the latent of {opened.name} has {opened.dimensions} dimensions",
            fix="write fewer numbers; dimensions beyond the last one are drawn as usual",
        )
    return usual, dict(enumerate(found))
