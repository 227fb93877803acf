"""tilework's own training loop as a person runs it: run folder, logging, usage figures, gradient guard, all on."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness.sides import Window, print_result, side_arguments
from systems import system

from tilework.engine import train
from tilework.engine.progress import Plan, Silent, Tick


class Listener(Silent):
    """Stops the clock at two logged rows. A row is logged when its step is done, so nothing is still being computed."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.loss: list[float] = []
        self.plan: Plan | None = None

    def started(self, plan: Plan) -> None:
        self.plan = plan

    def ticked(self, tick: Tick) -> None:
        self.window.passed(tick.step)
        self.loss.append(tick.values["loss"])


def main() -> None:
    """Train, and print how long the measured steps took."""
    given = side_arguments(__doc__ or "")
    chosen = system(given.system, tiny=given.tiny)
    extra: tuple[str, ...] = (f"engine.steps={given.warm + given.steps}",)
    if given.warm % 10 or given.steps % 10:
        extra += ("engine.log_every_steps=1",)
    spec = chosen.spec(given.folder, lpips_weights=given.lpips, extra=extra)
    listener = Listener(Window(given.warm, given.steps))
    with tempfile.TemporaryDirectory(dir=given.folder) as root:
        train(spec, root=Path(root), progress=listener)
    assert listener.plan is not None
    print_result(
        listener.window.result(chosen.batch, listener.loss, listener.plan.parameters, precision=listener.plan.precision)
    )


if __name__ == "__main__":
    main()
