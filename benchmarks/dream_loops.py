"""How good dreamed loops are: seam, motion, novelty. Run: uv run benchmarks/dream_loops.py [RUN] [--sheets FOLDER]

Without RUN the road is gone first, as it is documented: `tilework train p5-sharp`, `tilework train motion-prior parent=last`; its
processor time is a figure too. Then twenty loops are dreamed, each label in turn, and measured as `tilework dream` measures them:

- the step over the seam over the mean step (the worst loop), beside that of training loops, which have no seam; and how it ranks
  among the loop's own steps (0.5 in the mean and uniform where there is none);
- motion energy (mean step) and roughness beside those of training loops: how far the mean of the dreamed ones lies outside their
  spread, in widths of it;
- how many repeat a training loop, however shifted in time, mirrored or played backwards;
- held-out bits per token over those of the plain code that copies the frame before.

Sheets show each loop as a row of frames, and training loops as the tokenizer gives them back in the same way.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import machine
from harness.report import RESULTS, print_table, verdict, write
from numpy.typing import NDArray
from PIL import Image

import tilework
from tilework.dream.loops import LoopReport, flat, steps_of
from tilework.dream.made import Dreamed
from tilework.dream.moving import motion
from tilework.dream.opened import Dreamer
from tilework.dream.opening import open_dreamer
from tilework.dream.words import verdicts
from tilework.engine.prior.measured import COPY
from tilework.explore.cloud import spread
from tilework.explore.sheet import table
from tilework.priors.contract import Sampling
from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore

ROAD = (("p5-sharp", ()), ("motion-prior", ("parent=last",)))
ON_A_ROW = 9
CLAIMS: dict[str, tuple[str, float]] = {
    # row -> figure in the report, target
    "loops-seam": ("of a mean step", 1.1),
    "loops-energy": ("spreads outside", 0.0),
    "loops-roughness": ("spreads outside", 0.0),
    "loops-repeats": ("loops", 0.0),
    "loops-bits": ("of the copy's bits", 1.0),
    "loops-seconds": ("s", 1800.0),
}


def main() -> int:
    given = read_arguments()
    machine.keep_to_cores(given.cores)
    torch.set_num_threads(min(given.cores, len(machine.usable_cores())))
    run, seconds = (given.run, None) if given.run else trained(given.override, given.runs)
    folder = RunFolder.find(str(run), given.runs)
    dreamer = open_dreamer(folder, which="last", runs=given.runs)
    sampling = Sampling(
        temperature=given.temperature, top_p=given.top_p, guidance=given.guidance, steps=given.steps, order=given.order
    )
    began = time.perf_counter()
    dreamed = motion(dreamer, given.frames, count=given.count, sampling=sampling, seed=given.seed, fps=15)
    drawn = time.perf_counter() - began
    figures = measured(dreamed, held_out(folder), seconds)
    print(dreamed.title())
    for name, value in dreamed.facts():
        print(f"  {name:<14}  {value}")
    print(f"  {'drawn in':<14}  {drawn:.0f} s, comparing included")
    if given.sheets is not None:
        sheets(dreamer, dreamed, given.sheets)
    found = rows(figures, verdicts(dreamed))
    about = {"run": dreamer.name, "parent": dreamer.parent.name, "step": dreamer.step, "count": given.count}
    write(given.output, "dream_loops", comparisons=found, of=about, figures=figures)
    print_table(found, check=given.check)
    return int(given.check and any(verdict(row) != "PASS" for row in found.values()))


def trained(overrides: Sequence[str], runs: Path | None) -> tuple[Path, float]:
    """The prior of the road, and the seconds that both runs took together. `overrides` are RECIPE:section.key=value."""
    began, last = time.perf_counter(), Path()
    for recipe, own in ROAD:
        more = [text.removeprefix(f"{recipe}:") for text in overrides if text.startswith(f"{recipe}:")]
        last = Path(tilework.train(recipe, *own, *more, runs=runs).path)
    return last, time.perf_counter() - began


def held_out(run: RunFolder) -> tuple[float, float] | None:
    """Bits per token of the last validation, and those of the copy of the frame before."""
    with RunStore.open(run.db) as store:
        own, copied = store.last("bits", "val"), store.last(f"coding.{COPY}", "val")
    return None if own is None or copied is None else (own, copied)


def measured(dreamed: Dreamed, bits: tuple[float, float] | None, seconds: float | None) -> dict[str, Any]:
    """The figure of each claim as a list over loops (or of one value), where there is one."""
    report = dreamed.loop
    assert report is not None
    found: dict[str, Any] = {
        "loops-seam": [one.seam for one in report.measures if one.seam is not None],
        "loops-repeats": [sum(one.same for one in report.repeats)],
        "energy": [one.energy for one in report.measures],
        "roughness": [one.roughness for one in report.measures],
        "nearest": [one.distance / one.apart for one in report.repeats if one.apart > 0],
    }
    found["seam rank"] = [rank_of_seam(item) for item in dreamed.images]
    found["training seam"] = [one.seam for one in report.training if one.seam is not None]
    for name in ("energy", "roughness"):
        if report.training:
            found[f"loops-{name}"] = [outside(report, name)]
            found[f"training {name}"] = [getattr(one, name) for one in report.training]
    if dreamed.novelty is not None:
        found["novelty z"] = [dreamed.novelty.z]
    if bits is not None:
        found["loops-bits"] = [bits[0] / bits[1]]
        found["bits"] = list(bits)
    if seconds is not None:
        found["loops-seconds"] = [seconds]
    return found


def rank_of_seam(frames: NDArray[np.uint8]) -> float:
    """The share of a loop's other steps that are smaller than the one over the seam: of loops without one uniform in [0, 1]."""
    steps = steps_of(flat(frames))
    return float((steps[:-1] < steps[-1]).mean())


def outside(report: LoopReport, name: str) -> float:
    """How far the mean of a measure lies outside what training loops have, in widths of their spread; 0 = within."""
    values = [getattr(one, name) for one in report.training]
    mean = statistics.fmean(getattr(one, name) for one in report.measures)
    low, high = min(values), max(values)
    return max(0.0, low - mean, mean - high) / max(high - low, 1e-9)


def rows(figures: dict[str, Any], sentences: list[str]) -> dict[str, Any]:
    """One row for each claim that was measured. Of the seam the worst loop is judged."""
    found: dict[str, Any] = {}
    for name, (figure, target) in CLAIMS.items():
        values = figures.get(name)
        if not values:
            continue
        value = {"median": statistics.median(values), "min": min(values), "max": max(values)}
        if len(values) > 1:
            value["judged"] = max(values)
        found[name] = {
            "figure": figure, "target": target, "value": value,
            "ours": {"text": sentences[-1]} if name == "loops-repeats" and sentences else None, "peer": None,
            "date": date.today().isoformat(), "machine": machine.facts(),
        }  # fmt: skip
    return found


def sheets(dreamer: Dreamer, dreamed: Dreamed, folder: Path) -> None:
    """loops.png, loops.gif, and training.png: training loops as the tokenizer gives them back."""
    folder.mkdir(parents=True, exist_ok=True)
    at = spread(dreamed.images.shape[1], ON_A_ROW)
    names = [name or "" for name in dreamed.how.labels]
    _saved(table([item[at] for item in dreamed.images], names=names), folder / "loops.png")
    dreamed.save(folder / "loops.gif")
    corpus = dreamer.corpus
    clips = corpus.clips_of("train")
    chosen = [clips[number] for number in spread(len(clips), len(dreamed.images))]
    frames = [corpus.clips[group] for group in chosen]
    images = [dreamer.decode(corpus.codes[positions[spread(len(positions), ON_A_ROW)]]) for positions in frames]
    _saved(table(images, names=[corpus.name(group) for group in chosen]), folder / "training.png")


def _saved(sheet: Image.Image, path: Path) -> None:
    white = Image.new("RGB", sheet.size, "white")
    white.paste(sheet, mask=sheet.getchannel("A") if sheet.mode == "RGBA" else None)
    white.save(path)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", help="a run of a prior of loops; without it the road is gone first")
    parser.add_argument("--runs", type=Path, help="folder of runs")
    parser.add_argument(
        "--set", dest="override", action="append", default=[], help="RECIPE:section.key=value of the road"
    )
    parser.add_argument("--count", type=int, default=20, help="loops that are dreamed")
    parser.add_argument("--frames", type=int, help="frames of each; as many as the prior learned from without it")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--top-p", type=float, default=1.0)
    parser.add_argument("--guidance", type=float, default=0.0)
    parser.add_argument("--steps", type=int, help="passes")
    parser.add_argument("--order", default="halton")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheets", type=Path, help="folder for sheets and the GIF")
    parser.add_argument("--cores", type=int, default=2, help="cores to use")
    parser.add_argument("--check", action="store_true", help="a verdict for each claim; exit code 1 if one falls short")
    parser.add_argument("--output", type=Path, default=RESULTS / "dream_loops.json", help="results file")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
