"""`tilework runs`: every run in a folder, at a glance."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tilework.cli.options import RunsFolder

if TYPE_CHECKING:
    from tilework.runs.status import RunInfo

_STYLES = {
    "running": "green",
    "finished": "",
    "stopped": "yellow",
    "paused": "yellow",
    "crashed": "red",
    "foreign": "dim",
}


def runs(runs: RunsFolder = None) -> None:
    """List the runs, the one written to last first."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tilework.runs.folder import default_root
    from tilework.runs.status import list_runs

    root = runs or default_root()
    console = Console(highlight=False)
    found = list_runs(root)
    if not found:
        console.print(Text.assemble(f"No runs in {root}. Start one: ", ("tilework demo", "bold")), soft_wrap=True)
        return
    rows, wide = [_row(info) for info in found], console.options.update(width=1000)
    shown = ["run", "state", "step", "held-out MSE", "PSNR", "perplexity", "written"]
    for least in ("perplexity", "PSNR", "written", "held-out MSE", "step", None):
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in shown:
            table.add_column(heading, justify="left" if heading in {"run", "state"} else "right", no_wrap=True)
        for info, row in zip(found, rows, strict=True):
            cells: dict[str, str | Text] = {
                **row,
                "run": Text(info.id, style="bold"),
                "state": Text(info.status, _STYLES[info.status]),
            }
            table.add_row(*(cells.get(heading, "") for heading in shown))
        if least is None or console.measure(table, options=wide).maximum <= console.width:
            break
        shown.remove(least)  # a narrow terminal shows fewer columns rather than half of each
    console.print(table)
    for info in found:
        if info.problem:
            console.print(Text(f"{info.id}: {info.problem}", style="dim"))


def _row(info: RunInfo) -> dict[str, str]:
    """Figures of one run by heading; one that cannot be read has only its date."""
    if info.problem:
        return {"written": _ago(info.updated)}
    return {
        "step": f"{info.step:,}" + (f"/{info.total_steps:,}" if info.total_steps else ""),
        "held-out MSE": f"{info.mse:.5f}" if info.mse is not None else "",
        "PSNR": f"{info.psnr:.2f} dB" if info.psnr is not None else "",
        "perplexity": _perplexity(info),
        "written": _ago(info.updated),
    }


def _perplexity(info: RunInfo) -> str:
    codes = info.val.get("codes")
    values = " + ".join(f"{v:,.1f}" for _, v in sorted(info.perplexity.items()))
    return f"{values} of {codes:,.0f}" if values and codes else values


def _ago(when: float) -> str:
    seconds = max(0, int(time.time() - when))
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {name} ago"
    return "now" if seconds < 10 else f"{seconds} s ago"
