"""A preparation that is killed goes on where it stopped, and ends with the same store; nothing half-written is ever used."""

from __future__ import annotations

import errno
import os
import random
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
from PIL import Image

from tilework.data import FrameStore, Item, build, cache_folder, prepare
from tilework.data.store import partial
from tilework.data.store.journal import JOURNAL
from tilework.data.store.shards import ShardWriter
from tilework.errors import UserError
from tilework.spec import SOURCES

IMAGES = 120

# It ends itself: another process that watches it may come too late on a machine with much else to do.
CHILD = """
import signal, sys, time
from pathlib import Path
from tilework.data import prepare
from tilework.data.store import partial
from tilework.data.store.journal import JOURNAL
from tilework.spec import SOURCES

cache, last_commit, seconds_more = Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
armed = False

def progress(done):
    global armed
    time.sleep(0.002)
    journals = list((cache / "frames").glob(f".*.partial/{JOURNAL}"))
    if not armed and journals and journals[0].read_bytes().count(b"\\n") > last_commit:
        armed = True
        signal.setitimer(signal.ITIMER_REAL, seconds_more)  # nobody handles its signal: it kills at once

partial.COMMIT_SECONDS = 0.004
source = SOURCES.parse({"kind": "images", "path": sys.argv[1], "size": 16, "group": "folder"})
store = prepare(source, cache, progress=progress, shard_bytes=20 * 768)
signal.setitimer(signal.ITIMER_REAL, 0)
store.verify()
print(store.content_hash)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for n in range(IMAGES):
        path = tmp_path / "in" / f"clip {n % 3}" / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(path)
    (tmp_path / "in" / "clip 1" / "broken.png").write_text("no image")
    (tmp_path / "in" / "clip 0" / "40.png").write_bytes(b"")
    return tmp_path / "in"


def partials(cache: Path) -> list[Path]:
    return sorted((cache / "frames").glob(".*.partial"))


def commits(cache: Path) -> int:
    found = partials(cache)
    try:
        return (found[0] / JOURNAL).read_bytes().count(b"\n") - 1 if found else -1
    except FileNotFoundError:
        return -1


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_killed_at_random_moments_it_ends_as_if_it_never_had_been(tmp_path, folder, seed):
    rng = random.Random(seed)
    cache, script = tmp_path / "killed", tmp_path / "child.py"
    script.write_text(textwrap.dedent(CHILD))
    gone_on = 0
    for _ in range(40):
        before = max(0, commits(cache))
        moment = [str(before + rng.randint(2, 12)), str(0.0001 + rng.random() * 0.01)]
        command = [sys.executable, str(script), str(folder), str(cache), *moment]
        child = children.start(command, warm=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, err = child.communicate(timeout=PATIENCE)
        if child.returncode == 0:
            break
        assert child.returncode == -signal.SIGALRM, err
        for manifest in (cache / "frames").glob("images-*/manifest.json"):
            FrameStore.open(manifest.parent).verify()  # killed after its work was done: all of it is there
        gone_on += commits(cache) > before > 0
    else:
        pytest.fail("it never came to its end")
    assert gone_on >= 2
    whole = prepare(SOURCES.parse({"kind": "images", "path": str(folder), "size": 16, "group": "folder"}))
    assert out.strip() == whole.content_hash
    (home,) = (cache / "frames").glob("images-*[0-9a-f]")
    again = FrameStore.open(home)
    assert again.count == IMAGES
    assert sorted(again.skipped) == sorted(whole.skipped)
    assert again.skipped == whole.skipped
    assert (again.hashes == whole.hashes).all()
    assert (again.thumbs == whole.thumbs).all()
    assert (again.pixel_hashes == whole.pixel_hashes).all()
    assert [again.file_of(n) for n in range(again.count)] == [whole.file_of(n) for n in range(whole.count)]
    assert not partials(cache)


class Stopping(Listed):
    """Raises what a test sets after so many images; counts how many it gave."""

    def items(self) -> Iterator[Item]:
        return self._from(0)

    def items_after(self, file: str, frame: int) -> Iterator[Item]:
        return self._from(1 + next(n for n, i in enumerate(self._items) if (i.file, i.frame) == (file, frame)))

    def _from(self, start: int) -> Iterator[Item]:
        for number in range(start, len(self._items)):
            if number == self._fail_after:
                raise KeyboardInterrupt
            self._made.append(number)
            yield self._items[number]


@pytest.fixture
def every_image(monkeypatch):
    """Commit behind every image."""
    monkeypatch.setattr(partial, "COMMIT_SECONDS", 0.0)


def stopping(after: int | None) -> Stopping:
    source = Stopping(size=SMALL)
    source._items = noise_items(10, file="clip.mp4", group="clip")
    source._fail_after = after
    return source


def test_ctrl_c_keeps_what_is_whole_and_progress_begins_there(every_image):
    with pytest.raises(KeyboardInterrupt):
        prepare(stopping(6))
    assert build.interrupted(stopping(None))
    seen: list[int] = []
    source = stopping(None)
    store = prepare(source, progress=seen.append)
    assert seen == [6, 7, 8, 9, 10]
    assert source._made == [6, 7, 8, 9]
    assert np.array_equal(store.gather(np.arange(10)), np.stack([i.pixels for i in noise_items(10)]))
    assert not build.interrupted(source)


def test_a_source_without_names_for_its_images_is_counted(every_image):
    source = listed(noise_items(9))
    source._fail_after = 5
    with pytest.raises(RuntimeError):
        prepare(source)
    source._fail_after = None
    expected = prepare(listed(noise_items(9)), cache_folder() / "other").content_hash
    assert prepare(source).content_hash == expected


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 3)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [cut, flip], ids=lambda h: h.__name__)
@pytest.mark.parametrize("name", ["frames-0001.npy", "table.npy", "thumbs.npy", "names.jsonl", JOURNAL])
def test_what_a_power_cut_damages_is_made_again(every_image, harm, name):
    with pytest.raises(KeyboardInterrupt):
        prepare(stopping(6), shard_bytes=4 * 72)
    (left,) = partials(cache_folder())
    harm(left / name)
    store = prepare(stopping(None), shard_bytes=4 * 72)
    expected = prepare(stopping(None), cache_folder() / "other", shard_bytes=4 * 72)
    assert store.content_hash == expected.content_hash
    store.verify()
    assert (store.thumbs == expected.thumbs).all()
    assert store.group_names == ["clip"]


def test_a_disk_that_fills_up_is_reported_and_gone_on_with_when_there_is_room(every_image, monkeypatch):
    original = ShardWriter.add

    def full(self: ShardWriter, image: np.ndarray) -> bytes:
        if sum(self.counts) == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return original(self, image)

    monkeypatch.setattr(ShardWriter, "add", full)
    with pytest.raises(UserError, match="no space is left") as caught:
        prepare(stopping(None))
    assert "4 images are whole and kept" in caught.value.why
    assert "goes on where it stopped" in caught.value.fix
    assert not [p for p in (cache_folder() / "frames").iterdir() if p.is_dir() and not p.name.startswith(".")]
    monkeypatch.setattr(ShardWriter, "add", original)
    source = stopping(None)
    assert prepare(source).count == 10
    assert source._made == [4, 5, 6, 7, 8, 9]


def test_what_was_forgotten_long_ago_is_removed(every_image):
    with pytest.raises(KeyboardInterrupt):
        prepare(stopping(6))
    (left,) = partials(cache_folder())
    prepare(listed(noise_items(2), mark="a"))
    assert left.is_dir()
    long_ago = time.time() - build.FORGOTTEN_SECONDS - 60
    os.utime(left, (long_ago, long_ago))
    prepare(listed(noise_items(2), mark="b"))
    assert not left.exists()


PEAK = """
import sys
from pathlib import Path
from tilework.data import prepare
from tilework.spec import SOURCES

store = prepare(SOURCES.parse({"kind": "images", "path": sys.argv[1], "size": 32}), Path(sys.argv[2]))
for line in Path("/proc/self/status").read_text().splitlines():
    if line.startswith("VmHWM:"):
        print(store.count, int(line.split()[1]) / 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads peak memory from /proc")
def test_peak_memory_at_ten_times_the_files_is_a_few_megabytes_more(tmp_path):
    script = tmp_path / "peak.py"
    script.write_text(PEAK)
    one = tmp_path / "one.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(one)
    peaks = []
    for count in (600, 6000):
        folder = tmp_path / str(count)
        folder.mkdir()
        for n in range(count):
            os.link(one, folder / f"image {n}.jpg")
        command = [sys.executable, str(script), str(folder), str(tmp_path / "c")]
        done = children.run(command, capture_output=True, text=True, check=True)
        made, peak = done.stdout.split()
        assert int(made) == count
        peaks.append(float(peak))
    assert peaks[1] - peaks[0] < 6  # MiB; the images alone are 16
