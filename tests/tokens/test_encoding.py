"""Tokens on disk are those of the model, decode to its reconstructions, and are the same however they came about."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from token_models import trained

import tilework
from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.engine.encoding import encode, open_origin, tokens_of
from tilework.engine.encoding.encode import at_once, plan
from tilework.errors import UserError
from tilework.runs.folder import RunFolder
from tilework.tokens.reading import Tokens, open_tokens

Once = Callable[..., Path]


def written(run: RunFolder, folder: Path, data: str | None = None, **how: object) -> Tokens:
    origin = open_origin(run, data, which="last", device="cpu")
    return encode(origin, folder, plan(origin, **how)).tokens  # type: ignore[arg-type]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["vq", "rq", "fsq", "lfq", "large", "search", "shared", "vector"])
def test_tokens_are_the_models_and_decode_to_its_reconstructions(once: Once, tmp_path: Path, kind: str) -> None:
    run = trained(once, kind)
    tokens = written(run, tmp_path / "tokens")
    model = tilework.load(run, which="last", device="cpu")
    origin = open_origin(run, which="last", device="cpu")
    assert len(tokens) == len(tokens.codes) == origin.store.count
    assert tokens.manifest.codes == model.codebook_size
    step = at_once(model)
    for start in range(0, len(tokens), step):
        chosen = np.arange(start, min(len(tokens), start + step))
        pixels = origin.store.gather(chosen)
        codes = tokens.codes[chosen]
        assert np.array_equal(codes, model.codes(pixels).numpy())
        ours, theirs = model.decode(codes.astype(np.int64)), model.reconstruct(pixels)
        assert np.array_equal(to_uint8(ours), to_uint8(theirs))


def test_every_item_has_a_description(once: Once, tmp_path: Path) -> None:
    run = trained(once, "rq")
    tokens = written(run, tmp_path / "tokens")
    store, split = open_origin(run).store, open_origin(run).split
    assert np.flatnonzero(tokens.sides == 1).tolist() == split.validation.tolist()
    assert tokens.labels.tolist() == store.labels.tolist()
    assert tokens.manifest.classes == tuple("0123456789")
    assert set(tokens.frames) == {-1}
    assert set(tokens.files) == {"scikit-learn digits"}
    assert tokens.manifest.bits == pytest.approx(3 * 64 * np.log2(12))
    assert tokens.manifest.data_hash == store.content_hash
    assert tokens.manifest.parent.run == run.id
    assert tokens.codes.dtype == np.uint16


def test_clips_have_frames_and_loops_are_marked(once: Once, tmp_path: Path) -> None:
    origin = open_origin(trained(once, "vq"), "loops", ["frames=6", "animations=2", "variants=2"], which="last")
    tokens = encode(origin, tmp_path / "tokens", plan(origin)).tokens
    assert tokens.frames.tolist() == list(range(6)) * 4
    assert tokens.groups.tolist() == np.repeat(range(4), 6).tolist()
    assert tokens.loops.tolist() == [True] * 4
    assert tokens.manifest.classes == ("lissajous", "polygons")
    assert tokens.files[6] == "polygons 2"
    none = encode(origin, tmp_path / "none", plan(origin, loops="none")).tokens
    assert not none.loops.any()


def test_mirrored_images_follow_behind_the_others(once: Once, tmp_path: Path) -> None:
    run = trained(once, "vq")
    plain, both = written(run, tmp_path / "plain"), written(run, tmp_path / "both", mirror=True)
    count = len(plain)
    assert len(both) == 2 * count
    assert np.array_equal(both.codes[:count], plain.codes[:])
    assert both.table.mirrored.tolist() == [False] * count + [True] * count
    assert len(np.unique(both.groups)) == 2 * len(np.unique(plain.groups))
    model, store = tilework.load(run, which="last", device="cpu"), open_origin(run).store
    pixels = np.ascontiguousarray(store.gather(np.arange(4))[:, :, ::-1])
    assert np.array_equal(both.codes[count : count + 4], model.codes(pixels).numpy())


def test_a_run_has_its_tokens_in_the_cache(once: Once, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained(once, "vq")
    first = tokens_of(run, which="last", cache=tmp_path)
    monkeypatch.setattr("tilework.engine.api.Model.codes", None)  # nothing is encoded again
    again = tokens_of(run, which="last", cache=tmp_path)
    assert again.folder == first.folder
    assert np.array_equal(again.codes[:], first.codes[:])


def test_damaged_tokens_in_the_cache_are_made_again(once: Once, tmp_path: Path) -> None:
    run = trained(once, "vq")
    first = tokens_of(run, which="last", cache=tmp_path)
    before = content(first.folder)
    shard = first.folder / first.manifest.shards[0].file
    shard.write_bytes(shard.read_bytes()[:100])
    assert content(tokens_of(run, which="last", cache=tmp_path).folder) == before


class Stopped(Exception):
    pass


def test_an_interrupted_encoding_goes_on_to_the_same_folder(once: Once, tmp_path: Path) -> None:
    run = trained(once, "rq")
    whole = written(run, tmp_path / "whole", shard_items=300)
    origin = open_origin(run, which="last", device="cpu")

    def stop(done: int, total: int) -> None:
        if done > 700:
            raise Stopped

    part = tmp_path / "part"
    planned = plan(origin, shard_items=300)
    with pytest.raises(Stopped):
        encode(origin, part, planned, progress=stop)
    assert sorted(path.name for path in part.iterdir()) == ["manifest.json", "shard-00000.npz", "shard-00001.npz"]
    with pytest.raises(UserError, match="not finished"):
        open_tokens(part)
    (part / ".shard-00002.npz.abcd.part").write_bytes(b"of a process that was killed")
    done = encode(origin, part, planned)
    assert done.made == 4
    assert content(part) == content(whole.folder)
    assert encode(origin, part, planned).made == 0
    done.tokens.verify()


def test_what_was_stopped_before_its_first_shard_leaves_nothing(once: Once, tmp_path: Path) -> None:
    origin = open_origin(trained(once, "vq"), which="last", device="cpu")

    def stop(done: int, total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        encode(origin, tmp_path / "new" / "tokens", plan(origin), progress=stop)
    assert not (tmp_path / "new").exists()


def test_the_codes_of_a_folder_are_an_array(once: Once, tmp_path: Path) -> None:
    tokens = written(trained(once, "vq"), tmp_path / "tokens", shard_items=100)
    everything = np.asarray(tokens.codes)
    assert everything.shape == tokens.codes.shape
    assert np.array_equal(tokens.codes[-1], everything[-1])
    assert np.array_equal(tokens.codes[95:305:7], everything[95:305:7])
    assert np.array_equal(tokens.codes[90:110, 0, 2:4], everything[90:110, 0, 2:4])
    assert np.array_equal(tokens.codes[5, 0], everything[5, 0])
    chosen = np.array([1700, 3, 3, 99, 100])
    assert np.array_equal(tokens.codes[chosen], everything[chosen])
    assert np.array_equal(tokens.codes[tokens.sides == 1], everything[tokens.sides == 1])
    with pytest.raises(IndexError):
        tokens.codes[len(tokens)]


def test_memory_stays_bounded(once: Once, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = written(trained(once, "vq"), tmp_path / "tokens", shard_items=100)
    monkeypatch.setattr("tilework.tokens.reading._KEPT_BYTES", 3 * 100 * 64 * 2)
    _ = tokens.codes[:]
    assert len(tokens.codes._kept) == 3


def test_moved_runs_give_the_same_tokens(once: Once, tmp_path: Path) -> None:
    run = trained(once, "fsq")
    moved = tmp_path / "elsewhere" / run.id
    shutil.copytree(run.path, moved)
    folder = tmp_path / "tokens"
    written(run, folder)
    assert len(written(RunFolder.open(moved), folder)) > 0
