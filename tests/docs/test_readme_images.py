"""The images of the README: all are there, small enough, described in words, and nothing else lies beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "images"
README = (ROOT / "README.md").read_text(encoding="utf-8")
NAMED = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", README)
MOST_BYTES = 2_000_000
"""Of all of them together: whoever clones the repository takes them along."""
WIDEST = 960


def test_every_image_is_there_and_no_other() -> None:
    assert sorted(path for _, path in NAMED) == sorted(f"docs/images/{file.name}" for file in FOLDER.iterdir())
    assert "<img" not in README, "an image in HTML would not be looked at here"


def test_every_image_is_described() -> None:
    for words, path in NAMED:
        assert len(words.split()) >= 5, f"{path} has no alternative text that describes what is seen"
    assert len({words for words, _ in NAMED}) == len(NAMED)


def test_they_are_small_together() -> None:
    sizes = {file.name: file.stat().st_size for file in FOLDER.iterdir()}
    assert sum(sizes.values()) < MOST_BYTES, sizes


@pytest.mark.parametrize("path", [path for _, path in NAMED])
def test_an_image_can_be_shown(path: str) -> None:
    with Image.open(ROOT / path) as image:
        assert image.format == "WEBP"
        assert image.width <= WIDEST
        assert (image.width, image.height) == (image.width, round(image.width * 9 / 16))


def test_the_first_one_moves() -> None:
    with Image.open(ROOT / NAMED[0][1]) as image:
        assert getattr(image, "n_frames", 1) > 40
        assert image.info["loop"] == 0, "for ever"


def test_the_digits_are_credited() -> None:
    """Images by others may be shown where their licence and their authors are named."""
    for words in ("Optical\nRecognition of Handwritten Digits", "Alpaydin", "Kaynak", "CC BY 4.0"):
        assert words.replace("\n", " ") in " ".join(README.split())


def test_the_script_makes_all_of_them() -> None:
    script = (ROOT / "web" / "dev" / "readme_images.py").read_text(encoding="utf-8")
    for _, path in NAMED:
        assert f'"{Path(path).stem}"' in script, f"web/dev/readme_images.py does not make {path}"
