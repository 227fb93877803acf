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
        console.print(f"No runs in {root}. Start one: [bold]tilework demo[/bold]")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("run", "state", "step", "held-out MSE", "PSNR", "perplexity", "written"):
        table.add_column(
            heading, justify="right" if heading not in {"run", "state"} else "left", no_wrap=heading != "state"
        )
    for info in found:
        status = Text(str(info.status), style=_STYLES.get(str(info.status), ""))
        if info.problem:
            table.add_row(info.id, status, "", "", "", "", _ago(info.updated))
            table.add_row(Text(f"  {info.problem}", style="dim"))
            continue
        table.add_row(
            Text(info.id, style="bold"),
            status,
            f"{info.step:,}" + (f"/{info.total_steps:,}" if info.total_steps else ""),
            f"{info.mse:.5f}" if info.mse is not None else "",
            f"{info.psnr:.2f} dB" if info.psnr is not None else "",
            _perplexity(info),
            _ago(info.updated),
        )
    console.print(table)


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
