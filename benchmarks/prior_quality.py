"""What priors reach on four sets, and what their samples are worth. Run: uv run --group bench benchmarks/prior_quality.py

For each set a tokenizer is trained, then priors over its tokens, as recipes ship them but for the length that `SETS` names:

    mnist      vq-mnist (7x7 tokens), gpt-prior and masked-prior, with labels
    flowers    vq-photos (16x16), gpt-prior (as system 3 has it) and masked-prior, with labels
    loops      p5-sharp (16x16), motion-prior
    minecraft  minerl-v1.0.1 (16x16), next-frames

The table has held-out bits per token and per dimension, beside what plain codes take: every code alike, each by its share of the
training tokens, the token of the frame before. Of stills, samples are judged too: by the three-sample test (are they copies?),
and those of mnist, drawn with labels, by a small classifier trained on real digits: how often it reads the label that was
asked for, and precision, recall, density and coverage of its features (arXiv 2002.09797, k = 5, by the package prdc) beside those
of as many held-out digits. Two minutes to half an hour for a run on one core; runs that are there already are not repeated.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import machine
from harness.report import RESULTS, write
from numpy.typing import NDArray
from sides.digit_classifier import DigitClassifier, answers, features, fitted

import tilework
from tilework.dream.opened import Dreamer
from tilework.dream.opening import open_dreamer
from tilework.dream.stills import images as dream_images
from tilework.dream.words import verdicts
from tilework.priors.contract import Sampling
from tilework.runs.folder import RunFolder
from tilework.runs.status import list_runs
from tilework.runs.store import RunStore


@dataclass(frozen=True)
class Set:
    """A tokenizer and the priors over its tokens: name -> (recipe, overrides)."""

    tokenizer: tuple[str, tuple[str, ...]]
    priors: dict[str, tuple[str, tuple[str, ...]]]
    path: str = ""
    """Below the folder of real data; empty = the set needs none."""
    sampling: Sampling = field(default_factory=Sampling)
    """How its samples are drawn."""


SETS = {
    "mnist": Set(
        ("vq-mnist", ()),
        {
            "gpt-prior": ("gpt-prior", ("engine.epochs=1",)),
            "masked-prior": ("masked-prior", ("engine.epochs=1", "optimizer.lr.over=1 epochs", "optimizer.lr.warmup=200 steps")),
        },
        "MNIST",
        Sampling(guidance=1.0),
    ),
    "flowers": Set(
        ("vq-photos", ("engine.steps=4000", "optimizer.lr.over=4000 steps")),
        {
            "gpt-prior": ("gpt-prior", ("engine.epochs=8",)),
            "masked-prior": (
                "masked-prior",
                ("engine.epochs=12", "optimizer.lr.over=12 epochs", "optimizer.lr.warmup=50 steps"),
            ),
        },
        "flowers",
        Sampling(temperature=0.8),
    ),
    "loops": Set(
        ("p5-sharp", ()), {"motion-prior": ("motion-prior", ("engine.steps=1500", "optimizer.lr.over=1500 steps"))}
    ),
    "minecraft": Set(
        ("minerl-v1.0.1", ("engine.epochs=60",)),
        {"next-frames": ("next-frames", ("engine.batch_size=8", "engine.steps=160", "optimizer.lr.over=160 steps"))},
        "games",
    ),
}  # fmt: skip
TINY = {
    "tokenizer": (
        "data.kind=digits", "engine.epochs=null", "engine.steps=2", "engine.batch_size=8", "bottleneck.codes=16",
        "engine.start_batches=1",
    ),
    "prior": (
        "engine.epochs=null", "engine.steps=2", "engine.batch_size=8", "prior.depth=1", "prior.width=16", "prior.heads=2",
    ),
}  # fmt: skip


JUDGES: dict[str, DigitClassifier] = {}
"""The classifier of each set of digits, by its content: trained once."""


def main() -> int:
    given = read_arguments()
    machine.keep_to_cores(given.cores)
    torch.set_num_threads(min(given.cores, len(machine.usable_cores())))
    kept = read(given.output)
    for name in given.only or list(SETS):
        one = SETS[name]
        overrides = (f"data.path={given.data / one.path}",) if one.path and not given.tiny else ()
        parent = trained(f"{name}-tokens", *one.tokenizer, overrides + TINY["tokenizer"] * given.tiny, given.runs)
        for prior, (recipe, own) in one.priors.items():
            more = (f"parent={parent.path.name}", *TINY["prior"] * given.tiny)
            run = trained(f"{name}-{prior}", recipe, own, more, given.runs)
            found = {**held_out(parent, run), "date": date.today().isoformat(), "machine": machine.facts()}
            if name in {"mnist", "flowers"}:
                dreamer = open_dreamer(run, runs=given.runs)
                found |= drawn(dreamer, one.sampling, given.samples, given.sheets, f"{name}-{prior}")
                if name == "mnist":
                    found |= digits(dreamer, one.sampling, given.samples)
            kept[f"{name} {prior}"] = found
            print(json.dumps({f"{name} {prior}": found}), file=sys.stderr)
            write(given.output, "prior_quality", comparisons={}, priors=kept)
    for name, found in kept.items():
        print(line(name, found))
    return 0


def trained(name: str, recipe: str, own: tuple[str, ...], more: tuple[str, ...], runs: Path) -> RunFolder:
    """The finished run of this name, trained where it is not there."""
    found = [run for run in list_runs(runs) if run.name == name and run.status == "finished"]
    if found:
        return RunFolder(found[0].path)
    run = tilework.train(recipe, *own, *more, f"name={name}", runs=runs)
    return RunFolder.find(str(run.path), runs)


def held_out(parent: RunFolder, run: RunFolder) -> dict[str, Any]:
    """The best validation of a prior, plain codes beside it, and what its tokenizer keeps of held-out images."""
    with RunStore.open(run.db) as store, RunStore.open(parent.db) as images:
        names = ("bits", "bits_per_dim", "accuracy", "coding.uniform", "coding.unigram", "coding.copy")
        found = {name: store.last(name, "val") for name in names}
        steps, bits = store.metrics("bits", "val")
        best = int(np.nanargmin(bits))
        found |= {"best_bits": float(bits[best]), "best_step": int(steps[best]), "steps": int(store.latest()["step"])}
        found |= {"tokenizer_psnr": images.last("psnr", "val"), "parameters": store.meta().get("parameters")}
    return found


def drawn(dreamer: Dreamer, sampling: Sampling, count: int, sheets: Path | None, name: str) -> dict[str, Any]:
    """The three-sample test of some samples, and seconds for each image."""
    began = time.perf_counter()
    dreamed = dream_images(dreamer, min(count, 256), sampling=sampling, seed=1)
    seconds = time.perf_counter() - began
    if sheets is not None:
        sheets.mkdir(parents=True, exist_ok=True)
        dream_images(dreamer, 60, sampling=sampling, seed=2).save(sheets / f"{name}.png")
    novelty = dreamed.novelty
    return {
        "novelty_z": None if novelty is None else novelty.z,
        "verdict": verdicts(dreamed)[-1:],
        "seconds_an_image": seconds / min(count, 256),
    }


def digits(dreamer: Dreamer, sampling: Sampling, count: int) -> dict[str, Any]:
    """What a classifier of real digits makes of samples with labels, of held-out digits, and of these as tokens give
    them back."""
    from prdc import compute_prdc

    store, split = dreamer.parent.images.store, dreamer.parent.images.split  # type: ignore[union-attr]
    assert store.labels is not None
    real, labels = store.gather(split.train), store.labels[split.train].astype(np.int64)
    if store.content_hash not in JUDGES:
        JUDGES[store.content_hash] = fitted(real, labels, 1 if count < 100 else 3)
    judge = JUDGES[store.content_hash]
    chosen = split.validation[:count]
    held, held_labels = store.gather(chosen), store.labels[chosen].astype(np.int64)
    again = dreamer.decode(dreamer.encode(held))
    wanted = np.arange(count) % 10
    made = dream_images(dreamer, count, sampling=sampling, seed=0, compare=False).images[:, 0]
    reference = features(judge, store.gather(split.train[:count]))

    def beside(images: NDArray[np.uint8]) -> dict[str, float]:
        found = compute_prdc(reference, features(judge, images), nearest_k=min(5, count - 1))
        return {key: float(value) for key, value in found.items()}

    return {
        "classifier": {
            "samples": float((answers(judge, made) == wanted).mean()),
            "held_out": float((answers(judge, held) == held_labels).mean()),
            "held_out_as_tokens": float((answers(judge, again) == held_labels).mean()),
        },
        "prdc": {"samples": beside(made), "held_out": beside(held), "held_out_as_tokens": beside(again)},
        "samples": count,
    }


def line(name: str, found: dict[str, Any]) -> str:
    """One prior: bits of it and of plain codes, and what its samples are like."""
    plain = ", ".join(
        f"{kind} {found[f'coding.{kind}']:.2f}"
        for kind in ("uniform", "unigram", "copy")
        if found.get(f"coding.{kind}") is not None
    )
    parts = [f"{name:24} {found['best_bits']:.3f} bits/token ({plain}), {found['bits_per_dim']:.3f} bits/dim"]
    if "classifier" in found:
        parts.append(f"read as asked {found['classifier']['samples']:.1%}")
        parts.append(
            f"precision {found['prdc']['samples']['precision']:.2f}, recall {found['prdc']['samples']['recall']:.2f}"
        )
    return "; ".join(parts)


def read(path: Path) -> dict[str, Any]:
    """The priors of an earlier call."""
    return dict(json.loads(path.read_text(encoding="utf-8"))["priors"]) if path.is_file() else {}


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(SETS), help="one set; may be given several times")
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder with MNIST, flowers and games"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/prior-quality"), help="folder of the runs")
    parser.add_argument("--samples", type=int, default=2000, help="digits that are judged")
    parser.add_argument("--sheets", type=Path, help="folder for sheets of samples")
    parser.add_argument("--cores", type=int, default=1, help="cores to use")
    parser.add_argument("--tiny", action="store_true", help="embedded digits, two steps: whether the script runs")
    parser.add_argument("--output", type=Path, default=RESULTS / "prior_quality.json", help="results file")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
