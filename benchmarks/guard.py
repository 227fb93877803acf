"""What the guard saves and what it costs. Run: uv run benchmarks/guard.py [--only faults,kills,cost]

    faults   200 short runs, each with a fault at a random step (NaN, infinity, lost weights, a step that is too long, corrupted
             batches), beside the same run without it: finite weights, and the error on held-out images
    kills    100 times SIGKILL at a random instant, half of them within the writing of a checkpoint, in runs that are rolled back
             too: the resumed run ends with the bits of the one that was never killed
    cost     how much of the time of the real training loop the guard takes

The same numbers of a random generator are drawn every time. Results go to benchmarks/results/guard.json, with every run in it.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from harness import machine
from harness.report import RESULTS, merge, print_table, verdict
from harness.sides import run_side
from sides.guarded import PRELOADED, guarded

PARTS = ("faults", "kills", "cost")
RECIPES: dict[str, tuple[str, ...]] = {
    "rqvae-digits": (),
    # Cross-entropy itself refuses what is no image: NaN, and pixels to 255.
    "vae-digits": ("objective={mse: 300.0, kl: 1.0}",),
    "rqvae-digits-ema": ("bottleneck.codebook=ema", "objective.codebook=null", "optimizer.kind=adamw"),
}
SHORT = ("engine.precision=float32", "engine.threads=1", "engine.device=cpu", "engine.epochs=null", "engine.early_stopping=null",
         "engine.batch_size=32", "engine.start_batches=4", "engine.stop_after_minutes=null", "trackers=[]")  # fmt: skip
SYSTEMS = ("system1", "system3", "system5")


def main() -> int:
    """Measure, print a table, keep the rows."""
    given = read_arguments()
    machine.keep_to_cores(given.cores)
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="tilework-bench-") as scratch:
        os.environ["TILEWORK_CACHE"] = str(Path(scratch) / "cache")
        for part in given.only:
            found = {"faults": faults, "kills": kills, "cost": cost}[part](given, Path(scratch))
            rows |= found
            merge(given.output, "guard", found)
    print_table(rows, check=given.check)
    return int(given.check and any(verdict(row) != "PASS" for row in rows.values()))


def row(given: argparse.Namespace, claim: str, figure: str, target: float, value: dict[str, float], **more: Any) -> Any:
    """One row of the results."""
    facts = {"tiny": given.tiny, "date": date.today().isoformat(), "machine": machine.facts()}
    return {"claim": claim, "figure": figure, "target": target, "value": value, **more, **facts}


def single(value: float) -> dict[str, float]:
    """A value that was measured once."""
    return {"median": value, "min": value, "max": value}


# Faults ---------------------------------------------------------------------------------------------------------------


def faults(given: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Short runs with a fault beside the same runs without."""
    steps = 20 if given.tiny else given.steps
    done = {run["number"]: run for run in kept_runs(given.kept)}
    clean = {(run["recipe"], run["seed"]): run["clean"] for run in done.values()}
    for case in cases(given.runs, given.seeds, steps):
        number, recipe, seed, fault, struck = case
        if number in done or number % given.of != given.share:
            continue
        if (recipe, seed) not in clean:
            clean[recipe, seed] = trained(recipe, seed, steps, scratch)["mse"]
        found = trained(recipe, seed, steps, scratch, fault, struck)
        ratio = found["mse"] / clean[recipe, seed]
        which = {"number": number, "recipe": recipe, "seed": seed, "fault": fault, "steps": [struck[0], struck[-1]]}
        done[number] = {**which, **found, "clean": clean[recipe, seed], "ratio": ratio}
        if given.kept is not None:
            with given.kept.open("a") as file:
                file.write(json.dumps(done[number]) + "\n")
        print(f"  {number:3} {recipe} {fault} {struck[0]}-{struck[-1]}: {ratio:.3f} {found['told']}", file=sys.stderr)
    runs = [done[number] for number in sorted(done)]
    if not runs:
        return {}
    sound = sum(run["finite"] and run["ratio"] <= 1.05 for run in runs)
    ratios = sorted(run["ratio"] for run in runs)
    claim = f"Of {len(runs)} runs with a fault, those with finite weights and an error within 5 % of the clean run's"
    spread = {"median": ratios[len(ratios) // 2], "min": ratios[0], "max": ratios[-1], "judged": ratios[-1]}
    return {
        "guard-faults": row(given, claim, "runs", len(runs), single(sound), runs=runs),
        "guard-error": row(
            given, "Their error on held-out images over the clean run's", "of the clean error", 1.05, spread
        ),
    }


def cases(count: int, seeds: int, steps: int) -> Iterator[tuple[int, str, int, str, range]]:
    """Number, recipe, seed, fault and its steps of every run: the same whichever of them are run."""
    from harness.faults import FAULTS

    draw = random.Random(0)
    for number in range(count):
        recipe, fault = list(RECIPES)[number % len(RECIPES)], list(FAULTS)[number // len(RECIPES) % len(FAULTS)]
        seed = draw.randrange(seeds)
        first = draw.randrange(steps // 20 + 1, steps - steps // 20)
        yield number, recipe, seed, fault, range(first, first + draw.randint(1, FAULTS[fault][1]))


def kept_runs(file: Path | None) -> list[dict[str, Any]]:
    """What earlier calls have run."""
    if file is None or not file.is_file():
        return []
    return [json.loads(line) for line in file.read_text().splitlines() if line]


def trained(
    recipe: str, seed: int, steps: int, scratch: Path, fault: str = "", struck: range = range(0)
) -> dict[str, Any]:
    """One short run: its error on held-out images, whether its weights are finite, and what the guard did."""
    from contextlib import nullcontext

    import torch
    from harness.faults import striking

    import tilework
    from tilework.engine import checkpoint
    from tilework.errors import RunFailure
    from tilework.runs.folder import RunFolder
    from tilework.runs.store import RunStore

    lr = f"optimizer.lr={{kind: cosine, start: 1e-3, end: 1e-5, over: {steps} steps}}"
    own = (*SHORT, *RECIPES[recipe], f"engine.steps={steps}", f"seed={seed}", lr, "engine.validate_every_epochs=5")
    ended = "finished"
    with tempfile.TemporaryDirectory(dir=scratch) as runs, striking(fault, struck) if fault else nullcontext():
        try:
            run = tilework.train(recipe.removesuffix("-ema"), *own, runs=runs)
        except RunFailure as error:
            run, ended = RunFolder.find("last", Path(runs)), error.what
        tensors = checkpoint.read_tensors(checkpoint.find(run.checkpoints).folder / "model.safetensors")
        with RunStore.open(run.db) as store:
            alarms = [event.kind for event in store.events() if event.kind in {"rolled-back", "loss-level-changed"}]
            mse = float(store.metrics("mse", "val")[1][-1])
    finite = all(bool(torch.isfinite(tensor.float()).all()) for tensor in tensors.values())
    return {"mse": mse if ended == "finished" else math.inf, "finite": finite, "ended": ended, "told": alarms}


# Kills ----------------------------------------------------------------------------------------------------------------


def kills(given: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """SIGKILL at random instants; the resumed run against the one that was never killed, bit for bit."""
    draw, wanted, done, exact = random.Random(1), 3 if given.tiny else given.kills, 0, 0
    stories: list[dict[str, Any]] = []
    while done < wanted:
        recipe = list(RECIPES)[len(stories) % len(RECIPES)]
        fault, steps = ("lost-weights", 40) if len(stories) % 2 else ("nan", 40)
        story = Killed(recipe, fault, steps, scratch / f"story-{len(stories)}", given.tiny)
        whole = story.whole()
        killed = list(story.broken(draw, min(10, wanted - done)))
        if not killed:
            raise SystemExit("the runs end before they can be killed")
        same = story.bits("broken") == whole
        done, exact = done + len(killed), exact + len(killed) * same
        within = sum(killed)
        stories.append({"recipe": recipe, "fault": fault, "kills": len(killed), "within_a_save": within, "same": same})
        print(f"  {recipe} {fault}: {len(killed)} kills, {within} within a save, same: {same}", file=sys.stderr)
    claim = f"Of {done} kills at random instants, those after which the resumed run ended with the same bits"
    return {"guard-kills": row(given, claim, "kills", done, single(exact), stories=stories)}


class Killed:
    """One run that is never killed, and the same one that is."""

    def __init__(self, recipe: str, fault: str, at: int, folder: Path, tiny: bool) -> None:
        self.recipe, self.fault, self.folder = recipe, fault, folder
        self.steps = list(range(at, at + (1 if fault == "lost-weights" else 13)))
        steps = f"engine.steps={80 if tiny else 300}"
        self.overrides = [*SHORT, *RECIPES[recipe], steps, "engine.save_every_steps=7", "engine.ema_decay=0.9"]
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(PRELOADED)

    def start(self, what: str, side: str) -> Any:
        """Train or resume the run of a side, in a process of its own."""
        self.folder.mkdir(exist_ok=True)
        given = (
            what,
            self.recipe.removesuffix("-ema"),
            self.overrides,
            str(self.folder / side),
            self.fault,
            self.steps,
        )
        process = self.context.Process(target=guarded, args=(*given, str(self.folder / "told")))
        process.start()
        return process

    def whole(self) -> dict[str, str]:
        """The bits of the run that nobody kills."""
        self._end(self.start("train", "whole"))
        return self.bits("whole")

    def broken(self, draw: random.Random, most: int) -> Iterator[bool]:
        """Kill and resume up to `most` times; for each kill whether it came within the writing of a checkpoint."""
        process = self.start("train", "broken")
        for _ in range(most):
            within = self._wait(process, draw)
            process.kill()
            process.join()
            if process.exitcode == 0:
                return
            if process.exitcode != -signal.SIGKILL:
                self._end(process)
            yield within
            process = self.start("resume", "broken")
        self._end(process)

    def _end(self, process: Any) -> None:
        """Wait for a run that must end well."""
        process.join()
        if process.exitcode:
            raise SystemExit(f"the run failed: {(self.folder / 'told').read_text()[-800:]}")

    def _wait(self, process: Any, draw: random.Random) -> bool:
        """Until the instant of a kill: after the next checkpoint, and then at once or while another is being written."""
        before = self._last()
        while process.is_alive() and self._last() == before:
            time.sleep(0.001)
        if draw.random() < 0.5:
            time.sleep(draw.uniform(0, 0.2))
            return False
        while process.is_alive():
            if any((self.folder / "broken").glob("*/checkpoints/.writing-*")):
                return True
        return False

    def _last(self) -> str:
        return "".join(path.read_text() for path in (self.folder / "broken").glob("*/checkpoints/last.json"))

    def bits(self, side: str) -> dict[str, str]:
        """Hashes of the last weights and averages."""
        from sides.training_bits import _hash

        (run,) = (path for path in (self.folder / side).iterdir() if (path / "run.db").is_file())
        return _hash(run / "checkpoints", "last")


# Cost -----------------------------------------------------------------------------------------------------------------


def cost(given: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """How much of the real training loop's time its guard takes.

    The guard copies a run's state every ten steps at first and every 200 later: the blocks lie where it costs the most.
    """
    from systems import system

    rows = {}
    for name in SYSTEMS:
        system(name, tiny=given.tiny).write_frames(scratch)
        warm, steps = (2, 2) if given.tiny else (20, 100 if name == "system1" else 10)
        arguments = ["--system", name, "--folder", str(scratch), "--warm", str(warm), "--steps", str(steps)]
        arguments += ["--tiny"] if given.tiny else []
        found = run_side("sides/guard_cost.py", [*arguments, str(given.blocks)])
        value = {"median": statistics.median(found["share"]), "min": min(found["share"]), "max": max(found["share"])}
        claim = f"{name}: share of a training step that the guard takes"
        rows[f"guard-{name}"] = row(given, claim, "overhead", 0.01, value, steps=steps, **found)
        merge(given.output, "guard", rows)  # the next one takes minutes
    return rows


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS), help="comma-separated parts; default all")
    parser.add_argument("--runs", type=int, default=200, help="short runs with a fault")
    parser.add_argument(
        "--kept", type=Path, help="file of runs with a fault, one a line: those in it are not run again"
    )
    parser.add_argument(
        "--share", default="1/1", help="which part of these runs: 2/3 = the second third; for several calls at once"
    )
    parser.add_argument("--steps", type=int, default=400, help="steps of each")
    parser.add_argument("--seeds", type=int, default=4, help="seeds of the clean runs")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--blocks", type=int, default=11, help="blocks of steps of the cost")
    parser.add_argument("--cores", type=int, default=2, help="cores that may be used; default 2")
    parser.add_argument("--output", type=Path, default=RESULTS / "guard.json", help="results file")
    parser.add_argument("--tiny", action="store_true", help="tests the benchmark, measures nothing")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a figure falls short of its target")
    given = parser.parse_args()
    given.only = given.only.split(",")
    given.share, given.of = (int(part) for part in given.share.split("/"))
    given.share -= 1
    if unknown := set(given.only) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if given.tiny and given.output == RESULTS / "guard.json":
        parser.error("--tiny measures nothing worth keeping: give --output FILE")
    return given


if __name__ == "__main__":
    sys.exit(main())
