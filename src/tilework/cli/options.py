"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tilework.cli.paths import runs_folder
from tilework.errors import UserError

RunsFolder = Annotated[
    Path | None,
    typer.Option(
        "--runs",
        help="Folder of runs; default ./runs, or $TILEWORK_RUNS.",
        show_default=False,
        parser=runs_folder,
        metavar="PATH",
    ),
]
Run = Annotated[str, typer.Argument(help="A run's name, the beginning of it, its folder, or 'last'.", metavar="RUN")]


def refuse_options(command: str, words: list[str]) -> None:
    """`--steps 3` is what other tools take: show how it is written here."""
    for at, word in enumerate(words):
        if not word.startswith("-"):
            continue
        name, _, value = word.lstrip("-").partition("=")
        value = value or (words[at + 1] if at + 1 < len(words) and not words[at + 1].startswith("-") else "...")
        raise UserError(
            f"{command} has no option {word}",
            why="settings are written section.key=value, after the name; docs/spec-reference.md lists them",
            fix=f"write {_full_name(name.replace('-', '_'))}={value}",
        )


def _full_name(key: str) -> str:
    """engine.steps for steps, optimizer.lr for lr; as it is where no section of those two has it."""
    from tilework.spec.model import EngineSettings, OptimizerSettings

    for section, settings in (("engine", EngineSettings), ("optimizer", OptimizerSettings)):
        if key in settings.model_fields:
            return f"{section}.{key}"
    return key if "." in key else f"section.{key}"
