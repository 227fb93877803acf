"""From an id that a page sent to a folder, and from a name in a run's store to a file: never out of the folder of runs."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from tilework.runs.folder import RunFolder, default_root, run_names
from tilework.studio.responses import NotHere

KEPT = ".studio"
"""Folder inside the folder of runs: specs and logs of the processes that the studio started."""
TRASH = ".trash"


@dataclass(frozen=True)
class Root:
    """The folder of runs that one studio serves."""

    path: Path
    """Absolute, links resolved."""

    @classmethod
    def of(cls, path: Path | None) -> Root:
        """The given folder, or the default one; it need not exist yet."""
        return cls((path if path is not None else default_root()).expanduser().resolve())

    def names(self) -> list[str]:
        """Ids of the runs; links are left out, since what they point at may be anywhere."""
        return [name for name in run_names(self.path) if not (self.path / name).is_symlink()]

    def run(self, run_id: str) -> RunFolder:
        """The run of this id. Raises NotHere for none, for a link, and for anything that is no plain name."""
        path = self.path / run_id if _plain(run_id) else None
        if path is None or path.is_symlink() or not os.path.lexists(path / "run.json"):
            raise NotHere(
                f"there is no run '{run_id[:80]}'", why=f"{self.path} holds none of that id", fix="choose another run"
            )
        return RunFolder(path)

    def log_of(self, run_id: str) -> Path:
        """Where the output of a run's process is kept, if the studio started it."""
        return self.path / KEPT / f"{run_id}.log"

    def command(self, run: RunFolder) -> str:
        """What to type to go on with a run."""
        at_home = self.path == default_root().resolve()
        return f"tilework resume {shlex.quote(run.id if at_home else str(run.path))}"


def _plain(name: str) -> bool:
    return (
        0 < len(name) <= 200
        and not name.startswith(".")
        and not any(c in '/\\:"\0' or ord(c) < 32 for c in name)
        and Path(name).name == name
    )


def inside(run: RunFolder, name: str) -> Path:
    """A file of the run, by the name that its store or folder gives it. Raises NotHere where it is missing or elsewhere."""
    try:
        home = run.path.resolve(strict=True)
        path = (home / name).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        path = None
    if path is None or not path.is_relative_to(home) or not path.is_file():
        raise NotHere(f"run {run.id} has no file {name[:80]}", why="it is missing, or lies outside the run's folder")
    return path
