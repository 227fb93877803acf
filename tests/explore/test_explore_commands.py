"""`tilework sample`, `traverse` and `interpolate`: what they write, what they print, and what they refuse."""

from __future__ import annotations

import doctest
import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import children
import numpy as np
import pytest
from commands import Outcome
from PIL import Image

import tilework as product
from tilework.explore.compare import same_point
from tilework.explore.opened import open_model
from tilework.runs.folder import RunFolder

Command = Callable[..., Outcome]


@pytest.fixture
def run(explored_run: Callable[[str], RunFolder]) -> Path:
    return explored_run("gaussian").path


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 30), "white").save("own.png")


def refused(outcome: Outcome, *words: str) -> None:
    assert outcome.code == 2, outcome
    assert "Traceback" not in outcome.err
    err = " ".join(outcome.err.split())
    assert err.count("error:") == err.count("fix:") == 1, err
    for word in words:
        assert word in err, err


def test_sample(tilework: Command, run: Path) -> None:
    done = tilework("sample", run, "--count", 4, "--seed", 7, "--out", "prior.png", "--device", "cpu")
    assert done.code == 0, done.err
    assert "prior.png" in done.out
    assert "seed:10" in done.out
    shown = product.explore.sample(open_model(run, device="cpu"), [f"seed:{n}" for n in range(7, 11)])
    assert Path("prior.png").read_bytes() == shown.png(), "the shell and Python make the same file"


@pytest.mark.parametrize(
    ("words", "points"),
    [
        (["--mu", "2,-1.5", "--count", "2"], ["seed:0;*~0,1;0~2,1;1~-1.5,1", "seed:1;*~0,1;0~2,1;1~-1.5,1"]),
        (["--mode", "normal", "--sigma", "0.5", "--count", "1"], ["seed:0;*~0,0.5"]),
        (["--mode", "exact", "--mu", "1,2"], ["zero;0=1;1=2"]),
        (["--at", "3", "--at", "seed:2;0=-1", "--at", "own.png"], ["validation:3", "seed:2;0=-1", "image:own.png"]),
        (["--mode", "prior", "--count", "1", "--seed", "3"], ["seed:3"]),
    ],
)
def test_modes_are_points(tilework: Command, run: Path, words: list[str], points: list[str]) -> None:
    done = tilework("sample", run, *words, "--out", "out.png")
    assert done.code == 0, done.err
    printed = [line.split()[1] for line in done.out.splitlines() if line.startswith("  ")]
    assert printed == points
    if "own.png" in words:
        assert "own.png: 40x30 was cut" in done.out


def test_traverse(tilework: Command, run: Path) -> None:
    for name in ("out.png", "out.gif", "out.mp4", "out.html"):
        done = tilework("traverse", run, "--at", "validation:2", "--dimensions", "0,3", "--low", -2, "--high", 2, "--steps", 3,
                        "--out", name)  # fmt: skip
        assert done.code == 0, done.err
        assert name in done.out
        assert "dimension 3  -2 to 2, the point at" in done.out


def test_interpolate(tilework: Command, run: Path) -> None:
    done = tilework("interpolate", run, 0, "own.png", "seed:3;pc1*1", "--frames", 9, "--fps", 10, "--how", "spherical", "--ease",
                    "--loop", "--out", "walk.mp4")  # fmt: skip
    assert done.code == 0, done.err
    assert "walk.mp4" in done.out
    assert "9 frames in 0.9 s" in done.out
    assert "frame 3  image:own.png" in done.out
    walk = product.explore.walk(
        open_model(run, device="cpu"),
        ["validation:0", "image:own.png", "seed:3;pc1*1"],
        9,
        "spherical",
        True,
        True,
        fps=10,
    )
    assert Path("walk.mp4").read_bytes() == walk.film().mp4()


@pytest.mark.parametrize("kind", ["none", "rq", "fsq"])
def test_every_kind_of_latent(tilework: Command, explored_run: Callable[[str], RunFolder], kind: str) -> None:
    run = explored_run(kind).path
    for words in (["sample", run], ["traverse", run, "--steps", 3], ["interpolate", run, 0, 1, "--frames", 4]):
        done = tilework(*words, "--out", "out.png")
        assert done.code == 0, done.err


@pytest.mark.parametrize("kind", ["rq", "gaussian"])
def test_a_latent_that_is_not_quantised(tilework: Command, explored_run: Callable[[str], RunFolder], kind: str) -> None:
    run = explored_run(kind).path
    opened, discrete = open_model(run, device="cpu"), kind == "rq"
    explore, ends = product.explore, ["validation:0", "validation:1"]
    for words, made in (
        (["sample", run, "--at", 3], lambda **how: explore.sample(opened, "validation:3", **how)),
        (["traverse", run, "--at", 3, "--steps", 3], lambda **how: explore.traverse(opened, "validation:3", steps=3, **how)),
        (["interpolate", run, 0, 1, "--frames", 4], lambda **how: explore.walk(opened, ends, 4, **how)),
        (["compare", run, run, "--at", 3], lambda **how: same_point([opened, opened], "validation:3", **how)),
        (["compare", run, run, "--at", "seed:1"], lambda **how: same_point([opened, opened], "seed:1", **how)),
    ):  # fmt: skip
        done = tilework(*words, "--through", "decoder", "--device", "cpu", "--out", "out.png")
        assert done.code == 0, done.err
        assert ("not quantised" in done.out or "passed by" in done.out) == discrete, done.out
        assert Path("out.png").read_bytes() == made(through="decoder").png(), "the shell and Python make the same file"
        assert (made(through="decoder").png() == made().png()) != discrete


@pytest.mark.parametrize(("name", "sheets"), [("a.png", 1), ("a.html", 1), ("a.mp4", 0)])
def test_what_is_written_is_drawn_once(
    tilework: Command, run: Path, monkeypatch: pytest.MonkeyPatch, name: str, sheets: int
) -> None:
    from tilework.explore.traversal import Traversal

    drawn, draw = [], Traversal.sheet
    monkeypatch.setattr(Traversal, "sheet", lambda shown: drawn.append(shown) or draw(shown))
    done = tilework("traverse", run, "--dimensions", "0,1", "--steps", 3, "--out", name)
    assert done.code == 0, done.err
    assert len(drawn) == sheets
    if name == "a.png":
        with Image.open(name) as image:
            assert done.out.splitlines()[0] == f"a.png  {image.width}x{image.height}"


def test_tokens_do_not_pass_the_quantiser_by(tilework: Command, explored_run: Callable[[str], RunFolder]) -> None:
    run = explored_run("rq").path
    refused(
        tilework("compare", run, run, "--at", 3, "--tokens", "--through", "decoder"), "--tokens and --through decoder"
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["sample", "RUN"], ["--out"]),
        (["sample", "RUN", "--out", "a.jpg"], ["a.jpg", ".png"]),
        (["sample", "RUN", "--out", "a.mp4"], ["does not move"]),
        (["sample", "RUN", "--out", "own.html/a.png", "--at", "nan"], ["'nan'"]),
        (["sample", "RUN", "--out", "a.png", "--at", "seed:1;0=nan"], ["'nan' is not a finite number"]),
        (["sample", "RUN", "--out", "a.png", "--at", "seed:1;0=two"], ["'two'"]),
        (["sample", "RUN", "--out", "a.png", "--at", "seed:1;6=0"], ["no dimension 6"]),
        (["sample", "RUN", "--out", "a.png", "--at", "absent.png"], ["absent.png"]),
        (["sample", "RUN", "--out", "a.png", "--at", "9999"], ["validation:9999"]),
        (["sample", "RUN", "--out", "a.png", "--at", "seed:1", "--count", "3"], ["--at and --count"]),
        (["sample", "RUN", "--out", "a.png", "--mu", "a"], ["--mu a"]),
        (["sample", "RUN", "--out", "a.png", "--mu", "nan"], ["--mu nan"]),
        (["sample", "RUN", "--out", "a.png", "--mu", "1,2,3,4,5,6,7"], ["has 7 numbers"]),
        (["sample", "RUN", "--out", "a.png", "--sigma", "-1"], ["negative"]),
        (["sample", "RUN", "--out", "a.png", "--mode", "exact", "--sigma", "1"], ["--mode exact and --sigma"]),
        (["sample", "RUN", "--out", "a.png", "--mode", "prior", "--mu", "1"], ["--mode prior and --mu"]),
        (["sample", "RUN", "--out", "a.png", "--mode", "gauss"], ["no mode 'gauss'"]),
        (["sample", "RUN", "--out", "a.png", "--count", "100000"], ["100,000 images"]),
        (["sample", "RUN", "--out", "a.png", "--which", "worst"], ["no checkpoint 'worst'", "150"]),
        (["sample", "RUN", "--out", "a.png", "--device", "toaster"], ["no device"]),
        (["sample", "absent-run", "--out", "a.png"], ["absent-run"]),
        (["sample", "RUN", "--out", "a.png", "--through", "encoder"], ["--through", "decoder"]),
        (["traverse", "RUN", "--out", "a.png", "--dimensions", "0,x"], ["0,x"]),
        (["traverse", "RUN", "--out", "a.png", "--dimensions", "7"], ["no dimension 7"]),
        (["traverse", "RUN", "--out", "a.png", "--low", "nan"], ["from nan"]),
        (["traverse", "RUN", "--out", "a.png", "--low", "many"], ["--low"]),
        (["interpolate", "RUN", "0", "--out", "a.mp4"], ["two points"]),
        (["interpolate", "RUN", "0", "1", "--out", "a.mp4", "--fps", "nan"], ["nan frames a second"]),
        (["interpolate", "RUN", "0", "1", "--out", "a.gif", "--fps", "60"], ["--fps 50"]),
        (["interpolate", "RUN", "0", "1", "--out", "a.mp4", "--frames", "1"], ["too few"]),
        (["interpolate", "RUN", "0", "no/such.png", "--out", "a.mp4"], ["no/such.png"]),
        (["interpolate", "RUN", "0", "1", "--out", "a.mp4", "--how", "round"], ["no kind of interpolation 'round'"]),
    ],
)
def test_mistakes(tilework: Command, run: Path, words: list[str], expected: list[str]) -> None:
    refused(tilework(*(run if word == "RUN" else word for word in words)), *expected)
    assert sorted(path.name for path in Path().iterdir() if path.suffix) == ["own.png"]


def test_without_its_data_set(
    tilework: Command, own_run: Callable[[str], RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs no image goes on; what needs one reports what is missing."""
    monkeypatch.setattr("tilework.engine.autoencoder.images_of._QUICK", 0)
    monkeypatch.setenv("TILEWORK_CACHE", str(Path("nothing").absolute()))
    run = own_run("gaussian")
    done = tilework("traverse", run.path, "--at", "own.png", "--steps", 3, "--out", "a.png")
    assert done.code == 0, done.err
    refused(
        tilework("interpolate", run.path, 0, 1, "--out", "a.mp4"), "validation:0 needs the images", "tilework data add"
    )


def test_nothing_is_loaded_before_it_is_needed() -> None:
    code = "import sys, tilework; tilework.explore.parse('zero'); import tilework.cli.app; sys.exit('torch' in sys.modules)"
    assert children.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names_stay_functions() -> None:
    """A module of the same name as a function would take its place once it is imported."""
    for _ in range(2):
        for name in product.explore.__all__:
            found = getattr(product.explore, name)
            assert callable(found), name
            assert found.__doc__, name


@pytest.mark.parametrize("module", ["points", "walking", "sampling"])
def test_examples_in_docstrings(module: str) -> None:
    found = doctest.testmod(importlib.import_module(f"tilework.explore.{module}"))
    assert found.failed == 0
    assert found.attempted > 0


def test_encode_shape(run: Path) -> None:
    """One image of another size is fitted, in Python too."""
    found = product.explore.encode(open_model(run, device="cpu"), "image:own.png")
    assert found.image.shape == found.reconstruction.shape == (16, 16, 1)
    assert np.isfinite(found.psnr)


@pytest.mark.parametrize("command", [
    ["sample", "RUN"], ["traverse", "RUN"], ["interpolate", "RUN", "0", "1"], ["atlas", "RUN"], ["tokens", "RUN", "0"],
    ["compare", "RUN", "RUN"],
])  # fmt: skip
def test_out_names_a_file(tilework: Command, run: Path, command: list[str]) -> None:
    """An empty name is what an unset variable of the shell leaves: it is not the folder that one is in."""
    words = [str(run) if word == "RUN" else word for word in command]
    Path("there").mkdir()
    refused(tilework(*words, "--out", ""), "--out is empty", "names nothing")
    refused(tilework(*words, "--out", " "), "--out is empty")
    for folder in (".", "there", "there/", "absent/"):
        refused(tilework(*words, "--out", folder), f"--out {folder} is a folder", "out.png")
    refused(tilework(*words, "--out", "a.jpg"), "a.jpg", ".png")
    refused(tilework(*words, "--runs", "", "--out", "a.png"), "--runs is empty")


def test_out_makes_its_folder(tilework: Command, run: Path) -> None:
    done = tilework("sample", run, "--count", 1, "--out", "new/deep/a.png")
    assert done.code == 0, done.err
    assert Path("new/deep/a.png").is_file()
    refused(tilework("sample", run, "--count", 1, "--out", "own.png/a.png"), "own.png")


def test_report_refuses_an_empty_name(tilework: Command, run: Path) -> None:
    refused(tilework("report", run, "--out", ""), "--out is empty", "leave --out out")


@pytest.mark.parametrize("name", ["a;b.png", "a;3=1.png", "50%;*.png", "a;b;c.png"])
def test_a_name_with_a_semicolon(tilework: Command, run: Path, name: str) -> None:
    """As a bare file it is itself; in a point the error gives the point as it is to be written."""
    Image.new("RGB", (16, 16)).save(name)
    done = tilework("sample", run, "--at", name, "--out", "out.png")
    assert done.code == 0, done.err
    asked = f"image:{name}".replace("%", "%25")
    sampled = tilework("sample", run, "--at", asked, "--out", "out.png")
    while sampled.code:  # each part that is no term is reported once more
        refused(sampled, "part of the file's name")
        asked = sampled.err.split("write ")[-1].split("\n")[0].strip()
        sampled = tilework("sample", run, "--at", asked, "--out", "out.png")
    assert f"image:{name}".replace("%", "%25").replace(";", "%3B").replace("*", "%2A") in sampled.out
    refused(tilework("sample", run, "--at", f"{name};1=2", "--out", "out.png"), "image:")


def test_a_latent_without_a_prior_is_reported(
    tilework: Command, explored_run: Callable[[str], RunFolder], run: Path
) -> None:
    message = "begin at an image instead"
    for kind in ("rq", "none"):
        model = explored_run(kind).path
        assert message in tilework("sample", model, "--count", 1, "--out", "a.png").out
        assert message not in tilework("sample", model, "--at", 0, "--out", "a.png").out
    assert message not in tilework("sample", run, "--count", 1, "--out", "a.png").out


def test_a_device_that_is_not_here(tilework: Command, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    refused(tilework("sample", run, "--device", "cuda", "--out", "a.png"), "--device cuda", "--device auto")
