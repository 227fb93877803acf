"""Files: what is written is read back by other programs, with the size and the time that was asked for."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tilework.errors import UserError
from tilework.explore.files import checked
from tilework.explore.film import Film
from tilework.explore.opened import Opened
from tilework.explore.paper import ACCENT, GROUND
from tilework.explore.sampling import prior, sample
from tilework.explore.sheet import grid, table, whole_scale
from tilework.explore.walking import Walk, walk

Open = Callable[[str], Opened]


def frames(count: int, high: int = 20, wide: int = 30, colours: int = 3) -> np.ndarray:
    """Colours that move."""
    y, x = np.mgrid[:high, :wide]
    each = [np.stack([x * 8, y * 12, np.full_like(x, n * 9)][:colours], -1) % 256 for n in range(count)]
    return np.array(each, dtype=np.uint8)


@pytest.fixture
def made(opened: Open) -> Walk:
    return walk(opened("gaussian"), ["seed:0", "seed:1"], 12, fps=12)


def test_a_sheet_keeps_every_pixel() -> None:
    images = frames(5, 8, 6)
    sheet = grid(images, columns=3, scale=2)
    edge = 12
    assert sheet.size == (3 * 12 + 2 * 4 + 2 * edge, 2 * 16 + 4 + 2 * edge)
    pixels = np.asarray(sheet)
    for number, image in enumerate(images):
        top, left = edge + number // 3 * 20, edge + number % 3 * 16
        assert np.array_equal(pixels[top : top + 16 : 2, left : left + 12 : 2, :3], image)
    assert (pixels[edge + 20 :, edge + 32 :] == GROUND).all(), "no image, no colour"
    grey = np.asarray(grid(images[..., :1], scale=1))
    assert np.array_equal(grey[edge : edge + 8, edge : edge + 6, 0], images[0, ..., 0])
    alone = np.asarray(grid(images[:1], scale=1))
    assert np.array_equal(alone, images[0]), "one image is nothing but itself"


def test_a_row_shows_where_its_point_lies() -> None:
    """Below the image that the place names, or between two; beyond the row at its end."""
    dark = np.zeros((3, 20, 20, 1), np.uint8)
    places = {}
    for place in (0.0, 1.0, 2.0, -4.0, 9.0):
        pixels = np.asarray(table([dark], marks=[place], scale=2))
        places[place] = np.flatnonzero((pixels == ACCENT).all(-1).any(0)).mean()
    plain = np.asarray(table([dark], scale=2))
    assert not (plain == ACCENT).all(-1).any()
    for place in (0.0, 1.0, 2.0):
        assert abs(places[place] - (12 + 20 + place * 44)) <= 1
    assert places[-4.0] < 12
    assert places[9.0] > plain.shape[1] - 12


def test_a_film_of_several_images_names_each() -> None:
    several = np.stack([frames(4), frames(4)], 1)
    plain, named = Film(several, 10, ("", "")), Film(several, 10, ("dimension 3", "dimension 5"))
    assert named.gif() != plain.gif()
    assert named.image(0).shape[1::-1] == named.size
    with Image.open(io.BytesIO(named.gif())) as gif:
        assert gif.n_frames == 4
        assert gif.size == named.size


def test_a_film_shows_the_values_that_change_in_it() -> None:
    several, values = np.stack([frames(3), frames(3)], 1), np.array([[-3.0, 0.5], [0.0, 0.5], [100.25, 0.5]])
    film = Film(several, 10, ("dimension 3", "dimension 5"), values)
    assert {film.image(number).shape for number in range(3)} == {film.image(0).shape}
    assert film.image(0).shape[1::-1] == film.size
    still = Film(several[[0, 0, 0]], 10, ("dimension 3", "dimension 5"), values)
    assert not np.array_equal(still.image(0), still.image(1))  # the images are the same: what differs is the labels


def test_where_nothing_can_be_written_is_reported_before(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for path in (tmp_path / "file" / "out.png", tmp_path / "file" / "deep" / "out.html"):
        with pytest.raises(UserError) as refused:
            checked(path, moves=False)
        assert "folder that you may write" in (refused.value.fix or "")
    assert checked(tmp_path / "new" / "deeper" / "out.png", moves=False) == ".png"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file"]  # nothing is left behind


def test_sizes_that_can_be_looked_at() -> None:
    assert whole_scale(28, 28, 1) == 10
    assert whole_scale(300, 300, 1) == 1
    assert whole_scale(28, 28, 4, 4) == 4
    assert whole_scale(28, 28, 12, 1) * 28 * 12 <= 1120
    assert whole_scale(512, 512, 9, 9) == 1
    named = table([frames(3), frames(3)], names=["dimension 0", "dimension 1"], heads=["-3", "0", "3"])
    assert named.width > table([frames(3), frames(3)]).width


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("size", [(20, 30), (7, 9), (301, 257)])
def test_mp4(size: tuple[int, int], colours: int) -> None:
    import av

    film = Film(frames(10, *size, colours), 25)
    data = film.mp4()
    assert data == film.mp4(), "the same bytes again"
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.pix_fmt == "yuv420p"
        assert stream.average_rate == 25
        assert float(stream.duration * stream.time_base) == pytest.approx(0.4)
        found = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(found) == 10
    scale, high, wide = film.scale, size[0] * film.scale, size[1] * film.scale
    assert found[0].shape == (high + high % 2, wide + wide % 2, 3)
    expected = np.broadcast_to(film.frames[3], (*size, 3)).repeat(scale, 0).repeat(scale, 1)
    assert np.abs(found[3][:high, :wide].astype(int) - expected).mean() < 8


@pytest.mark.parametrize("fps", [8, 12, 30, 50])
def test_gif_keeps_its_time(fps: int) -> None:
    count = 24
    film = Film(frames(count), fps)
    with Image.open(io.BytesIO(film.gif())) as gif:
        assert gif.n_frames == count
        assert gif.info["loop"] == 0
        assert gif.size == film.size
        durations = []
        for number in range(count):
            gif.seek(number)
            durations.append(gif.info["duration"])
            shown = np.asarray(gif.convert("RGB"))[:: film.scale, :: film.scale]
            assert np.abs(shown.astype(int) - film.frames[number]).mean() < 6
    assert min(durations) >= 20
    assert max(durations) - min(durations) <= 10
    assert sum(durations) == pytest.approx(1000 * count / fps, abs=10)


def test_grey_gifs_are_exact() -> None:
    film = Film(frames(4).sum(-1, keepdims=True, dtype=np.uint8), 10)
    with Image.open(io.BytesIO(film.gif())) as gif:
        gif.seek(2)
        assert np.array_equal(np.asarray(gif.convert("L"))[:: film.scale, :: film.scale], film.frames[2, ..., 0])


def test_a_gif_cannot_be_faster_than_browsers_show_it() -> None:
    with pytest.raises(UserError, match="60 frames"):
        Film(frames(4), 60).gif()


def test_a_page_stands_alone(made: Walk, tmp_path: Path) -> None:
    page = made.save(tmp_path / "walk.html").read_text()
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    assert page.count("data:video/mp4;base64,") == page.count("data:image/png;base64,") == 1
    assert "seed:0" in page
    assert (resources.files("tilework.explore") / "page.css").read_text() in page, "the style that all pages share"
    assert "<video" not in made.save(tmp_path / "walk.png").read_bytes().decode("latin1")


def test_names_are_words_on_a_page(opened: Open, tmp_path: Path) -> None:
    Image.new("L", (30, 30)).save(tmp_path / "<b>&.png")
    shown = sample(opened("gaussian"), f"image:{tmp_path / '<b>&.png'}".replace(">", "%3E"))
    page = shown.save(tmp_path / "page.html").read_text()
    assert "&lt;b&gt;&amp;.png" in page or "&lt;b%3E&amp;.png" in page
    assert "<b>" not in page


def test_endings(made: Walk, opened: Open, tmp_path: Path) -> None:
    for name, begins in (("a.png", b"\x89PNG"), ("b.GIF", b"GIF89a"), ("c.mp4", b"\0\0\0"), ("d.htm", b"<!doctype")):
        assert made.save(tmp_path / "new" / name).read_bytes().startswith(begins)
    for name in ("a.jpg", "a", "a.mp4.zip", ".mp4"):
        with pytest.raises(UserError, match="cannot be written") as refused:
            made.save(tmp_path / name)
        assert ".mp4" in refused.value.fix
    still = sample(opened("gaussian"), prior(2))
    with pytest.raises(UserError, match="cannot be written") as refused:
        still.save(tmp_path / "a.mp4")
    assert "does not move" in refused.value.why


def test_what_is_there_already(made: Walk, tmp_path: Path) -> None:
    made.save(tmp_path / "a.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "words.png").write_text("my notes")
    (tmp_path / "folder.png").mkdir()
    made.save(tmp_path / "a.png")
    made.save(tmp_path / "empty.png")
    with pytest.raises(UserError, match="no PNG file"):
        made.save(tmp_path / "words.png")
    assert (tmp_path / "words.png").read_text() == "my notes"
    with pytest.raises(UserError, match="is a folder"):
        made.save(tmp_path / "folder.png")
    (tmp_path / "a.mp4").write_bytes((tmp_path / "a.png").read_bytes())
    with pytest.raises(UserError, match="no MP4 file"):
        made.save(tmp_path / "a.mp4")
    with pytest.raises(UserError):
        made.save(tmp_path / "a.png" / "b.png")


def test_they_show_themselves_in_a_notebook(made: Walk, opened: Open) -> None:
    assert "<video" in made._repr_html_()
    assert made._repr_png_().startswith(b"\x89PNG")
    assert "<img" in sample(opened("gaussian"), prior(2))._repr_html_()
