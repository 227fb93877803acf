"""`tilework train`: a recipe or YAML file, with overrides, to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from tilework.cli.options import RunsFolder, refuse_options
from tilework.errors import UserError

if TYPE_CHECKING:
    from tilework.engine.progress import Progress
    from tilework.runs.folder import RunFolder


def train(
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="A recipe's name (`tilework recipes`) or a YAML file.", metavar="RECIPE_OR_FILE", show_default=False
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="section.key=value, for example engine.epochs=20 bottleneck.codes=512.",
            metavar="[SECTION.KEY=VALUE]...",
            show_default=False,
        ),
    ] = None,
    runs: RunsFolder = None,
) -> None:
    """Train a recipe. Ctrl-C ends it cleanly; `tilework resume` goes on."""
    from tilework.cli.training import run_training

    words = [*([recipe] if recipe is not None else []), *(overrides or [])]
    refuse_options("train", words)
    if recipe is None:
        raise UserError(
            "train was not told what to train",
            why="it takes a recipe's name or a YAML file",
            fix="tilework train rqvae-digits; `tilework recipes` lists all",
        )

    def prepare() -> Callable[[Progress], RunFolder]:
        from tilework.spec import load_spec

        spec = load_spec(recipe, overrides or [])
        from tilework.engine import train as engine_train

        return lambda progress: engine_train(spec, root=runs, progress=progress)

    run_training(prepare)
