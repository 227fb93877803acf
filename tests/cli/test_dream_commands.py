"""`tilework dream`, `repaint` and `latent-walk`: what they write, what they print, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import Outcome
from dreamt import image_prior, trained_prior
from explored import spec_of
from PIL import Image
from token_models import opened_model, trained

from tilework import dream
from tilework.dream.opening import open_dreamer
from tilework.explore.opened import open_model
from tilework.runs.folder import RunFolder

Command = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def motion(once: Callable[..., Path]) -> Path:
    """The run of a prior of loops."""
    return trained_prior(once).path


@pytest.fixture
def images(once: Callable[..., Path]) -> Path:
    """The run of a prior of digits, beside its autoencoder."""
    return image_prior(once).path


@pytest.fixture
def gaussian(once: Callable[..., Path]) -> Path:
    import tilework

    folder = once("explored-gaussian", lambda folder: tilework.train(spec_of("gaussian"), runs=folder))
    return RunFolder.find("last", folder).path


def test_a_loop_is_dreamed(tilework: Command, motion: Path) -> None:
    done = tilework("dream", motion, "--loop", "--frames", 24, "--label", "polygons", "--seed", 3)
    assert done.code == 0, done.err
    (file,) = Path().glob("*.gif")
    assert file.name == f"{motion.name}-seed3.gif"
    with Image.open(file) as film:
        assert film.n_frames == 24
    assert "1 loop of 24 frames of polygons" in done.out
    assert "12 key frames drawn, those between interpolated" in done.out
    lines = {line.split()[0]: line for line in done.out.splitlines() if line.startswith("  ")}
    assert {"novelty", "seam", "motion", "roughness", "training"} <= set(lines)
    shown = dream.motion(open_dreamer(motion, device="cpu"), 24, loop=True, label="polygons", seed=3)
    film = shown.film()
    assert film is not None
    assert file.read_bytes() == film.gif(), "the shell and Python make the same file"


@pytest.mark.parametrize("ending", ["png", "mp4", "html"])
def test_motion_becomes_each_kind_of_file(tilework: Command, motion: Path, ending: str) -> None:
    done = tilework("dream", motion, "--frames", 12, "--count", 2, "--out", f"out/loop.{ending}")
    assert done.code == 0, done.err
    assert Path(f"out/loop.{ending}").stat().st_size > 500


def test_frames_become_a_folder(tilework: Command, motion: Path) -> None:
    done = tilework("dream", motion, "--frames", 12, "--between", "prior", "--out", "frames")
    assert done.code == 0, done.err
    assert sorted(path.name for path in Path("frames").iterdir()) == [f"{n:04}.png" for n in range(12)]
    assert Image.open("frames/0003.png").size == (32, 32)
    again = tilework("dream", motion, "--frames", 12, "--out", "frames")
    assert again.code == 2
    assert "there already" in again.err
    assert len(list(Path("frames").iterdir())) == 12


def test_images_are_dreamed_and_the_autoencoder_stands_for_its_prior(tilework: Command, images: Path) -> None:
    parent = next(found for found in images.parent.iterdir() if found.name.startswith("tokens-vq"))
    done = tilework("dream", parent, "--count", 5, "--label", "3", "--temperature", "0.8", "--top-k", 8, "--top-p", "0.9",
                    "--guidance", "0.5", "--out", "five.png")  # fmt: skip
    assert done.code == 0, done.err
    assert f"{parent.name}: dreaming with its newest prior, {images.name}" in done.out
    assert "5 images of 3" in done.out
    assert "temperature 0.8, top-k 8, top-p 0.9, guidance 0.5" in done.out
    again = tilework("dream", images, "--count", 5, "--label", "3", "--temperature", "0.8", "--top-k", 8, "--top-p", "0.9",
                     "--guidance", "0.5", "--out", "again.png")  # fmt: skip
    assert again.code == 0, again.err
    assert Path("five.png").read_bytes() == Path("again.png").read_bytes()


@pytest.mark.parametrize("kind", ["normal", "aggregate", "mixture"])
def test_a_vae_dreams_from_its_latent_space(tilework: Command, gaussian: Path, kind: str) -> None:
    done = tilework("dream", gaussian, "--from", kind, "--count", 9, "--seed", 2, "--out", "vae.png")
    assert done.code == 0, done.err
    assert {"normal": "N(0, I)", "aggregate": "posteriors", "mixture": "Gaussians"}[kind] in done.out
    assert "novelty" in done.out
    opened = open_model(gaussian, device="cpu")
    shown = dream.from_latents(opened, 9, kind, 2)  # type: ignore[arg-type]
    assert Path("vae.png").read_bytes() == shown.png()
    assert not np.array_equal(shown.images, dream.from_latents(opened, 9, kind, 3, compare=False).images)  # type: ignore[arg-type]


def test_repaint(tilework: Command, images: Path) -> None:
    done = tilework("repaint", images, "4", "--region", "8,8,12,12", "--count", 3, "--out", "new.png")
    assert done.code == 0, done.err
    assert "9 of 64 cells of validation:4" in done.out
    Image.new("L", (64, 64), 255).save("mask.png")
    done = tilework("repaint", images, "validation:4", "--region", "mask.png", "--count", 1, "--out", "new.png")
    assert done.code == 0, done.err
    assert "64 of 64 cells" in done.out


def test_a_latent_walk(tilework: Command, once: Callable[..., Path]) -> None:
    run, opened = trained(once, "rq").path, opened_model(once, "rq")
    done = tilework("latent-walk", run, 3, "train:5", "--frames", 9, "--which", "last", "--out", "walk.mp4")
    assert done.code == 0, done.err
    assert "9 frames" in done.out
    shown = dream.latent_walk(opened, "validation:3", "train:5", 9)
    film = shown.film()
    assert Path("walk.mp4").read_bytes() == film.mp4()
    assert opened.images is not None
    for side, number, frame in (("validation", 3, 0), ("train", 5, 8)):
        pixels = opened.images.pixels(side, [number])  # type: ignore[arg-type]
        made = opened.decode(opened.encode(pixels)[0])
        assert np.array_equal(shown.images[frame], made[0]), "both ends are as their tokens decode"
    # A prior walks in its autoencoder.
    prior = image_prior(once)
    parent = next(found for found in prior.path.parent.iterdir() if found != prior.path)
    for number, named in enumerate((prior.path, parent)):
        done = tilework("latent-walk", named, 3, 5, "--frames", 4, "--out", f"{number}.mp4", "--which", "last")
        assert done.code == 0, done.err
        assert (f"{prior.id}: walking in its autoencoder, {parent.name}" in done.out) == (number == 0)
    assert Path("0.mp4").read_bytes() == Path("1.mp4").read_bytes()
    around = dream.latent_walk(opened, "validation:3", "train:5", 8, loop=True)
    assert np.array_equal(around.images[4], shown.images[8])
    assert np.array_equal(around.images[0], shown.images[0])
    assert np.array_equal(around.images[2], around.images[6])


def test_continue_and_between_and_morph(tilework: Command, motion: Path) -> None:
    for words, expected in (
        (["--start", "validation:0"], "1 continuation, 24 frames"),
        (["--start", "0", "--end", "30", "--frames", "9"], "what lies between two images, 9 frames"),
        (
            ["--label", "polygons", "--morph", "truchet"],
            "a loop from one label to another, 24 frames of polygons to truchet",
        ),
    ):
        done = tilework("dream", motion, *words, "--out", "out.gif")
        assert done.code == 0, done.err
        assert expected in done.out


def test_ctrl_c_keeps_what_is_done(tilework: Command, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tilework.priors.causal import Prior

    real, calls = Prior.sample, []

    def interrupted(self: Prior, *given: object, **named: object) -> object:
        calls.append(1)
        if len(calls) == stop_at:
            raise KeyboardInterrupt
        return real(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Prior, "sample", interrupted)
    stop_at = 2
    done = tilework("dream", images, "--count", 40, "--out", "some.png")
    assert done.code == 130
    assert "16 of 40 were done" in done.out
    assert Path("some.png").is_file()
    calls.clear()
    stop_at = 1
    done = tilework("dream", images, "--count", 40, "--out", "none.png")
    assert done.code == 130
    assert "Traceback" not in done.err
    assert sorted(path.name for path in Path().iterdir() if path.name != "runs") == ["some.png"]


def test_wrong_words_are_reported(
    tilework: Command, motion: Path, images: Path, gaussian: Path, once: Callable[..., Path]
) -> None:
    vq = trained(once, "fsq").path
    Path("text.txt").write_text("no image")
    for words, part in (
        (["dream", images, "--count", 0], "--count 0"),
        (["dream", images, "--temperature", 0], "--temperature 0"),
        (["dream", images, "--temperature", "-0.5"], "--temperature -0.5"),
        (["dream", images, "--top-k", 25], "--top-k 25"),
        (["dream", images, "--top-k", 0], "--top-k 0"),
        (["dream", images, "--top-p", 0], "--top-p 0"),
        (["dream", images, "--top-p", "1.5"], "--top-p 1.5"),
        (["dream", images, "--guidance", "-1"], "--guidance -1"),
        (["dream", images, "--steps", 0], "--steps 0"),
        (["dream", images, "--order", "spiral"], "no order 'spiral'"),
        (["dream", images, "--label", "eleven"], "eleven"),
        (["dream", images, "--loop"], "cannot use --loop"),
        (["dream", images, "--start", "text.txt"], "cannot use --start"),
        (["dream", images, "--between", "latents"], "cannot use --between"),
        (["dream", images, "--frames", 20], "prior of images"),
        (["dream", images, "--from", "normal"], "--from normal"),
        (["dream", images, "--out", "x.gif"], "x.gif"),
        (["dream", images, "--out", "x.txt"], "x.txt"),
        (["dream", images, "--which", 7], "7"),
        (["dream", motion, "--frames", 0], "--frames 0"),
        (["dream", motion, "--start", "text.txt"], "text.txt"),
        (["dream", motion, "--start", "gone.gif"], "gone.gif"),
        (["dream", motion, "--start", "validation:9999999"], "validation:9999999"),
        (["dream", motion, "--end", "3"], "--start"),
        (["dream", motion, "--morph", "truchet"], "--label"),
        (["dream", motion, "--label", "polygons", "--morph", "truchets"], "truchets"),
        (["dream", motion, "--between", "magic"], "magic"),
        (["dream", motion, "--fps", 0], "0 frames a second"),
        (["dream", gaussian, "--loop"], "--loop"),
        (["dream", gaussian, "--label", "3"], "--label"),
        (["dream", gaussian, "--from", "dice"], "dice"),
        (["dream", vq], "cannot dream yet"),
        (["dream", "no-such-run"], "no-such-run"),
        (["repaint", images, "4", "--region", "100,100,5,5"], "touches no cell"),
        (["repaint", images, "4", "--region", "here"], "here"),
        (["repaint", images, "4", "--region", "text.txt"], "text.txt"),
        (["repaint", images, "4"], "--region"),
        (["repaint", gaussian, "4", "--region", "0,0,5,5"], "cannot repaint"),
        (["repaint", motion, "text.txt", "--region", "0,0,5,5"], "text.txt"),
        (["latent-walk", gaussian, "0", "1"], "latent"),
        (["latent-walk", vq, "0"], "B"),
        (["latent-walk", vq, "0", "1", "--frames", "1"], "1 frames are too few"),
        (["latent-walk", vq, "0", "999999"], "999999"),
        (["latent-walk", vq, "0", "1", "--out", "x.txt"], "x.txt"),
    ):
        done = tilework(*words)
        assert done.code == 2, (words, done)
        err = " ".join(done.err.split())
        assert part in err, (words, done.err)
        assert err.count("error:") == err.count("fix:") == 1, (words, done.err)
    assert sorted(path.name for path in Path().iterdir() if path.name != "runs") == ["text.txt"]
