"""`jsonl`: a line per image, as the RAR and MaskGIT trainers of ByteDance's 1d-tokenizer read them.

From github.com/bytedance/1d-tokenizer at 1c6df99, `data/webdataset_reader.py`: its data set of pretokenized images reads, of each
line of one file, `tokens`, a list of numbers, and `class_id`.

Written beside `npz` shards: `train.jsonl` and `validation.jsonl`; a line also has `file`, and `clip`, `frame` of a clip's frame.
Tokens stand position by position in rows; of a model with Q levels each position has Q tokens, those of level q (from 0) counted
from q x K on, so that the vocabulary is Q x K.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from tilework.tokens.layouts.npz import check as check
from tilework.tokens.manifest import Manifest
from tilework.tokens.reading import Tokens
from tilework.tokens.shard import Table
from tilework.tokens.sides import class_ids, of_side, refuse_unlabelled
from tilework.tokens.writing import part_of, write_error


def refuse(manifest: Manifest, table: Table) -> None:
    """Raises UserError for images of which some have a label and some have none."""
    refuse_unlabelled("jsonl", manifest, table)


def export(tokens: Tokens) -> None:
    """Write both files. Raises UserError where there is no space."""
    for side in ("train", "validation"):
        final = tokens.folder / f"{side}.jsonl"
        part = part_of(final)
        try:
            with part.open("w", encoding="utf-8", newline="\n") as out:
                out.writelines(f"{json.dumps(line)}\n" for line in _lines(tokens, side))
                out.flush()
                os.fsync(out.fileno())
            part.replace(final)
        except OSError as error:
            raise write_error(final, error) from error
        finally:
            part.unlink(missing_ok=True)


def _lines(tokens: Tokens, side: str) -> Iterator[dict[str, Any]]:
    table, classes = tokens.table, class_ids(tokens)
    of_level = np.arange(tokens.manifest.levels) * tokens.manifest.codes
    half = len(tokens) // 2
    for items, found in of_side(tokens, side):
        for item, views in zip(items, found, strict=True):
            for number, codes in enumerate(views):
                at = item + number * half
                row = (codes.astype(np.int64).transpose(1, 2, 0) + of_level).reshape(-1)
                line: dict[str, Any] = {
                    "class_id": int(classes[at]),
                    "tokens": row.tolist(),
                    "file": str(table.files[at]),
                }
                if table.frames[at] >= 0:
                    line |= {"clip": int(table.groups[at]), "frame": int(table.frames[at])}
                yield line
