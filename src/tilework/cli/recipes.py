"""`tilework recipes`: what is shipped, and what each recipe needs before it can start."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="List the shipped recipes, or show one.", invoke_without_command=True, rich_markup_mode="rich")


@app.callback()
def recipes(context: typer.Context) -> None:
    """List the shipped recipes with one line each, those that start at once first."""
    if context.invoked_subcommand is not None:
        return
    from rich.table import Table
    from rich.text import Text

    from tilework.cli.output import console_for_text
    from tilework.spec.load import read_yaml, recipe_names, recipe_text
    from tilework.spec.shipped import Need, needs, rank

    console = console_for_text()
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("recipe", style="bold", no_wrap=True)
    table.add_column("needs", overflow="fold", max_width=16 if console.width < 130 else None)
    table.add_column("what it is", overflow="fold")
    words = {
        Need.DOWNLOAD: "downloads", Need.IMAGES: "your images", Need.RUN: "a trained run", Need.LPIPS: "LPIPS weights",
    }  # fmt: skip
    shipped = [read_yaml(recipe_text(name), name) for name in recipe_names()]
    for recipe in sorted(shipped, key=lambda raw: (rank(raw), raw["name"])):
        needed = " + ".join(words[one] for one in needs(recipe)) or "ready"
        table.add_row(recipe["name"], needed, Text(str(recipe.get("about", ""))))
    console.print(table)
    console.print()
    for line in (
        "your images: add data.kind=images data.path=FOLDER",
        "LPIPS weights: see docs/recipes.md, or add objective.lpips=0 to train without",
        "tilework train NAME [section.key=value ...]   ·   tilework recipes show NAME",
    ):
        console.print(Text(line, style="dim"))


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="A recipe's name.")]) -> None:
    """Print a recipe's YAML as it is shipped."""
    from tilework.spec.load import recipe_text

    typer.echo(recipe_text(name), nl=False)
