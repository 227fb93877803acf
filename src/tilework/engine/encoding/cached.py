"""A run's own images as tokens, kept in the cache: encoded once, found again by what they are."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tilework.engine.encoding.clips import Loops
from tilework.engine.encoding.encode import Progress, encode, plan
from tilework.engine.encoding.origin import open_origin
from tilework.engine.encoding.ranks import Ranks
from tilework.errors import UserError
from tilework.runs.folder import RunFolder
from tilework.spec.paths import cache_folder
from tilework.tokens.reading import Tokens, open_tokens


def tokens_of(
    run: RunFolder | Path | str,
    *,
    runs: Path | None = None,
    cache: Path | None = None,
    which: str = "best",
    device: str = "auto",
    mirror: bool = False,
    loops: Loops = "auto",
    ranks: Ranks | None = None,
    preparing: Callable[[int], None] | None = None,
    progress: Progress | None = None,
) -> Tokens:
    """The tokens of a run's own images, split as the run split them: from the cache folder, or encoded now.

    `mirror`: every image a second time, mirrored, behind all others. `loops`: which clips count as loops. Several processes call
    it together and give their `ranks`. Raises UserError as `open_origin` does, and where the cache cannot be written.
    """
    origin = open_origin(run, which=which, device=device, runs=runs, progress=preparing)
    planned = plan(origin, mirror=mirror, loops=loops)
    manifest = planned.manifest
    folder = (cache or cache_folder()) / "tokens" / f"{manifest.parent.run}-{manifest.plan[:16]}"
    if ranks is None or ranks.main:
        _remove_damaged(folder)
    return encode(origin, folder, planned, ranks=ranks, progress=progress, wait=True).tokens


def _remove_damaged(folder: Path) -> None:
    """What is whole, or is being made, stays; what was damaged is made again, for it is only a cache."""
    try:
        open_tokens(folder)
    except UserError:
        manifest = folder / "manifest.json"
        if manifest.is_file() and b'"complete": true' in manifest.read_bytes():
            shutil.rmtree(folder, ignore_errors=True)
