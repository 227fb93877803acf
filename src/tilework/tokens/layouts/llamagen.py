"""`llamagen`: a file per image, as the class-conditional trainer of LlamaGen reads them.

From github.com/FoundationVision/LlamaGen at 5a50452: `autoregressive/train/extract_codes_c2i.py` writes
`CODE_PATH/imagenetSIZE_codes/N.npy`, int64 (1, augmentations, tokens), and `CODE_PATH/imagenetSIZE_labels/N.npy`, int64 (1,);
`dataset/imagenet.py` reads them, takes one of the augmentations where `flip` is part of the path, and counts 1,281,167 files:
that number in it must be changed to that of the images here.

Written beside `npz` shards: CODE_PATH is `train` (with `--mirror` `train_flip`, two augmentations) and `validation`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from tilework.errors import UserError
from tilework.tokens.layouts.npz import check as check
from tilework.tokens.manifest import Manifest
from tilework.tokens.reading import Tokens
from tilework.tokens.shard import Table
from tilework.tokens.sides import class_ids, of_side, refuse_unlabelled
from tilework.tokens.writing import part_of, write_error


def refuse(manifest: Manifest, table: Table) -> None:
    """Raises UserError for tokens that LlamaGen's trainer cannot read."""
    images = manifest.images
    if manifest.levels > 1:
        raise UserError(
            f"the layout llamagen has one token a position, and {manifest.parent.run} has {manifest.levels}",
            why="LlamaGen's model takes as many tokens as there are positions",
            fix="write --layout jsonl or npz, or encode with a run of one level",
        )
    if (images.width, manifest.width) != (images.height, manifest.height):
        raise UserError(
            f"the layout llamagen takes square images, and these are {images.width}x{images.height}",
            why="LlamaGen's trainer knows one size of an image",
            fix="write --layout jsonl or npz",
        )
    refuse_unlabelled("llamagen", manifest, table)


def export(tokens: Tokens) -> None:
    """Write the files of both sides. Raises UserError where there is no space."""
    for side in ("train", "validation"):
        name = f"{side}_flip" if tokens.manifest.images.mirror else side
        final = tokens.folder / name
        part = part_of(final)
        try:
            shutil.rmtree(final, ignore_errors=True)  # of one that was interrupted just before its end
            _write(tokens, side, part)
            part.rename(final)
        except OSError as error:
            raise write_error(final, error) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _write(tokens: Tokens, side: str, folder: Path) -> None:
    manifest = tokens.manifest
    codes, labels = (folder / f"imagenet{manifest.images.width}_{what}" for what in ("codes", "labels"))
    codes.mkdir(parents=True)
    labels.mkdir()
    classes, number = class_ids(tokens), 0
    for items, found in of_side(tokens, side):
        for item, views in zip(items, found, strict=True):
            np.save(codes / f"{number}.npy", views.reshape(1, len(views), -1).astype(np.int64))
            np.save(labels / f"{number}.npy", classes[[item]])
            number += 1
