"""What the studio's benchmarks share: a trainer on one core; server and a real Chromium on the other.

Training is `tilework train`, the server `tilework studio`, each a process of its own as a person starts them.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from harness import machine
from harness.report import RESULTS, merge, print_table, verdict

CHROMIUM = os.environ.get("TILEWORK_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--enable-precise-memory-info"),
]
WINDOW = {"width": 1440, "height": 900}


class Missing(RuntimeError):
    """Something that the benchmark needs is not here; the message names it."""


def read_arguments(doc: str, output: str, *, seconds: float, pairs: int, **more: tuple[Any, str]) -> argparse.Namespace:
    """The command line of a studio benchmark. `more` = name: (default, help). `folder` is added by `scratch`."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=seconds, help=f"length of each side; default {seconds:g}")
    if pairs:
        parser.add_argument("--pairs", type=int, default=pairs, help=f"alternating pairs or samples; default {pairs}")
    for name, (default, text) in more.items():
        kind = {"action": "store_true"} if default is False else {"type": type(default), "default": default}
        parser.add_argument(f"--{name}", help=f"{text}; default {default}", **kind)
    parser.add_argument("--output", type=Path, default=RESULTS / output, help="results file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a figure falls short of its target")
    return parser.parse_args()


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for runs and prepared data, gone afterwards; this process and its browser on the viewing core."""
    if not CHROMIUM:
        raise Missing("no Chromium: set TILEWORK_CHROMIUM to one")
    stay_on(viewing_core())
    with tempfile.TemporaryDirectory(prefix="tilework-bench-") as folder:
        os.environ["TILEWORK_CACHE"] = str(Path(folder) / "cache")
        yield Path(folder)


# Cores ---------------------------------------------------------------------------------------------------------------

_CORES = machine.usable_cores()


def training_core() -> int:
    """The core that only the trainer runs on."""
    return _CORES[0]


def viewing_core() -> int:
    """The core of server and browser; the same one where the machine has no other."""
    return _CORES[-1]


def stay_on(*cores: int) -> None:
    """Keep this process, and what it starts from now on, to some cores where the system allows it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def start(command: Sequence[str], *cores: int, out: Any = subprocess.DEVNULL) -> subprocess.Popen[str]:
    """A Python process on some cores, one thread of arithmetic."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = {**os.environ, **one, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
    return subprocess.Popen(
        [sys.executable, *command], stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
        env=environment, preexec_fn=lambda: stay_on(*cores),
    )  # fmt: skip


def end(process: subprocess.Popen[str], seconds: float = 20.0) -> None:
    """Ask it to end, and wait for that."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 60.0, every: float = 0.05) -> Any:
    """The first true value of the condition. Raises Missing."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > until:
            raise Missing(f"{what}: not within {seconds:g} s")
        time.sleep(every)
    return found


# The three processes -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def training(root: Path, recipe: str, *settings: str) -> Iterator[TrainedRun]:
    """`tilework train` on its core; what is given back reads the run's store."""
    before = set(root.glob("*"))
    log = root.parent / "train.log"
    with log.open("w") as out:
        process = start(["-m", "tilework", "train", recipe, *settings, "--runs", str(root)], training_core(), out=out)
    try:

        def begun() -> Path | None:
            if process.poll():
                raise Missing(f"the trainer ended with {process.returncode}:\n{log.read_text()[-2000:]}")
            return next((run for run in set(root.glob("*")) - before if (run / "live").exists()), None)

        yield TrainedRun(wait_for(begun, "the run's folder", 180), process)
    finally:
        end(process)


class TrainedRun:
    """A run that is being trained, seen through its store."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self.folder, self.process = folder, process

    def ask(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of one SQL question."""
        connection = sqlite3.connect(f"file:{self.folder / 'run.db'}?mode=ro", uri=True, timeout=30)
        with contextlib.closing(connection):
            return connection.execute(question, values).fetchall()

    def times(self) -> dict[int, float]:
        """Step -> when its row was logged (seconds since 1970)."""
        return dict(self.ask("SELECT step, time FROM rows WHERE split = 'train' ORDER BY step"))

    def step(self) -> int:
        """The newest logged step; 0 = none."""
        try:
            return int(self.ask("SELECT coalesce(max(step), 0) FROM rows WHERE split = 'train'")[0][0])
        except sqlite3.Error:  # no table yet
            return 0

    def reach(self, step: int, seconds: float = 300.0) -> None:
        """Wait until a step is logged."""
        wait_for(lambda: self.step() >= step or self.process.poll() is not None, f"step {step}", seconds, 0.2)

    def speed(self, begin: float, finish: float) -> float:
        """Steps/s between two times."""
        inside = [(step, time) for step, time in self.times().items() if begin <= time <= finish]
        if len(inside) < 2:
            raise Missing(f"{len(inside)} rows were logged in {finish - begin:.1f} s: measure longer")
        (a, t), (b, u) = inside[0], inside[-1]
        return (b - a) / (u - t)


@contextlib.contextmanager
def studio(root: Path, *command: str) -> Iterator[tuple[str, int]]:
    """A served studio on its core: (URL that opens it, process id)."""
    process = start([*(command or ("-m", "tilework", "studio")), "--port", "0", "--runs", str(root)],
                    viewing_core(), out=subprocess.PIPE)  # fmt: skip
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "http://" in line:
                yield line.split()[-1], process.pid
                return
        raise Missing(f"the studio ended with {process.wait()}")
    finally:
        end(process)


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A fresh browser with a fresh profile, on this process's core."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def open_page(browser: Any, url: str, script: str = "") -> Any:
    """A page on a URL. `.faults` collects what went wrong in it: exceptions, errors in the console."""
    page = browser.new_context(viewport=WINDOW).new_page()
    page.set_default_timeout(60_000)
    page.faults = []
    page.on("response", lambda r: page.faults.append(f"{r.status} {r.url.split('?')[0]}") if r.status >= 400 else None)
    page.on("pageerror", lambda error: page.faults.append(f"exception: {error}"))
    page.on("console", lambda m: page.faults.append(f"{m.type}: {m.text}") if m.type in {"error", "warning"} else None)
    if script:
        page.add_init_script(script)
    page.goto(url)
    return page


def until(page: Any, expression: str, seconds: float = 60.0) -> Any:
    """Wait for a true JavaScript expression (the page's policy forbids Playwright's own way)."""
    return wait_for(lambda: page.evaluate(expression), expression, seconds)


def watch(browser: Any, url: str, run: Path, query: str = "", script: str = "") -> Any:
    """A page that shows a run, after its first drawn frame."""
    page = open_page(browser, f"{url}#/runs/{run.name}{query}", script)
    until(page, "window.__tilework?.drawn > 0 && window.__tilework.shown.step >= 0")
    return page


# Results -------------------------------------------------------------------------------------------------------------


def row(claim: str, figure: str, target: float, values: Sequence[float], **more: Any) -> dict[str, Any]:
    """One row of a results file; `value` is the median of the values and their range."""
    ordered = sorted(values)
    n = len(ordered)
    median = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    facts = {**machine.facts(), "cores": len(_CORES), "chromium": _chromium_version()}
    return {
        "claim": claim, "figure": figure, "target": target,
        "value": {"median": median, "min": ordered[0], "max": ordered[-1]}, "pairs": n, **more,
        "date": date.today().isoformat(), "machine": facts,
    }  # fmt: skip


@functools.cache
def _chromium_version() -> str:
    """`156.0.8078.79`; "" where it does not print one."""
    version = (
        subprocess.run([CHROMIUM, "--version"], capture_output=True, text=True, check=False).stdout if CHROMIUM else ""
    )
    return next((word for word in version.split() if word[:1].isdigit()), "")


def finish(given: argparse.Namespace, benchmark: str, rows: dict[str, Any], faults: Sequence[str] = ()) -> int:
    """Keep the rows, print them, and what went wrong in the page; the exit code."""
    merge(given.output, benchmark, rows)
    print_table(rows, check=given.check)
    for fault in dict.fromkeys(faults):
        print(f"fault in the page: {fault}", file=sys.stderr)
    return 1 if given.check and any(verdict(one) != "PASS" for one in rows.values()) else 0
