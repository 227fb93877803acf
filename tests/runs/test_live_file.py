"""The live file: whole frames or none, whoever is quicker."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import children
import numpy as np
import pytest
from commands import PATIENCE

from tilework.runs.frames import pack, read_header, unpack
from tilework.runs.live import CHANNELS, LiveReader, LiveWriter, ring


def test_a_frame_comes_back_as_it_was() -> None:
    arrays = {
        "points": np.arange(10, dtype=">f4").reshape(5, 2),
        "labels": np.array([1, -1], np.int16),
        "empty": np.zeros((0, 3), np.int32),
        "pixels": np.arange(7, dtype=np.uint8),
        "turned": np.arange(6, dtype=np.int32).reshape(2, 3).T,
    }
    frame = pack({"step": 3, "name": "é", "figures": {"loss": float("nan"), "top": [float("inf"), 1.5]}}, arrays)
    header, found = unpack(frame)
    assert (header["step"], header["name"]) == (3, "é")
    assert header["figures"] == {"loss": None, "top": [None, 1.5]}
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    assert all(one["offset"] % 8 == 0 for one in header["arrays"])
    assert (len(frame) - sum(-(-a.nbytes // 8) * 8 for a in arrays.values())) % 8 == 0


def test_wide_types_are_refused() -> None:
    with pytest.raises(ValueError, match="float64"):
        pack({}, {"points": np.zeros(3)})


@pytest.mark.parametrize("data", [b"", b"\xff\xff\xff\xff", b"\x02\x00\x00\x00{}", b"\x04\x00\x00\x00nope"])
def test_other_bytes_are_no_frame(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_header(data)


def test_newest_wins_and_nothing_is_there_at_first(tmp_path: Path) -> None:
    writer = LiveWriter(tmp_path / "live")
    reader = LiveReader(tmp_path / "live")
    assert reader.newest("motion") is None
    assert writer.write("motion", b"one")
    assert writer.write("motion", b"second")
    assert writer.write("images", b"other")
    assert reader.newest("motion") == (2, b"second")
    assert reader.newest("images") == (1, b"other")
    assert not writer.write("motion", bytes(CHANNELS["motion"] + 1))
    assert reader.newest("motion") == (2, b"second")


def test_a_reader_never_meets_half_a_frame(tmp_path: Path) -> None:
    writer = LiveWriter(tmp_path / "live")
    code = """
import sys
from pathlib import Path
from tilework.runs.live import LiveReader
reader = LiveReader(Path(sys.argv[1]))
print("ready", flush=True)
found = torn = 0
while (got := reader.newest("motion")) is None or got[1][:1] != b"!":
    if got:
        found += 1
        torn += len(set(got[1])) != 1
        if found == 101:
            print("enough", flush=True)
print(found, torn)
"""
    process = children.start([sys.executable, "-c", code, str(tmp_path / "live")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    enough = threading.Event()
    waiting = threading.Thread(target=lambda: (process.stdout.readline(), enough.set()))  # type: ignore[union-attr]
    waiting.start()
    # Half a second, and on a machine where the two share a core until the reader has met as many as are counted below.
    begun = time.monotonic()
    number = 0
    while time.monotonic() < begun + 0.5 or (not enough.is_set() and time.monotonic() < begun + PATIENCE):
        number += 1
        writer.write("motion", bytes([65 + number % 26]) * (1000 + number % 200_000))
    writer.write("motion", b"!")
    waiting.join(PATIENCE)
    found, torn = map(int, process.communicate(timeout=PATIENCE)[0].split())
    assert torn == 0
    assert found > 100


def test_watching_and_ringing_reach_the_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("tilework.runs.live.time", types.SimpleNamespace(time=lambda: now, sleep=time.sleep))
    writer = LiveWriter(tmp_path / "live")
    reader = LiveReader(tmp_path / "live")
    assert not writer.watched
    reader.watch(1.0)
    assert writer.watched
    now += 0.95
    assert writer.watched
    now += 0.1
    assert not writer.watched
    before = writer.bell
    ring(tmp_path / "live")
    assert writer.bell == before + 1
    ring(tmp_path / "nothing here")


def test_a_reader_knows_when_its_file_is_old(tmp_path: Path) -> None:
    LiveWriter(tmp_path / "live").write("motion", b"last words")
    reader = LiveReader(tmp_path / "live")
    assert reader.current
    LiveWriter(tmp_path / "live")
    assert not reader.current
    assert reader.newest("motion") == (1, b"last words")
    os.remove(tmp_path / "live")
    assert not reader.current


def test_a_full_disk_leaves_the_last_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the map a full disk would be a bus error that ends the training process."""
    writer = LiveWriter(tmp_path / "live")
    assert writer.write("motion", b"one")

    def full(start: int, end: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, "_fill", full)
    assert writer.write("motion", b"two"), "its room is reserved already"
    assert not writer.write("motion", bytes(500_000))
    assert LiveReader(tmp_path / "live").newest("motion") == (2, b"two")


def test_what_is_written_has_its_place_on_the_disk(tmp_path: Path) -> None:
    writer = LiveWriter(tmp_path / "live")
    before = os.stat(tmp_path / "live").st_blocks * 512
    assert 8192 <= before < 2**20, "mostly a hole"
    writer.write("images", os.urandom(300_000))
    assert os.stat(tmp_path / "live").st_blocks * 512 >= before + 300_000


@pytest.mark.parametrize("content", [b"", b"x" * 100, None])
def test_what_is_no_live_file_is_not_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "live"
    if content is None:
        LiveWriter(path).close()
        with path.open("r+b") as file:
            file.write(b"something else")
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="no live file"):
        LiveReader(path)
    with pytest.raises(FileNotFoundError):
        LiveReader(tmp_path / "absent")


def test_many_readers_at_once(tmp_path: Path) -> None:
    writer = LiveWriter(tmp_path / "live")
    writer.write("motion", b"a" * 100_000)
    wrong: list[bytes] = []

    def look() -> None:
        reader = LiveReader(tmp_path / "live")
        for _ in range(50):
            got = reader.newest("motion")
            if got and len(set(got[1])) != 1:
                wrong.append(got[1])

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for number in range(200):
        writer.write("motion", bytes([65 + number % 26]) * 100_000)
    for thread in threads:
        thread.join()
    assert wrong == []
