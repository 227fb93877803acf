"""Quantisers side by side with vector-quantize-pytorch, the search with the bare product. Run: uv run benchmarks/quantizer.py

    step      a training step (forward, backward, codebook update) of the same configuration, at four shapes
    search    the nearest codes against the matrix product z E^T alone, written to N x K numbers
    residual  eight levels of 1024 x 64
    memory    one training step with 65,536 tokens, 262,144 codes of 32 dimensions: memory above inputs and codebook

Both sides run in one process in alternating pairs; the figure is the median of the pairs.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch
from harness import machine
from harness.pairs import Side, alternate
from harness.report import RESULTS, merge, print_table, verdict
from harness.sides import peak_mib
from torch import Tensor

SHAPES = [(16384, 64, 512), (8192, 256, 4096), (8192, 64, 16384), (4096, 32, 65536)]
TINY = [(256, 8, 32), (128, 16, 64)]
LEVELS = (8192, 64, 1024, 8)
TINY_LEVELS = (128, 8, 16, 3)
SEARCH_TARGETS = {(8192, 64, 16384): 0.6, (4096, 32, 65536): 0.6}
MEMORY = (65536, 32, 262144)
TINY_MEMORY = (512, 8, 256)


def timed(work: Callable[[], object]) -> Side:
    """A side that measures how long `work` takes once."""

    def side() -> dict[str, Any]:
        began = time.perf_counter()
        work()
        return {"seconds": time.perf_counter() - began}

    return side


def measure(ours: Callable[[], object], peer: Callable[[], object], count: int) -> dict[str, list[float]]:
    """Seconds of both in alternating pairs, after two rounds to warm up."""
    for _ in range(2):
        ours(), peer()
    found = alternate(timed(ours), timed(peer), count)
    return {"ours": [r["seconds"] for r in found.ours], "peer": [r["seconds"] for r in found.peer]}


def speedup(found: dict[str, Any], target: float, claim: str, tokens: int) -> dict[str, Any]:
    """A row: how many times as fast ours is."""
    ratios = [b / a for a, b in zip(found["ours"], found["peer"], strict=True)]
    return row(claim, "speedup", target, ratios, found, tokens)


def share(found: dict[str, Any], target: float, claim: str, tokens: int) -> dict[str, Any]:
    """A row: ours as a share of the peer's time."""
    ratios = [a / b for a, b in zip(found["ours"], found["peer"], strict=True)]
    return row(claim, "share", target, ratios, found, tokens)


def row(
    claim: str, figure: str, target: float, ratios: list[float], found: dict[str, Any], tokens: int
) -> dict[str, Any]:
    """One comparison as the results file keeps it."""
    sides = {
        side: {
            "step_ms": 1000 * statistics.median(found[side]),
            "tokens_per_second": tokens / statistics.median(found[side]),
        }
        for side in ("ours", "peer")
    }
    value = {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}
    return {"claim": claim, "figure": figure, "target": target, "value": value, **sides, "pairs": len(ratios)}


def stepper(layer: torch.nn.Module, x: Tensor, auxiliary: Callable[[Any], tuple[Tensor, Tensor]]) -> Callable[[], None]:
    """A training step of `layer` on tokens x (1, N, D): forward, backward to the tokens, the codebook's own update."""
    layer.train()
    x = x.clone().requires_grad_()
    pull = torch.randn_like(x)

    def step() -> None:
        z, loss = auxiliary(layer(x))
        x.grad = None
        ((z * pull).sum() + loss).backward()

    return step


def ours_of(latent: Any) -> tuple[Tensor, Tensor]:
    """Output and loss of a tilework bottleneck."""
    return latent.z, latent.losses["commitment"]


def peer_of(found: Any) -> tuple[Tensor, Tensor]:
    """Output and loss of a peer's layer."""
    return found[0], found[2].sum()


def step_rows(shapes: list[tuple[int, int, int]], count: int) -> dict[str, Any]:
    """Training steps: moving averages, straight-through gradient, no revival on either side."""
    from vector_quantize_pytorch import VectorQuantize

    from tilework.bottlenecks import VQ

    rows = {}
    for n, d, k in shapes:
        torch.manual_seed(0)
        x = torch.randn(1, n, d)
        ours = VQ(dim=d, codes=k, decay=0.99, start="random", revival=None)
        theirs = VectorQuantize(dim=d, codebook_size=k, decay=0.99, rotation_trick=False)
        found = measure(stepper(ours, x, ours_of), stepper(theirs, x, peer_of), count)
        claim = f"training step, N {n:,}, D {d}, K {k:,}, against vector-quantize-pytorch"
        rows[f"step-{k}"] = speedup(found, 6.0, claim, n)
        print(f"  step {k}: {rows[f'step-{k}']['value']}", file=sys.stderr)
    logs = [math.log(r["value"]["median"]) for r in rows.values()]
    mean = math.exp(sum(logs) / len(logs))
    rows["step-all"] = {
        "claim": "training step, geometric mean of the shapes", "figure": "speedup", "target": 12.0, "pairs": count,
        "value": {"median": mean, "min": min(math.exp(v) for v in logs), "max": max(math.exp(v) for v in logs)},
    }  # fmt: skip
    return rows


def search_rows(shapes: list[tuple[int, int, int]], count: int) -> dict[str, Any]:
    """The search alone against the product alone, `x @ codes.t()`, which has found nothing yet."""
    from tilework.bottlenecks.codebook.search import nearest

    rows = {}
    for n, d, k in shapes:
        torch.manual_seed(0)
        x, codes = torch.randn(n, d), torch.randn(k, d)
        found = measure(lambda x=x, c=codes: nearest(x, c), lambda x=x, c=codes: x @ c.t(), count)
        claim = f"nearest codes, N {n:,}, D {d}, K {k:,}, against z E^T alone"
        rows[f"search-{k}"] = share(found, SEARCH_TARGETS.get((n, d, k), 0.9), claim, n)
        print(f"  search {k}: {rows[f'search-{k}']['value']}", file=sys.stderr)
    return rows


def residual_row(shape: tuple[int, int, int, int], count: int) -> dict[str, Any]:
    """Residual quantisation, all levels."""
    from vector_quantize_pytorch import ResidualVQ

    from tilework.bottlenecks import RQ

    n, d, k, levels = shape
    torch.manual_seed(0)
    x = torch.randn(1, n, d)
    ours = RQ(dim=d, codes=k, levels=levels, decay=0.99, start="random", revival=None)
    theirs = ResidualVQ(dim=d, codebook_size=k, num_quantizers=levels, decay=0.99, rotation_trick=False)
    found = measure(stepper(ours, x, ours_of), stepper(theirs, x, peer_of), count)
    return {"residual": speedup(found, 5.0, f"residual VQ, {levels} levels of {k:,} x {d}, N {n:,}", n)}


def memory_of(shape: tuple[int, int, int]) -> dict[str, float]:
    """Peak MiB of one training step above what inputs and codebook hold. Run in a process of its own.

    The peak is of the whole life of the process, so whatever building the layer needed for a moment counts too.
    """
    from tilework.bottlenecks import VQ

    n, d, k = shape
    x = torch.randn(1, n, d, requires_grad=True)
    layer = VQ(dim=d, codes=k, start="random")
    # What any first step loads (threads, kernels) is not the step's: a small one goes first.
    small = VQ(dim=d, codes=16, start="random")
    ours_of(small(torch.randn(1, 64, d, requires_grad=True)))[0].sum().backward()
    before = held_mib()
    began = time.perf_counter()
    z, loss = ours_of(layer(x))
    (z.sum() + loss).backward()
    return {"mib": (peak_mib() or 0.0) - before, "seconds": time.perf_counter() - began}


def held_mib() -> float:
    """MiB that this process holds now (Linux; elsewhere its peak so far, which makes the figure too small)."""
    status = Path("/proc/self/statm")
    if not status.is_file():
        return peak_mib() or 0.0
    return int(status.read_text().split()[1]) * resource.getpagesize() / 2**20


def memory_row(shape: tuple[int, int, int], tiny: bool) -> dict[str, Any]:
    """The memory of one step as a row; the full matrix stands beside it."""
    n, d, k = shape
    command = [sys.executable, __file__, "--only", "memory-side", *(["--tiny"] if tiny else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    whole = f"the full matrix: {n * k / 2**18:,.0f} MiB"
    claim = f"memory of a training step above inputs and codebook, N {n:,}, D {d}, K {k:,} ({whole})"
    value = {"median": found["mib"], "min": found["mib"], "max": found["mib"]}
    return {"memory": {
        "claim": claim, "figure": "MiB", "target": 1024.0, "value": value,
        "ours": {"step_ms": 1000 * found["seconds"], "peak_mib": found["mib"]}, "pairs": 1,
    }}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="comma-separated: step, search, residual, memory; default all")
    parser.add_argument("--pairs", type=int, default=7, help="alternating pairs")
    parser.add_argument("--cores", type=int, default=2, help="cores that both sides may use")
    parser.add_argument("--output", type=Path, default=RESULTS / "quantizer.json", help="results file")
    parser.add_argument("--tiny", action="store_true", help="small shapes: tests the benchmark, measures nothing")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a figure falls short of its target")
    given = parser.parse_args()
    machine.keep_to_cores(given.cores)
    torch.set_num_threads(min(given.cores, len(machine.usable_cores())))
    shapes = TINY if given.tiny else SHAPES
    memory = TINY_MEMORY if given.tiny else MEMORY
    wanted = given.only.split(",") if given.only else ["step", "search", "residual", "memory"]
    if wanted == ["memory-side"]:
        print(json.dumps(memory_of(memory)))
        return
    rows: dict[str, Any] = {}
    if "step" in wanted:
        rows |= step_rows(shapes, given.pairs)
    if "search" in wanted:
        rows |= search_rows(shapes, given.pairs)
    if "residual" in wanted:
        rows |= residual_row(TINY_LEVELS if given.tiny else LEVELS, given.pairs)
    if "memory" in wanted:
        rows |= memory_row(memory, given.tiny)
    facts = machine.facts()
    for found in rows.values():
        found |= {"date": date.today().isoformat(), "machine": facts}
    print_table(rows, check=given.check)
    merge(given.output, "quantizer", rows)
    print(json.dumps({"written": str(given.output), "comparisons": list(rows)}))
    if given.check and any(verdict(found) != "PASS" for found in rows.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
