"""tilework's own training loop with the guard on, or with `--off`: the same settings, the same steps."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness.sides import Window, say, side_arguments
from sides.real_loop import Listener
from systems import system

from tilework.engine import train


def main() -> None:
    off = "--off" in sys.argv
    if off:
        sys.argv.remove("--off")
    given = side_arguments(__doc__ or "")
    chosen = system(given.system, tiny=given.tiny)
    extra = (f"engine.steps={given.warm + given.steps}", f"engine.guard.enabled={'false' if off else 'true'}")
    if given.warm % 10 or given.steps % 10:
        extra += ("engine.log_every_steps=1",)
    spec = chosen.spec(given.folder, lpips_weights=given.lpips, extra=extra)
    listener = Listener(Window(given.warm, given.steps))
    with tempfile.TemporaryDirectory(dir=given.folder) as root:
        train(spec, root=Path(root), progress=listener)
    assert listener.plan is not None
    say(
        listener.window.result(chosen.batch, listener.loss, listener.plan.parameters, precision=listener.plan.precision)
    )


if __name__ == "__main__":
    main()
