"""What the documents state is checked: files, names, links, commands and examples."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import children
import pytest
from commands import PATIENCE, Outcome, chromium_is_here
from dreamt import trained_prior
from walks import links_of, names_in

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def test_walk_is_true_link_by_link() -> None:
    text = (ROOT / "docs" / "walk.md").read_text(encoding="utf-8")
    links = links_of(text)
    assert len(links) >= 50
    for file, name in links:
        assert (ROOT / file).is_file(), file
        if name:
            assert name in names_in(ROOT / file), f"{name} is not in {file}"
    numbers = [*range(1, 13), *range(1, 11)]
    assert re.findall(r"^(\d+)\.", text, re.MULTILINE) == [str(n) for n in numbers]


def test_a_dream_walks_as_it_is_asked_to(
    tilework: Callable[..., Outcome], once: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the command to the file, everything that the second walk names is called, in that order."""
    text = (ROOT / "docs" / "walk.md").read_text(encoding="utf-8").split("\n7. Now `tilework dream")[1]
    named = [(str(ROOT / file), name) for file, name in links_of(text)]
    assert len(named) >= 12
    called: dict[tuple[str, str], None] = {}

    def seen(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.setdefault((frame.f_code.co_filename, frame.f_code.co_name))

    from tilework.priors.orders.halton import halton_ranks

    monkeypatch.chdir(tmp_path)
    run = trained_prior(once)
    halton_ranks.cache_clear()
    sys.setprofile(seen)
    try:
        done = tilework("dream", run.path, "--loop", "--out", "loop.gif")
    finally:
        sys.setprofile(None)
    assert done.code == 0, done.err
    assert [link for link in called if link in named] == named


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_between_pages_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), f"{page.name} links to {target}"


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.split(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line.removeprefix("uv run ") for line in lines if "tilework " in line]


SHRUNK = {
    "p5-loops": ["data.frames=20", "data.size=16x16"],
    "p5-sharp": ["encoder.widths=[8,8]", "bottleneck.codes=16"],
    "motion-prior": ["data.frames=4", "data.validate_items=2", "prior.width=16", "prior.depth=1", "prior.heads=2"],
    "naruto": ["data.size=16x16", "bottleneck.codes=16", "encoder.widths=[8,8]"],
    "PHOTOS": ["bottleneck.codes=4"],
}
"""What makes a run of the README small, by the recipe or folder that it trains."""
SMALL = ["engine.steps=2", "engine.epochs=1", "engine.batch_size=4", "engine.start_batches=1", "engine.threads=1"]


def test_readme_commands_run(tilework: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every `tilework` command of the README, in its order, on a shrunken budget; the words in capitals are stand-ins."""
    import yaml

    from tilework.spec import recipe_text

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tilework.data.sources.sketches._MOST_BROWSERS", 1)
    monkeypatch.setattr("tilework.suggest.pace.step_seconds", lambda spec, images: 0.05)
    monkeypatch.setattr("tilework.cli.demo.RECIPE_OVERRIDES", tuple(SMALL), raising=True)
    stand_ins(tmp_path)
    (tmp_path / "my-recipe.yaml").write_text(yaml.safe_dump(yaml.safe_load(recipe_text("rqvae-digits"))))
    ran = []
    for line in commands(ROOT / "README.md"):
        words = line.split()
        if words[0] != "tilework":
            continue
        if "examples/sketches" in words:
            if not chromium():
                continue
            words[words.index("--frames") + 1] = "8"
        if words[1] == "studio" or "--live" in words:
            serves_until_interrupted(words)
            ran.append(words[1])
            continue
        extra = [*SMALL, *SHRUNK.get(words[2], [])] if words[1] == "train" else []
        if "data=art" in words and not chromium():
            words.remove("data=art")
            extra += ["data.frames=12", "data.variants=3", "data.size=16x16"]
        outcome = tilework(*words[1:], *extra)
        assert outcome.code == 0, f"{line}: {outcome.err}"
        ran.append(words[1])
    assert {"demo", "recipes", "train", "runs", "show", "resume", "report", "studio", "replay", "suggest"} <= set(ran)
    assert {"sample", "traverse", "interpolate", "tokens", "atlas", "compare", "explain", "check", "doctor"} <= set(ran)
    assert "selftest" in ran
    assert (tmp_path / "photos.yaml").is_file()
    assert len(list((tmp_path / "runs").glob("photos-*"))) == 1, "of the folder, with a spec made for it"
    assert len(list(tmp_path.glob("*-seed0.gif"))) == 1, "a new loop"
    assert ran.count("data") == 4 + chromium()


def stand_ins(folder: Path) -> None:
    """Folders of photographs, GIFs and clips with noise in them, and the sketches of the repository."""
    import numpy as np
    from PIL import Image

    (folder / "PHOTOS").mkdir()
    for number in range(24):
        noise = np.random.default_rng(number).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / "PHOTOS" / f"{number}.png")
    moving_stand_ins(folder)


def moving_stand_ins(folder: Path) -> None:
    """A folder of GIFs and one of clips with noise in them, and the sketches of the repository."""
    import av
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in ("GIFS", "CLIPS", "examples"):
        (folder / name).mkdir()
    (folder / "examples" / "sketches").symlink_to(ROOT / "examples" / "sketches")
    for number in range(3):
        frames = [Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)) for _ in range(4)]
        frames[0].save(folder / "GIFS" / f"{number}.gif", save_all=True, append_images=frames[1:])
        with av.open(str(folder / "CLIPS" / f"{number}.mp4"), "w") as clip:
            stream = clip.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = 128, 72, "yuv420p"
            for _ in range(80):
                noise = rng.integers(0, 255, (72, 128, 3), dtype=np.uint8)
                clip.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
            clip.mux(stream.encode(None))


def chromium() -> bool:
    """Whether sketches can be drawn here."""
    from tilework.data.sketch.library import shipped

    return chromium_is_here() and shipped(1) is not None


def serves_until_interrupted(words: list[str]) -> None:
    """The command prints an address that answers with its page, and Ctrl-C ends it in good order."""
    command = [sys.executable, "-m", *words, "--port", "0"]
    process = children.start(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        url = next(found[0] for line in lines if (found := re.search(r"http://127\S+", line)))
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(url, timeout=PATIENCE) as answer:
            assert answer.status == 200
            assert b"<title>" in answer.read()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(PATIENCE) in {0, 130}
    finally:
        process.kill()


def test_readme_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)
    assert tuple(names["codes"].shape) == (4, 2, 1, 1)  # type: ignore[attr-defined]
    assert names["again"].shape == names["images"].shape  # type: ignore[attr-defined]
    assert (names["model"].decode(names["z"]) == names["again"]).all()  # type: ignore[attr-defined]


def test_data_page_runs(tilework: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of docs/data.md in its order, and its Python."""
    import numpy as np
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    (tmp_path / "IMAGES").mkdir()
    for number in range(12):
        small = np.random.default_rng(number).integers(0, 255, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(small).resize((40, 40)).save(tmp_path / "IMAGES" / f"{number}.png")
    shrink = ["engine.steps=2", "engine.epochs=1", "engine.batch_size=4", "engine.start_batches=1", "engine.threads=1"]
    ran = []
    monkeypatch.setattr("tilework.suggest.pace.step_seconds", lambda spec, images: 0.05)
    for line in commands(ROOT / "docs" / "data.md"):
        words = line.split()
        if "SKETCHES" in words:
            continue  # below
        extra = [*shrink, "bottleneck.codes=4"] if words[1] == "train" else []
        outcome = tilework(*words[1:], *extra)
        assert outcome.code == 0, f"{line}: {outcome.err}"
        ran.append(words[2] if words[1] == "data" else words[1])
    assert ran == ["add", "list", "show", "check", "train", "train", "remove", "suggest", "train", "train"]
    assert (tmp_path / "images.yaml").is_file()
    assert len(list((tmp_path / "runs").glob("images-*/suggested.yaml"))) == 1

    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "data.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(example, "data.md", "exec"), {})


def test_data_page_sketches_are_drawn(
    tilework: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of docs/data.md for sketches, with the p5 that comes with the package."""
    from tilework.data.catalogue.sets import data_set

    if not chromium():
        pytest.skip("there is no Chromium here to draw sketches with, or p5 was not put into the package")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tilework.data.sources.sketches._MOST_BROWSERS", 1)
    for number in range(3):
        (tmp_path / "SKETCHES" / f"day {number}").mkdir(parents=True)
        (tmp_path / "SKETCHES" / f"day {number}" / "sketch.js").write_text(
            "function setup() { createCanvas(64, 64); }"
            f"function draw() {{ background({number}); circle(random(64), frameCount, 9); }}"
        )
    (tmp_path / "LIBRARIES").mkdir()
    lines = [line.split() for line in commands(ROOT / "docs" / "data.md") if "SKETCHES" in line]
    assert len(lines) == 3
    for words in lines:
        outcome = tilework(*words[1:])
        assert outcome.code == 0, f"{words}: {outcome.err}"
        assert "left out" not in outcome.out
    assert [data_set(words[3]).images for words in lines] == [18, 54, 18]
