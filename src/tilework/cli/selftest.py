"""`tilework selftest`: does this machine's device compute what its CPU computes?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from tilework.engine.backend import Backend
    from tilework.engine.selftest import Row


def selftest(
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparisons as JSON, for a bug report.")] = False,
) -> None:
    """Compare this machine's device with its CPU: small models, forward to decode. Exit code 1 where something differs."""
    from tilework.cli.output import console_for_text

    console = console_for_text()
    with console.status("loading torch"):
        from tilework.engine.selftest import backends, compare
    found = backends()
    if as_json:
        rows = list(compare(found))
        _print_json(rows)
    else:
        for line in _introduction(found):
            console.print(line, soft_wrap=True)
        with console.status("computing everything twice"):
            rows = list(compare(found))
        _print_table(console, rows)
        for line in _advice(rows):
            console.print(line, soft_wrap=True)
    if not all(row.ok for row in rows):
        sys.exit(1)


def _name(backend: Backend) -> str:
    return f"{backend.device} {backend.precision}" + (f", {backend.threads} threads" if backend.threads else "")


def _introduction(found: list[Backend]) -> list[str]:
    if found[0].device == "cpu":
        return [
            "torch finds no GPU here, so the CPU is compared with itself: all threads, and bf16, against one thread in float32.",
            "This holds for no other device.",
        ]
    return [f"Compared with this machine's CPU (float32, one thread): {'; '.join(map(_name, found))}."]


def _print_table(console: Console, rows: list[Row]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("model", "computed on", "what"):
        table.add_column(heading, overflow="fold")
    for heading in ("largest relative difference", "tolerance"):
        table.add_column(heading, justify="right", overflow="fold")
    table.add_column("")
    for row in rows:
        difference = row.problem or (f"{row.difference:.1e}" if row.difference < float("inf") else "not finite")
        result = Text("ok", style="green") if row.ok else Text("differs", style="bold red")
        table.add_row(row.model, _name(row.backend), row.what, Text(difference), f"{row.tolerance:.1e}", result)
    console.print(table)


def _advice(rows: list[Row]) -> list[str]:
    """What to train with, where something differs: one setting that leaves out what is wrong."""
    wrong = [row for row in rows if not row.ok]
    if not wrong:
        return [f"All {len(rows)} comparisons agree: train as you like."]
    device = wrong[0].backend.device
    if all(row.backend.reduced for row in wrong):
        setting = "engine.precision=float32"
    elif device == "cpu":
        setting = "engine.threads=1 engine.precision=float32"
    else:
        setting = "engine.device=cpu"
    return [
        f"{len(wrong)} of {len(rows)} comparisons differ: what is trained there cannot be trusted.",
        f"Train with {setting}, update torch and the device's driver, and run this again.",
    ]


def _print_json(rows: list[Row]) -> None:
    import json
    import math
    import platform

    import torch

    typer.echo(
        json.dumps(
            {
                "torch": torch.__version__,
                "machine": platform.machine(),
                "system": platform.system(),
                "rows": [
                    {
                        "model": row.model,
                        "device": row.backend.device,
                        "precision": row.backend.precision,
                        "threads": row.backend.threads,
                        "what": row.what,
                        # JSON has no infinity.
                        "difference": row.difference if math.isfinite(row.difference) else None,
                        "tolerance": row.tolerance,
                        "ok": row.ok,
                        "problem": row.problem or None,
                    }
                    for row in rows
                ],
            },
            indent=1,
        )
    )
