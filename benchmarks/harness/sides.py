"""One side of a comparison: a script that trains and prints one line of JSON, in a process of its own."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent


class SideFailed(RuntimeError):
    """A side ended without a result; the message ends with its last output."""


def run_side(script: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Run `benchmarks/<script>` with this Python and read its last line. Raises SideFailed."""
    command = [sys.executable, str(HERE / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parent)
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise SideFailed(f"{script} ended with {done.returncode}:\n{done.stderr.strip()[-2000:]}")
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def side_arguments(description: str) -> argparse.Namespace:
    """What every side is given: what to train, on which frames, and which steps are timed."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--system", required=True, help="name in systems.SYSTEMS")
    parser.add_argument("--folder", type=Path, required=True, help="holds the frames; scratch space")
    parser.add_argument("--warm", type=int, required=True, help="steps before the clock starts")
    parser.add_argument("--steps", type=int, required=True, help="steps that are timed")
    parser.add_argument("--tiny", action="store_true", help="the shrunken system, for a test")
    parser.add_argument("--lpips", default="", help="file of LPIPS weights")
    return parser.parse_args()


class Window:
    """The clock of one side: it starts after `warm` steps and stops `steps` later."""

    def __init__(self, warm: int, steps: int) -> None:
        self.warm, self.last = warm, warm + steps
        self.began = self.ended = 0.0

    def passed(self, step: int) -> None:
        """Call it when `step` steps are done and nothing is still being computed."""
        if step == self.warm:
            self.began = time.perf_counter()
        elif step == self.last:
            self.ended = time.perf_counter()

    def result(self, batch: int, loss: Sequence[float], parameters: int, **more: Any) -> dict[str, Any]:
        """What the side prints: `loss` is the first and the last that it saw."""
        seconds = (self.ended - self.began) / (self.last - self.warm)
        return {
            "images_per_second": batch / seconds,
            "step_ms": seconds * 1000,
            "peak_mib": peak_mib(),
            "loss_first": loss[0],
            "loss_last": loss[-1],
            "parameters": parameters,
            **more,
        }


def peak_mib() -> float | None:
    """The most memory that this process has held, in MiB; None where the system does not report it."""
    status = Path("/proc/self/status")
    if status.is_file():
        # getrusage would give the peak of the process that started this one, where that was higher.
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


def print_result(result: Mapping[str, Any]) -> None:
    """Print a side's result where `run_side` looks for it."""
    print(json.dumps(result))
