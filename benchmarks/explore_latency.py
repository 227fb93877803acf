"""How far behind the hand the image of an open model is, from the message of a page to its answer; without a browser.

Run: uv run benchmarks/explore_latency.py

A page moves one slider of a trained model for two seconds, 120 positions a second, and asks for the image of each; only the
newest that was not begun is computed. Server, model and this page share one core, a training run has the other.

    answer     from the message of an ask to its answer, of the asks that were answered
    rate       answers a second while the hand moves
    rest       from the last message to its answer, which shows where the hand is
    memory     of all processes of models that are open, together

`small` is a VAE of 28x28, `large` has images of `--large` pixels a side and a Gaussian latent of 64 dimensions.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil
import studio_harness as studio
from studio_latency import percentile
from studio_live import ENDLESS
from websockets.asyncio.client import ClientConnection, connect

PER_SECOND = 120
TARGETS = {
    "answer": {"small": 30.0, "large": 140.0},
    "rate": {"small": 30.0, "large": 8.0},
    "rest": {"small": 50.0, "large": 150.0},
}
BRIEF = (
    "engine.steps=3",
    "engine.epochs=null",
    "engine.start_batches=1",
    "engine.precision=float32",
    "engine.threads=1",
)
LARGE = ("data.kind=loops", "encoder.widths=[32,64,128,256]", "bottleneck.dim=64", "data.channels=3")


def main() -> int:
    given = studio.read_arguments(__doc__ or "", "explore_latency.json", seconds=2.0, pairs=5, large=(128, "pixels"))
    rows: dict[str, Any] = {}
    with studio.scratch() as folder:
        root = folder / "runs"
        root.mkdir()
        models = {
            "small": trained(root, "vae-digits", *BRIEF),
            "large": trained(root, "vae-digits", *BRIEF, *LARGE, f"data.size={given.large}x{given.large}"),
        }
        with studio.training(root, "rqvae-digits", *ENDLESS) as run, studio.studio(root) as (url, process):
            run.reach(20)
            found = asyncio.run(measure(url, models, given.pairs, given.seconds))
            memory = sum(memory_of(one) for one in models_of(process))
            children = models_of(process)
        _, alive = psutil.wait_procs(children, 5)
        rows["explore-left"] = studio.row(
            "processes left after the studio ended", "steps", 1, [len(alive)], of="processes"
        )
    for name, figures in found.items():
        for figure, values in figures.items():
            unit = "per second" if figure == "rate" else "ms"
            row = studio.row(f"{name} model: {figure}", unit, TARGETS[figure][name], values)
            row["value"]["judged"] = percentile(values, 5 if figure == "rate" else 95)
            rows[f"explore-{name}-{figure}"] = row
    print(f"  {len(models)} models open: {memory / 2**20:,.0f} MiB", file=sys.stderr)
    return studio.finish(given, "explore_latency", rows)


def trained(root: Path, recipe: str, *settings: str) -> str:
    """The id of a run that was trained for a few steps: what it computes takes as long as after many."""
    before = set(root.iterdir())
    process = studio.start(["-m", "tilework", "train", recipe, "--runs", str(root), *settings], studio.training_core())
    if process.wait(300):
        raise studio.Missing(f"{recipe} was not trained")
    (run,) = set(root.iterdir()) - before
    return run.name


def models_of(process: int) -> list[psutil.Process]:
    """The processes of models that a studio has begun."""
    every = psutil.Process(process).children(recursive=True)
    return [one for one in every if "tilework.studio.models.process" in " ".join(one.cmdline())]


def memory_of(process: psutil.Process) -> int:
    """Bytes; what several processes share (most of PyTorch) counts once where the system shows it."""
    found = process.memory_full_info()
    return int(getattr(found, "pss", 0) or found.uss)


async def measure(url: str, models: dict[str, str], rounds: int, seconds: float) -> dict[str, dict[str, list[float]]]:
    """The models in turn, so that what the machine does besides meets both."""
    address, _, token = url.partition("?token=")
    async with httpx.AsyncClient() as client:
        bought = await client.get(address, params={"token": token})
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in bought.cookies.items())}
    found: dict[str, dict[str, list[float]]] = {name: {"answer": [], "rate": [], "rest": []} for name in models}
    for _ in range(rounds):
        for name, run in models.items():
            there = f"{address.replace('http', 'ws', 1)}ws/models/{run}?device=cpu"
            async with connect(
                there, additional_headers=headers, origin=address.rstrip("/"), max_size=None, compression=None
            ) as page:
                await asked(page, 0)  # it is loaded
                for figure, values in (await drag(page, seconds)).items():
                    found[name][figure] += values
    return found


async def asked(page: ClientConnection, ref: int) -> None:
    """Ask, and wait for the answer to that."""
    await page.send(message(ref))
    while not isinstance(await page.recv(), bytes):
        pass


def message(ref: int) -> str:
    """The position of a slider."""
    ask = {"kind": "decode", "points": [f"validation:0;0={ref / 100:.2f}"]}
    return json.dumps({"type": "ask", "ref": ref, "key": "image", "ask": ask})


async def drag(page: ClientConnection, seconds: float) -> dict[str, Sequence[float]]:
    """Move for so long; what was seen of it."""
    sent: dict[int, float] = {}
    late: list[float] = []
    last = int(seconds * PER_SECOND)
    seen = asyncio.Event()
    rest = 0.0

    async def look() -> None:
        nonlocal rest
        while not seen.is_set():
            got = await page.recv()
            if isinstance(got, bytes):
                ref = json.loads(got[4 : 4 + int.from_bytes(got[:4], "little")])["ref"]
                late.append((time.perf_counter() - sent[ref]) * 1000)
                if ref == last:
                    rest = late[-1]
                    seen.set()

    looking = asyncio.create_task(look())
    begin = time.perf_counter()
    for ref in range(1, last + 1):
        sent[ref] = time.perf_counter()
        await page.send(message(ref))
        await asyncio.sleep(max(0.0, begin + ref / PER_SECOND - time.perf_counter()))
    took = time.perf_counter() - begin
    answered = len(late)
    await asyncio.wait_for(looking, 30)
    return {"answer": late, "rate": [answered / took], "rest": [rest]}


if __name__ == "__main__":
    sys.exit(main())
