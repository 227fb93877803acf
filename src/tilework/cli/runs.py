"""`tilework runs`: every run in a folder, at a glance."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from tilework.cli.options import RunsFolder
from tilework.doctor.finding import Severity
from tilework.doctor.kept import findings_in

if TYPE_CHECKING:
    from rich.table import Table

    from tilework.metrics import Metric
    from tilework.runs.status import RunInfo

_STYLES = {
    "running": "green",
    "finished": "",
    "stopped": "yellow",
    "paused": "yellow",
    "crashed": "red",
    "unreadable": "dim",
}


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
    rows = [{"run": info.id, "state": str(info.status), **_row(info), **_finding(info)} for info in found]
    marked = ["finding"] if any("finding" in row for row in rows) else []
    metrics = _metric_headings(found)
    given_up = _given_up(metrics)
    wide = console.options.update(width=100_000)
    for count in range(len(given_up) + 1):
        headings = ("run", "state", *marked, "step", *metrics, "written")
        table = _table(rows, [heading for heading in headings if heading not in given_up[:count]])
        if console.measure(table, options=wide).maximum <= console.width:
            console.print(table)
            break
    else:
        for row in rows:  # no room for two columns: two lines a run
            console.print(Text(row["run"], style="bold"), soft_wrap=True)
            console.print(Text.assemble("  ", (row["state"], _STYLES[row["state"]]), f"  {row.get('step', '')}"))
            if "finding" in row:
                console.print(Text(f"  {row['finding']}", style=_style("finding", row)))
    for info in found:
        if info.problem:
            console.print(Text(f"{info.id}: {info.problem}", style="dim"))


def _metric_headings(found: list[RunInfo]) -> list[str]:
    """A column for every metric that stands for one of the runs, the first to be shown first."""
    ranked = {_heading(metric): metric.headline or 0 for info in found for metric, _ in info.headlines}
    return sorted(ranked, key=lambda heading: ranked[heading])


def _heading(metric: Metric) -> str:
    return f"validation\n{metric.label}"


def _given_up(metrics: list[str]) -> list[str]:
    """What a narrow terminal does without, in this order; never the name and the state."""
    last = metrics[::-1]
    return [*last[:1], "written", *last[1:], "step"]


def _table(rows: list[dict[str, str]], shown: list[str]) -> Table:
    """The runs with the headings that are shown; what a run has not measured stays empty."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in shown:
        side: Literal["left", "right"] = "left" if heading in {"run", "state", "finding"} else "right"
        table.add_column(heading, justify=side, no_wrap=True, vertical="bottom")
    for row in rows:
        table.add_row(*(Text(row.get(heading, ""), _style(heading, row)) for heading in shown))
    return table


def _style(heading: str, row: dict[str, str]) -> str:
    if heading == "finding":
        return {"error": "red", "warning": "yellow"}.get(row.get("severity", ""), "")
    return {"run": "bold", "state": _STYLES[row["state"]]}.get(heading, "")


def _finding(info: RunInfo) -> dict[str, str]:
    """`error codebook-collapse +2`: the first warning or error of a run's doctor, and how many more there are."""
    wrong = [finding for finding in findings_in(info.findings) if finding.severity is not Severity.INFO]
    if not wrong:
        return {}
    first = next((finding for finding in wrong if not finding.because), wrong[0])
    more = f" +{len(wrong) - 1}" if len(wrong) > 1 else ""
    return {"finding": f"{first.severity} {first.code}{more}", "severity": first.severity}


def _row(info: RunInfo) -> dict[str, str]:
    """What one run shows under each heading; one that cannot be read has only its date."""
    if info.problem:
        return {"written": _ago(info.updated)}
    return {
        "step": f"{info.step:,}" + (f"/{info.total_steps:,}" if info.total_steps else ""),
        **{_heading(metric): _values(info, metric, values) for metric, values in info.headlines},
        "written": _ago(info.updated),
    }


def _values(info: RunInfo, metric: Metric, values: dict[str, float]) -> str:
    """`19.09 dB`; of several levels with what is the most: `12.3 + 8.8 of 16`."""
    text = " + ".join(metric.text(value) for value in values.values())
    most = info.val.get(metric.most)
    return f"{text} of {info.metrics[metric.most].text(most)}" if most else text


def _ago(when: float) -> str:
    seconds = max(0, int(time.time() - when))
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {name} ago"
    return "now" if seconds < 10 else f"{seconds} s ago"
