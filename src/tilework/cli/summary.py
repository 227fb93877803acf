"""The end of a run: held-out figures, a contact sheet, a latent map, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tilework.engine.progress import Ending, Plan
from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore


def summarise(console: Console, run: RunFolder, plan: Plan, ending: Ending) -> None:
    """Print the held-out figures, write contact-sheet.png (and latent.png for a 2-D latent) into the run folder."""
    said = "finished" if ending.status == "finished" else "stopped"
    console.print(
        Text.assemble(
            (said, "bold green" if said == "finished" else "bold yellow"),
            f" after {ending.step:,} steps in {_duration(ending.seconds)} ({ending.reason})",
        )
    )
    if ending.validation:
        console.print(figures_table(ending.validation, plan.validation))
    shown = show_pictures(console, run)
    files = write_pictures(run)
    if shown:
        console.print()
    for what, path in {**files, "run folder": run.path}.items():
        _line(console, what, _short(path))
    _line(console, "next", report_command(run) if said == "finished" else resume_command(run))


def _line(console: Console, what: str, text: str) -> None:
    """One line, however long: a path or a command that was wrapped cannot be copied."""
    console.print(Text.assemble((f"{what:<15}", "dim"), text), soft_wrap=True)


def resume_command(run: RunFolder) -> str:
    """What to type to go on with a run."""
    return f"tilework resume {_named(run)}"


def report_command(run: RunFolder) -> str:
    """What to type to get the page of a run."""
    return f"tilework report {_named(run)}"


def figures_table(values: Mapping[str, float], pictures: int) -> Table:
    """Held-out figures, each with what it needs to be understood (K, N and N/K beside every usage)."""
    table = Table(
        box=None, pad_edge=False, show_header=False, title=f"on {pictures:,} held-out pictures", title_justify="left"
    )
    table.add_column(style="dim", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim")
    table.add_row("MSE", f"{values['mse']:.5f}", "mean over pixels in [0, 1]")
    table.add_row("PSNR", f"{values['psnr']:.2f} dB", "10 log10(1 / MSE)")
    level = 1
    while f"used.{level}" in values:
        codes, tokens = int(values["codes"]), int(values["tokens"])
        table.add_row(
            f"level {level}" if "used.2" in values else "codebook",
            f"{int(values[f'used.{level}']):,} of {codes:,}",
            f"codes used; perplexity {values[f'perplexity.{level}']:,.1f}   K {codes:,}, N {tokens:,}, N/K {tokens / codes:,.1f}",
        )
        level += 1
    if "active_units" in values:
        table.add_row("active units", f"{int(values['active_units'])}", "latent dimensions with KL above 0.01 nats")
    return table


def write_pictures(run: RunFolder) -> dict[str, Path]:
    """contact-sheet.png, and latent.png where the latent is 2-D, from the newest snapshots; returns name -> file."""
    from tilework.report.contact_sheet import contact_sheet
    from tilework.report.latent_map import latent_map

    files: dict[str, Path] = {}
    newest = newest_snapshots(run)
    if "reconstructions" in newest:
        found = newest["reconstructions"]
        files["contact sheet"] = run.path / "contact-sheet.png"
        contact_sheet(found["originals"], found["reconstructions"], columns=8).save(files["contact sheet"])
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
        )
        figure.savefig(files["latent space"])
    return files


def newest_snapshots(run: RunFolder) -> dict[str, dict[str, NDArray[Any]]]:
    """The newest snapshot of every kind, as arrays."""
    found: dict[str, dict[str, NDArray[Any]]] = {}
    with RunStore.open(run.db) as store:
        for row in store.snapshots():
            path = run.path / row.file
            if path.is_file():
                found[row.kind] = {"_file": np.array(str(path))}
    for kind, named in found.items():
        with np.load(str(named["_file"]), allow_pickle=False) as arrays:
            found[kind] = dict(arrays)
    return found


def show_pictures(console: Console, run: RunFolder, most: int = 8) -> bool:
    """Originals over reconstructions in the terminal itself, two pixels a character; only where colours are known."""
    if console.color_system not in {"truecolor", "256"}:
        return False
    found = newest_snapshots(run).get("reconstructions")
    if found is None:
        return False
    for pictures in (found["originals"], found["reconstructions"]):
        fit = max(1, (console.width - 1) // (min(pictures.shape[2], 32) + 1))
        small = pictures[: min(most, fit), :: max(1, pictures.shape[1] // 32), :: max(1, pictures.shape[2] // 32)]
        if small.shape[2] > console.width:
            return False
        row = np.concatenate([np.pad(p, ((0, 0), (0, 1), (0, 0))) for p in small], axis=1)
        row = np.repeat(row, 3, axis=2) if row.shape[2] == 1 else row
        console.print(_half_blocks(row))
    return True


def _half_blocks(picture: NDArray[np.uint8]) -> Text:
    text = Text(no_wrap=True)
    for y in range(0, picture.shape[0] - 1, 2):
        for upper, lower in zip(picture[y], picture[y + 1], strict=True):
            text.append("▀", style=f"rgb({','.join(map(str, upper))}) on rgb({','.join(map(str, lower))})")
        text.append("\n")
    return text


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _named(run: RunFolder) -> str:
    """The run's id where `tilework runs` lists it from here, else its folder, quoted for the shell."""
    from tilework.runs.folder import default_root

    return run.id if run.path.parent == default_root().absolute() else shlex.quote(_short(run.path))
