"""`tilework suggest`: look at a folder and propose a spec for it, as YAML to be edited."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tilework.cli.options import refuse_options
from tilework.errors import UserError

if TYPE_CHECKING:
    from tilework.suggest.proposal import Proposal

Minutes = Annotated[
    float, typer.Option("--minutes", min=0.01, max=1e5, help="Time that the training should take on this machine.")
]


def suggest(
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Folders and files to learn from.", metavar="PATH...", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write the spec there; default NAME.yaml here.", metavar="FILE", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    minutes: Minutes = 10.0,
) -> None:
    """Look at images, clips, animations or sketches and propose a spec for them, with its reasons. Trains nothing."""
    refuse_options("suggest", paths or [])
    if not paths:
        raise UserError(
            "`tilework suggest` needs a folder or files",
            why="it takes folders and files of images, clips, animations or sketches",
            fix="tilework suggest FOLDER",
        )
    from tilework.cli.output import console_for_text
    from tilework.suggest.proposing import name_for

    _refuse_specs(paths)
    file = out or Path(f"{name_for(paths)}.yaml")
    refuse_existing(file, overwrite)  # before a person has waited
    proposal = proposed(paths, minutes)
    from tilework.suggest.words import yaml_text

    console = console_for_text()
    for line in proposal_lines(proposal):
        console.print(line, markup=False, soft_wrap=True)
    write(file, yaml_text(proposal), overwrite)
    console.print(
        f"\nwritten to {file}; change what you like, then: tilework train {shlex.quote(str(file))}",
        markup=False,
        soft_wrap=True,
    )


def proposed(paths: list[str], minutes: float) -> Proposal:
    """The proposal, with a word while torch is loaded. Raises UserError, naming a spec that lies in a folder without images."""
    from rich.console import Console

    from tilework.cli.given import specs_in

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    beside = [spec for path in paths for spec in specs_in(path)]
    with console.status("looking"):
        from tilework.suggest.proposing import suggest as propose

        try:
            proposal = propose(paths, minutes)
        except UserError as error:
            if not beside:
                raise
            raise UserError(
                error.what, why=error.why, fix=f"{error.fix}; or train the spec in it: tilework train {beside[0]}"
            ) from None
    for spec in beside:
        console.print(
            f"note: {spec} is a spec, and not what is looked at here: tilework train {spec} trains it", markup=False
        )
    return proposal


def proposal_lines(proposal: Proposal) -> list[str]:
    """A proposal in lines to be printed."""
    from tilework.suggest.words import lines

    return [f"{line.about:<10}{line.text}" for line in lines(proposal)]


def refuse_existing(file: Path, overwrite: bool) -> None:
    """Raise UserError for a file that is there, or a folder that is not."""
    if os.path.lexists(file) and not overwrite:
        raise UserError(
            f"{file} is there already",
            why="it may hold changes that were made by hand",
            fix=f"--out OTHER.yaml, or --overwrite; to train it: tilework train {shlex.quote(str(file))}",
        )
    if not file.absolute().parent.is_dir():
        raise UserError(
            f"there is no folder {file.absolute().parent}", why="--out names a file in it", fix="make it first"
        )


def write(file: Path, text: str, overwrite: bool) -> None:
    """Write a file whole, or not at all. Raises UserError."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        refuse_existing(file, overwrite)
        part.replace(file)
    except OSError as error:
        raise UserError(
            f"{file} could not be written",
            why=(error.strerror or str(error)).lower(),
            fix="name another place: --out FILE.yaml",
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _refuse_specs(paths: list[str]) -> None:
    from tilework.cli.given import is_data

    for path in paths:
        if Path(path).expanduser().is_file() and not is_data(path):
            raise UserError(
                f"{path} is nothing to learn from",
                why="suggest looks at images, clips, animations, arrays and sketches",
                fix=f"to try a spec out: tilework check {path}"
                if path.endswith((".yaml", ".yml"))
                else "give a folder of images",
            )
