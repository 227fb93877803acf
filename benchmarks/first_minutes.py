"""From a click to a codebook that moves, in a real browser. Run: uv run benchmarks/first_minutes.py [--photos FOLDER]

Studio, trainer, server and browser share all cores, as on a person's machine. Each sample is a studio over no runs and a fresh
profile.

    page       from the click on "Begin with rqvae-digits" to the page of the run, which shows what is being done
    codes      from that click to the second frame with a step behind it: codes have moved. The list of recipes has been open for
               so long that the waiting process has loaded
    at once    the same, clicked as soon as the button is there
    folder     from "Look" at a folder of 1,200 photographs, images prepared anew, to moving codes; the proposal is started
               as soon as it is there. Without --photos the photographs are drawn (640x480)
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import studio_harness as studio
from PIL import Image

from tilework.runs.lock import holder

PHOTOS = 1200
MOVING = (
    "window.__tilework && window.__tilework.frames > 1 && window.__tilework.shown && window.__tilework.shown.step > 0"
)
TARGETS = {"page": 0.5, "codes": 6.0, "at-once": 6.0, "folder": 30.0}
CLAIMS = {
    "page": "from the click to the run's page",
    "codes": "from the click to moving codes, with a process that waits",
    "at-once": "from the click to moving codes, clicked at once",
    "folder": f"from a folder of {PHOTOS:,} photographs to moving codes",
}


def main() -> int:
    more = {"photos": ("", "folder of photographs"), "count": (PHOTOS, "photographs")}
    given = studio.read_arguments(__doc__ or "", "first_minutes.json", seconds=20.0, pairs=5, **more)
    found: dict[str, list[float]] = {name: [] for name in TARGETS}
    faults: list[str] = []
    studio.stay_on(*studio._CORES)
    with tempfile.TemporaryDirectory(prefix="tilework-bench-") as scratch:
        os.environ["HOME"] = scratch  # a studio shows its user's own folders
        photos = photographs(Path(scratch) / "photos", given.count, given.photos)
        for number in range(given.pairs):
            for waited in (True, False):
                with fresh(Path(scratch), faults) as page:
                    page_after, codes_after = begin(page, given.seconds if waited else 0.0)
                found["codes" if waited else "at-once"].append(codes_after)
                found["page"].append(page_after)
            with fresh(Path(scratch), faults) as page:
                found["folder"].append(bring(page, photos, given.seconds))
            print(f"  {number + 1}: " + ", ".join(f"{n} {v[-1]:.2f} s" for n, v in found.items()), file=sys.stderr)
    rows = {f"first-{n}": studio.row(CLAIMS[n], "s", TARGETS[n], found[n]) for n in TARGETS}
    return studio.finish(given, "first_minutes", rows, faults)


@contextlib.contextmanager
def fresh(scratch: Path, faults: list[str]) -> Iterator[Any]:
    """A page of a studio that has no runs and no prepared images."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        os.environ["TILEWORK_CACHE"] = str(Path(folder) / "cache")
        root = Path(folder) / "runs"
        root.mkdir()
        process = studio.start(
            ["-m", "tilework", "studio", "--port", "0", "--runs", str(root)], *studio._CORES, out=subprocess.PIPE
        )
        try:
            url = next(line.split()[-1] for line in process.stdout or () if "http://" in line)
            with studio.chromium() as browser:
                page = studio.open_page(browser, url)
                yield page
                faults += page.faults
                end_runs(root)
        finally:
            studio.end(process)


def begin(page: Any, wait: float) -> tuple[float, float]:
    """Seconds from the click on a recipe to its run's page, and to moving codes."""
    button = page.get_by_role("button", name="Begin with rqvae-digits")
    button.wait_for()
    time.sleep(wait)
    button.click()
    clicked = time.monotonic()
    studio.until(page, "document.querySelector('[aria-current=step]') !== null || location.hash.startsWith('#/runs/')")
    opened = time.monotonic() - clicked
    studio.wait_for(lambda: page.evaluate(MOVING), "moving codes", 180, 0.02)
    return opened, time.monotonic() - clicked


def bring(page: Any, photos: Path, wait: float) -> float:
    """Seconds from looking at a folder to moving codes."""
    page.evaluate("location.hash = '#/bring'")
    field = page.get_by_label("Path of a folder or file")
    field.wait_for()
    time.sleep(wait)
    field.fill(str(photos))
    page.get_by_role("button", name="Look", exact=True).click()
    clicked = time.monotonic()
    page.get_by_role("button", name="Start training").click(timeout=180_000)
    studio.wait_for(lambda: page.evaluate(MOVING), "moving codes", 300, 0.02)
    return time.monotonic() - clicked


def end_runs(root: Path) -> None:
    """Runs survive their studio: end what was begun."""
    for run in root.glob("*/run.db"):
        if (who := holder(run.parent)) is not None:
            os.kill(who.pid, signal.SIGKILL)


def photographs(folder: Path, count: int, given: str) -> Path:
    """A folder of so many: the first ones below a given folder, or drawn ones."""
    folder.mkdir()
    if given:
        files = sorted(file for file in Path(given).rglob("*") if file.suffix.lower() in {".jpg", ".jpeg", ".png"})[
            :count
        ]
        for number, file in enumerate(files):
            shutil.copy(file, folder / f"{number:05}{file.suffix}")
        return folder
    draw = np.random.default_rng(0)
    for number in range(count):
        small = Image.fromarray(draw.integers(0, 255, (12, 16, 3), dtype=np.uint8))
        small.resize((640, 480), Image.Resampling.BICUBIC).save(folder / f"{number:05}.jpg", quality=88)
    return folder


if __name__ == "__main__":
    sys.exit(main())
