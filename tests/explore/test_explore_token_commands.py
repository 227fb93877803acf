"""`tilework tokens`, `atlas` and `compare`: what they print and write, and what they refuse."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import Outcome
from PIL import Image
from token_models import opened_model, trained

from tilework import explore
from tilework.explore.opened import Opened, open_model
from tilework.explore.token_sheet import TokenSheet
from tilework.runs.folder import RunFolder

Command = Callable[..., Outcome]


@pytest.fixture
def token_run(once: Callable[..., Path]) -> Callable[[str], Path]:
    return lambda kind: trained(once, kind).path


def grids(printed: str, count: int) -> np.ndarray:
    """The grids of numbers among printed lines, `count` of them."""
    rows = [line.split() for line in printed.splitlines()]
    numbers = [[int(word) for word in row] for row in rows if row and all(word.isdecimal() for word in row)]
    return np.array(numbers).reshape(count, -1, len(numbers[0]))


def test_tokens_are_printed_as_the_model_has_them(
    tilework: Command, token_run: Callable[[str], Path], once: Callable[..., Path]
) -> None:
    opened = opened_model(once, "rq")
    codes = explore.tokens(opened, "validation:4").codes
    for name in ("4", "validation:4"):
        done = tilework("tokens", token_run("rq"), name, "--which", "last", "--levels")
        assert done.code == 0, done.err
        assert np.array_equal(grids(done.out, 3), codes)
    found = explore.levels(opened, codes, explore.tokens(opened, "validation:4").original)
    for number in range(3):
        assert f"{found.bits[number]:,.0f} bits · MSE {found.mse[number]:.5f}" in done.out


def test_edited_tokens_are_painted(
    tilework: Command, token_run: Callable[[str], Path], once: Callable[..., Path], tmp_path: Path
) -> None:
    opened, out = opened_model(once, "rq"), tmp_path / "tokens.png"
    one, other = (explore.tokens(opened, f"validation:{n}") for n in (4, 9))
    expected = one.codes.copy()
    expected[:, 2:5, 1:3] = other.codes[:, 2:5, 1:3]
    expected[1, 0:2, :] = 7
    done = tilework(
        "tokens", token_run("rq"), "4", "--which", "last", "--from", "9", "--copy", "2-4,1-2", "--set", "2,0-1,*=7",
        "--cell", "0,0", "--out", out,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert np.array_equal(grids(done.out, 3), expected)
    assert f"changed {int((expected != one.codes).sum())} of 192 tokens" in done.out
    drawn = TokenSheet(one, expected, cell=(0, 0))
    assert np.array_equal(np.asarray(Image.open(out)), np.asarray(drawn.sheet())), "the same as in Python"


def test_an_image_file_is_read(
    tilework: Command,
    token_run: Callable[[str], Path],
    once: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = opened_model(once, "vq")
    assert opened.images is not None
    pixels = opened.images.pixels("validation", [3])[0]
    Image.fromarray(pixels[..., 0]).save(tmp_path / "own.png")
    monkeypatch.chdir(tmp_path)
    done = tilework("tokens", token_run("vq"), "own.png", "--which", "last")
    assert np.array_equal(grids(done.out, 1), explore.tokens(opened, pixels).codes)


@pytest.mark.parametrize("ending", ["png", "html"])
def test_an_atlas_is_written(
    tilework: Command, token_run: Callable[[str], Path], once: Callable[..., Path], tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"atlas.{ending}"
    done = tilework(
        "atlas",
        token_run("rq"),
        "--out",
        out,
        "--level",
        "2",
        "--sort",
        "similarity",
        "--images",
        "40",
        "--which",
        "last",
    )
    assert done.code == 0, done.err
    opened = opened_model(once, "rq")
    found = explore.atlas(opened, 2, by="similarity", most=40)
    assert f"{found.used} of 12 used" in done.out
    assert "2,560 tokens of 40 of 1,617 train images" in done.out
    assert out.read_bytes() == (found.png() if ending == "png" else found.html().encode())


@pytest.mark.parametrize("ending", ["png", "html"])
def test_a_comparison_is_written(
    tilework: Command, token_run: Callable[[str], Path], once: Callable[..., Path], tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"compare.{ending}"
    done = tilework("compare", token_run("vq"), token_run("rq"), "--at", "6", "--which", "last", "--out", out)
    assert done.code == 0, done.err
    found = explore.same_point([opened_model(once, kind) for kind in ("vq", "rq")], "validation:6")
    for seen in found.models:
        assert f"MSE {seen.mse:.5f}" in done.out
    assert "bottleneck.kind" in done.out
    assert out.read_bytes() == (found.png() if ending == "png" else found.html().encode())


def test_checkpoints_of_one_run_are_compared(
    tilework: Command, token_run: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = token_run("vq")
    done = tilework("compare", f"{run.name}@20", f"{run.name}@40", "--at", "seed:2", "--runs", run.parent)
    assert done.code == 0, done.err
    assert "step 20 " in done.out
    assert "step 40 " in done.out


def test_what_is_wrong_is_reported_and_nothing_written(
    tilework: Command,
    token_run: Callable[[str], Path],
    explored_run: Callable[[str], RunFolder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    vq, rq, gaussian = token_run("vq"), token_run("rq"), explored_run("gaussian").path
    for words, part in (
        (["tokens", vq, "0", "--set", "1,8,0=1", "--out", "x.png"], "row 8"),
        (["tokens", vq, "0", "--set", "1,0,0=24", "--out", "x.png"], "code 24"),
        (["tokens", vq, "0", "--set", "one"], "no edit"),
        (["tokens", rq, "0", "--set", "0,0=1"], "does not give the level"),
        (["tokens", vq, "0", "--from", "3"], "--from was given alone"),
        (["tokens", vq, "0", "--copy", "1,1"], "--copy was given alone"),
        (["tokens", vq, "0", "--from", "3", "--copy", "0-8,0"], "row 8"),
        (["tokens", vq, "0", "--from", "3", "--copy", "0-1,0=7,7"], "row 8"),
        (["tokens", vq, "0", "--cell", "9"], "no cell"),
        (["tokens", vq, "0", "--cell", "9,0"], "row 9"),
        (["tokens", vq, "100000"], "validation:100000"),
        (["tokens", vq, "no-such.png"], "no-such.png"),
        (["tokens", vq, "0", "--out", "x.gif"], "x.gif"),
        (["tokens", gaussian, "0"], "has no tokens"),
        (["atlas", gaussian, "--out", "x.html"], "has no tokens"),
        (["atlas", rq, "--level", "4", "--out", "x.html"], "level 4"),
        (["atlas", vq, "--out", "x.txt"], "x.txt"),
        (["atlas", token_run("large"), "--out", "x.html"], "65,536 codes"),
        (["compare", vq, "--out", "x.png"], "1 model cannot"),
        (["compare", vq, rq, vq, rq, vq], "5 models cannot"),
        (["compare", vq, gaussian, "--at", "0", "--out", "x.png"], "different images"),
        (["compare", vq, rq, "--at", "0", "--image", "x.png"], "both given"),
        (["compare", vq, rq, "--image", "no-such.png"], "no-such.png"),
        (["compare", vq, f"{rq}@7"], "7"),
    ):
        done = tilework(*words)
        assert done.code == 2, (words, done)
        assert part in done.err.replace("\n", " "), (words, done.err)
        assert "fix:" in done.err, words
    assert not list(tmp_path.glob("x.*"))


def test_without_the_data_set_the_atlas_reports_it(
    tilework: Command, token_run: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The images of a run were a file, which is gone, and so is what was prepared of it."""
    from token_models import spec_of

    import tilework as package
    from tilework.spec.load import apply_overrides, parse_spec

    np.save(tmp_path / "own.npy", np.random.default_rng(0).integers(0, 255, (64, 32, 32), dtype=np.uint8))
    raw = spec_of("vq", steps=4).model_dump(mode="json")
    raw["data"] = {"kind": "array", "path": str(tmp_path / "own.npy"), "size": "32x32", "channels": 1}
    monkeypatch.setenv("TILEWORK_CACHE", str(tmp_path / "cache"))
    run = package.train(parse_spec(apply_overrides(raw, ()), "gone"), runs=tmp_path / "runs")
    (tmp_path / "own.npy").unlink()
    shutil.rmtree(tmp_path / "cache")
    done = tilework("atlas", run.path, "--out", tmp_path / "atlas.html")
    assert done.code == 0, done.err
    assert "not counted" in done.out
    assert "nothing was counted" in done.err
    done = tilework("tokens", run.path, "seed:1")
    assert done.code == 0, done.err
    done = tilework("tokens", run.path, "0")
    assert done.code == 2
    assert "own.npy" in done.err


def test_results_show_themselves_in_a_notebook(once: Callable[..., Path]) -> None:
    opened: Opened = opened_model(once, "vq")
    for shown in (
        explore.tokens(opened, "validation:0"),
        explore.atlas(opened, most=20),
        explore.same_image([opened, opened], "validation:0"),
    ):
        assert Image.open(io.BytesIO(shown._repr_png_())).width > 200
        assert shown._repr_html_().startswith("<img")


def test_the_same_tokens_are_compared(
    tilework: Command, token_run: Callable[[str], Path], once: Callable[..., Path], tmp_path: Path
) -> None:
    run = token_run("rq")
    opened = [opened_model(once, "rq"), open_model(run, which="20", device="cpu")]
    grid = explore.tokens(opened[0], "validation:6")
    codes = grid.codes.copy()
    codes[1, 0] = 3
    out = tmp_path / "tokens.html"
    words = ("compare", f"{run}", f"{run.name}@20", "--runs", run.parent, "--which", "last", "--at", "6", "--tokens")
    done = tilework(*words, "--set", "2,0,*=3", "--out", out)
    assert done.code == 0, done.err
    assert out.read_text() == explore.same_tokens(opened, codes).html()
    done = tilework(*words[:-1], "--set", "2,0,*=3")
    assert done.code == 2
    assert "--tokens" in done.err
    done = tilework(*words, "--set", "9,0,0=3")
    assert done.code == 2
    assert "level" in done.err
