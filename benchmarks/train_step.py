"""Images per second of a training step, side by side with a peer. Run: uv run --group bench benchmarks/train_step.py

    system1-jax        the real loop of system 1 against the same network in jitted JAX/Flax
    system1-overhead   the real loop of system 1 against the shortest loop that trains the same model
    system3, system5, system5-lpips   the real loop against the plainest faithful PyTorch program
    same-numbers       both of the last kind in float32 from the same state: the largest difference of any loss

Every side runs in a process of its own on the same cores, in alternating pairs; the figure is the median of the pairs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from harness import machine
from harness.pairs import alternate, summary
from harness.report import RESULTS, merge, print_table, verdict
from harness.sides import SideFailed, run_side
from systems import system


@dataclass(frozen=True)
class Comparison:
    """One claim and how it is measured."""

    claim: str
    system: str
    peer: str
    """Script of the other side."""
    figure: str
    """`speedup` = ours / peer in images/s; `overhead` = peer / ours - 1; `difference` = largest relative difference."""
    target: float
    steps: int
    """Steps that are timed, unless --steps is given."""
    pairs: int = 5
    needs: tuple[str, ...] = ()


_PLAIN, _JAX, _BARE = "peers/plain_vqvae.py", "peers/jax_rqvae.py", "sides/bare_step.py"
COMPARISONS = {
    "system1-jax": Comparison(
        "System 1 (28x28, batch 128): the real training loop, logging on, against jitted JAX/Flax",
        "system1", _JAX, "speedup", 4.0, 300, needs=("jax", "flax", "optax"),
    ),
    "system1-overhead": Comparison(
        "System 1: time that the real loop adds to a bare training step", "system1", _BARE, "overhead", 0.05, 300, 9
    ),
    "system3": Comparison(
        "System 3 (128x128, 4096 x 256, batch 16): the real loop against plain PyTorch", "system3", _PLAIN, "speedup", 2.5, 20
    ),
    "system5": Comparison(
        "System 5 v2.1.6 (128x72, 1024 x 384, batch 32): the real loop against plain PyTorch",
        "system5", _PLAIN, "speedup", 2.5, 20,
    ),
    "system5-lpips": Comparison(
        "System 5 v2.1.6 with LPIPS: the real loop against plain PyTorch", "system5-lpips", _PLAIN, "speedup", 2.5, 20,
        needs=("lpips weights",),
    ),
    "same-numbers": Comparison(
        "Systems 3 and 5 in float32: largest relative difference of any loss from the plain program's over a few steps",
        "system3 system5", "", "difference", 1e-3, 5, 1,
    ),
}  # fmt: skip
_FIGURES: dict[str, Callable[[float, float], float]] = {
    "speedup": lambda ours, peer: ours / peer,
    "overhead": lambda ours, peer: peer / ours - 1,
}


def measure(name: str, given: argparse.Namespace) -> dict[str, Any]:
    """Run one comparison; returns what the results file keeps of it."""
    what = COMPARISONS[name]
    steps = given.steps or what.steps
    measured = _same_numbers(what, steps, given) if what.figure == "difference" else _paired(name, what, steps, given)
    return {
        "claim": what.claim,
        "figure": what.figure,
        "target": what.target,
        **measured,
        "steps": steps,
        "tiny": given.tiny,
        "date": date.today().isoformat(),
        "machine": machine.facts(),
    }


def _paired(name: str, what: Comparison, steps: int, given: argparse.Namespace) -> dict[str, Any]:
    chosen = system(what.system, tiny=given.tiny)
    chosen.write_frames(given.folder)
    # Logged rows come every ten steps, and the clock starts and stops at a logged row.
    warm = min(100, max(10, steps // 30 * 10)) if steps >= 10 else 1
    arguments = ["--system", what.system, "--folder", str(given.folder), "--warm", str(warm), "--steps", str(steps)]
    arguments += ["--tiny"] * given.tiny + (["--lpips", given.lpips] if chosen.lpips else [])
    pairs = alternate(
        lambda: run_side("sides/real_loop.py", arguments),
        lambda: run_side(what.peer, arguments),
        given.pairs or what.pairs,
        lambda number: print(f"  {name}: pair {number} of {given.pairs or what.pairs}", file=sys.stderr),
    )
    _check_alike(pairs.ours[0], pairs.peer[0], falling=not given.tiny)
    return {
        "value": pairs.spread(_FIGURES[what.figure]),
        "pairs": len(pairs.ours),
        "warm": warm,
        "batch": chosen.batch,
        "ours": summary(pairs.ours),
        "peer": {"script": what.peer, **summary(pairs.peer)},
    }


def _check_alike(ours: dict[str, Any], peer: dict[str, Any], *, falling: bool) -> None:
    """Speeds of two different networks, or of one that does not learn, mean nothing."""
    if ours["parameters"] != peer["parameters"]:
        raise SideFailed(f"our network has {ours['parameters']:,} parameters and the peer's {peer['parameters']:,}")
    for side, result in (("tilework", ours), ("the peer", peer)):
        if falling and not result["loss_last"] < result["loss_first"]:
            raise SideFailed(f"{side} does not learn: loss {result['loss_first']:.4g} -> {result['loss_last']:.4g}")


def _same_numbers(what: Comparison, steps: int, given: argparse.Namespace) -> dict[str, Any]:
    from same_numbers import compare

    details = {}
    for name in what.system.split():
        largest, loss, step = compare(name, given.folder, steps=steps, tiny=given.tiny).largest
        details[name] = {"largest": largest, "of": loss, "step": step}
        print(f"  {name}: largest relative difference {largest:.2e} ({loss}, step {step})", file=sys.stderr)
    values = [d["largest"] for d in details.values()]
    spread = {"median": max(values), "min": min(values), "max": max(values)}
    return {"value": spread, "pairs": 1, "details": details}


def missing(what: Comparison, lpips: str) -> str:
    """Why a comparison cannot run here, and what to do; "" where it can."""
    packages = [p for p in what.needs if " " not in p and importlib.util.find_spec(p) is None]
    if packages:
        return f"{', '.join(packages)} not installed: run it as `uv run --group bench benchmarks/train_step.py`"
    if "lpips weights" in what.needs and not lpips:
        return "no LPIPS weights: give --lpips FILE (lpips_squeeze_v0.1.npz)"
    return ""


def read_arguments() -> argparse.Namespace:
    """The command line; `folder` is added by `main`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="comma-separated names; default all")
    parser.add_argument("--pairs", type=int, help="alternating pairs; default 5 (overhead: 9)")
    parser.add_argument("--steps", type=int, help="timed steps of each side; default 300 (system 1) or 20")
    parser.add_argument("--cores", type=int, default=2, help="cores that every side may use; default 2")
    parser.add_argument("--lpips", default=os.environ.get("TILEWORK_LPIPS", ""), help="LPIPS weights (squeeze, .npz)")
    parser.add_argument("--output", type=Path, default=RESULTS / "train_step.json", help="results file")
    parser.add_argument("--tiny", action="store_true", help="shrunken systems: tests the benchmark, measures nothing")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a figure falls short of its target")
    given = parser.parse_args()
    given.only = given.only.split(",") if given.only else list(COMPARISONS)
    unknown = set(given.only) - set(COMPARISONS)
    if unknown:
        parser.error(f"no comparison {', '.join(sorted(unknown))}; there are {', '.join(COMPARISONS)}")
    if given.tiny and given.output == RESULTS / "train_step.json":
        parser.error("--tiny measures nothing worth keeping: give --output FILE")
    return given


def main() -> int:
    given = read_arguments()
    machine.keep_to_cores(given.cores)
    rows = {}
    with tempfile.TemporaryDirectory(prefix="tilework-bench-") as folder:
        given.folder = Path(folder)
        os.environ["TILEWORK_CACHE"] = str(given.folder / "cache")
        for name in given.only:
            reason = missing(COMPARISONS[name], given.lpips)
            if reason:
                print(f"{name} left out: {reason}", file=sys.stderr)
                continue
            rows[name] = measure(name, given)
            merge(given.output, "train_step", {name: rows[name]})
    print_table(rows, check=given.check)
    print(json.dumps({"written": str(given.output), "comparisons": sorted(rows)}), file=sys.stderr)
    return 1 if given.check and any(verdict(row) != "PASS" for row in rows.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
