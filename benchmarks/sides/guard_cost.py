"""tilework's own training loop, and how much of its time its guard takes, block by block.

What the guard does with the processor is timed where it does it: two runs side by side differ by more than it costs, whatever
they do. What a copy of the weights pushes out of the caches is not in it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness.sides import print_result, side_arguments
from systems import system

from tilework.engine import train
from tilework.engine.guard.guard import Guard
from tilework.engine.progress import Plan, Silent, Tick

CALLED = ("note", "limit_gradient", "look", "begin")
"""All that the training loop asks of its guard."""


class Stopwatch:
    """Seconds spent in a class's methods."""

    def __init__(self, of: type, methods: tuple[str, ...]) -> None:
        self.seconds = 0.0
        for name in methods:
            setattr(of, name, self._timed(getattr(of, name)))

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def timed(*given: Any, **more: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*given, **more)
            finally:
                self.seconds += time.perf_counter() - began

        return timed


class Blocks(Silent):
    """Notes both clocks at logged rows that are `steps` apart: a row's step is done, so nothing is still being computed."""

    def __init__(self, warm: int, steps: int, watch: Stopwatch) -> None:
        self.warm, self.steps, self.watch = warm, steps, watch
        self.at: list[tuple[float, float]] = []
        self.precision = ""

    def started(self, plan: Plan) -> None:
        self.precision = plan.precision

    def ticked(self, tick: Tick) -> None:
        if tick.step >= self.warm and (tick.step - self.warm) % self.steps == 0:
            self.at.append((time.perf_counter(), self.watch.seconds))

    def result(self) -> dict[str, Any]:
        """Share of the guard and milliseconds of a step, of each block."""
        pairs = [(b[0] - a[0], b[1] - a[1]) for a, b in zip(self.at, self.at[1:], strict=False)]
        return {
            "share": [guard / whole for whole, guard in pairs],
            "step_ms": [round(whole / self.steps * 1000, 3) for whole, _ in pairs],
            "precision": self.precision,
        }


def main(blocks: int) -> None:
    """Train for so many blocks after the first steps, and print what was measured."""
    given = side_arguments(__doc__ or "")
    chosen = system(given.system, tiny=given.tiny)
    extra = [f"engine.steps={given.warm + blocks * given.steps}"]
    if given.warm % 10 or given.steps % 10:
        extra.append("engine.log_every_steps=1")
    spec = chosen.spec(given.folder, lpips_weights=given.lpips, extra=tuple(extra))
    listener = Blocks(given.warm, given.steps, Stopwatch(Guard, CALLED))
    with tempfile.TemporaryDirectory(dir=given.folder) as root:
        train(spec, root=Path(root), progress=listener)
    print_result({"batch": chosen.batch, **listener.result()})


if __name__ == "__main__":
    main(int(sys.argv.pop()))
