"""The runs that the images of the README show: each is trained once into a folder, and found there by its name afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tilework.protocol.run import RunStatus
from tilework.runs.folder import RunFolder
from tilework.runs.status import RunInfo, list_runs

TILEWORK = (sys.executable, "-m", "tilework")
TRAINED: dict[str, tuple[str, ...]] = {
    "digits": ("rqvae-digits", "name=digits"),
    # The README's own way to a collapse, and out of it by hand.
    "steered": ("rqvae-digits", "name=steered", "bottleneck.revival=null"),
    "low-kl": ("vae-digits-beta0.1", "name=low-kl"),
    "normal": ("vae-digits", "name=normal"),
    "high-kl": ("vae-digits-beta10", "name=high-kl"),
    "loops": ("p5-sharp", "name=loops"),
    # A small prior over the two tokens of a digit.
    "dreams": (
        "gpt-prior", "name=dreams", "parent={digits}", "prior.width=64", "prior.heads=4", "prior.depth=2",
        "optimizer.lr=1e-3", "engine.batch_size=64", "engine.steps=600",
    ),
}  # fmt: skip
"""By the name of a run, what `tilework train` is given for it; {NAME} is the folder of another run."""


class Runs(dict[str, str]):
    """The id of each run by its name. One that is asked for and not there is trained; one that was interrupted is resumed."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root

    def __missing__(self, name: str) -> str:
        known = self.known(name)
        if not known:
            print(f"training {name}", flush=True)
            subprocess.run(self.command(name), check=True)
        elif known[0].status != RunStatus.FINISHED:
            print(f"resuming {known[0].id}", flush=True)
            subprocess.run([*TILEWORK, "resume", str(known[0].path)], check=True)
        self[name] = RunFolder.find(f"{name}-", self.root).id
        return self[name]

    def known(self, name: str) -> list[RunInfo]:
        """The runs of this name that are there."""
        return [run for run in list_runs(self.root) if RunFolder(run.path).info["name"] == name]

    def command(self, name: str) -> list[str]:
        """What trains a run of this name; the runs that it names are trained before."""
        folders = {
            other: str(self.root / self[other]) for other in TRAINED if f"{{{other}}}" in " ".join(TRAINED[name])
        }
        words = [word if word[:7] != "parent=" else word.format_map(folders) for word in TRAINED[name]]
        return [*TILEWORK, "train", *words, "--runs", str(self.root)]
