"""What counts as a clip, and which clips are loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tilework.data import prepare
from tilework.engine.encoding.clips import closed, in_clips
from tilework.spec.plugins import SOURCES


def gif(path: Path, places: list[int]) -> None:
    """A bar that stands at these columns."""
    frames = []
    for place in places:
        pixels = np.full((32, 32), 255, np.uint8)
        pixels[:, place : place + 6] = 0
        frames.append(Image.fromarray(pixels))
    frames[0].save(path, save_all=True, append_images=frames[1:], loop=0, duration=40)


def test_animations_without_a_seam_are_loops(tmp_path: Path) -> None:
    there = list(range(2, 24, 2))
    gif(tmp_path / "a-there-and-back.gif", [*there, *there[::-1][1:-1]])
    gif(tmp_path / "b-there.gif", there)
    gif(tmp_path / "c-one.gif", [3])
    gif(tmp_path / "d-fast-at-the-seam.gif", [16, 20, 22, 23, 24, 24, 24, 23, 22, 20, 16, 12])
    store = prepare(SOURCES.parse({"kind": "animations", "path": str(tmp_path), "size": "32x32"}))  # type: ignore[arg-type]
    clip = in_clips(store)
    name = np.array(store.group_names)[store.groups]
    assert set(name[clip]) == {"a-there-and-back.gif", "b-there.gif", "d-fast-at-the-seam.gif"}
    everything = np.arange(store.count)
    found = [store.group_names[group] for group in closed(store, clip, everything, "auto")]
    assert found == ["a-there-and-back.gif", "d-fast-at-the-seam.gif"]
    assert len(closed(store, clip, everything, "all")) == 3
    assert closed(store, clip, everything, "none") == []
    assert len(closed(store, clip, everything[1:], "auto")) == 1  # a frame of the first is left out


def test_images_in_a_folder_are_no_clip(tmp_path: Path) -> None:
    for number in range(4):
        Image.fromarray(np.full((8, 8), 40 * number, np.uint8)).save(tmp_path / f"{number}.png")
    store = prepare(SOURCES.parse({"kind": "images", "path": str(tmp_path), "size": "8x8"}))  # type: ignore[arg-type]
    assert not in_clips(store).any()
