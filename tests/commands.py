"""What tests share: how a command ended, how a run is made small, where real images are."""

from __future__ import annotations

import importlib.util
import os
import shutil
from functools import cache
from pathlib import Path
from typing import NamedTuple

PATIENCE = 150.0
"""Seconds that a test waits for something that is certain to come: how soon depends on what else the machine does."""


class Outcome(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


SMALL = (
    "engine.steps=6",
    "engine.epochs=1",
    "engine.batch_size=32",
    "engine.log_every_steps=2",
    "engine.threads=1",
    "engine.start_batches=2",
)
"""Overrides that shrink a run to a few seconds."""


@cache
def chromium_is_here() -> bool:
    """Whether sketches can be drawn here. Playwright is asked only where no browser is on PATH: it takes long to start."""
    if importlib.util.find_spec("playwright") is None:
        return False
    if any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"))):
        return True
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def data_folder() -> Path | None:
    """Real images for tests: `$TILEWORK_DATA`, or a folder `shared/data` beside the checkout; None where absent."""
    found = Path(os.environ.get("TILEWORK_DATA") or Path(__file__).parents[2] / "shared" / "data")
    return found if found.is_dir() else None
