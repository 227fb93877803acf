"""Results files and how their rows read: the same words in the terminal and on the documentation page.

A results file is {"benchmark": name, "comparisons": {name: row}}. A row has `claim`, `figure` (what `value` is: speedup,
overhead, share, MiB, difference, or a unit of UNITS), `target`, `value` {median, min, max}, `ours` and `peer` (medians of each
side, or their `text`), `date`, `machine`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent.parent / "results"
AT_LEAST = {"speedup", "per second", "dB", "of the originals'", "runs", "kills"}
"""Figures that reach their target from below."""
UNITS = {"per second": "/s", "ms": " ms", "kB": " kB", "steps": " steps", "s": " s", "dB": " dB",
         "of the originals'": " of the originals'", "of a mean step": " of a mean step", "spreads outside": " spreads outside",
         "loops": " loops", "runs": " runs", "kills": " kills",
         "of the recipe's error": " of the recipe's error",
         "of the clean error": " of the clean run's", "of the copy's bits": " of the copy's bits"}  # fmt: skip
"""How a figure in plain units is written."""


def merge(path: Path, benchmark: str, rows: dict[str, Any]) -> None:
    """Write rows into a results file; rows of other comparisons stay."""
    kept: dict[str, Any] = {}
    if path.is_file():
        kept = json.loads(path.read_text(encoding="utf-8"))["comparisons"]
    write(path, benchmark, comparisons={**kept, **rows})


def write(path: Path, benchmark: str, **parts: Any) -> None:
    """Write a results file anew: the parts by their names, in this order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"benchmark": benchmark, **parts}, indent=1) + "\n", encoding="utf-8")


def reached(row: dict[str, Any]) -> bool:
    """Whether the median (`judged` where that is another value, such as a 95th percentile) meets the target."""
    value: float = row["value"].get("judged", row["value"]["median"])
    return value >= row["target"] if row["figure"] in AT_LEAST else value <= row["target"]


def verdict(row: dict[str, Any]) -> str:
    """PASS or FALLS SHORT."""
    return "PASS" if reached(row) else "FALLS SHORT"


def figure_text(row: dict[str, Any]) -> str:
    """`3.12x (2.98 to 3.20)`."""
    value = row["value"]
    if row["figure"] == "speedup":
        return f"{value['median']:.2f}x ({value['min']:.2f} to {value['max']:.2f})"
    if row["figure"] in UNITS:
        judged = f", p95 {_plain(value['judged'])}" if "judged" in value else ""
        spread = f"{_plain(value['min'])} to {_plain(value['max'])}{judged}"
        return f"{_plain(value['median'])}{UNITS[row['figure']]} ({spread})"
    if row["figure"] == "overhead":
        return f"{value['median']:+.1%} ({value['min']:+.1%} to {value['max']:+.1%})"
    if row["figure"] == "share":
        return f"{value['median']:.2f} of its time ({value['min']:.2f} to {value['max']:.2f})"
    if row["figure"] == "MiB":
        return f"{value['median']:,.0f} MiB"
    return f"{value['median']:.1e}"


def _plain(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def target_text(row: dict[str, Any]) -> str:
    """`at least 4x`, `under 5%`, `under 1e-03`."""
    target = row["target"]
    if row["figure"] == "speedup":
        return f"at least {target:g}x"
    if row["figure"] == "share":
        return f"under {target:g}"
    if row["figure"] == "MiB":
        return f"under {target:,.0f} MiB"
    if row["figure"] in UNITS:
        return f"{'at least' if row['figure'] in AT_LEAST else 'at most'} {target:,g}{UNITS[row['figure']]}"
    return f"under {100 * target:g}%" if row["figure"] == "overhead" else f"under {target:.0e}"


def speed_text(side: dict[str, Any] | None) -> str:
    """`812 images/s, 15.8 ms`, or a dash where there is no such side."""
    if not side:
        return "-"
    if "text" in side:
        return str(side["text"])
    step = f", {side['step_ms']:.1f} ms" if "step_ms" in side else ""
    if "images_per_second" not in side:
        return step.removeprefix(", ")
    speed = side["images_per_second"]
    return (f"{speed:,.0f}" if speed >= 100 else f"{speed:.1f}") + f" images/s{step}"


def memory_text(side: dict[str, Any] | None) -> str:
    """`842 MiB`, or a dash."""
    return f"{side['peak_mib']:,.0f} MiB" if side and side.get("peak_mib") else "-"


def print_table(rows: dict[str, Any], *, check: bool) -> None:
    """The rows on the terminal, with a verdict each where `check` asks for it."""
    from rich.console import Console
    from rich.table import Table

    heads = ["comparison", "tilework", "peer", "figure", "target", "peak memory"]
    table = Table(*heads, *(["verdict"] if check else []))
    for name, row in rows.items():
        ours, peer = row.get("ours"), row.get("peer")
        memory = f"{memory_text(ours)} / {memory_text(peer)}"
        cells = [name, speed_text(ours), speed_text(peer), figure_text(row), target_text(row), memory]
        table.add_row(*cells, *([verdict(row)] if check else []))
    # A pipe has no width: wide enough that no cell is broken.
    Console(width=None if Console().is_terminal else 160).print(table)
