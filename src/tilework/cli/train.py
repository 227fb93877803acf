"""`tilework train`: a recipe, a YAML file or a folder of images, with overrides, to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from tilework.cli.options import RunsFolder, refuse_options
from tilework.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from tilework.engine.progress import Progress
    from tilework.runs.folder import RunFolder


def train(
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="A recipe's name (`tilework recipes`), a YAML file, or folders and files to learn from.",
            metavar="RECIPE_OR_PATH",
            show_default=False,
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
    from_run: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="A run whose spec and weights the new run starts with, in place of a recipe.",
            metavar="RUN",
            show_default=False,
        ),
    ] = None,
    apply: Annotated[
        list[str] | None,
        typer.Option(
            "--apply",
            help="With --from: the code of one of its findings (`tilework doctor RUN`) whose fix is to be put into the spec.",
            metavar="CODE",
            show_default=False,
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="With --from: start anew, with that run's spec alone.")
    ] = False,
    runs: RunsFolder = None,
) -> None:
    """Train a recipe, or what a folder holds with a spec made for it. Ctrl-C ends it cleanly; `tilework resume` goes on."""
    from tilework.cli.training import run_training

    words = [*([recipe] if recipe is not None else []), *(overrides or [])]
    refuse_options("train", words)
    if from_run is not None:
        run_training(_from(from_run, words, _one(apply or []), fresh, runs))
        return
    if apply or fresh:
        raise UserError(
            f"train was given {'--apply' if apply else '--fresh'} without --from",
            why="a finding is of a run, and so are the weights that a new run may start with",
            fix="name the run: tilework train --from RUN" + (f" --apply {apply[0]}" if apply else " --fresh"),
        )
    if recipe is None:
        raise UserError(
            "`tilework train` needs a recipe",
            why="it takes a recipe's name, a YAML file, or a folder of images",
            fix="tilework train rqvae-digits; `tilework recipes` lists all",
        )
    from tilework.cli.given import parse_words

    given = parse_words(words)
    if given.paths:
        from tilework.cli.unnamed import prepared

        lines: list[str] = []
        run_training(lambda: prepared(given, runs, lines), lines)
        return

    def prepare() -> Callable[[Progress], RunFolder]:
        from tilework.spec import load_spec

        spec = load_spec(given.spec, given.overrides)
        from tilework.engine import train as engine_train

        def start(progress: Progress) -> RunFolder:
            if given.note:
                progress.message(given.note)
            return engine_train(spec, root=runs, progress=progress)

        return start

    run_training(prepare)


def _from(
    run: str, words: list[str], code: str, fresh: bool, runs: Path | None
) -> Callable[[], Callable[[Progress], RunFolder]]:
    """What prepares a run that goes out from another. Raises UserError for words that are no overrides."""
    if (other := next((word for word in words if "=" not in word), None)) is not None:
        raise UserError(
            f"train was given --from {run} and '{other}'",
            why="with --from the spec is that of the run; what follows are overrides, section.key=value",
            fix=f"leave '{other}' out, or leave --from out",
        )

    def prepare() -> Callable[[Progress], RunFolder]:
        from tilework.runs.folder import RunFolder

        folder = RunFolder.find(run, runs)
        root = runs or folder.path.parent
        from tilework.engine.applying import spec_from
        from tilework.engine.launch import train as engine_train

        spec = spec_from(folder, words, apply=code, fresh=fresh, root=root)
        return lambda progress: engine_train(spec, root=root, progress=progress)

    return prepare


def _one(codes: list[str]) -> str:
    """The code that was given; "" for none. Raises UserError for several."""
    if len(codes) > 1:
        raise UserError(
            f"train was given --apply {len(codes)} times",
            why="one fix at a time: what it changes is seen in the new run",
            fix=f"apply {codes[0]}, and the next fix from the run that this makes",
        )
    return codes[0] if codes else ""
