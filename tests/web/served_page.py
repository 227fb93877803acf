"""A studio with its page, in a thread, and the browser that looks at it. Skipped, with the reason, where there is none
of them."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from commands import PATIENCE

from tilework.studio import page_files
from tilework.studio.address import Address, outside_address
from tilework.studio.server import Studio

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = (
    os.environ.get("TILEWORK_CHROMIUM")
    or shutil.which("chromium")
    or shutil.which("chromium-browser")
    or shutil.which("google-chrome")
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


OPEN = shutil.ignore_patterns("run.db-*")
"""What is there of a run only while somebody reads it: not to be copied, for it may be gone at any moment."""


class Served:
    """A studio in a thread, which can be ended and begun again at the same port."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.begin(0)

    def begin(self, port: int, outside: Address | None = None) -> None:
        self.studio = Studio(self.root, port=port, outside=outside)
        self.thread = threading.Thread(target=lambda: self.studio.run(), name="server")
        self.thread.start()
        wait_for(lambda: self.studio.server.started)

    def end(self) -> None:
        self.studio.server.should_exit = True
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()

    def reached_at(self, url: str) -> None:
        """Start again, at the same port, with an address outside."""
        self.end()
        self.begin(self.studio.port, outside_address(url))

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.studio.port}"


def not_here(reason: str) -> None:
    """A person's machine may lack a browser; where everything is checked, that would hide a failure."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def wait_for(condition: Any, seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def serving(root: Path) -> Iterator[Served]:
    """A studio on a folder of runs, for as long as a fixture wants it."""
    if not page_files.built():
        not_here("the studio's page was not built (TILEWORK_SKIP_WEB?)")
    found = Served(root)
    yield found
    found.end()
