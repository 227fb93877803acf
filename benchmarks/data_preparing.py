"""Preparing images: tilework beside the plain way. Run: uv run --group bench benchmarks/data_preparing.py --data FOLDER

    clips      three 600-frame 640x360 clips at 128x72, against OpenCV decoding, reducing and writing PNG files in two processes
    jpegs      1,200 JPEGs at 128x128, against Pillow in two processes that write PNG files
    array      the same against Pillow in two processes that only decode them, into one array that fits in memory
    memory     peak memory of preparing 12,000 files over that of 1,200

Every side runs in a process of its own on the same cores, in alternating pairs, from a warm file cache into an empty folder; the
clock starts when its libraries are loaded and stops when everything is written. `--data` has games/*.mp4 and flowers/ as in the
tests; without it, clips are made with PyAV and JPEGs with Pillow (a noisy drift: about as hard to decode).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
from harness import machine
from harness.pairs import alternate, summary
from harness.report import RESULTS, merge, print_table, verdict
from harness.sides import SideFailed, peak_mib, print_result, run_side
from PIL import Image

CLIP_SIZE, JPEG_SIDE, PROCESSES = (128, 72), 128, 2
NAMES = ("clips", "jpegs", "array", "memory")


def main() -> int:
    given = read_arguments()
    if given.side:
        print_result(SIDES[given.side](given.inputs, given.out))
        return 0
    machine.keep_to_cores(given.cores)
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="tilework-bench-") as scratch:
        for name in given.only:
            try:
                row = WAYS[name](given, Path(scratch))
            except SideFailed as failure:
                print(f"{name}: {failure}", file=sys.stderr)
                return 1
            facts = {"date": date.today().isoformat(), "machine": machine.facts()}
            rows[f"preparing-{name}"] = row | facts
            merge(given.output, "data_preparing", {f"preparing-{name}": rows[f"preparing-{name}"]})
    print_table(rows, check=given.check)
    return 1 if given.check and any(verdict(row) != "PASS" for row in rows.values()) else 0


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="preparing images, beside the plain way")
    parser.add_argument("--data", type=Path, help="folder with games/*.mp4 and flowers/; default: made ones")
    parser.add_argument("--only", default=",".join(NAMES), help=f"some of {','.join(NAMES)}")
    parser.add_argument("--pairs", type=int, default=5, help="alternating pairs")
    parser.add_argument("--cores", type=int, default=2, help="cores that both sides may use")
    parser.add_argument("--tiny", action="store_true", help="few and short, for a test")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a claim falls short")
    parser.add_argument("--output", type=Path, default=RESULTS / "data_preparing.json")
    parser.add_argument("--side", choices=list(SIDES), help=argparse.SUPPRESS)
    parser.add_argument("--inputs", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.only = given.only.split(",")
    if unknown := set(given.only) - set(NAMES):
        parser.error(f"--only knows {', '.join(NAMES)}, not {', '.join(unknown)}")
    return given


# The comparisons ----------------------------------------------------------------------------------------------------------


def clips(given: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    inputs = given.data / "games" if given.data and not given.tiny else made_clips(scratch / "clips", given.tiny)
    claim = "Preparing three 600-frame 640x360 clips at 128x72, against OpenCV and PNG files in two processes"
    return compared(claim, 2.0, "tilework-clips", "opencv-png", inputs, given, scratch)


def jpegs(given: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    claim = "Preparing 1,200 JPEGs at 128x128, against Pillow and PNG files in two processes"
    return compared(claim, 1.0, "tilework-jpegs", "pillow-png", jpeg_files(given, scratch), given, scratch)


def array(given: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    claim = "Preparing 1,200 JPEGs at 128x128, against Pillow in two processes that only decode into one array"
    return compared(claim, 1.0, "tilework-jpegs", "pillow-array", jpeg_files(given, scratch), given, scratch)


def jpeg_files(given: argparse.Namespace, scratch: Path) -> Path:
    if given.data and not given.tiny:
        found: Path = given.data / "flowers"
        return found
    return made_jpegs(scratch / "jpegs", 24 if given.tiny else 1200)


def compared(
    claim: str, target: float, ours: str, peer: str, inputs: Path, given: argparse.Namespace, scratch: Path
) -> dict[str, Any]:
    """Both sides in alternating pairs; they must have made the same number of images."""
    side(ours, inputs, scratch)  # warms the file cache and the interpreters' files
    side(peer, inputs, scratch)
    pairs = alternate(
        lambda: side(ours, inputs, scratch),
        lambda: side(peer, inputs, scratch),
        given.pairs,
        lambda n: print(f"pair {n}"),
    )
    made = {result["images"] for result in [*pairs.ours, *pairs.peer]}
    if len(made) != 1:
        raise SideFailed(f"the sides made {sorted(made)} images")
    return {
        "claim": claim,
        "figure": "speedup",
        "target": target,
        "value": pairs.spread(lambda a, b: a / b),
        "ours": summary(pairs.ours),
        "peer": summary(pairs.peer),
        "pairs": given.pairs,
    }


def memory(given: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """The same small JPEG under many names: what is measured is the number of files."""
    few = 60 if given.tiny else 1200
    peaks = []
    for count in (few, 10 * few):
        folder = made_jpegs(scratch / f"files-{count}", count, different=1)
        peaks.append([side("tilework-jpegs", folder, scratch) for _ in range(1 if given.tiny else 3)])
    growth = [b["peak_mib"] - a["peak_mib"] for a, b in zip(*peaks, strict=True)]
    middle = sorted(growth)[len(growth) // 2]
    return {
        "claim": f"Peak memory of preparing {10 * few:,} files above that of {few:,}",
        "figure": "MiB",
        "target": 10.0,
        "value": {"median": middle, "min": min(growth), "max": max(growth)},
        "ours": {"peak_mib": max(p["peak_mib"] for p in peaks[1])},
        "peer": {"peak_mib": max(p["peak_mib"] for p in peaks[0])},
        "pairs": len(growth),
    }


def side(name: str, inputs: Path, scratch: Path) -> dict[str, Any]:
    """One side in a process of its own, into an empty folder that is removed again."""
    out = Path(tempfile.mkdtemp(dir=scratch))
    try:
        arguments = ["--side", name, "--inputs", str(inputs), "--out", str(out)]
        return run_side("data_preparing.py", arguments)
    finally:
        shutil.rmtree(out)


WAYS: dict[str, Callable[[argparse.Namespace, Path], dict[str, Any]]] = {
    "clips": clips,
    "jpegs": jpegs,
    "array": array,
    "memory": memory,
}


# The sides ----------------------------------------------------------------------------------------------------------------


def result(images: int, seconds: float) -> dict[str, Any]:
    return {
        "images": images,
        "images_per_second": images / seconds,
        "step_ms": seconds * 1000,
        "peak_mib": peak_mib(),
    }


def ours(settings: dict[str, Any], out: Path) -> dict[str, Any]:
    from tilework.data import prepare
    from tilework.spec import SOURCES

    source: Any = SOURCES.parse(settings)
    start = time.perf_counter()
    store = prepare(source, out)
    return result(store.count, time.perf_counter() - start)


def tilework_clips(inputs: Path, out: Path) -> dict[str, Any]:
    import av  # noqa: F401 - the peer's OpenCV is loaded before its clock starts, too

    videos = sorted(map(str, inputs.glob("*.mp4")))
    return ours({"kind": "video", "path": videos, "size": f"{CLIP_SIZE[0]}x{CLIP_SIZE[1]}"}, out)


def tilework_jpegs(inputs: Path, out: Path) -> dict[str, Any]:
    return ours({"kind": "images", "path": str(inputs), "size": JPEG_SIDE}, out)


def opencv_png(inputs: Path, out: Path) -> dict[str, Any]:
    import cv2  # noqa: F401

    jobs = [(clip, out / clip.stem) for clip in sorted(inputs.glob("*.mp4"))]
    start = time.perf_counter()
    with Pool(PROCESSES) as pool:
        count = sum(pool.map(_opencv_clip, jobs, chunksize=1))
    return result(count, time.perf_counter() - start)


def _opencv_clip(job: tuple[Path, Path]) -> int:
    import cv2

    clip, folder = job
    cv2.setNumThreads(1)
    folder.mkdir()
    video, count = cv2.VideoCapture(str(clip)), 0
    while True:
        there, frame = video.read()
        if not there:
            return count
        small = cv2.resize(frame, CLIP_SIZE, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / f"{count:06}.png"), small)
        count += 1


def pillow_png(inputs: Path, out: Path) -> dict[str, Any]:
    jobs = [(file, out / f"{number:06}.png") for number, file in enumerate(sorted(inputs.rglob("*.jpg")))]
    start = time.perf_counter()
    with Pool(PROCESSES) as pool:
        count = sum(pool.map(_pillow_to_png, jobs, chunksize=16))
    return result(count, time.perf_counter() - start)


def _pillow_to_png(job: tuple[Path, Path]) -> int:
    Image.fromarray(_pillow_jpeg(job[0])).save(job[1])
    return 1


def pillow_array(inputs: Path, out: Path) -> dict[str, Any]:
    files = sorted(inputs.rglob("*.jpg"))
    start = time.perf_counter()
    with Pool(PROCESSES) as pool:
        np.save(out / "images.npy", np.stack(pool.map(_pillow_jpeg, files, chunksize=16)))
    return result(len(files), time.perf_counter() - start)


def _pillow_jpeg(file: Path) -> np.ndarray[Any, Any]:
    with Image.open(file) as image:
        small = image.convert("RGB")
        if small.size != (JPEG_SIDE, JPEG_SIDE):
            small = small.resize((JPEG_SIDE, JPEG_SIDE), Image.Resampling.BICUBIC)
        return np.asarray(small)


SIDES: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "tilework-clips": tilework_clips,
    "tilework-jpegs": tilework_jpegs,
    "opencv-png": opencv_png,
    "pillow-png": pillow_png,
    "pillow-array": pillow_array,
}


# Inputs, where none are given -----------------------------------------------------------------------------------------------


def made_jpegs(folder: Path, count: int, different: int = 64) -> Path:
    """`count` JPEGs of 128x128, of which so many are different (the others are links)."""
    if folder.exists():
        return folder
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"{number}.jpg"
        if number >= different:
            os.link(folder / f"{number % different}.jpg", path)
            continue
        rough = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8))
        rough.resize((JPEG_SIDE, JPEG_SIDE), Image.Resampling.BICUBIC).save(path, quality=90)
    return folder


def made_clips(folder: Path, tiny: bool) -> Path:
    """Three h264 clips of 640x360: a drifting noisy image."""
    import av

    if folder.exists():
        return folder
    folder.mkdir(parents=True)
    for clip in range(3):
        rng = np.random.default_rng(clip)
        still = np.asarray(
            Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)).resize(
                (1280, 720), Image.Resampling.BICUBIC
            )
        )
        with av.open(str(folder / f"{clip}.mp4"), "w") as container:
            stream: Any = container.add_stream("libx264", rate=30)
            stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
            for number in range(8 if tiny else 600):
                frame = np.ascontiguousarray(still[number % 360 : number % 360 + 360, number : number + 640])
                for packet in stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")):
                    container.mux(packet)
            for packet in stream.encode():
                container.mux(packet)
    return folder


if __name__ == "__main__":
    sys.exit(main())
