"""A run that meets a fault, to be killed from outside and resumed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness.faults import striking

from tilework.cli.spare import LOADED

# A process that is forked from one that has loaded all of this starts in an instant.
PRELOADED = [*LOADED, "sides.guarded"]


def guarded(
    what: str, recipe: str, overrides: Sequence[str], runs: str, fault: str, steps: Sequence[int], output: str
) -> None:
    """`train` a recipe with a fault at some steps, or `resume` the only run of the folder, which meets it too. What it prints
    goes to the file `output`."""
    out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    import tilework
    from tilework.runs.folder import RunFolder

    with striking(fault, set(steps)):
        if what == "train":
            tilework.train(recipe, *overrides, runs=Path(runs))
        else:
            tilework.resume(RunFolder.find("last", Path(runs)))
