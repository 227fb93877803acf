"""Files that are damaged in every way: a source gives what it can, reports the rest, and neither crashes nor hangs.

Each batch of mutants is read in a process of its own, so that a crash of a decoder's library is seen as one. The short version
always runs; `-m slow` goes on for minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import children
import numpy as np
import pytest
from commands import data_folder
from made_media import animation, clip, image, levels

READ = """
import sys, tempfile
from tilework.errors import UserError
from tilework.spec import SOURCES
kind, path = sys.argv[1:]
for more in ({}, {"fit": "pad", "size": "33x7"}) + (({"count": 5, "gap": 2}, {"every": 9, "skip": 3}) if kind == "video" else ()):
    source = SOURCES.parse({"kind": kind, "path": path, "size": "24x16", **more})
    given = 0
    try:
        for item in source.items():
            given += 1
            assert item.pixels.dtype == "uint8" and item.pixels.ndim == 3 and min(item.pixels.shape) > 0
            if given > 10**6:
                break
    except UserError:
        pass
    print(given, len(source.unreadable()))
"""


def mutants(original: bytes, rng: np.random.Generator, count: int) -> list[bytes]:
    """Copies with bytes changed, pieces cut out, doubled, or overwritten, most of them near the head where the structure is."""
    out = []
    for number in range(count):
        data = bytearray(original)
        # Half of them keep their structure for the most part, so that the damage reaches the decoders.
        gentle = number % 2 == 0
        reach = len(data) if gentle or number % 3 == 0 else min(len(data), 2000)
        for _ in range(int(rng.integers(1, 4 if gentle else 12))):
            at = int(rng.integers(reach // 10 if gentle else 0, reach))
            match int(rng.integers(3 if gentle else 6)):
                case 0:
                    data[at] ^= 1 << int(rng.integers(8))
                case 1:
                    data[at] = int(rng.choice([0, 1, 127, 128, 255]))
                case 2:
                    data[at : at + 4] = rng.bytes(4)
                case 3:
                    del data[at : at + int(rng.integers(1, 64))]
                case 4:
                    data[at:at] = data[at : at + int(rng.integers(1, 64))]
                case _:
                    data[at : at + 4] = int(rng.choice([0, 2**31 - 1, 2**32 - 1, 2**16])).to_bytes(4, "big")
            reach = min(reach, len(data))
            if reach < 16:
                break
        out.append(bytes(data[: int(rng.integers(len(data) // 4, len(data) + 1))] if number % 5 == 0 else data))
    return out


def originals(kind: str, folder: Path) -> list[Path]:
    """Little files of every format that this source reads, and real ones where there are some."""
    real = data_folder()
    if kind == "video":
        made = [
            clip(folder / f"a{suffix}", [levels(n) for n in range(30)], codec=codec)
            for suffix, codec in (
                (".mp4", "libx264"),
                (".mkv", "libx264"),
                (".mov", "mpeg4"),
                (".avi", "mpeg4"),
                (".webm", "libvpx"),
            )
        ]
        return made + ([real / "games" / "build_gate_5.mp4"] if real else [])
    if kind == "animations":
        made = [animation(folder / f"a{suffix}", [20, 90, 160, 230]) for suffix in (".gif", ".png", ".webp")]
        return made + ([real / "gifs" / "canvas-sketch_loop-1.gif", real / "gifs" / "lenia_orbium.gif"] if real else [])
    made = [image(folder / f"a{suffix}", 200, (40, 30)) for suffix in (".png", ".jpg", ".webp", ".bmp", ".tif", ".gif")]
    return made + (sorted((real / "emoji").glob("*.png"))[:2] if real else [])


def read_mutants(kind: str, folder: Path, seed: int, each: int, seconds: float) -> int:
    """Damage each original `each` times, read all of them; how many were read without a complaint or with one."""
    rng = np.random.default_rng(seed)
    (folder / "from").mkdir()
    inside = folder / "in" / "loop"
    inside.mkdir(parents=True)
    count = 0
    for original in originals(kind, folder / "from"):
        whole = original.read_bytes()
        if len(whole) > 400_000:  # of a long clip, its beginning
            whole = whole[:400_000]
        for mutant in mutants(whole, rng, each):
            (inside / f"{count}{original.suffix}").write_bytes(mutant)
            count += 1
    done = children.run(
        [sys.executable, "-c", READ, kind, str(folder / "in")],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"seed {seed}: {done.stderr[-2000:]}"
    assert len(done.stdout.splitlines()) >= 2
    return count


KINDS = pytest.mark.parametrize("kind", ["video", "animations", "frames", "images"])


@KINDS
def test_a_few_damaged_files(kind, tmp_path):
    assert read_mutants(kind, tmp_path, seed=0, each=4 if kind == "video" else 8, seconds=60) >= 15


@pytest.mark.slow
@KINDS
@pytest.mark.parametrize("seed", range(1, 7))
def test_many_damaged_files(kind, seed, tmp_path):
    read_mutants(kind, tmp_path, seed=seed, each=40, seconds=280)
