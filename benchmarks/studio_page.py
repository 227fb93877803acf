"""How soon the studio's page can be used, and how much it is. Run: uv run benchmarks/studio_page.py

Each sample is a fresh browser with a fresh profile on localhost, while a run trains on the other core: from the request (the
redirect that takes the launch token included) to the first image of the latent space on the live page, and to the first run in
the list. Bytes are those of page, script, style and icon as they crossed the socket, headers included.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import studio_harness as studio
from studio_live import ENDLESS

READY = {
    "live": "window.__tilework?.drawn > 0 && window.__tilework.shown.step >= 0",
    "list": "window.__tilework && document.querySelector('main a[href*=\"#/runs/\"]')",
}
WORDS = {"live": "the first image of the latent space", "list": "the list of runs"}
TARGET_MS, TARGET_KB = 1500.0, 400.0
NOTE = """(() => {
  const look = () => { if (%s) window.__ready = performance.now(); else requestAnimationFrame(look) }
  requestAnimationFrame(look)
})()"""


def main() -> int:
    given = studio.read_arguments(__doc__ or "", "studio_page.json", seconds=1, pairs=5)
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in READY}
    faults: list[str] = []
    with studio.scratch() as folder:
        root = folder / "runs"
        root.mkdir()
        with studio.training(root, "rqvae-digits", *ENDLESS) as run, studio.studio(root) as (url, _):
            run.reach(100)
            for number in range(given.pairs):
                for kind in list(READY) if number % 2 == 0 else list(READY)[::-1]:
                    where = f"#/runs/{run.folder.name}" if kind == "live" else "#/"
                    with studio.chromium() as browser:
                        found[kind].append(sample(browser, url + where, READY[kind], given.seconds, faults))
                    print(f"  {kind}: {found[kind][-1]}", file=sys.stderr)
    rows = {
        f"page-{kind}": studio.row(
            f"from the request to {WORDS[kind]}, fresh profile", "ms", TARGET_MS, [one["ms"] for one in found[kind]]
        )
        for kind in READY
    }
    sizes = [one["kb"] for kind in READY for one in found[kind]]
    rows["page-bytes"] = studio.row("page, script, style and icon as transferred", "kB", TARGET_KB, sizes)
    return studio.finish(given, "studio_page", rows, faults)


def sample(browser: Any, url: str, ready: str, settle: float, faults: list[str]) -> dict[str, float]:
    """Load the page once: milliseconds to ready, kB of assets, kB of everything else over HTTP."""
    page = browser.new_context(viewport=studio.WINDOW).new_page()
    page.on("pageerror", lambda error: faults.append(f"exception: {error}"))
    page.on("console", lambda m: faults.append(f"{m.type}: {m.text}") if m.type in {"error", "warning"} else None)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    asked: dict[str, str] = {}
    sizes: dict[str, float] = {}
    session.on("Network.requestWillBeSent", lambda e: asked.update({e["requestId"]: e["request"]["url"]}))
    session.on("Network.loadingFinished", lambda e: sizes.update({e["requestId"]: e["encodedDataLength"]}))
    page.add_init_script(NOTE % ready)
    page.goto(url, wait_until="commit")
    ms = studio.until(page, "window.__ready")
    time.sleep(settle)  # an asset that is loaded late counts too
    assets = sum(size for request, size in sizes.items() if "/api/" not in asked.get(request, ""))
    return {"ms": float(ms), "kb": assets / 1000, "data_kb": (sum(sizes.values()) - assets) / 1000}


if __name__ == "__main__":
    sys.exit(main())
