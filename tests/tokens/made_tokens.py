"""Token folders without a model, for tests of how they are written and read."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tilework.tokens import writing
from tilework.tokens.manifest import MANIFEST, Grid, Images, Manifest, Parent
from tilework.tokens.reading import Tokens
from tilework.tokens.shard import Shard, Table

PARENT = Parent("some-quiet-fox", "/runs/some-quiet-fox", "best-00000040", 40, "e" * 64, "d" * 64, "c" * 64)


def made(
    folder: Path, *, items: int = 10, grid: Grid | None = None, layout: str = "npz", shard_items: int = 4, mirror: bool = False,
    labels: bool = True, files: str = "{}.png", frames: int = 0,
) -> Tokens:  # fmt: skip
    """Random tokens, half of them held out; with `frames` clips of so many."""
    grid = grid or Grid(2, 3, 4, 9)
    count = 2 * items if mirror else items
    number = np.arange(count)
    once = number % items
    table = Table(
        labels=once % 2 if labels else np.full(count, -1),
        sides=(once % 2).astype(np.uint8),
        groups=number // frames if frames else number,
        frames=once % frames if frames else np.full(count, -1),
        files=np.array([files.format(n // frames if frames else n) for n in once]),
        mirrored=number >= items,
    )
    images = Images("images", "a" * 64, 24, 24, 3, mirror, ("cat", "dog") if labels else (), count, ())
    manifest = Manifest(PARENT, grid, images, layout, shard_items, count, "").planned()
    codes = np.random.default_rng(0).integers(0, grid.codes, (count, *grid.shape)).astype(grid.dtype)
    with writing.alone(folder):
        todo = writing.begin(folder, manifest)
        assert isinstance(todo, list)
        for shard in todo:
            first, end = manifest.span(shard)
            writing.write_shard(
                folder, manifest, shard, Shard(codes[first:end], Table.of(table.part(slice(first, end)).columns))
            )
        shards = [writing.about_shard(folder, manifest, shard) for shard in range(manifest.shard_count)]
        return writing.finish(folder, manifest, shards)


def edited(folder: Path, **changes: Any) -> None:
    """Change values of the manifest."""
    raw = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(raw | changes))


def rewritten(tokens: Tokens, number: int, shard: Shard) -> None:
    """Another shard in the place of one, as another program would write it: the manifest describes it."""
    writing.write_shard(tokens.folder, tokens.manifest, number, shard)
    about = [asdict(one) for one in tokens.manifest.shards]
    data = (tokens.folder / about[number]["file"]).read_bytes()
    about[number] |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    edited(tokens.folder, shards=about)
