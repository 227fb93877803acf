"""`tilework demo`: the main job in a minute, offline, on data that comes along."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tilework.cli.options import RunsFolder

if TYPE_CHECKING:
    from tilework.engine.progress import Progress
    from tilework.runs.folder import RunFolder


RECIPE_OVERRIDES: tuple[str, ...] = ()
"""The demo is the recipe as it is shipped."""


def demo(runs: RunsFolder = None) -> None:
    """Train the 2-D residual-VQ model on real handwritten digits, and show what it learned. About a minute, offline."""
    from tilework.cli.training import run_training

    def prepare() -> Callable[[Progress], RunFolder]:
        from tilework.spec import load_spec

        spec = load_spec("rqvae-digits", RECIPE_OVERRIDES)
        from tilework.engine import train as engine_train

        return lambda progress: engine_train(spec, root=runs, progress=progress)

    run_training(prepare)
