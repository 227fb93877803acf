"""The frame store: whole or not at all, made once, the same bytes back."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import children
import numpy as np
import pytest
from commands import PATIENCE
from data_fakes import SMALL, Listed, listed, noise_items
from hypothesis import given, settings
from hypothesis import strategies as st

from tilework.data import FrameStore, Item, build, cache_folder, prepare
from tilework.data.store import journal
from tilework.data.store.frame_store import MANIFEST
from tilework.data.store.shards import ShardWriter
from tilework.data.store.table import COLUMNS, NAMES, TABLE
from tilework.errors import UserError
from tilework.spec import SOURCES


def kept() -> list[str]:
    """Names in the cache, lock files aside."""
    return sorted(p.name for p in (cache_folder() / "frames").glob("*") if p.suffix != ".lock")


def test_images_and_what_is_known_of_them_come_back(tmp_path):
    items = noise_items(7)
    items[2] = Item(items[2].pixels, group="clip", frame=9, label="x", file="b.png", held_out=True)
    items[5] = Item(items[5].pixels, group="clip", frame=10, label="a", file="b.png", held_out=False)
    seen: list[int] = []
    store = prepare(listed(items), progress=seen.append)
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert (store.count, store.size, store.channels, store.shape) == (7, SMALL, 3, (4, 6, 3))
    assert np.array_equal(store.gather(np.arange(7)), np.stack([i.pixels for i in items]))
    assert store.classes == ("a", "x")
    assert store.labels.tolist() == [-1, -1, 1, -1, -1, 0, -1]
    assert [store.group_names[g] for g in store.groups] == ["0", "1", "clip", "3", "4", "clip", "6"]
    assert store.frames.tolist() == [0, 1, 9, 3, 4, 10, 6]
    assert store.held_out.tolist() == [-1, -1, 1, -1, -1, 0, -1]
    assert store.file_of(2) == "b.png"
    assert store.file_of(0) == ""
    store.verify()


@settings(deadline=None, max_examples=30)
@given(per_shard=st.integers(1, 9), indices=st.lists(st.integers(0, 19), max_size=40))
def test_gather_over_any_shards_is_fancy_indexing(tmp_path_factory, per_shard, indices):
    items = noise_items(20)
    folder = tmp_path_factory.mktemp("cache")
    store = prepare(listed(items), folder, shard_bytes=per_shard * 72)
    assert [len(s) for s in store.shards][:-1] == [per_shard] * (-(-20 // per_shard) - 1)
    whole = np.stack([i.pixels for i in items])
    wanted = np.array(indices, dtype=np.int64)
    assert np.array_equal(store.gather(wanted), whole[wanted])
    out = np.empty((len(wanted), *store.shape), np.uint8)
    assert store.gather(wanted, out) is out
    assert np.array_equal(out, whole[wanted])
    store.verify()


@pytest.mark.parametrize("wrong", [-1, 7])
def test_gather_refuses_what_is_not_there(wrong):
    store = prepare(listed(noise_items(7)))
    with pytest.raises(IndexError, match="0 to 6"):
        store.gather(np.array([0, wrong]))


def test_shards_are_plain_npy_files_that_numpy_reads():
    store = prepare(listed(noise_items(5)), shard_bytes=2 * 72)
    parts = [np.load(p) for p in sorted(store.folder.glob("frames-*.npy"))]
    assert [len(p) for p in parts] == [2, 2, 1]
    assert np.array_equal(np.concatenate(parts), np.stack([i.pixels for i in noise_items(5)]))


def test_made_once_and_used_again_while_the_fingerprint_holds():
    source = listed(noise_items(3))
    first, second = prepare(source), prepare(source)
    assert source.made == 1
    assert first.content_hash == second.content_hash
    other = listed(noise_items(3), mark="changed")
    prepare(other)
    assert other.made == 1
    prepare(listed(noise_items(3), split={"seed": 3}))
    assert len(kept()) == 2


def test_the_content_hash_is_that_of_the_content():
    hashes = [
        prepare(listed(items, mark=str(n))).content_hash
        for n, items in enumerate(
            [
                noise_items(3),
                noise_items(3),
                noise_items(3, seed=1),
                noise_items(3, label="a"),
                noise_items(3, group="one"),
                noise_items(3, held_out=True),
            ]
        )
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 5


def test_a_source_that_breaks_leaves_nothing_behind():
    source = listed(noise_items(6))
    source._fail_after = 4
    with pytest.raises(RuntimeError, match="broke in the middle"):
        prepare(source)
    assert kept() == []
    source._fail_after = None
    assert prepare(source).count == 6


def test_no_image_at_all():
    with pytest.raises(UserError, match="gave no image"):
        prepare(listed([]))
    assert kept() == []


def test_what_a_killed_process_left_is_neither_used_nor_kept():
    source = listed(noise_items(4))
    home = prepare(source).folder
    for left in (f".{home.name}.abc123", f".{home.name}.zzz"):
        (home.parent / left).mkdir()
        (home.parent / left / MANIFEST).write_text("{}")
    os.rename(home, home.parent / f".{home.name}.old")
    assert prepare(source).count == 4
    assert source.made == 2
    assert kept() == [home.name]


def damage_size(home: Path) -> None:
    with open(home / "frames-0000.npy", "ab") as out:
        out.write(b"x")


def damage_cut(home: Path) -> None:
    os.truncate(home / "frames-0000.npy", 150)


def damage_missing(home: Path) -> None:
    (home / "frames-0000.npy").unlink()


def damage_manifest(home: Path) -> None:
    (home / MANIFEST).write_text((home / MANIFEST).read_text()[:-40])


def damage_version(home: Path) -> None:
    manifest = json.loads((home / MANIFEST).read_text())
    (home / MANIFEST).write_text(json.dumps({**manifest, "format": 999}))


def damage_keys(home: Path) -> None:
    manifest = json.loads((home / MANIFEST).read_text())
    del manifest["shards"]
    (home / MANIFEST).write_text(json.dumps(manifest))


def damage_table(home: Path) -> None:
    os.truncate(home / TABLE, 150)


def damage_names(home: Path) -> None:
    os.truncate(home / NAMES, 3)


DAMAGES = [
    damage_table,
    damage_names,
    damage_size,
    damage_cut,
    damage_missing,
    damage_manifest,
    damage_version,
    damage_keys,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
def test_a_damaged_store_is_refused_and_made_again(damage):
    source = listed(noise_items(4))
    home = prepare(source).folder
    damage(home)
    with pytest.raises(UserError, match="not a whole frame store") as caught:
        FrameStore.open(home)
    assert caught.value.why
    assert "delete that folder" in caught.value.fix
    assert prepare(source).gather(np.array([3])).tolist() == [noise_items(4)[3].pixels.tolist()]
    assert source.made == 2
    assert kept() == [home.name]


def test_one_changed_bit_is_found_by_verify():
    store = prepare(listed(noise_items(4)))
    path = store.folder / "frames-0000.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="is damaged"):
        FrameStore.open(store.folder).verify()


def test_a_changed_label_is_found_by_verify():
    store = prepare(listed(noise_items(4, label="a")))
    table = np.load(store.folder / TABLE)
    table[0, COLUMNS.index("label")] = -1
    np.save(store.folder / TABLE, table)
    with pytest.raises(UserError, match="is damaged"):
        FrameStore.open(store.folder).verify()


def test_writing_into_what_was_gathered_never_reaches_the_disk():
    store = prepare(listed(noise_items(4)))
    store.shards[0][:] = 0
    FrameStore.open(store.folder).verify()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_reported_and_leaves_nothing(monkeypatch, code):
    original = ShardWriter.add

    def full(self: ShardWriter, image: np.ndarray) -> bytes:
        if sum(self.counts) == 2:
            raise OSError(code, os.strerror(code))
        return original(self, image)

    monkeypatch.setattr(ShardWriter, "add", full)
    with pytest.raises(UserError, match="no space is left") as caught:
        prepare(listed(noise_items(5)))
    assert str(cache_folder()) in caught.value.what
    assert "TILEWORK_CACHE" in caught.value.fix
    assert kept() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_really_full_when_the_manifest_is_written(monkeypatch):
    monkeypatch.setattr(build, "MANIFEST", "/dev/full")
    with pytest.raises(UserError, match="no space is left"):
        prepare(listed(noise_items(5)))
    assert kept() == []


def test_a_cache_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("a file where the folder belongs")
    with pytest.raises(UserError, match="cannot be written") as caught:
        prepare(listed(noise_items(2)), tmp_path / "file")
    assert "TILEWORK_CACHE" in caught.value.fix

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(journal, "begin", denied)
    with pytest.raises(UserError, match="cannot be written") as caught:
        prepare(listed(noise_items(2)))
    assert caught.value.why == "Permission denied"


def test_a_drive_without_locks(monkeypatch):
    def unsupported(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(build.FileLock, "acquire", unsupported)
    with pytest.raises(UserError, match="no file locks") as caught:
        prepare(listed(noise_items(2)))
    assert "TILEWORK_CACHE" in caught.value.fix


def test_an_error_of_reading_is_not_reported_as_one_of_writing():
    class Broken(Listed):
        def items(self) -> Iterator[Item]:
            yield noise_items(1)[0]
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(UserError, match="could not be read to its end"):
        prepare(Broken(size=SMALL))
    assert kept() == []


SLOW_SOURCE = """
import sys, time
from pathlib import Path
from typing import Literal
import numpy as np
from tilework.data import Item, SourceConfig, prepare
from tilework.spec import Size

class Slow(SourceConfig):
    kind: Literal["slow"] = "slow"
    def fingerprint(self):
        return "one"
    def items(self):
        with open(sys.argv[2], "a") as out:
            out.write("made\\n")
        for n in range(40):
            time.sleep(float(sys.argv[3]))
            yield Item(np.full((4, 4, 3), n, np.uint8), group=str(n))

store = prepare(Slow(size=Size(4, 4)), Path(sys.argv[1]))
store.verify()
print(store.count, store.content_hash)
"""


def start(tmp_path: Path, pause: float) -> subprocess.Popen[str]:
    script = tmp_path / "slow.py"
    script.write_text(textwrap.dedent(SLOW_SOURCE))
    arguments = [sys.executable, str(script), str(tmp_path / "shared"), str(tmp_path / "log"), str(pause)]
    return children.start(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_make_one_store(tmp_path):
    both = [start(tmp_path, 0.02) for _ in range(2)]
    answers = [p.communicate(timeout=PATIENCE) for p in both]
    assert [p.returncode for p in both] == [0, 0], answers
    assert answers[0][0] == answers[1][0]
    assert answers[0][0].startswith("40 ")
    assert (tmp_path / "log").read_text() == "made\n"


def test_a_process_killed_in_the_middle_harms_nothing(tmp_path):
    killed = start(tmp_path, 0.2)
    deadline = time.monotonic() + PATIENCE
    while not list((tmp_path / "shared" / "frames").glob(".slow-*/frames-0000.npy")) and time.monotonic() < deadline:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=PATIENCE)
    assert killed.returncode == -signal.SIGKILL
    assert not list((tmp_path / "shared" / "frames").glob("slow-*/" + MANIFEST))
    after = start(tmp_path, 0.0)
    out, err = after.communicate(timeout=PATIENCE)
    assert after.returncode == 0, err
    assert out.startswith("40 ")
    assert len([p for p in (tmp_path / "shared" / "frames").iterdir() if p.is_dir()]) == 1


def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    # 192 MiB of images go through a process that may hold 64 MiB more than it had before.
    script = tmp_path / "big.py"
    script.write_text(
        textwrap.dedent("""
        import resource, sys
        from pathlib import Path
        from typing import Literal
        import numpy as np
        from tilework.data import Item, SourceConfig, prepare
        from tilework.spec import Size

        class Big(SourceConfig):
            kind: Literal["big"] = "big"
            def fingerprint(self):
                return "big"
            def items(self):
                for n in range(1024):
                    yield Item(np.full((256, 256, 3), n % 256, np.uint8), group=str(n))

        prepare(Big(size=Size(8, 8)), Path(sys.argv[1]))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        store = prepare(Big(size=Size(256, 256)), Path(sys.argv[2]), shard_bytes=2**25)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(after - before, store.nbytes // 2**20, len(store.shards))
        """)
    )
    arguments = [sys.executable, str(script), str(tmp_path / "a"), str(tmp_path / "b")]
    done = children.run(arguments, capture_output=True, text=True, check=True)
    grown, mebibytes, shards = map(int, done.stdout.split())
    assert (mebibytes, shards) == (192, 7)
    unit = 1 if sys.platform == "darwin" else 1024
    assert grown * unit < 64 * 2**20


def test_a_spec_with_a_source_is_read_and_prepared_without_torch(tmp_path):
    code = (
        "import sys; from tilework.spec import SOURCES; from tilework.data import prepare; "
        "s = SOURCES.parse({'kind': 'loops', 'frames': 2, 'size': 16, 'animations': 2}); prepare(s); "
        "assert 'torch' not in sys.modules"
    )
    children.run([sys.executable, "-c", code], check=True)


def test_every_kind_of_source_is_documented_with_bounds():
    for kind in SOURCES.kinds:
        config = SOURCES.config(kind)
        assert config.__doc__
        assert config.model_fields["kind"].default == kind
        for name, field in config.model_fields.items():
            assert name in {"kind", "split"} or field.description, f"{kind}.{name}"
