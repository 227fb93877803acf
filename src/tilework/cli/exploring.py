"""What the commands that explore a model share: their options, how points are read, and what they print at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tilework.cli.paths import out_file
from tilework.errors import UserError

if TYPE_CHECKING:
    from tilework.explore.opened import Opened
    from tilework.explore.points import Point
    from tilework.explore.shown import Shown

Which = Annotated[
    str, typer.Option("--which", help="Which checkpoint: best, last, or one of the run's steps.", show_default=True)
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
_OUT_HELP = "The file to write; its extension gives the format."
Out = Annotated[Path, typer.Option("--out", "-o", help=_OUT_HELP, parser=out_file, metavar="FILE")]
MaybeOut = Annotated[Path | None, typer.Option("--out", "-o", help=_OUT_HELP, parser=out_file, metavar="FILE")]
Through = Annotated[
    Literal["quantiser", "decoder"],
    typer.Option(
        "--through",
        help="For models with codes: quantiser turns the latent into codes before it is decoded, decoder decodes it as it is.",
    ),
]
POINT = (
    "A point is zero, seed:N, validation:N, train:N or image:FILE, then terms: ;3=1.5 sets dimension 3, ;3~MU,SIGMA draws it, "
    ";pc1*2 goes along the first principal direction, ;3>8*0.5 from label 3 towards label 8."
)


def open_run(run: str, which: str, device: str, runs: Path | None) -> Opened:
    """The run's checkpoint, with its images where they are there."""
    from tilework.engine.device import choose_device
    from tilework.explore.opened import open_model

    choose_device(device, "--device {}")
    return open_model(run, which=which, device=device, runs=runs)


def read_point(text: str) -> Point:
    """A point as it is typed: a bare number is a validation image, and a file is itself. Raises UserError for neither."""
    from tilework.explore.points import Origin, Point, parse

    if text.isascii() and text.isdecimal():
        return parse(f"validation:{text}")
    try:
        return parse(text)
    except UserError:
        if _is_there(text):
            return Point(Origin("image", name=text))
        name, _, terms = text.removeprefix("image:").partition(";")
        if terms and _is_there(name) and not text.startswith("image:"):
            raise UserError(
                f"'{text}' is a file and terms of a point",
                why="a point that starts at a file names it",
                fix=f"write {Origin('image', name=name)};{terms}",
            ) from None
        if _looks_like_a_file(text):
            raise UserError(
                f"there is no file {text}",
                why="and it is no point either",
                fix=f"check the spelling, or write a point. {POINT[:64]}",
            ) from None
        raise


def _is_there(name: str) -> bool:
    try:
        return bool(name.strip()) and Path(name).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):  # too long for a name, for example
        return False


def numbers(text: str, option: str) -> list[float]:
    """Numbers with commas between them. Raises UserError for what is none."""
    import math

    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = [math.nan]
    if not all(map(math.isfinite, found)):
        raise UserError(
            f"{option} {text} cannot be read",
            why="it takes finite numbers with commas between them",
            fix=f"{option} 2,-1.5",
        )
    return found


def save(shown: Shown, out: Path) -> None:
    """Write a result, and print what was written and what it shows."""
    from tilework.explore import files

    written = files.save(shown, out)
    size = "" if written.size is None else f"  {written.size[0]}x{written.size[1]}"
    film = written.film
    moving = f", {len(film.frames)} frames in {film.seconds:.3g} s" if film is not None else ""
    typer.echo(f"{written.path}{size}{moving}")
    typer.echo(shown.title())
    facts = shown.facts()
    wide = max((len(name) for name, _ in facts), default=0)
    for name, value in facts[:_LINES]:
        typer.echo(f"  {name:<{wide}}  {value}")
    if len(facts) > _LINES:
        typer.echo(f"  and {len(facts) - _LINES:,} more")


_LINES = 24


def notes(points: list[Point], opened: Opened) -> None:
    """Print what of the person's own images is not in them, and what drawn points of this model are worth."""
    from tilework.explore.own_image import read

    for name in dict.fromkeys(point.origin.name for point in points if point.origin.kind == "image"):
        for note in read(name, opened).notes:
            typer.echo(f"{name}: {note}")
    if not opened.has_prior and any(point.origin.kind in {"seed", "zero"} for point in points):
        where = "before its quantiser" if opened.model.levels else "in its latent space"
        typer.echo(
            f"{opened.name} has no prior {where}: drawn points often decode to grey or noise; "
            "begin at an image instead: validation:0, or a file"
        )


def _looks_like_a_file(text: str) -> bool:
    if text.startswith("image:"):  # parse has reported what is wrong with it
        return False
    return "/" in text or "\\" in text or Path(text.partition(";")[0]).suffix.lower() in {
        ".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".ppm", ".pgm",
    }  # fmt: skip
