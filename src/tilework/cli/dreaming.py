"""What the commands that dream share: their options, what is printed while tokens are drawn, and how a dream is
saved."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tilework.cli.exploring import save

if TYPE_CHECKING:
    from tilework.dream.made import Dreamed
    from tilework.dream.opened import Dreamer
    from tilework.priors.contract import Sampling, Watch

Label = Annotated[str | None, typer.Option("--label", help="Draw this label; without it each label in turn.")]
Temperature = Annotated[
    float, typer.Option("--temperature", help="More than 0: below 1 likelier, above 1 wilder.", show_default=True)
]
TopK = Annotated[int | None, typer.Option("--top-k", help="Draw each token from this many likeliest codes only.")]
TopP = Annotated[float, typer.Option("--top-p", help="Only the likeliest codes whose probabilities add up to this.")]
Guidance = Annotated[float, typer.Option("--guidance", help="Push towards the label; 0 is no push.")]
Steps = Annotated[int | None, typer.Option("--steps", help="Passes of a prior that draws many tokens at once.")]
Order = Annotated[str, typer.Option("--order", help="In which order such a prior draws: halton, confidence or random.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same dream.", min=0)]
Fps = Annotated[float, typer.Option("--fps", help="Frames a second.")]
ParentRun = Annotated[
    str | None, typer.Option("--parent", help="The autoencoder of the prior, where it was moved.", metavar="RUN")
]
OutOrDefault = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", help="The file to write (.png, .gif, .mp4, .html), or a folder for PNG frames.",
        show_default="RUN-seedN.png or .gif",
    ),
]  # fmt: skip


def sampling_of(
    temperature: float, top_k: int | None, top_p: float, guidance: float, steps: int | None, order: str
) -> Sampling:
    """The options as one. Raises UserError for what cannot be."""
    from tilework.errors import UserError
    from tilework.priors.contract import Sampling
    from tilework.spec.plugins import ORDERS

    if order not in ORDERS.kinds:
        raise UserError(
            f"there is no order '{order}'", why=f"the orders are {', '.join(ORDERS.kinds)}", fix="write --order halton"
        )
    return Sampling(temperature, top_k, top_p, guidance, steps, order)


def open_dreaming(run: Path, which: str, device: str, runs: Path | None, parent: str | None, of: str | None) -> Dreamer:
    """The prior of a run; prints which it is where an autoencoder was named."""
    from tilework.dream.opening import open_dreamer

    dreamer = open_dreamer(run, which=which, device=device, runs=runs, parent=parent, moved="write --parent PATH")
    if of is not None:
        typer.echo(f"{of}: dreaming with its newest prior, {dreamer.name}")
    return dreamer


def check_out(out: Path | None, *, moves: bool) -> None:
    """Refuse a place that cannot be written, before anything is drawn."""
    from tilework.dream.frame_files import checked_folder
    from tilework.explore import files

    if out is None:
        return
    if out.suffix:
        files.checked(out, moves=moves)
    else:
        checked_folder(out)


def save_dream(shown: Dreamed, out: Path | None, name: str) -> None:
    """Write a dream and print what is known of it; a dream that was interrupted ends the command as Ctrl-C does."""
    from tilework.dream.frame_files import save_frames
    from tilework.dream.how import Fact

    if out is None:
        out = Path(f"{name}-seed{shown.how.seed}{'.gif' if shown.moves else '.png'}")
    if out.suffix:
        save(shown, out)
    else:
        typer.echo(f"{out}  {save_frames(shown, out)} PNG {'frames' if shown.moves else 'images'}")
        typer.echo(shown.title())
        for key, value in shown.facts():
            typer.echo(f"  {key:<14}  {value}")
    if any(note.fact is Fact.STOPPED for note in shown.how.notes):
        raise typer.Exit(130)


@contextmanager
def watching() -> Iterator[Watch | None]:
    """Print how much is drawn, on a terminal alone."""
    if not sys.stderr.isatty():
        yield None
        return

    def show(tokens: Any, there: Any) -> None:
        sys.stderr.write(f"\rdrawing tokens: {float(there.float().mean()):4.0%}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()
