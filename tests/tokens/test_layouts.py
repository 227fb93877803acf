"""Every layout gives back what was written; those for other trainers are read here as those read them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_tokens import made

from tilework.errors import UserError
from tilework.tokens import layouts
from tilework.tokens.manifest import Grid
from tilework.tokens.shard import COLUMNS

ONE = Grid(1, 4, 4, 9)


@pytest.mark.parametrize("layout", ["parquet", "jsonl"])
@pytest.mark.parametrize("grid", [Grid(2, 3, 4, 9), Grid(1, 1, 1, 2), Grid(3, 2, 2, 2**17)])
def test_every_layout_holds_the_same(tmp_path: Path, layout: str, grid: Grid) -> None:
    npz, other = made(tmp_path / "npz", grid=grid), made(tmp_path / "other", grid=grid, layout=layout)
    assert npz.codes.dtype == (np.uint16 if grid.codes <= 2**16 else np.uint32)
    assert np.array_equal(other.codes[:], npz.codes[:])
    for name in COLUMNS:
        assert getattr(other.table, name).tolist() == getattr(npz.table, name).tolist()


def test_the_same_tokens_are_the_same_bytes(tmp_path: Path) -> None:
    for layout in layouts.names():
        folders = [made(tmp_path / f"{layout}{n}", grid=ONE, layout=layout).folder for n in range(2)]
        files = [{p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in folders]
        assert files[0] == files[1]


@pytest.mark.parametrize("mirror", [False, True])
def test_llamagen(tmp_path: Path, mirror: bool) -> None:
    tokens = made(tmp_path, grid=ONE, layout="llamagen", mirror=mirror)
    path = tmp_path / ("train_flip" if mirror else "train")
    training = np.flatnonzero((tokens.sides == 0) & ~tokens.table.mirrored)
    for number, item in enumerate(training):
        codes = np.load(path / "imagenet24_codes" / f"{number}.npy")
        label = np.load(path / "imagenet24_labels" / f"{number}.npy")
        assert codes.shape == (1, 1 + mirror, 16)
        assert (codes.dtype, label.dtype, label.shape) == (np.int64, np.int64, (1,))
        assert codes[0, 0].tolist() == tokens.codes[item].reshape(-1).tolist()
        if mirror:
            assert codes[0, 1].tolist() == tokens.codes[item + 10].reshape(-1).tolist()
        assert label[0] == tokens.labels[item]
    assert len(list((path / "imagenet24_codes").iterdir())) == len(training)
    assert len(list((tmp_path / path.name.replace("train", "validation") / "imagenet24_codes").iterdir())) == 5


def test_llamagen_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    from tilework.tokens.layouts.llamagen import refuse

    for how, message in (
        ({}, "one token a position"),
        ({"grid": Grid(1, 3, 4, 9)}, "square"),
    ):
        tokens = made(tmp_path / message, **how)  # type: ignore[arg-type]
        with pytest.raises(UserError, match=message):
            refuse(tokens.manifest, tokens.table)
    tokens = made(tmp_path / "labels", grid=ONE)
    tokens.table.labels[3] = -1
    with pytest.raises(UserError, match="1 of 10 images have no label"):
        refuse(tokens.manifest, tokens.table)


def test_jsonl(tmp_path: Path) -> None:
    tokens = made(tmp_path, layout="jsonl")
    lines = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    training = np.flatnonzero(tokens.sides == 0)
    assert [line["class_id"] for line in lines] == tokens.labels[training].tolist()
    assert [line["file"] for line in lines] == tokens.files[training].tolist()
    for item, line in zip(training, lines, strict=True):
        codes = tokens.codes[item]
        wanted = [int(codes[q, y, x]) + 9 * q for y in range(3) for x in range(4) for q in range(2)]
        assert line["tokens"] == wanted
    assert len((tmp_path / "validation.jsonl").read_text().splitlines()) == 5


def test_jsonl_of_clips_and_of_images_without_labels(tmp_path: Path) -> None:
    made(tmp_path, layout="jsonl", labels=False, frames=5, mirror=True)
    lines = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    assert {line["class_id"] for line in lines} == {0}
    assert [(line["clip"], line["frame"]) for line in lines[:4]] == [(0, 0), (2, 0), (0, 2), (2, 2)]
