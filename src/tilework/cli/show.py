"""`tilework show`: one run, its metrics, what happened, where its files are, and what its spec changed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tilework.cli.options import Run, RunsFolder

if TYPE_CHECKING:
    from rich.console import Console

    from tilework.runs.folder import RunFolder
    from tilework.runs.records import Event
    from tilework.runs.status import RunInfo

_EVENTS = 8


def show(
    run: Run,
    spec: Annotated[
        bool, typer.Option("--spec", help="Print the run's whole spec (YAML, every default written out) and no more.")
    ] = False,
    runs: RunsFolder = None,
) -> None:
    """Show one run: state, validation metrics, events, files, and what its spec changed in its recipe."""
    from tilework.runs.folder import RunFolder

    folder = RunFolder.find(run, runs)
    if spec:
        typer.echo(_spec_text(folder), nl=False)
        return
    from tilework.cli.output import console_for_text
    from tilework.runs.status import run_info

    console = console_for_text()
    info = run_info(folder.path)
    _facts(console, folder, info)
    _findings(console, folder, info)
    _differences(console, folder, info.name)


def _facts(console: Console, folder: RunFolder, info: RunInfo) -> None:
    from rich.text import Text

    from tilework.cli.held_out import HeldOut, held_out
    from tilework.cli.summary import duration, metrics_table
    from tilework.runs.store import RunStore

    def line(what: str, text: str | Text) -> None:
        """A path is never wrapped: it could not be copied."""
        text = Text.assemble((f"{what:<15}", "dim"), text)
        console.print(text, soft_wrap="/" in text.plain)

    line("run", Text.assemble((info.id, "bold"), f"  {info.status}"))
    if info.problem:
        line("problem", info.problem)
    else:
        total = f" of {info.total_steps:,}" if info.total_steps else ""
        line("trained", f"{info.step:,}{total} steps, {info.epoch:,.1f} epochs, {duration(info.seconds)}")
    known = HeldOut()
    events: list[Event] = []
    if folder.db.is_file() and not info.problem:
        with RunStore.open(folder.db) as store:
            meta, events = store.meta(), store.events()
        if "parameters" in meta:
            line(
                "model", f"{meta['parameters']:,} parameters on {meta.get('device', '?')}, {meta.get('precision', '?')}"
            )
        if "parent" in meta:
            line("tokens of", f"{meta['parent']}, step {meta.get('parent_step', 0):,}")
        known = held_out(folder)
    if known.values:
        console.print()
        console.print(metrics_table(known, "", info.step))
        if known.note:
            console.print(Text(known.note))
        if known.leak:
            console.print(Text(known.leak))
    console.print()
    for what, text in _files(folder, known):
        line(what, text)
    from tilework.doctor.events import in_words

    for number, event in enumerate(events[-_EVENTS:]):
        when = time.strftime("%d %b %H:%M:%S", time.localtime(event.time))
        line("" if number else "events", f"{when}  step {event.step:,}  {in_words(event)}")


def _findings(console: Console, folder: RunFolder, info: RunInfo) -> None:
    """The doctor's findings, each in two lines; nothing of a run that cannot be read."""
    from tilework.cli.findings import fix_line, headline
    from tilework.doctor.diagnosis import diagnose
    from tilework.doctor.finding import Severity
    from tilework.doctor.opening import opened
    from tilework.errors import UserError

    if info.problem or not folder.db.is_file():
        return
    try:
        with opened(folder) as case:
            found = [f for f in diagnose(case, tolerant=True).findings if f.severity is not Severity.INFO]
    except UserError:
        return  # its spec is gone: the files above show that
    if not found:
        return
    run = folder.typed
    console.print()
    for finding in found:
        console.print(headline(finding))
        if not finding.because and (line := fix_line(run, finding)):
            console.print(line, soft_wrap=True)
    console.print(f"causes and evidence: tilework doctor {run}", style="dim", soft_wrap=True)


def _files(folder: RunFolder, known: Any) -> Iterator[tuple[str, str]]:
    """The run's files that exist: what they are, and where."""
    from tilework.cli.paths import short_path
    from tilework.runs.checkpoints import saved

    yield "run folder", str(folder.path)
    for what, name in (
        ("contact sheet", "contact-sheet.png"),
        ("latent space", "latent.png"),
        ("samples", "samples.png"),
        ("report", "report.html"),
    ):
        if (folder.path / name).is_file():
            yield what, short_path(folder.path / name)
    for which in ("last", "best"):
        found = saved(folder.checkpoints, which)
        if found is not None:
            weights, step = found
            more = f", {known.best_value}" if which == "best" and known.best is not None else ""
            yield f"{which} weights", f"{short_path(weights)}  (step {step:,}{more})"


def _differences(console: Console, folder: RunFolder, recipe: str) -> None:
    """What the run's spec changed in the shipped recipe of its name, as overrides; nothing where there is no such recipe."""
    from rich.text import Text

    from tilework.errors import TileworkError
    from tilework.spec import load_spec
    from tilework.spec.load import read_yaml, recipe_names

    if recipe not in recipe_names():
        return
    try:
        mine = dict(_flat(read_yaml(_spec_text(folder), str(folder.spec_file))))
        with console.status("reading the recipe"):  # its sections load torch
            shipped = dict(_flat(load_spec(recipe).model_dump(mode="json")))
    except TileworkError:
        return  # written by a version whose spec was another
    changed = {k: v for k, v in mine.items() if k not in {"about", "note"} and shipped.get(k, ...) != v}
    console.print()
    if not changed:
        console.print(Text(f"spec: recipe {recipe} as it is shipped", style="dim"))
        return
    console.print(Text(f"differs from recipe {recipe} in:", style="dim"))
    for key, value in changed.items():
        was = f"   (recipe: {_plain(shipped[key])})" if key in shipped else ""
        console.print(Text(f"  {key}={_plain(value)}") + Text(was, style="dim"), soft_wrap=True)


def _flat(section: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting with its full name."""
    for key, value in section.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _spec_text(folder: RunFolder) -> str:
    from tilework.errors import UserError

    try:
        return folder.spec_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{folder.spec_file} cannot be read", why=str(error), fix="restore spec.yaml from a copy of the run"
        ) from None
