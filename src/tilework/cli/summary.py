"""The end of a run: validation metrics, a contact sheet, a latent map, and what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tilework.cli.findings import print_first
from tilework.cli.held_out import HeldOut, held_out
from tilework.cli.paths import short_path
from tilework.doctor.kept import findings_in
from tilework.metrics import Group, values_of
from tilework.runs import usage
from tilework.runs.budget import overrides_until
from tilework.runs.folder import RunFolder
from tilework.runs.stop_reason import StopReason, stop_text
from tilework.runs.store import RunStore

if TYPE_CHECKING:
    from tilework.engine.progress import Finish, Plan

_SHEET = 1120  # pixels that a contact sheet's images may take from left to right


def summarise(console: Console, run: RunFolder, plan: Plan, finish: Finish) -> None:
    """Print the validation metrics, write contact-sheet.png (and latent.png for a 2-D latent) into the run folder."""
    finished = finish.reason.finished
    onward = longer_command(run, plan) if finished else resume_command(run)
    if finish.reason is StopReason.EARLY_STOPPING:
        onward = f"{resume_command(run)} engine.early_stopping=null"
    if finished and plan.resumed_at >= plan.steps:
        console.print(
            Text.assemble(
                ("already finished", "bold green"),
                f" at step {finish.step:,}; to go on: {onward}",
            ),
            soft_wrap=True,
        )
    else:
        why = stop_text({"stop": finish.reason, "steps": finish.steps})
        console.print(
            Text.assemble(
                ("finished", "bold green") if finished else ("stopped", "bold yellow"),
                f" after {finish.step:,} steps in {duration(finish.seconds)} ({why})",
            )
        )
    known = held_out(run)
    if known.values:
        console.print(metrics_table(known, f"{plan.validation:,} {plan.unit}", finish.step))
    for note in (
        known.note,
        known.leak,
        _short_of_an_epoch(finish.step, plan.steps_per_epoch),
    ):
        if note:
            console.print(Text.assemble(("note: ", "yellow"), note), soft_wrap=True)
    if plan.spec.engine.doctor:
        with RunStore.open(run.db) as store:
            print_first(console, run.typed, findings_in(store.standing()))
    shown = show_images(console, run)
    files = write_images(run)
    if shown:
        console.print()
    for what, path in {**files, "run folder": run.path}.items():
        _line(console, what, short_path(path))
    _line(console, "next", report_command(run) if finished else resume_command(run))
    if finished:
        _line(console, "to go on", onward)


def _line(console: Console, what: str, text: str) -> None:
    """One line, however long: a path or a command that was wrapped cannot be copied."""
    console.print(Text.assemble((f"{what:<15}", "dim"), text), soft_wrap=True)


def resume_command(run: RunFolder) -> str:
    """What to type to go on with a run."""
    return f"tilework resume {run.typed}"


def longer_command(run: RunFolder, plan: Plan) -> str:
    """What to type to train a finished run for as long again."""
    engine = plan.spec.engine
    # As many images again, in steps of today's length.
    again = round(plan.epochs * plan.steps_per_epoch) if plan.epochs else plan.steps
    longer = overrides_until(
        plan.steps + again,
        steps=engine.steps,
        epochs=engine.epochs,
        steps_per_epoch=plan.steps_per_epoch,
        ends=(plan.steps, plan.epochs) if plan.epochs else (0, 0.0),
    )
    return " ".join([resume_command(run), *longer])


def report_command(run: RunFolder) -> str:
    """What to type to get the page of a run."""
    return f"tilework report {run.typed}"


def metrics_table(known: HeldOut, held_out: str, step: int) -> Table:
    """The metrics of validation that stand for a run, each with what it needs to be understood (K, N and N/K beside every usage).

    `held_out` is what was held out ("180 images"), "" where unknown; `step` is where the run stands: it shows how old
    values are.
    """
    title = f"validation, on {held_out} held out" if held_out else "validation"
    title += f", as of step {known.step:,}" if known.step != step else ""
    table = Table(box=None, pad_edge=False, show_header=False, title=title, title_justify="left")
    table.add_column(style="dim", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim")
    values, levels = known.values, usage.levels(known.values)
    for metric in known.metrics.headlines(values):
        if metric.group is Group.CODEBOOK and levels:
            continue  # the rows of the codebook show it, with K and N beside it
        for name, value in values_of(metric, values).items():
            table.add_row(known.metrics.label(name), metric.text(value), metric.help)
    for level in levels:
        counted = f"K {level.codes:,}, N {level.tokens:,}, N/K {level.tokens_per_code:,.1f}"
        more = f"codes used; validation perplexity {level.perplexity:,.1f}   {counted}"
        table.add_row(level.name or "codebook", f"{level.used:,} of {level.codes:,}", more)
    return table


def _short_of_an_epoch(step: int, steps_per_epoch: int) -> str:
    if step >= steps_per_epoch:
        return ""
    return f"less than one epoch was trained ({step:,} of {steps_per_epoch:,} steps): the model has not seen every image yet"


def write_images(run: RunFolder) -> dict[str, Path]:
    """contact-sheet.png, latent.png where the latent is 2-D, samples.png of a prior, from the newest snapshots; returns
    name -> file."""
    from tilework.report.contact_sheet import contact_sheet, name_rows, samples_sheet, whole_scale
    from tilework.report.latent_map import latent_map

    files: dict[str, Path] = {}
    newest = newest_snapshots(run)
    if "reconstructions" in newest:
        found = newest["reconstructions"]
        files["contact sheet"] = run.path / "contact-sheet.png"
        originals = found["originals"]
        scale = whole_scale(originals.shape[2], 8, _SHEET)
        sheet = contact_sheet(originals, found["reconstructions"], columns=8, scale=scale)
        name_rows(sheet, originals.shape[1] * scale).save(files["contact sheet"])
    if "samples" in newest:
        files["samples"] = run.path / "samples.png"
        samples_sheet(newest["samples"]["samples"], width=_SHEET).save(files["samples"])
    if "latent" in newest:
        found = newest["latent"]
        files["latent space"] = run.path / "latent.png"
        codes = found.get("codes", np.zeros((0, 0, 2), np.float32))
        counts = found.get("counts", np.zeros((0, 0), np.int64))
        figure = latent_map(
            found["points"],
            found["labels"],
            codes[0] if len(codes) else codes.reshape(0, 2),
            counts[0] if len(counts) else counts.reshape(0),
            heading="encoder outputs" + (", level 1 codes" if len(codes) > 1 else " and codes" if len(codes) else ""),
            caption=True,
        )
        figure.savefig(files["latent space"])
    return files


def newest_snapshots(run: RunFolder) -> dict[str, dict[str, NDArray[Any]]]:
    """The newest snapshot of every kind that is kept as arrays."""
    found: dict[str, dict[str, NDArray[Any]]] = {}
    with RunStore.open(run.db) as store:
        for row in store.snapshots():
            path = run.path / row.file
            if path.suffix == ".npz" and path.is_file():
                found[row.kind] = {"_file": np.array(str(path))}
    for kind, named in found.items():
        with np.load(str(named["_file"]), allow_pickle=False) as arrays:
            found[kind] = dict(arrays)
    return found


def show_images(console: Console, run: RunFolder, most: int = 8) -> bool:
    """Originals over reconstructions in the terminal itself, two pixels a character; only where colours are known."""
    if console.color_system not in {"truecolor", "256"}:
        return False
    found = newest_snapshots(run).get("reconstructions")
    if found is None:
        return False
    for images in (found["originals"], found["reconstructions"]):
        fit = max(1, (console.width - 1) // (min(images.shape[2], 32) + 1))
        small = images[: min(most, fit), :: max(1, images.shape[1] // 32), :: max(1, images.shape[2] // 32)]
        if small.shape[2] > console.width:
            return False
        row = np.concatenate([np.pad(p, ((0, 0), (0, 1), (0, 0))) for p in small], axis=1)
        row = np.repeat(row, 3, axis=2) if row.shape[2] == 1 else row
        console.print(_half_blocks(row))
    return True


def _half_blocks(image: NDArray[np.uint8]) -> Text:
    text = Text(no_wrap=True)
    for y in range(0, image.shape[0] - 1, 2):
        for upper, lower in zip(image[y], image[y + 1], strict=True):
            text.append("▀", style=f"rgb({','.join(map(str, upper))}) on rgb({','.join(map(str, lower))})")
        text.append("\n")
    return text


def duration(seconds: float) -> str:
    """17 s, 3 min 5 s, 2 h 10 min."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
