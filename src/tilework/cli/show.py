"""`tilework show`: one run, its figures, what happened, and where its files are."""

from __future__ import annotations

import time

from tilework.cli.options import Run, RunsFolder


def show(run: Run, runs: RunsFolder = None) -> None:
    """Show one run: state, held-out figures, events, checkpoints, spec."""
    from rich.console import Console
    from rich.syntax import Syntax
    from rich.table import Table
    from rich.text import Text

    from tilework.runs.folder import RunFolder
    from tilework.runs.status import run_info
    from tilework.runs.store import RunStore

    folder = RunFolder.find(run, runs)
    info = run_info(folder.path)
    console = Console(highlight=False)
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("run", Text.assemble((info.id, "bold"), f"  {info.status}"))
    if info.problem:
        facts.add_row("problem", Text(info.problem))
    total = f" of {info.total_steps:,}" if info.total_steps else ""
    facts.add_row("step", f"{info.step:,}{total}  (epoch {info.epoch:,.1f}, {info.seconds:,.0f} s)")
    facts.add_row("folder", Text(str(folder.path)))
    if folder.db.is_file() and not info.problem:
        with RunStore.open(folder.db) as store:
            meta, events = store.meta(), store.events()
        machine = ", ".join(str(meta[k]) for k in ("device", "precision") if k in meta)
        facts.add_row("model", f"{meta.get('parameters', 0):,} parameters on {machine}")
        for name, value in info.val.items():
            facts.add_row(f"held-out {name}", f"{value:,.5g}")
        for event in events[-8:]:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.time))
            facts.add_row("event", Text(f"{when}  step {event.step:,}  {event.kind}  {_payload(event.payload)}"))
    for checkpoint in sorted(folder.checkpoints.glob("*-*")):
        facts.add_row("checkpoint", Text(checkpoint.name))
    console.print(facts)
    console.print()
    console.print(Syntax(folder.spec_file.read_text(encoding="utf-8"), "yaml", background_color="default"))


def _payload(payload: object) -> str:
    return "  ".join(f"{k}: {v}" for k, v in payload.items()) if isinstance(payload, dict) else ""
