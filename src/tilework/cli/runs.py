"""`tilework runs`: every run in a folder, at a glance."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tilework.cli.options import RunsFolder

if TYPE_CHECKING:
    from rich.table import Table

    from tilework.runs.status import RunInfo

_STYLES = {
    "running": "green",
    "finished": "",
    "stopped": "yellow",
    "paused": "yellow",
    "crashed": "red",
    "foreign": "dim",
}
_HEADINGS = ("run", "state", "step", "held-out MSE", "PSNR", "perplexity", "written")


_GIVEN_UP = ("perplexity", "written", "PSNR", "held-out MSE", "step")
"""What a narrow terminal does without, in this order; never the name and the state."""


def runs(runs: RunsFolder = None) -> None:
    """List the runs, the one written to last first."""
    from rich.text import Text

    from tilework.cli.output import console_for_text
    from tilework.runs.folder import default_root
    from tilework.runs.status import list_runs

    root = runs or default_root()
    console = console_for_text()
    found = list_runs(root)
    if not found:
        console.print(Text.assemble(f"No runs in {root}. Start one: ", ("tilework demo", "bold")), soft_wrap=True)
        return
    rows = [{"run": info.id, "state": str(info.status), **_row(info)} for info in found]
    wide = console.options.update(width=100_000)
    for count in range(len(_GIVEN_UP) + 1):
        table = _table(rows, [heading for heading in _HEADINGS if heading not in _GIVEN_UP[:count]])
        if console.measure(table, options=wide).maximum <= console.width:
            console.print(table)
            break
    else:
        for row in rows:  # no room for two columns: two lines a run
            console.print(Text(row["run"], style="bold"), soft_wrap=True)
            console.print(Text.assemble("  ", (row["state"], _STYLES[row["state"]]), f"  {row.get('step', '')}"))
    for info in found:
        if info.problem:
            console.print(Text(f"{info.id}: {info.problem}", style="dim"))


def _table(rows: list[dict[str, str]], shown: list[str]) -> Table:
    """The runs with the headings that are shown; what a run has no figure for stays empty."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in shown:
        table.add_column(heading, justify="left" if heading in {"run", "state"} else "right", no_wrap=True)
    for row in rows:
        styles = {"run": "bold", "state": _STYLES[row["state"]]}
        table.add_row(*(Text(row.get(heading, ""), styles.get(heading, "")) for heading in shown))
    return table


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
