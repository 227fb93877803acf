"""What this revision trains, as bits: losses of every step and a hash of the final weights, printed as one line of JSON.

Run with the `src` of the revision that is asked about on PYTHONPATH; `same_as_before.py` does so for two of them. It uses what
both revisions have: the Python interface, the run store and the checkpoint files.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

STEPS, BATCH, FRAMES = 30, 4, 48
SHRUNKEN = (
    f"engine.steps={STEPS}",
    "engine.epochs=1000",
    f"engine.batch_size={BATCH}",
    "engine.precision=float32",
    "engine.threads=1",
    "engine.device=cpu",
    "engine.log_every_steps=1",
    "engine.start_batches=2",
    "engine.stop_after_minutes=null",
    "trackers=[]",
)
SHRUNKEN_PRIOR = tuple(one for one in SHRUNKEN if not one.startswith("engine.start_batches"))
DRAWN = ("data.frames=45", "data.animations=4")
"""Of the loops that a prior's autoencoder learns."""
STORY = (
    "name=story",
    "engine.steps=40",
    "engine.batch_size=16",
    "engine.save_every_steps=10",
    "engine.ema_decay=0.9",
    "optimizer.accumulate=2",
    "optimizer.clip_norm=1.0",
    "bottleneck.codebook=ema",
    "bottleneck.revival={patience: 2, cooldown: 3}",
    "objective.codebook=null",
    "objective.commitment={kind: linear, start: 0, end: 0.25, over: 20 steps}",
)
"""A run whose state has all that a checkpoint must keep: averages, accumulation, a schedule, moving codes, revival."""
ORDERS = (
    ("set", {"name": "objective.commitment", "value": 0.5}, 6),
    ("set", {"name": "bottleneck.decay", "value": 0.8}, 12),
    ("revive", {}, 14),
    ("set", {"name": "objective.sinkhorn", "value": 0.1}, 18),
    ("set", {"name": "optimizer.lr", "value": 5e-4}, 25),
)
"""Kind, payload, and the first step that feels it."""
KILLED_AT = 27


def main() -> None:
    """Train what is asked for and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "what", help="a recipe's name; story-begin (kills itself), story-resume, story-replay, story-longer"
    )
    parser.add_argument("--runs", type=Path, required=True, help="folder of runs of this side")
    parser.add_argument("--frames", type=Path, required=True, help="folder of made images, shared by both sides")
    parser.add_argument("--lpips", default="", help="file of LPIPS weights; without it that term is left out")
    given = parser.parse_args()
    os.environ["TILEWORK_CACHE"] = str(given.runs / "cache")
    os.environ.setdefault("TILEWORK_PREFLIGHT", "0")  # with 1 it shows that the checks before a run change nothing
    trained = _Trainings(given.runs, given.frames, given.lpips)
    found = trained.story(given.what) if given.what.startswith("story-") else trained.recipe(given.what)
    print(json.dumps(found))


class _Trainings:
    def __init__(self, runs: Path, frames: Path, lpips: str) -> None:
        self.runs, self.frames, self.lpips = runs, frames, lpips

    def recipe(self, name: str) -> dict[str, Any]:
        """One shipped recipe on a shrunken budget."""
        import tilework

        text = _recipe_text(name)
        if re.search(r"^task: prior", text, re.M):
            return self._prior(name)
        overrides = [*self._data(name), *SHRUNKEN]
        if re.search(r"^  lpips:", text, re.M):
            overrides.append(f"objective.lpips.weights={self.lpips}" if self.lpips else "objective.lpips=null")
        run = tilework.train(name, *overrides, runs=self.runs)
        return _bits(run)

    def _prior(self, name: str) -> dict[str, Any]:
        """A prior over the tokens of a small autoencoder, which is trained here first; of clips where it wants clips."""
        import tilework

        known = sorted(run for run in self.runs.glob("parent-*") if (run / "run.db").exists())
        parent = (
            known[0] if known else tilework.train("p5-loops", "name=parent", *DRAWN, *SHRUNKEN, runs=self.runs).path
        )
        small = ("prior.width=32", "prior.heads=2", "prior.depth=2")
        run = tilework.train(name, f"parent={parent}", *small, *SHRUNKEN_PRIOR, runs=self.runs)
        return _bits(run)

    def story(self, part: str) -> dict[str, Any]:
        """Steered, killed; resumed to its end; replayed; trained for longer."""
        import tilework

        if part == "story-begin":
            return self._begin()
        run = sorted(p for p in self.runs.glob("story-*") if (p / "run.db").exists())[0]
        if part == "story-resume":
            tilework.resume(run)
            return _bits(run)
        if part == "story-longer":
            tilework.resume(run, "engine.steps=50")
            return _bits(run)
        replay = importlib.import_module("tilework.engine.replay").replay
        folder = importlib.import_module("tilework.runs.folder").RunFolder
        found = replay(folder.open(run), root=self.runs / "again")
        return {**_bits(found.run), "identical": found.identical, "interventions": found.interventions}

    def _begin(self) -> dict[str, Any]:
        from tilework.engine.progress import Silent
        from tilework.spec import load_spec

        class Killer(Silent):
            def ticked(self, tick: Any) -> None:
                if tick.step == KILLED_AT:
                    os.kill(os.getpid(), signal.SIGKILL)

        order = _first("Order", "tilework.engine.orders", "tilework.engine.control")
        train = _first("train", "tilework.engine.launch", "tilework.engine.loop")
        script = [order(kind, payload, None, step) for kind, payload, step in ORDERS]
        spec = load_spec("rqvae-digits", [*SHRUNKEN, *STORY])
        train(spec, root=self.runs, progress=Killer(), script=script)
        return {}  # It is not meant to come so far; the other side of the pipe sees an end without a line.

    def _data(self, name: str) -> Sequence[str]:
        """Made images in the size of a recipe that has none of its own."""
        from tilework.spec.text import read_yaml

        data = read_yaml(_recipe_text(name), name)["data"]
        if data["kind"] == "digits":
            return ()
        file = self.frames / f"frames-{data['size']}-{data['channels']}.npy"
        return (
            "data.kind=array",
            f"data.path={file if file.is_file() else self._made(data, file)}",
            f"data.size={data['size']}",
            f"data.channels={data['channels']}",
            "data.split.by=auto",  # these images are of no clip
        )

    def _made(self, data: dict[str, Any], file: Path) -> Path:
        import numpy as np

        width, _, height = str(data["size"]).partition("x")
        shape = (FRAMES, int(height or width), int(width), int(data["channels"]))
        rng = np.random.default_rng(0)
        y, x = np.mgrid[0 : shape[1], 0 : shape[2]]
        images = np.zeros(shape)
        for image in images:
            for channel in range(shape[3]):
                a, b, c = rng.uniform(0.02, 0.3, 3)
                image[..., channel] = 0.5 + 0.5 * np.sin(a * x + b * y + 20 * c)
        np.save(file, (images * 255).astype(np.uint8))
        return file


def _recipe_text(name: str) -> str:
    from tilework.spec import recipe_text

    return recipe_text(name)


def _first(name: str, *modules: str) -> Any:
    """`name` from the first of these modules that has it: it has moved."""
    for module in modules:
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"none of {', '.join(modules)} has {name}")


def _bits(run: Any) -> dict[str, Any]:
    """Every logged value (hexadecimal, so that nothing is rounded) and a hash of each file of the last and best weights."""
    from tilework.runs.store import RunStore

    path = Path(getattr(run, "path", run))
    with RunStore.open(path / "run.db") as store:
        series = {
            f"{split}/{name}": {int(s): float(v).hex() for s, v in zip(*store.metrics(name, split), strict=True)}
            for name, split in store.series()
            if name not in {"steps_per_second", "data_wait"}
        }
    return {"series": series, "weights": {which: _hash(path / "checkpoints", which) for which in ("last", "best")}}


def _hash(checkpoints: Path, which: str) -> dict[str, str]:
    from safetensors.numpy import load_file

    folder = checkpoints / json.loads((checkpoints / f"{which}.json").read_text(encoding="utf-8"))["folder"]
    found = {}
    for name in ("model.safetensors", "ema.safetensors"):
        if (folder / name).is_file():
            digest = hashlib.sha256()
            for key, tensor in sorted(load_file(folder / name).items()):
                digest.update(f"{key} {tensor.dtype} {tensor.shape}".encode() + tensor.tobytes())
            found[name] = digest.hexdigest()
    return found


if __name__ == "__main__":
    sys.exit(main())
