"""Priors over tokens side by side with what people would write. Run: uv run --group bench benchmarks/priors.py

    cache     sampling 1,024 tokens with the key-value cache against computing everything again for each
    masked    the masked prior against the causal one: images a second, both of one size, 16 x 16 tokens
    train     tokens a second of a training step against a plain GPT loop and against x-transformers, as they are written
              (float32, AdamW as torch chooses), and with bf16 and the fused optimiser on both sides (`-bf16`)
    sample    tokens a second of sampling against the same two
    learn     bits per token of held-out items after equal steps on equal data against x-transformers of the same size

All sides run in one process in alternating pairs; the figure is the median of the pairs. What is learned are the 8 x 8
digits that scikit-learn brings, each pixel a token of 17 codes.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch
from harness import machine
from harness.pairs import alternate
from harness.report import RESULTS, merge, print_table, verdict
from sides.gpts import GPT, Ours, Plain, Size, XTransformers

SYSTEM3 = Size(side=32, codes=512, width=256, depth=8, heads=8, batch=4)
"""The GPT of system 3."""
SMALL = Size(side=16, codes=512, width=256, depth=8, heads=8, batch=4)
DIGITS = Size(side=8, codes=17, width=128, depth=4, heads=4, batch=64)
TINY = Size(side=4, codes=17, width=16, depth=1, heads=2, batch=2)
NAMES = ("cache", "masked", "train", "sample", "learn")


def timed_pairs(ours: Callable[[], object], peer: Callable[[], object], count: int) -> tuple[list[float], list[float]]:
    """Seconds of both in alternating pairs, after one round to warm up."""

    def side(work: Callable[[], object]) -> Callable[[], dict[str, Any]]:
        def run() -> dict[str, Any]:
            began = time.perf_counter()
            work()
            return {"seconds": time.perf_counter() - began}

        return run

    ours(), peer()
    found = alternate(side(ours), side(peer), count)
    return [r["seconds"] for r in found.ours], [r["seconds"] for r in found.peer]


def speedup(
    claim: str, target: float, ours: list[float], peer: list[float], tokens: int, unit: str = "tokens", **more: Any
) -> dict[str, Any]:
    """A row: how many times as fast ours is."""
    ratios = [b / a for a, b in zip(ours, peer, strict=True)]
    value = {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}
    sides = {
        name: {"text": f"{tokens / statistics.median(seconds):,.3g} {unit}/s", "seconds": statistics.median(seconds)}
        for name, seconds in (("ours", ours), ("peer", peer))
    }
    return {
        "claim": claim,
        "figure": "speedup",
        "target": target,
        "value": value,
        **sides,
        "pairs": len(ratios),
        **more,
    }


def cache_row(size: Size, pairs: int) -> dict[str, Any]:
    """Sampling one item with the cache against the same network without it."""
    ours, plain = Ours(size), Plain(size)
    plain.start_as(ours)
    found = timed_pairs(lambda: ours.generate(1), lambda: plain.generate(1), pairs)
    return {
        "sample-cache": speedup(
            f"sampling {size.length:,} tokens, cached against recomputed", 10.0, *found, size.length
        )
    }


def masked_row(size: Size, pairs: int) -> dict[str, Any]:
    """An image from both of our priors."""
    from tilework.priors.contract import Sampling, TokenShape
    from tilework.priors.masked import Config, Prior

    causal = Ours(size)
    config = Config(width=size.width, depth=size.depth, heads=size.heads, labels=False)
    masked = Prior(config, TokenShape(1, 1, size.side, size.side, size.codes))
    none = torch.zeros(1, 1, 1, size.side, size.side, dtype=torch.long)
    labels, random = torch.full((1,), -1), torch.Generator().manual_seed(0)

    def image() -> None:
        masked.sample(none, none.bool(), labels, Sampling(), random)

    found = timed_pairs(image, lambda: causal.generate(1), pairs)
    claim = (
        f"an image of {size.length} tokens, masked with its own number of passes against causal with its cache, float32"
    )
    return {"masked": speedup(claim, 5.0, *found, 1, "images")}


def peers() -> dict[str, type[GPT]]:
    """The other sides that can run here."""
    found: dict[str, type[GPT]] = {"plain": Plain}
    if importlib.util.find_spec("x_transformers") is None:
        print("x-transformers left out: run as `uv run --group bench benchmarks/priors.py`", file=sys.stderr)
    else:
        found["x-transformers"] = XTransformers
    return found


def train_rows(size: Size, pairs: int, steps: int) -> dict[str, Any]:
    """Training steps on the same batches: speed, and the loss that both have reached."""
    rows = {}
    for name, make in peers().items():
        for reduced in (False, True):
            torch.manual_seed(0)
            ours, peer = Ours(size), make(size, reduced=reduced)
            if isinstance(peer, Plain):
                peer.start_as(ours)
            losses: dict[GPT, list[float]] = {ours: [], peer: []}
            batches = {side: _walks(size, seed=0) for side in losses}

            def work(side: GPT, losses: Any = losses, batches: Any = batches) -> None:
                for _ in range(steps):
                    losses[side].append(side.step(next(batches[side])))

            for side in losses:
                side.start(3e-4)
            found = timed_pairs(lambda: work(ours), lambda: work(peer), pairs)  # noqa: B023
            last = {key: losses[side][-1] for key, side in (("ours", ours), ("peer", peer))}
            claim = f"training step, {size.length:,} tokens x {size.batch}, against {name}" + reduced * " in bf16 too"
            tokens = steps * size.batch * size.length
            key = f"train-{name}" + reduced * "-bf16"
            rows[key] = speedup(claim, 1.0 if reduced else 1.5, *found, tokens, losses=last)
            print(f"  {key}: {rows[key]['value']}, losses {last}", file=sys.stderr)
    return rows


def _walks(size: Size, seed: int) -> Any:
    """Batches (B, N) that can be learned: codes walk up and down, so that the one before shows much and not all."""
    random = torch.Generator().manual_seed(seed)
    while True:
        first = torch.randint(size.codes, (size.batch, 1), generator=random)
        moves = torch.randint(-2, 3, (size.batch, size.length - 1), generator=random)
        yield torch.cat([first, moves], dim=1).cumsum(1) % size.codes


def sample_rows(size: Size, pairs: int) -> dict[str, Any]:
    """Sampling as each of them does it."""
    rows = {}
    for name, make in peers().items():
        ours, peer = Ours(size), make(size)
        found = timed_pairs(lambda: ours.generate(size.batch), lambda: peer.generate(size.batch), pairs)  # noqa: B023
        claim = f"sampling {size.batch} items of {size.length} tokens against {name}"
        rows[f"sample-{name}"] = speedup(claim, 1.0, *found, size.batch * size.length)
    return rows


def learn_row(size: Size, seeds: int, steps: int) -> dict[str, Any]:
    """Held-out bits per token, ours against x-transformers, from the same number of steps on the same batches."""
    from sklearn.datasets import load_digits

    pixels = torch.from_numpy(load_digits().images).long().flatten(1)[:, : size.length].clamp(0, size.codes - 1)
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(0))
    held, train = pixels[order[:360]], pixels[order[360:]]
    if "x-transformers" not in (others := peers()):
        return {}
    bits: dict[str, list[float]] = {"ours": [], "peer": []}
    counts = {}
    for seed in range(seeds):
        for name, make in (("ours", Ours), ("peer", others["x-transformers"])):
            torch.manual_seed(seed)
            side = make(size, reduced=False)
            side.start(1e-3)
            random = torch.Generator().manual_seed(seed)
            for _ in range(steps):
                side.step(train[torch.randint(len(train), (size.batch,), generator=random)])
            bits[name].append(side.bits(held))
            counts[name] = side.parameters
    more = [a / b - 1 for a, b in zip(bits["ours"], bits["peer"], strict=True)]
    texts = {
        name: {"text": f"{statistics.mean(found):.4f} bits/token, {counts[name]:,} parameters", "bits": found}
        for name, found in bits.items()
    }
    value = {"median": statistics.median(more), "min": min(more), "max": max(more)}
    claim = f"held-out bits per token after {steps} steps on the 8 x 8 digits, above x-transformers"
    return {
        "learn-x-transformers": {
            "claim": claim, "figure": "overhead", "target": 0.03, "value": value, **texts, "pairs": seeds,
        }
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(NAMES), help="comma-separated: " + ", ".join(NAMES))
    parser.add_argument("--pairs", type=int, default=5, help="alternating pairs; of seeds in `learn`")
    parser.add_argument(
        "--steps", type=int, help="steps of a turn in `train` (default 4), of a run in `learn` (default 600)"
    )
    parser.add_argument("--cores", type=int, default=2, help="cores that both sides may use")
    parser.add_argument("--output", type=Path, default=RESULTS / "priors.json", help="results file")
    parser.add_argument("--tiny", action="store_true", help="small shapes: tests the benchmark, measures nothing")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a figure falls short of its target")
    given = parser.parse_args()
    wanted = given.only.split(",")
    if unknown := set(wanted) - set(NAMES):
        parser.error(f"no comparison {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    if given.tiny and given.output == RESULTS / "priors.json":
        parser.error("--tiny measures nothing worth keeping: give --output FILE")
    machine.keep_to_cores(given.cores)
    torch.set_num_threads(min(given.cores, len(machine.usable_cores())))
    large, small, digits = (TINY,) * 3 if given.tiny else (SYSTEM3, SMALL, DIGITS)
    work: dict[str, Callable[[], dict[str, Any]]] = {
        "cache": lambda: cache_row(large, given.pairs),
        "masked": lambda: masked_row(small, given.pairs),
        "train": lambda: train_rows(large, given.pairs, given.steps or 4),
        "sample": lambda: sample_rows(small, given.pairs),
        "learn": lambda: learn_row(digits, given.pairs, given.steps or 600),
    }
    rows: dict[str, Any] = {}
    facts = machine.facts()
    for name in wanted:
        for key, found in work[name]().items():
            rows[key] = {**found, "date": date.today().isoformat(), "machine": facts}
            merge(given.output, "priors", {key: rows[key]})
    print_table(rows, check=given.check)
    print(json.dumps({"written": str(given.output), "comparisons": list(rows)}), file=sys.stderr)
    return 1 if given.check and any(verdict(row) != "PASS" for row in rows.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
