"""When a run was last written to."""

from __future__ import annotations

from pathlib import Path

from tilework.runs.store import RunStore


def last_written(run: Path) -> float:
    """When the run in this folder was last written to, in seconds since 1970."""
    times = []
    for name in ("run.json", "run.db", "run.db-wal"):
        try:
            times.append((run / name).stat().st_mtime)
        except OSError:
            continue
    return max(times, default=0.0)


def newest_entry(run: Path) -> float:
    """When the run in this folder last wrote into its store, as `last_written` where there is nothing in it. A copied run has new
    files, and entries of its own time. Raises UserError for a store that cannot be read."""
    store = run / "run.db"
    if not store.exists():
        return last_written(run)
    with RunStore.open(store) as found:
        return found.latest()["written"] or last_written(run)
