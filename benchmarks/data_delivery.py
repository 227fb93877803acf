"""One epoch of batches: tilework's memory map against decoding PNG files with Pillow in a two-worker DataLoader.

    python benchmarks/data_delivery.py [--frames 20000] [--pairs 5]

Frames are the colour loops at 128x72 under fixed noise (so that PNG has as much to unpack as it has for game video). Both
sides deliver float32 batches of 32 in [0, 1], shuffled, channels-last, from a warm file cache; neither trains. tilework reads
from the memory map (`keep_on_device="never"`), the case that also holds for sets larger than memory. Sides alternate, each
run in a process of its own; the figure is the ratio of medians. Peak memory is the highest sum of resident sets of a side's
process and its children (what they share is counted in each: the memory map's pages for one, libraries for the other), and
beside it what remains after subtracting the same process before its first batch.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from tilework.data import Batches, FrameStore, Item, SourceConfig, prepare
from tilework.spec import Size

SIZE, BATCH, WORKERS, THREADS = Size(128, 72), 32, 2, 2
TARGET = 20.0
RESULTS = Path(__file__).parent / "results" / "data_delivery.json"


class Frames(SourceConfig):
    """The colour loops with noise of +-6 grey levels, over and over until there are enough."""

    kind: Literal["frames"] = "frames"
    frames: int

    def fingerprint(self) -> str:
        return self.settings_text()

    def items(self) -> Any:
        from tilework.data.loops import ANIMATIONS, animation

        draws = [animation(name, self.size, 3) for name in ANIMATIONS]
        drawn = [[draw(n / 60) for n in range(60)] for draw in draws]
        for number in range(self.frames):
            rng = np.random.default_rng(number)
            clean = drawn[number % 10][number // 10 % 60].astype(np.int16)
            noisy = np.clip(clean + rng.integers(-6, 7, size=clean.shape), 0, 255).astype(np.uint8)
            yield Item(noisy, group=str(number % 10), frame=number // 10)


def main() -> None:
    parser = argparse.ArgumentParser(description="batch delivery: memory map against PNG files")
    parser.add_argument("--frames", type=int, default=20_000, help="frames in the epoch")
    parser.add_argument("--pairs", type=int, default=5, help="alternating pairs of runs")
    parser.add_argument("--folder", type=Path, help="where to put the frames (default: a temporary folder)")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(measure(arguments.side, arguments.folder)))
        return
    with tempfile.TemporaryDirectory(prefix="tilework-bench-") as scratch:
        folder = arguments.folder or Path(scratch)
        make_frames(folder, arguments.frames)
        runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
        for pair in range(arguments.pairs):
            for side in list(SIDES) if pair % 2 == 0 else list(SIDES)[::-1]:
                runs[side].append(in_a_process(side, folder))
    report(runs, arguments.frames)


def make_frames(folder: Path, count: int) -> None:
    """The frame store and the same images as PNG files (Pillow's default compression)."""
    store = prepare(Frames(frames=count, size=SIZE), folder / "cache")
    (folder / "store").write_text(str(store.folder))
    png = folder / "png"
    png.mkdir(exist_ok=True)
    for index in range(store.count):
        path = png / f"{index:06d}.png"
        if not path.exists():
            Image.fromarray(store.gather(np.array([index]))[0]).save(path)


def in_a_process(side: str, folder: Path) -> dict[str, float]:
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS)}
    command = [sys.executable, __file__, "--side", side, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


# Each side: open its data, deliver one epoch, return the sum of all pixels (both must agree) and the frames seen.


def memory_map(folder: Path) -> tuple[float, int]:
    store = FrameStore.open(Path((folder / "store").read_text()))
    batches = Batches(store, np.arange(store.count), BATCH, seed=0, keep_on_device="never")
    return drain(batch.images for batch in batches.epoch(0))


def png_files(folder: Path) -> tuple[float, int]:
    import torch
    from torch.utils.data import DataLoader, Dataset

    class Files(Dataset[torch.Tensor]):
        def __init__(self) -> None:
            self.paths = sorted((folder / "png").iterdir())

        def __len__(self) -> int:
            return len(self.paths)

        def __getitem__(self, index: int) -> torch.Tensor:
            with Image.open(self.paths[index]) as image:
                pixels = torch.from_numpy(np.array(image.convert("RGB")))
            return pixels.permute(2, 0, 1).to(torch.float32) / 255

    order = torch.Generator().manual_seed(0)
    loader = DataLoader(Files(), BATCH, shuffle=True, num_workers=WORKERS, drop_last=True, generator=order)
    return drain(batch.contiguous(memory_format=torch.channels_last) for batch in loader)


SIDES = {"memory map": memory_map, "png files": png_files}


def drain(batches: Any) -> tuple[float, int]:
    """Take every batch as a training step would, touching a few values of each."""
    total, frames = 0.0, 0
    for images in batches:
        assert images.shape[1:] == (3, SIZE.height, SIZE.width)
        total += float(images[:, :, ::24, ::24].sum())
        frames += len(images)
    return total, frames


def measure(side: str, folder: Path) -> dict[str, float]:
    import torch

    torch.set_num_threads(THREADS)
    torch.ones(8, 3, 72, 128).contiguous(memory_format=torch.channels_last).div(255).sum()
    warm_file_cache(side, folder)
    peak = Peak()
    before = resident_mib()
    with peak:
        start = time.perf_counter()
        total, frames = SIDES[side](folder)
        seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "frames": frames,
        "mean": total / (frames * 3 * 3 * 6),
        "peak_mib": peak.mib,
        "above_start_mib": peak.mib - before,
    }


def warm_file_cache(side: str, folder: Path) -> None:
    home = folder / "png" if side == "png files" else Path((folder / "store").read_text())
    for path in home.iterdir():
        with open(path, "rb") as file:
            while file.read(2**20):
                pass


class Peak:
    """The highest resident set of this process and its children, looked at every 20 ms."""

    def __init__(self) -> None:
        self.mib = 0.0
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._watcher.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watcher.join()

    def _watch(self) -> None:
        while True:
            self.mib = max(self.mib, resident_mib())
            if self._done.wait(0.02):
                return


def resident_mib() -> float:
    """Resident set of this process and all below it, MiB (Linux; 0 elsewhere)."""
    if not Path("/proc/self/task").exists():
        return 0.0
    todo, total = [os.getpid()], 0
    while todo:
        process = todo.pop()
        try:
            total += int(Path(f"/proc/{process}/statm").read_text().split()[1])
            for task in Path(f"/proc/{process}/task").iterdir():
                todo += map(int, (task / "children").read_text().split())
        except (OSError, IndexError):  # it has ended meanwhile
            continue
    return total * os.sysconf("SC_PAGE_SIZE") / 2**20


def report(runs: dict[str, list[dict[str, float]]], frames: int) -> None:
    medians = {
        side: {key: statistics.median(r[key] for r in found) for key in found[0]} for side, found in runs.items()
    }
    assert len({round(m["frames"]) for m in medians.values()}) == 1
    if frames % BATCH == 0:  # both saw every frame, so they must have seen the same image values
        assert np.isclose(*(m["mean"] for m in medians.values()), rtol=1e-5)
    ratio = medians["png files"]["seconds"] / medians["memory map"]["seconds"]
    print(f"{frames:,} frames of {SIZE}, batch {BATCH}, median of {len(runs['png files'])} alternating pairs")
    print(f"{'side':<12} {'epoch s':>9} {'frames/s':>10} {'peak MiB':>9} {'above start':>12}")
    for side, m in medians.items():
        rate = m["frames"] / m["seconds"]
        print(f"{side:<12} {m['seconds']:>9.3f} {rate:>10,.0f} {m['peak_mib']:>9.0f} {m['above_start_mib']:>12.0f}")
    print(f"ratio {ratio:.1f}x (target: at least {TARGET:.0f}x)")
    RESULTS.parent.mkdir(exist_ok=True)
    result = {
        "frames": frames,
        "size": str(SIZE),
        "batch": BATCH,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "ratio": ratio,
        "target": TARGET,
        "medians": medians,
        "runs": runs,
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
