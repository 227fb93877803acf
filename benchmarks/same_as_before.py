"""Does this revision train exactly what another one did? Losses and final weights of every recipe, compared bit for bit.

    uv run benchmarks/same_as_before.py 1515608                       # the working tree against a revision
    uv run benchmarks/same_as_before.py 1515608 --only rqvae-digits   # one recipe (or `story`) alone

Both sides train the same in float32 on one thread: 30 steps of each shipped recipe on made images, and one run that is steered,
killed, resumed, replayed and trained for longer. Nothing may differ: a change that is meant to only move code moves no bit.
What only the newer side logs is listed and is no difference. Exit code 1 where anything differs.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SIDE = HERE / "sides" / "training_bits.py"
STORY = ("story-begin", "story-resume", "story-replay", "story-longer")


@dataclass
class Compared:
    """One training on both sides."""

    name: str
    values: int = 0
    """Logged numbers that both sides have."""
    differing: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    """Series that only the newer side logs."""
    seconds: float = 0.0


def main() -> int:
    """Compare, print a table, write JSON; 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", help="the revision before")
    parser.add_argument("--only", nargs="*", help="recipes, or `story`; without it all of them")
    parser.add_argument("--lpips", default="", help="file of LPIPS weights; without it that term is left out")
    parser.add_argument("--json", type=Path, default=HERE / "results" / "same_as_before.json", help="where to write")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="same-as-before-") as folder:
        sides = {"before": export(given.base, Path(folder) / "before"), "now": HERE.parent}
        names = given.only or [*_recipes(sides["before"]), "story"]
        found = [_reported(compare(name, sides, Path(folder), given.lpips)) for name in names]
    _write(given.json, given.base, found)
    differing = [one.name for one in found if one.differing]
    print(
        f"{len(found) - len(differing)} of {len(found)} the same bit for bit"
        + f"; not {', '.join(differing)}" * bool(differing)
    )
    return int(bool(differing))


def export(revision: str, folder: Path) -> Path:
    """The files of a revision, outside the working tree."""
    archive = subprocess.run(["git", "archive", revision, "src"], cwd=HERE.parent, capture_output=True)
    if archive.returncode:
        sys.exit(f"git knows no revision {revision}: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def _recipes(side: Path) -> list[str]:
    return sorted(file.stem for file in (side / "src" / "tilework" / "recipes").glob("*.yaml"))


def compare(name: str, sides: dict[str, Path], folder: Path, lpips: str) -> Compared:
    """One recipe, or the story, on both sides."""
    began, compared = time.monotonic(), Compared(name)
    for part in STORY if name == "story" else (name,):
        before, now = (trained(part, root, folder / f"{side}-runs", folder, lpips) for side, root in sides.items())
        if part == "story-begin":
            compared.differing += [f"{part}: {p}" for p in (before, now) if not p.get("killed")]
            continue
        prefix = f"{part}: " * (name == "story")
        compared.differing += [prefix + one for one in differences(before, now)]
        compared.values += sum(len(values) for values in before.get("series", {}).values())
        compared.added += sorted(now.get("series", {}).keys() - before.get("series", {}).keys())
    compared.seconds = time.monotonic() - began
    return compared


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Where `now` is not what `before` is. Series that only `now` logs are none; a logged step more or less is one."""
    found = [f"{side} {given['failed']}" for side, given in (("before", before), ("now", now)) if "failed" in given]
    found += [f"weights {key}: {one}" for key in ("last", "best") for one in _unequal(before, now, "weights", key)]
    for name, values in before.get("series", {}).items():
        theirs = now.get("series", {}).get(name)
        if theirs is None:
            found.append(f"{name} is gone")
        elif theirs != values:
            steps = [s for s in sorted(values.keys() | theirs.keys(), key=int) if values.get(s) != theirs.get(s)]
            found.append(f"{name} at step {steps[0]}: {values.get(steps[0])} is now {theirs.get(steps[0])}")
    return found + [one for key in ("identical", "interventions") for one in _unequal(before, now, key)]


def _unequal(before: Any, now: Any, *path: str) -> list[str]:
    for key in path:
        before, now = (before or {}).get(key), (now or {}).get(key)
    return [] if before == now else [f"{path[-1]}: {before} is now {now}"]


def trained(part: str, root: Path, runs: Path, frames: Path, lpips: str) -> dict[str, Any]:
    """What one side trains, in a process of its own with that side's package."""
    runs.mkdir(exist_ok=True)
    command = [sys.executable, str(SIDE), part, "--runs", str(runs), "--frames", str(frames), "--lpips", lpips]
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=runs)
    lines = done.stdout.strip().splitlines()
    if part == "story-begin" and done.returncode < 0:
        return {"killed": True}
    if done.returncode or not lines:
        return {"failed": f"exit code {done.returncode}: {done.stderr.strip()[-600:]}"}
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def _reported(one: Compared) -> Compared:
    what = f"{len(one.differing)} DIFFER, first {one.differing[0]}" if one.differing else "the same"
    more = f"; new: {', '.join(one.added)}" if one.added else ""
    print(f"{one.name:<24}{one.values:>7,} values  {one.seconds:6.1f} s  {what}{more}", flush=True)
    return one


def _write(path: Path, base: str, found: list[Compared]) -> None:
    sys.path.insert(0, str(HERE))
    from harness.machine import facts

    rows = {
        one.name: {
            "values": one.values,
            "differing": len(one.differing),
            "first": one.differing[:3],
            "added": one.added,
        }
        for one in found
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"base": base, "date": time.strftime("%Y-%m-%d"), "machine": facts(), "runs": rows}, indent=1)
        + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    sys.exit(main())
