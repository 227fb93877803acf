"""How sharp the tokenizers of drawn loops are, beside p5-loops. Run: uv run benchmarks/sharp_loops.py [--sheets FOLDER]

Trains p5-loops, p5-sharp and p5-sharp-colour as they ship, each with three seeds, through the same call as the command line, and
measures PSNR, fine detail (energy of the Laplacian, reconstructions over originals) and seconds. Two kinds of images judge them:

- held out: those of the recipe's own split. p5-loops holds out a stretch of every animation, and p5-sharp is trained once more on
  the same images and split (`p5-sharp on the ten loops`), so that both answer the same question;
- unseen: 40 drawings of each of the ten kinds, of another seed, in shapes that no training saw.

A run that is already kept (same side and seed) is not repeated. The clock includes validation and checkpoints; the seconds of
drawing the images stand beside it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import machine
from harness.report import RESULTS, print_table, verdict
from harness.report import write as write_results
from numpy.typing import NDArray
from PIL import Image

import tilework
from tilework.data import prepare, split_by
from tilework.engine.api import Model
from tilework.engine.autoencoder.model import source_of
from tilework.objective.fine.laplacian import laplacian_energy

TEN = ("data.variants=1", "data.frames=180", "data.split={by: segment, validation: 0.1}")
"""The ten loops as p5-loops has them, and its split."""
SIDES: dict[str, tuple[str, tuple[str, ...]]] = {
    "p5-loops": ("p5-loops", ()),
    "p5-sharp on the ten loops": ("p5-sharp", TEN),
    "p5-sharp": ("p5-sharp", ()),
    "p5-sharp-colour": ("p5-sharp-colour", ()),
}
UNSEEN = ("data.seed=1000003", "data.variants=40", "data.frames=3")
"""Drawings of a seed that no recipe has; three moments of each."""
TINY = ("data.size=16x16", "data.frames=6", "data.variants=2", "engine.steps=2", "engine.start_batches=2", "bottleneck.codes=16",
        "engine.batch_size=4", "data.split={by: segment, validation: 0.2}")  # fmt: skip


def main() -> int:
    given = read_arguments()
    machine.keep_to_cores(given.cores)
    torch.set_num_threads(min(given.cores, len(machine.usable_cores())))
    runs: list[dict[str, Any]] = kept(given.output)
    for seed in range(given.seeds):
        for side in given.only or SIDES:
            if any(run["side"] == side and run["seed"] == seed for run in runs):
                continue
            small = TINY if given.tiny else ()
            with kept_in(given.runs) as folder:
                runs.append(measured(side, seed, [*given.override, *small], folder, given.sheets))
            print(line(side, [runs[-1]]), flush=True)
            write(given.output, runs)
    print()
    for side in SIDES:
        if found := [run for run in runs if run["side"] == side]:
            print(line(side, found))
    found = rows(runs)
    write(given.output, runs)
    print_table(found, check=given.check)
    return int(given.check and any(verdict(row) != "PASS" for row in found.values()))


@contextmanager
def kept_in(runs: Path | None) -> Iterator[Path]:
    """The folder for the runs: the one asked for, or one that goes when they are measured."""
    if runs is not None:
        yield runs
    else:
        with tempfile.TemporaryDirectory(prefix="tilework-bench-") as scratch:
            yield Path(scratch)


def measured(side: str, seed: int, more: Iterable[str], folder: Path, sheets: Path | None) -> dict[str, Any]:
    """One training and what its last weights make of held-out and of unseen images."""
    recipe, own = SIDES[side]
    overrides = [*own, *more, f"seed={seed}"]
    spec: Any = tilework.recipe(recipe, *overrides)
    began = time.perf_counter()
    store = prepare(source_of(spec))
    drawn = time.perf_counter() - began
    held_out = split_by(store, spec.data.split, spec.data.duplicates).validation
    other = prepare(source_of(tilework.recipe(recipe, *overrides, *UNSEEN)))  # type: ignore[arg-type]
    began, cpu = time.perf_counter(), time.process_time()
    run = tilework.train(recipe, *overrides, runs=folder)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    model = tilework.load(run, which="last", device="cpu")
    bottleneck = model.network.bottleneck
    positions = model.network.grid.width * model.network.grid.height
    found = {
        "held_out": figures(model, store.gather(held_out)),
        "unseen": figures(model, other.gather(np.arange(other.count))),
    }
    if sheets is not None and seed == 0:
        sheets.mkdir(parents=True, exist_ok=True)
        name = side.replace(" ", "-")
        for kind, frames in (
            ("held-out", one_of_each(store, held_out)),
            ("unseen", one_of_each(other, np.arange(other.count))),
        ):
            sheet(model, frames).save(sheets / f"{name}-{kind}.png")
    return {
        "side": side, "seed": seed, "steps": model.step, "seconds": seconds, "cpu_seconds": cpu, "drawing_seconds": drawn,
        "tokens": positions * bottleneck.levels, "bits": round(positions * bottleneck.bits_per_position), **found,
    }  # fmt: skip


def figures(model: Model, frames: NDArray[np.uint8]) -> dict[str, float]:
    """PSNR in dB, fine detail, and `grid`: jumps at the borders of tokens over those elsewhere, 1 = as in the originals."""
    images = frames.astype(np.float32) / 255
    made = reconstructed(model, frames)
    energy = [float(laplacian_energy(torch.from_numpy(a).permute(0, 3, 1, 2))) for a in (made, images)]
    side = images.shape[1] // model.network.grid.height
    return {
        "psnr": float(-10 * np.log10(((made - images) ** 2).mean())),
        "detail": energy[0] / energy[1],
        "grid": jumps(made, side) / jumps(images, side),
    }


def jumps(images: NDArray[np.float32], side: int) -> float:
    """Mean difference of neighbours across the border of two tokens, over that of neighbours inside one."""
    across = np.abs(np.diff(images, axis=2)).mean((0, 1, 3)) + np.abs(np.diff(images, axis=1)).mean((0, 2, 3))
    border = (np.arange(len(across)) + 1) % side == 0
    return float(across[border].mean() / across[~border].mean())


def reconstructed(model: Model, frames: NDArray[np.uint8], batch: int = 60) -> NDArray[np.float32]:
    """(n, H, W, C) uint8 -> the same shape, float32 in [0, 1]."""
    parts = [
        model.reconstruct(frames[n : n + batch]).clamp(0, 1).permute(0, 2, 3, 1) for n in range(0, len(frames), batch)
    ]
    return torch.cat(parts).numpy()


def one_of_each(store: Any, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The middle frame among `indices` of each of the kinds of drawing."""
    labels = store.labels[indices]
    chosen = [indices[labels == label] for label in np.unique(labels)]
    frames: NDArray[np.uint8] = store.gather(np.sort(np.array([c[len(c) // 2] for c in chosen], dtype=np.int64)))
    return frames


def sheet(model: Model, frames: NDArray[np.uint8], scale: int = 3) -> Image.Image:
    """Originals above their reconstructions, enlarged so that each pixel is a square."""
    made = np.rint(reconstructed(model, frames) * 255).astype(np.uint8)
    both = np.concatenate([np.concatenate(list(side), axis=1) for side in (frames, made)], axis=0)
    image = Image.fromarray(both[..., 0] if both.shape[-1] == 1 else both)
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)


def line(side: str, runs: list[dict[str, Any]]) -> str:
    """The runs of one side: medians."""

    def middle(*path: str) -> float:
        values: list[Any] = runs
        for key in path:
            values = [value[key] for value in values]
        return statistics.median(values)

    parts = [f"{side:26} {runs[0]['tokens']:>4} tokens {runs[0]['bits']:>5} bits"]
    for kind, words in (("held_out", "held out"), ("unseen", "unseen")):
        parts.append(
            f"{words} {middle(kind, 'psnr'):.2f} dB, detail {middle(kind, 'detail'):.2f}, grid {middle(kind, 'grid'):.2f}"
        )
    parts.append(
        f"{middle('seconds'):.0f} s ({middle('cpu_seconds'):.0f} s of CPU) and {middle('drawing_seconds'):.0f} s of drawing"
    )
    return " | ".join([*parts, f"{middle('steps'):,.0f} steps, {len(runs)} seed(s)"])


CLAIMS: dict[str, tuple[str, str, str, float]] = {
    # row -> side, figure in the report, what of a run, target
    "sharp-loops": ("p5-sharp on the ten loops", "dB", "held_out.psnr", 26.0),
    "sharp-loops-detail": ("p5-sharp on the ten loops", "of the originals'", "held_out.detail", 0.9),
    "sharp-unseen": ("p5-sharp", "dB", "held_out.psnr", 26.0),
    "sharp-unseen-detail": ("p5-sharp", "of the originals'", "held_out.detail", 0.9),
    "sharp-colour": ("p5-sharp-colour", "dB", "held_out.psnr", 26.0),
    "sharp-colour-detail": ("p5-sharp-colour", "of the originals'", "held_out.detail", 0.9),
    "sharp-seconds": ("p5-sharp", "s", "seconds", 600.0),
}  # fmt: skip


def rows(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """One row for each claim whose side has runs."""
    found: dict[str, Any] = {}
    for name, (side, figure, path, target) in CLAIMS.items():
        values = [value(run, path) for run in runs if run["side"] == side]
        peers = [value(run, path) for run in runs if run["side"] == "p5-loops"]
        if not values:
            continue
        texts = [f"{statistics.median(side):.3g} {figure}" if side else None for side in (values, peers)]
        found[name] = {
            "figure": figure, "target": target,
            "value": {"median": statistics.median(values), "min": min(values), "max": max(values)},
            "ours": {"text": texts[0]}, "peer": {"text": f"p5-loops {texts[1]}"} if texts[1] else None,
            "seeds": len(values), "date": date.today().isoformat(), "machine": machine.facts(),
        }  # fmt: skip
    return found


def value(run: dict[str, Any], path: str) -> float:
    found: Any = run
    for key in path.split("."):
        found = found[key]
    return float(found)


def kept(path: Path) -> list[dict[str, Any]]:
    """The runs of an earlier call."""
    runs: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.is_file() else []
    return runs


def write(path: Path, runs: list[dict[str, Any]]) -> None:
    write_results(path, "sharp_loops", comparisons=rows(runs), runs=runs)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(SIDES), help="one side; may be given several times")
    parser.add_argument("--seeds", type=int, default=3, help="0 to this number, without it")
    parser.add_argument(
        "--set", dest="override", action="append", default=[], help="section.key=value for every training"
    )
    parser.add_argument("--runs", type=Path, help="folder that keeps the runs, for a prior of them")
    parser.add_argument("--sheets", type=Path, help="folder for sheets of originals above reconstructions, of seed 0")
    parser.add_argument("--cores", type=int, default=2, help="cores to use")
    parser.add_argument("--tiny", action="store_true", help="little images, two steps: whether the script runs")
    parser.add_argument("--check", action="store_true", help="a verdict for each claim; exit code 1 if one falls short")
    parser.add_argument("--output", type=Path, default=RESULTS / "sharp_loops.json", help="results file")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
