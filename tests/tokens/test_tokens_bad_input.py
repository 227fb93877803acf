"""What is wrong with a token folder is reported in one message, and nothing half-written is left."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from made_tokens import edited, made, rewritten

from tilework.errors import UserError
from tilework.locks import FileLock
from tilework.tokens import layouts, writing
from tilework.tokens.manifest import MANIFEST, Grid
from tilework.tokens.reading import open_tokens
from tilework.tokens.shard import Shard


def message_of(error: pytest.ExceptionInfo[UserError]) -> str:
    """What and why; there is a fix too, and all in a line each."""
    assert error.value.fix
    assert "\n" not in error.value.what + error.value.why + error.value.fix
    return f"{error.value.what}: {error.value.why}"


def test_a_folder_that_holds_no_tokens(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        open_tokens(tmp_path)
    assert "the folder is empty" in message_of(error)
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(UserError) as error:
        open_tokens(tmp_path)
    assert "has no manifest.json" in message_of(error)
    with pytest.raises(UserError) as error:
        open_tokens(tmp_path / "a.txt")
    assert "is a file" in message_of(error)
    with pytest.raises(UserError) as error:
        open_tokens(tmp_path / "nowhere")
    assert "it does not exist" in message_of(error)


@pytest.mark.parametrize("layout", ["npz", "parquet"])
def test_a_shard_cut_short(tmp_path: Path, layout: str) -> None:
    tokens = made(tmp_path, layout=layout)
    shard = tmp_path / tokens.manifest.shards[1].file
    shard.write_bytes(shard.read_bytes()[:-7])
    with pytest.raises(UserError) as error:
        open_tokens(tmp_path)
    assert shard.name in message_of(error)
    assert "cut short" in message_of(error)


@pytest.mark.parametrize("layout", ["npz", "parquet"])
def test_a_shard_that_is_damaged_inside(tmp_path: Path, layout: str) -> None:
    tokens = made(tmp_path, layout=layout)
    shard = tmp_path / tokens.manifest.shards[1].file
    whole = shard.read_bytes()
    for at in range(0, len(whole), 61):
        shard.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        with pytest.raises(UserError) as error:
            open_tokens(tmp_path).verify()
        assert f"{shard.name} is damaged" in message_of(error)
    shard.write_bytes(whole)
    shard.unlink()
    with pytest.raises(UserError) as error:
        open_tokens(tmp_path)
    assert shard.name in message_of(error)


@pytest.mark.parametrize("layout", ["npz", "parquet"])
def test_tokens_that_are_none(tmp_path: Path, layout: str) -> None:
    tokens = made(tmp_path, layout=layout)
    codes, table = tokens.codes[4:8], tokens.table.part(slice(4, 8))
    wild = codes.copy()
    wild[1, 0, 0, 0] = 9
    for shard, message in (
        (Shard(wild, table), "tokens from 0 to 9; the codebook has 0 to 8"),
        (Shard(wild.astype(np.int32) - 10, table), "tokens from -10"),
        (Shard(codes.astype(np.float32), table), "float32"),
        (Shard(codes[:, :1], table), r"shape (4, 1, 3, 4) where (4, 2, 3, 4) belong"),
    ):
        rewritten(tokens, 1, shard)
        with pytest.raises(UserError) as error:
            _ = open_tokens(tmp_path).codes[5]
        assert message in message_of(error)
        assert tokens.manifest.shards[1].file in message_of(error)


@pytest.mark.parametrize("layout", ["npz", "parquet"])
@pytest.mark.parametrize(
    ("column", "value"), [("labels", 2), ("labels", -2), ("sides", 2), ("groups", 10), ("frames", -2)]
)
def test_what_is_stated_of_items_and_cannot_be(tmp_path: Path, layout: str, column: str, value: int) -> None:
    tokens = made(tmp_path, layout=layout)
    table = tokens.table.part(np.arange(4, 8))
    getattr(table, column)[1] = value
    rewritten(tokens, 1, Shard(tokens.codes[4:8], table))
    with pytest.raises(UserError) as error:
        _ = open_tokens(tmp_path).labels
    assert f"its column {column} goes from" in message_of(error)


def test_loops_that_are_no_groups(tmp_path: Path) -> None:
    made(tmp_path)
    images = json.loads((tmp_path / MANIFEST).read_text())["images"]
    edited(tmp_path, images=images | {"closed_groups": [10]})
    with pytest.raises(UserError) as error:
        open_tokens(tmp_path)
    assert "none of its groups" in message_of(error)


def test_a_manifest_of_another_version(tmp_path: Path) -> None:
    made(tmp_path)
    edited(tmp_path, version=2)
    with pytest.raises(UserError) as error:
        open_tokens(tmp_path)
    assert "format 2" in message_of(error)


def test_a_manifest_of_something_else(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text('{"format": "frames"}')
    with pytest.raises(UserError) as error:
        open_tokens(tmp_path)
    assert "is no folder of tokens" in message_of(error)


def test_a_damaged_manifest_however_it_is_damaged(tmp_path: Path) -> None:
    made(tmp_path)
    whole = (tmp_path / MANIFEST).read_text()
    for cut in range(0, len(whole) - 2, 97):
        (tmp_path / MANIFEST).write_text(whole[:cut])
        with pytest.raises(UserError):
            open_tokens(tmp_path)
    raw = json.loads(whole)
    for key, value in raw.items():
        for bad in (None, "x", -1, [], {}, {"a": 1}, [7], 1.5, True):
            if bad == value or key == "bits":
                continue
            (tmp_path / MANIFEST).write_text(json.dumps(raw | {key: bad}))
            if (key, bad) in [("layout", "jsonl"), ("plan", "x")]:
                continue
            with pytest.raises(UserError) as error:
                open_tokens(tmp_path)
            message_of(error)
    (tmp_path / MANIFEST).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError):
        open_tokens(tmp_path)


def test_a_shard_outside_of_the_folder(tmp_path: Path) -> None:
    tokens = made(tmp_path / "tokens")
    shards = json.loads((tokens.folder / MANIFEST).read_text())["shards"]
    shards[0]["file"] = "../elsewhere.npz"
    edited(tokens.folder, shards=shards)
    with pytest.raises(UserError) as error:
        open_tokens(tokens.folder)
    assert "not in the folder" in message_of(error)


def test_a_layout_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        layouts.module("tfrecord")
    assert "jsonl, llamagen, npz, parquet" in message_of(error)
    made(tmp_path)
    edited(tmp_path, layout="tfrecord")
    with pytest.raises(UserError):
        open_tokens(tmp_path)


def test_parquet_without_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = made(tmp_path, layout="parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(UserError) as error:
        open_tokens(tokens.folder)
    assert error.value.fix == "pip install 'tilework[tokens]'"


def test_an_out_that_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UserError) as error:
        made(tmp_path)
    assert "letter.txt" in message_of(error)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
    with pytest.raises(UserError) as error:
        made(tmp_path / "letter.txt")
    assert "is a file" in message_of(error)


def test_an_out_with_other_tokens(tmp_path: Path) -> None:
    made(tmp_path)
    before = sorted(path.read_bytes() for path in tmp_path.iterdir())
    for how in ({"grid": Grid(1, 3, 4, 9)}, {"layout": "parquet"}, {"mirror": True}, {"shard_items": 5}):
        with pytest.raises(UserError) as error:
            made(tmp_path, **how)  # type: ignore[arg-type]
        assert "holds other tokens" in message_of(error)
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == before


def test_shards_of_another_host_that_are_not_here(tmp_path: Path) -> None:
    tokens = made(tmp_path)
    edited(tmp_path, complete=False, shards=[])
    (tmp_path / tokens.manifest.shards[1].file).unlink()
    with pytest.raises(UserError) as error, writing.alone(tmp_path):
        writing.finish(tmp_path, tokens.manifest, tokens.manifest.shards)
    assert "1 of 3 shards" in message_of(error)
    with pytest.raises(UserError, match="not finished"):
        open_tokens(tmp_path)


def test_two_writers_at_once(tmp_path: Path) -> None:
    with FileLock(tmp_path / writing.LOCK), pytest.raises(UserError) as error:
        made(tmp_path)
    assert "written by another process" in message_of(error)


def test_a_full_disk_leaves_whole_shards_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync, left = os.fsync, [2]

    def full(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr("tilework.tokens.writing.os.fsync", full)
    with pytest.raises(UserError) as error:
        made(tmp_path)
    assert "no space left" in message_of(error)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", "shard-00000.npz"]
    monkeypatch.undo()
    assert len(made(tmp_path)) == 10


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_an_out_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError) as error:
        made(tmp_path / "tokens")
    assert "cannot be written" in message_of(error)


def test_an_out_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError) as error:
        made(tmp_path / "file" / "tokens")
    assert "cannot be written" in message_of(error)
