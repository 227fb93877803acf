"""The moving image of the README: the live page from the first step of a run to its last, with a slider moved on the way."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
from PIL import Image
from readme_browser import Camera
from readme_runs import Runs

from tilework.runs.folder import run_names

NAME = "steered"
STEPS = 2_000
FRAMES = 56
CURVE = 2.0
"""Above 1 the beginning is shown more slowly than the rest: there the most happens."""
SLIDER = "objective.sinkhorn"
MOVES = ((70, 0, 170), (420, 170, 0))
"""At which step the slider is moved, from where to where, of 400: to a weight of 0.5, and back when the codes are in use."""
MOVED_IN = 5
"""Frames that a move takes."""
FRAME_MS, LAST_MS = 120, 2_000
MOST_BYTES = 1_100_000
QUALITIES = (50, 35, 20)
"""Of WebP, tried in this order: half a minute each."""


def film(camera: Camera, runs: Runs, folder: Path) -> None:
    """Train the run anew and keep what the live page shows at the steps that are wanted, a PNG for each."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for old in runs.known(NAME):
        shutil.rmtree(old.path)
    before = set(run_names(runs.root))
    training = subprocess.Popen(runs.command(NAME), stdout=subprocess.DEVNULL)
    while not (new := set(run_names(runs.root)) - before):
        if training.poll() is not None:
            raise RuntimeError(f"{NAME} ended before its run was there")
        time.sleep(0.05)
    runs[NAME] = new.pop()
    camera.open(f"#/runs/{runs[NAME]}")
    slider = camera.page.locator(f"[id='steer-{SLIDER}']")
    wanted = [int(step) for step in 1 + (STEPS - 1) * np.linspace(0, 1, FRAMES) ** CURVE]
    moves = [(at, [round(place) for place in np.linspace(here, to, MOVED_IN + 1)[1:]]) for at, here, to in MOVES]
    while training.poll() is None:
        step = int(camera.page.evaluate("window.__tilework?.shown.step ?? 0"))
        moving = bool(moves) and step >= moves[0][0]
        if moving:
            slider.fill(str(moves[0][1].pop(0)))
            slider.blur()
            if not moves[0][1]:
                del moves[0]
        if step and (moving or (wanted and step >= wanted[0])):
            wanted = [later for later in wanted if later > step]
            camera.image().save(folder / f"{step:05}-{time.monotonic_ns()}.png", compress_level=1)
        else:
            time.sleep(0.05)
    camera.settled().save(folder / "end.png", compress_level=1)


def save(folder: Path, file: Path) -> None:
    """The moving image, in the best quality that is small enough."""
    frames = [Image.open(one).convert("RGB") for one in sorted(folder.glob("*.png"))]
    times = [FRAME_MS] * (len(frames) - 1) + [LAST_MS]
    for quality in QUALITIES:
        frames[0].save(file, save_all=True, append_images=frames[1:], duration=times, loop=0, quality=quality, method=4)
        if file.stat().st_size <= MOST_BYTES:
            break
    print(f"{file.name}: {len(frames)} frames, {sum(times) / 1000:.1f} s, quality {quality}")
