"""What `tilework suggest` proposes beside shipped recipes, at equal time. Run: uv run benchmarks/suggested.py --data FOLDER

On four sets, each a folder below --data: flowers (photographs), emoji, clips (of games) and loops (GIFs of looping sketches).
For each the proposal is trained for --minutes, and so is every recipe that fits, on the same images: the data section of the
proposal, with the same split. Clips and loops hold out one stretch of each, since a whole one of so few means little.

No recipe is cut short in the middle of its schedule: its steps, and a learning rate that falls over all of them, are stretched
or shortened to the same time, from the time of a step that is measured here before; what then takes longer is stopped at
--minutes. The best validation of each counts. The figure is the proposal's mean squared error over that of the best recipe; it
costs bits, and they stand beside it. A run that is kept already (same set, side and seed) is not repeated. Ten minutes for a
run, three hours for all.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import machine
from harness.report import RESULTS, print_table, verdict
from harness.report import write as write_results

import tilework
from tilework.data import prepare, split_by
from tilework.engine.autoencoder.model import source_of
from tilework.spec.load import apply_overrides, parse_spec, read_yaml, recipe_text
from tilework.suggest.looking import Looked, look
from tilework.suggest.pace import step_seconds
from tilework.suggest.proposing import suggest
from tilework.suggest.words import yaml_text

OURS = "proposal"


@dataclass(frozen=True)
class Set:
    """A folder below the data, the recipes that fit it, and overrides for the data of all of them."""

    folder: str
    recipes: tuple[str, ...]
    own: tuple[str, ...] = ()


SEGMENT = ("data.split={by: segment, validation: 0.1}",)
SETS = {
    "flowers": Set("flowers", ("vq-photos", "p5-sharp-colour")),
    "emoji": Set("emoji", ("vq-photos", "p5-sharp-colour")),
    "clips": Set("games", ("vq-photos", "p5-sharp-colour", "minerl-v1.0.1"), SEGMENT),
    "loops": Set("gifs", ("p5-sharp-colour", "p5-loops", "vq-photos"), SEGMENT),
}
CLAIMS = {f"suggested-{name}": (name, 1.0) for name in SETS} | {"suggested-second": ("", 0.95)}
"""Row -> set and the largest share of the best recipe's error; the last is of the second-best set."""
SPARE = 0.92
"""Share of the time that steps take; the rest is for validations and checkpoints."""
TINY = ("data.size=16x16", "engine.steps=2", "engine.epochs=1", "engine.start_batches=1", "engine.batch_size=4",
        "bottleneck.codes=16")  # fmt: skip
TINY_VIDEO, TINY_IMAGES = ("data.count=24",), ("data.limit=24",)


def main() -> int:
    given = read_arguments()
    machine.keep_to_cores(given.cores)
    torch.set_num_threads(min(given.cores, len(machine.usable_cores())))
    runs = kept(given.output)
    for name in given.only or list(SETS):
        one = SETS[name]
        looked = look([str(given.data / one.folder)])
        proposal = suggest([str(given.data / one.folder)], given.minutes, looked)
        own = read_yaml(yaml_text(proposal), name)
        for seed in range(given.seeds):
            for side in (OURS, *one.recipes):
                if any((run["set"], run["side"], run["seed"]) == (name, side, seed) for run in runs):
                    continue
                raw = own if side == OURS else {**read_yaml(recipe_text(side), side), "data": own["data"]}
                runs.append({"set": name, "side": side, "seed": seed, **trained(raw, one.own, seed, looked, given)})
                print(line(runs[-1]), flush=True)
                write(given.output, runs)
    found = rows(runs)
    print_table(found, check=given.check)
    return int(given.check and any(verdict(row) != "PASS" for row in found.values()))


def trained(
    raw: dict[str, Any], own: tuple[str, ...], seed: int, looked: Looked, given: argparse.Namespace
) -> dict[str, Any]:
    """One training of so many minutes, and the error of its best weights on held-out images."""
    overrides = [*own, f"seed={seed}", "engine.monitor=mse", f"engine.stop_after_minutes={given.minutes}"]
    if given.tiny:
        kind = raw["data"]["kind"]
        overrides += [*TINY, *({"video": TINY_VIDEO, "images": TINY_IMAGES}.get(kind, ()))]
    raw = apply_overrides(raw, overrides)
    if not given.tiny:
        raw = fitted(raw, looked, given.minutes)
    spec: Any = parse_spec(raw, str(raw["name"]))
    store = prepare(source_of(spec))
    held_out = split_by(store, spec.data.split, spec.data.duplicates).validation
    with tempfile.TemporaryDirectory(prefix="tilework-bench-") as scratch:
        began = time.perf_counter()
        run = tilework.train(spec, runs=scratch)
        seconds = time.perf_counter() - began
        model = tilework.load(run, which="best", device="cpu")
        last = tilework.load(run, which="last", device="cpu").step
    error, count = 0.0, 0
    for start in range(0, len(held_out), 64):
        frames = store.gather(held_out[start : start + 64]).astype(np.float32) / 255
        made = model.reconstruct(torch.from_numpy(frames).permute(0, 3, 1, 2)).clamp(0, 1).permute(0, 2, 3, 1).numpy()
        error += float(((made - frames) ** 2).sum())
        count += frames.size
    bottleneck, grid = model.network.bottleneck, model.network.grid
    return {
        "mse": error / count, "psnr": float(-10 * np.log10(error / count)), "seconds": seconds, "steps": last, "best": model.step,
        "tokens": grid.width * grid.height * bottleneck.levels,
        "bits": round(grid.width * grid.height * bottleneck.bits_per_position),
        "held_out": len(held_out), "size": str(spec.data.size), "minutes": given.minutes, "date": date.today().isoformat(),
        "machine": machine.facts(),
    }  # fmt: skip


def fitted(raw: dict[str, Any], looked: Looked, minutes: float) -> dict[str, Any]:
    """A spec whose steps, and whose falling learning rate, end when the time does."""
    spec: Any = parse_spec(raw, str(raw["name"]))
    steps = max(1, int(SPARE * 60 * minutes / step_seconds(spec, looked.images)))
    more = [f"engine.steps={steps}", "engine.epochs=null", "engine.early_stopping=null"]
    if spec.optimizer.lr.length is not None:
        more.append(f"optimizer.lr.over={steps} steps")
    return apply_overrides(raw, more)


def line(run: dict[str, Any]) -> str:
    return (
        f"{run['set']:8} {run['side']:16} seed {run['seed']} | {run['psnr']:.2f} dB, mse {run['mse']:.5f} | "
        f"{run['tokens']} tokens, {run['bits']} bits | {run['steps']:,} steps, {run['seconds']:.0f} s"
    )


def rows(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """One row for each set that has a proposal and a recipe; the last one where at least two have."""
    found: dict[str, Any] = {}
    shares: list[float] = []
    for claim, (name, target) in CLAIMS.items():
        if not name:
            if len(shares) > 1:
                second = sorted(shares)[1]
                found[claim] = row([second], target, "proposal", "best recipe of each set")
            continue
        by_side: dict[str, dict[int, dict[str, Any]]] = {}
        for run in runs:
            if run["set"] == name:
                by_side.setdefault(run["side"], {})[run["seed"]] = run
        ours = by_side.pop(OURS, {})
        if not ours or not by_side:
            continue
        best = min(by_side, key=lambda side: statistics.median(run["mse"] for run in by_side[side].values()))
        values = [ours[seed]["mse"] / run["mse"] for seed, run in by_side[best].items() if seed in ours]
        if not values:
            continue
        shares.append(statistics.median(values))
        texts = [f"{side} {middle(side_runs, 'psnr'):.2f} dB, {middle(side_runs, 'bits'):,.0f} bits"
                 for side, side_runs in ((OURS, ours), (best, by_side[best]))]  # fmt: skip
        found[claim] = row(values, target, *texts)
    return found


def row(values: list[float], target: float, ours: str, peer: str) -> dict[str, Any]:
    return {
        "figure": "of the recipe's error", "target": target,
        "value": {"median": statistics.median(values), "min": min(values), "max": max(values)},
        "ours": {"text": ours}, "peer": {"text": peer}, "seeds": len(values), "date": date.today().isoformat(),
        "machine": machine.facts(),
    }  # fmt: skip


def middle(runs: dict[int, dict[str, Any]], name: str) -> float:
    return statistics.median(run[name] for run in runs.values())


def kept(path: Path) -> list[dict[str, Any]]:
    """The runs of an earlier call."""
    runs: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.is_file() else []
    return runs


def write(path: Path, runs: list[dict[str, Any]]) -> None:
    write_results(path, "suggested", comparisons=rows(runs), runs=runs)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with flowers, emoji, games and gifs")
    parser.add_argument("--only", action="append", choices=list(SETS), help="one set; may be given several times")
    parser.add_argument("--minutes", type=float, default=10.0, help="of each training")
    parser.add_argument("--seeds", type=int, default=1, help="0 to this number, without it")
    parser.add_argument("--cores", type=int, default=2, help="cores to use")
    parser.add_argument("--tiny", action="store_true", help="little images, two steps: whether the script runs")
    parser.add_argument("--check", action="store_true", help="a verdict for each claim; exit code 1 if one falls short")
    parser.add_argument("--output", type=Path, default=RESULTS / "suggested.json", help="results file")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
