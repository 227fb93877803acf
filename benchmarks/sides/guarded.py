"""A run that meets a fault, to be killed from outside and resumed: `guarded.py train|resume --runs FOLDER ...`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness.faults import FAULTS, striking

import tilework
from tilework.runs.folder import RunFolder


def main() -> None:
    """Train a recipe with a fault at some steps, or go on with the only run of the folder, which meets it too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["train", "resume"])
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--fault", choices=list(FAULTS), required=True)
    parser.add_argument("--steps", required=True, help="comma-separated")
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_args()
    with striking(given.fault, {int(step) for step in given.steps.split(",")}):
        if given.what == "train":
            tilework.train(given.recipe, *given.overrides, runs=given.runs)
        else:
            tilework.resume(RunFolder.find("last", given.runs))


if __name__ == "__main__":
    main()
