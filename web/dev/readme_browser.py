"""A studio with its page in a browser, to take images of it: in light or dark, and without the names of the machine's folders."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tilework.studio.server import Studio

WIDE, HIGH = 1280, 720
"""CSS pixels of the page."""
SHOWN = 0.75
"""Pixels of an image for each of them: text that is drawn at this size is sharper than text that is scaled to it."""
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
_RENAME = """names => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let text = texts.nextNode(); text; text = texts.nextNode())
    for (const [from, to] of names) if (text.data.includes(from)) text.data = text.data.replaceAll(from, to)
  return document.body.innerText
}"""


class Camera:
    """A page of the studio that serves the runs in `root`, and its images."""

    def __init__(self, studio: Studio, browser: Browser, dark: bool, names: dict[str, str]) -> None:
        self.origin = f"http://127.0.0.1:{studio.port}/"
        self.names = names
        context = browser.new_context(
            viewport={"width": WIDE, "height": HIGH},
            device_scale_factor=SHOWN,
            color_scheme="dark" if dark else "light",
        )
        self.page: Page = context.new_page()
        self.page.set_default_timeout(300_000)
        self.page.goto(studio.url())
        self.devtools = context.new_cdp_session(self.page)

    def open(self, address: str) -> None:
        self.page.goto(f"{self.origin}{address}")

    def image(self) -> Image.Image:
        """What is shown now. Raises ValueError where it names the machine or a folder of it."""
        text = self.page.evaluate(_RENAME, list(self.names.items()))
        if shown := [name for name in (socket.gethostname(), str(Path.cwd())) if name in text]:
            raise ValueError(f"the page shows {shown}")
        clip = {"x": 0, "y": 0, "width": WIDE, "height": HIGH, "scale": SHOWN}
        shot = self.devtools.send("Page.captureScreenshot", {"format": "png", "optimizeForSpeed": True, "clip": clip})
        return Image.open(BytesIO(base64.b64decode(shot["data"]))).convert("RGB")

    def settled(self, seconds: float = 20.0, still: float = 3.0) -> Image.Image:
        """What is shown once nothing has moved for a while, or when the time is over: a loop is played for ever."""
        end = time.monotonic() + seconds
        shown, since = self.image(), time.monotonic()
        while time.monotonic() < min(end, since + still):
            time.sleep(0.2)
            now = self.image()
            if now.tobytes() != shown.tobytes():
                shown, since = now, time.monotonic()
        return shown

    def close(self) -> None:
        self.page.context.close()


@contextmanager
def studio(root: Path, home: Path) -> Iterator[Studio]:
    """A studio in a thread, whose page may look into the folder `home`."""
    found = Studio(root, port=0, images=[home])
    found.app.app.state.launcher.spare.close()  # no run is started on a page: no process waits for one
    ready = threading.Event()
    thread = threading.Thread(target=lambda: found.run(ready.set), name="studio")
    thread.start()
    try:
        ready.wait(60)
        yield found
    finally:
        found.server.should_exit = True
        thread.join()


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser that is installed, else the one of playwright."""
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
