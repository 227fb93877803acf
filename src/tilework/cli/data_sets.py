"""`tilework data`: images, clips and sketches under a name that recipes can use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tilework.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from tilework.data.catalogue.sets import DataSet
    from tilework.data.contract import SourceConfig
    from tilework.data.store.frame_store import FrameStore

app = typer.Typer(help="Bring your own images, clips and sketches.", no_args_is_help=True, rich_markup_mode="rich")

Name = Annotated[str, typer.Argument(help="What the data set is called.", metavar="NAME")]


@app.command("add")
def add(
    name: Name,
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Files and folders: images, clips, GIFs, sketches, arrays.", metavar="PATH..."),
    ] = None,
    size: Annotated[str | None, typer.Option(help="Pixels, width x height: 128x72.", show_default=False)] = None,
    fit: Annotated[str | None, typer.Option(help="crop, pad or stretch to that size.", show_default=False)] = None,
    gray: Annotated[bool, typer.Option("--gray", "--grey", help="Grey images.")] = False,
    skip: Annotated[int | None, typer.Option(help="Clips: leave out the first n frames.", show_default=False)] = None,
    every: Annotated[int | None, typer.Option(help="Clips: take every n-th frame.", show_default=False)] = None,
    count: Annotated[int | None, typer.Option(help="Clips: draw n frames at random.", show_default=False)] = None,
    gap: Annotated[
        int | None, typer.Option(help="Clips: drawn frames are at least n apart.", show_default=False)
    ] = None,
    frames: Annotated[int | None, typer.Option(help="Sketches: frames of each.", show_default=False)] = None,
    fps: Annotated[float | None, typer.Option(help="Sketches, GIFs: frames a second.", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all chance, split included.", show_default=False)] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Sketches: draw each n times, with n seeds.", show_default=False)
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first broken item.")] = False,
    drop_duplicates: Annotated[bool, typer.Option("--drop-duplicates", help="Leave exact copies out.")] = False,
    drop_near: Annotated[bool, typer.Option("--drop-near", help="Leave near twins out too.")] = False,
    kind: Annotated[str | None, typer.Option(help="What it is, where that is not seen.", show_default=False)] = None,
    more: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting of the source: --set group=folder.", metavar="KEY=VALUE"),
    ] = None,
) -> None:
    """Prepare images once and give them a name. Interrupted, the same command goes on where it stopped."""
    from tilework.cli.interrupted import report_interrupt
    from tilework.cli.output import console_for_text
    from tilework.data.catalogue.detect import Found, detect, settings_for
    from tilework.data.catalogue.sets import add as add_set
    from tilework.data.catalogue.sets import check_name

    check_name(name)
    console = console_for_text()
    if kind is None and not paths:
        raise UserError(
            "`tilework data add` needs a file or folder",
            why="it takes files and folders",
            fix=f"tilework data add {name} PATH",
        )
    found = detect(paths or []) if kind is None else Found(settings_for(kind, _whole(paths or [])))
    asked = {
        "size": size, "fit": fit, "channels": 1 if gray else None, "skip": skip, "every": every, "count": count, "gap": gap,
        "frames": frames, "fps": fps, "seed": seed, "seeds": seeds,
        "strict": strict or None,
        "duplicates": "drop-near" if drop_near else "drop" if drop_duplicates else None,
    }  # fmt: skip
    source = _source(found.settings, {key: value for key, value in asked.items() if value is not None}, more or [])
    if found.note:
        console.print(f"note: {found.note}", markup=False, soft_wrap=True)
    goes_on = f"The same command goes on where it stopped; `tilework data remove {name}` forgets it."
    with report_interrupt(console, goes_on), _bar(console, source) as progress:
        entry, store = add_set(name, source, progress)
    _print_added(console, entry, store)


def _whole(paths: list[str]) -> list[str]:
    """Paths that exist, made whole; the rest (names on the hub) as they are."""
    import os

    return [str(Path(p).expanduser().absolute()) if os.path.lexists(Path(p).expanduser()) else p for p in paths]


def _source(settings: dict[str, Any], asked: dict[str, Any], more: list[str]) -> SourceConfig:
    """The source with the options that were given; each must be one that it has."""
    from typing import cast

    from tilework.spec.overrides import apply_overrides
    from tilework.spec.plugins import SOURCES

    kind = settings["kind"]
    fields = SOURCES.config(kind).model_fields
    raw = dict(settings)
    for key, value in asked.items():
        if key == "seed":
            raw["split"] = {"seed": value}
            if "seed" not in fields:
                continue
        if key == "strict" and key not in fields:
            continue  # it has nothing that could be skipped
        if key not in fields:
            having = [k for k in SOURCES.kinds if key in SOURCES.config(k).model_fields]
            raise UserError(
                f"--{key} means nothing here: {kind} has no such setting",
                why=f"the paths are read as data.kind={kind}; --{key} belongs to {', '.join(having)}",
                fix=f"leave --{key} out" if having else "leave it out",
            )
        raw[key] = value
    read = apply_overrides({"data": raw}, [f"data.{one}" for one in more])
    return cast("SourceConfig", SOURCES.parse(read["data"]))


@app.command("list")
def list_() -> None:
    """List the data sets."""
    from rich.table import Table
    from rich.text import Text

    from tilework.cli.output import console_for_text
    from tilework.data.catalogue.sets import data_set, names, sets_folder

    console = console_for_text()
    if not names():
        console.print(
            Text.assemble(f"No data sets in {sets_folder()}. Add one: ", ("tilework data add NAME PATH", "bold")),
            soft_wrap=True,
        )
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("data set", "kind", "size", "images", "left out", "state", "from"):
        numbers = heading in {"images", "left out"}
        table.add_column(heading, justify="right" if numbers else "left", no_wrap=heading != "from", overflow="fold")
    for name in names():
        try:
            entry = data_set(name)
        except UserError as error:
            table.add_row(Text(name, style="bold"), "", "", "", "", Text("damaged", style="red"), Text(error.why))
            continue
        data = entry.data
        size = f"{data.get('size')}{' grey' if data.get('channels') == 1 else ''}"
        count = "" if entry.images is None else f"{entry.images:,}"
        left = f"{entry.skipped:,}" if entry.skipped else ""
        where = data.get("path") or data.get("id") or ""
        text = where if isinstance(where, str) else f"{where[0]} and {len(where) - 1} more"
        table.add_row(
            Text(name, style="bold"), str(data.get("kind")), size, count, left, _state(entry), Text(str(text))
        )
    console.print(table)


def _state(entry: DataSet) -> str:
    if entry.frames is None:
        return "[yellow]not finished[/]"
    folder = entry.store_folder
    return "ready" if folder is not None and folder.is_dir() else "to be prepared"


@app.command("check")
def check(name: Name) -> None:
    """Check a data set: its images, what they were made from, duplicates, the split. Exit code 1 where something is wrong."""
    from rich.table import Table
    from rich.text import Text

    from tilework.cli.output import console_for_text
    from tilework.data.catalogue.check import check as check_set
    from tilework.data.catalogue.sets import data_set

    console = console_for_text()
    entry = data_set(name)
    with console.status("reading every image"):
        findings = check_set(entry)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in findings:
        table.add_row(
            one.what, Text(one.verdict, {"good": "green", "note": "yellow", "wrong": "red"}[one.verdict]), Text(one.why)
        )
    console.print(table)
    if any(one.verdict == "wrong" for one in findings):
        raise typer.Exit(1)


@app.command("remove")
def remove(name: Name) -> None:
    """Forget a data set and its prepared images. What it was made from is not touched."""
    from tilework.cli.output import console_for_text
    from tilework.data.catalogue.sets import remove as remove_set

    for path in remove_set(name):
        console_for_text().print(f"removed {path}", markup=False, soft_wrap=True)


# What is shown while images are prepared ---------------------------------------------------------------------------


@contextmanager
def _bar(console: Console, source: SourceConfig) -> Iterator[Any]:
    """A bar with images/s and the time left; without a terminal, a line every ten seconds."""
    from tilework.cli.preparing import Preparing

    with Preparing(console, source.expected()) as bar:
        yield bar


def _print_added(console: Console, entry: DataSet, store: FrameStore) -> None:
    from rich.text import Text

    from tilework.cli.seen import beside, own_split
    from tilework.data.notes import summary

    groups = len(store.group_names)
    parts = [f"{store.count:,} images of {store.size}{' in grey' if store.channels == 1 else ''}"]
    if groups != store.count:
        parts.append(f"{groups:,} group{'s' * (groups != 1)}")
    if store.classes:
        parts.append(f"{len(store.classes)} classes")
    console.print(Text.assemble((entry.name, "bold"), f"  {entry.data['kind']}, {', '.join(parts)}"), soft_wrap=True)
    if fewer := entry.source.shortfall(store.count):
        console.print(Text.assemble(("fewer: ", "yellow"), fewer), soft_wrap=True)
    if note := own_split(store.seen, entry.source.kind):
        console.print(Text.assemble(("split: ", "yellow"), note), soft_wrap=True)
    for line in beside(store.seen, entry.source.kind):
        console.print(Text.assemble(("note: ", "yellow"), line), soft_wrap=True)
    for line in summary(store.notes):
        console.print(Text.assemble(("note: ", "yellow"), line), soft_wrap=True)
    for file, reason in store.skipped[:5]:
        console.print(
            Text.assemble(("left out: ", "yellow"), f"{file if file.isprintable() else repr(file)}: {reason}"),
            soft_wrap=True,
        )
    if len(store.skipped) > 5:
        console.print(f"and {len(store.skipped) - 5:,} more; `tilework data show {entry.name}` lists them all")
    console.print(Text(f"look at it: tilework data show {entry.name}", style="dim"))
    console.print(Text(f"train on it: tilework train RECIPE data={entry.name}", style="dim"))
