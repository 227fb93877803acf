"""`tilework recipes`: what is shipped."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="List the shipped recipes, or show one.", invoke_without_command=True, rich_markup_mode="rich")


@app.callback()
def recipes(context: typer.Context) -> None:
    """List the shipped recipes with one line each."""
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tilework.spec.load import read_yaml, recipe_names, recipe_text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name in recipe_names():
        table.add_row(name, Text(str(read_yaml(recipe_text(name), name).get("about", ""))))
    console = Console(highlight=False)
    console.print(table)
    console.print("\n[dim]tilework train NAME [section.key=value ...]   ·   tilework recipes show NAME[/dim]")


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="A recipe's name.")]) -> None:
    """Print a recipe's YAML as it is shipped."""
    from tilework.spec.load import recipe_text

    typer.echo(recipe_text(name), nl=False)
