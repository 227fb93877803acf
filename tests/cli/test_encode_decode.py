"""`tilework encode` and `tilework decode`: there and back, and what is refused on the way."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import children
import numpy as np
import pytest
from commands import Outcome
from explored import spec_of as explored_spec
from PIL import Image
from token_models import trained

import tilework as package
from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.engine.encoding import open_origin
from tilework.engine.encoding.encode import at_once
from tilework.runs.folder import RunFolder
from tilework.tokens.reading import open_tokens

Once = Callable[..., Path]
Command = Callable[..., Outcome]


@pytest.fixture
def run(once: Once) -> RunFolder:
    """A trained run; nothing in it is changed."""
    return trained(once, "rq")


def test_there_and_back_to_the_byte(run: RunFolder, tilework: Command, tmp_path: Path) -> None:
    done = tilework("encode", run.path, "--out", tmp_path / "tokens", "--which", "last", "--device", "cpu")
    assert done.code == 0, done.err
    assert "1,797 images of 32x32" in done.out
    assert "8x8 tokens on 3 levels of 12 codes" in done.out
    assert "10 classes" in done.out
    again = tilework("encode", run.path, "--out", tmp_path / "tokens", "--which", "last", "--device", "cpu")
    assert "nothing was left to do" in again.out
    made = tilework("decode", tmp_path / "tokens", "--out", tmp_path / "images", "--device", "cpu")
    assert made.code == 0, made.err
    model, store = package.load(run, which="last", device="cpu"), open_origin(run).store
    step, seen = at_once(model), 0
    for start in range(0, store.count, step):
        chosen = np.arange(start, min(start + step, store.count))
        wanted = to_uint8(model.reconstruct(store.gather(chosen)))
        for item, image in zip(chosen, wanted, strict=True):
            name = f"{store.classes[store.labels[item]]}/scikit-learn digits-{item:06d}.png"
            assert np.array_equal(np.asarray(Image.open(tmp_path / "images" / name)), image[:, :, 0])
            seen += 1
    assert len(list((tmp_path / "images").rglob("*.png"))) == seen == 1797


def test_a_folder_of_images_keeps_its_names(run: RunFolder, tilework: Command, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("cats/a.png", "cats/b.png", "dogs/a.png", "dogs/B.png", "dogs/b.bmp"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (48, 40), dtype=np.uint8)).save(tmp_path / "in" / name)
    (tmp_path / "in" / "dogs" / "c.png").write_bytes(b"no image")
    out = tmp_path / "tokens"
    done = tilework("encode", run.path, tmp_path / "in", "--out", out, "--mirror", "--set", "split.by=frame")
    assert done.code == 0, done.err
    assert "c.png" in done.out
    assert open_tokens(out).manifest.classes == ("cats", "dogs")
    assert tilework("decode", out, "--out", tmp_path / "images").code == 0
    found = {str(path.relative_to(tmp_path / "images")) for path in (tmp_path / "images").rglob("*.png")}
    plain = {"cats/a", "cats/b", "dogs/a", "dogs/b", "dogs/B-2"}
    mirrored = {"cats/a-mirrored", "cats/b-mirrored", "dogs/a-mirrored", "dogs/b-mirrored", "dogs/B-mirrored-2"}
    assert found == {f"{name}.png" for name in plain | mirrored}


def test_one_image_alone(run: RunFolder, tilework: Command, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(tmp_path / "one.png")
    done = tilework("encode", run.path, tmp_path / "one.png", "--out", tmp_path / "tokens")
    assert done.code == 0, done.err
    assert "cannot be divided" in done.out
    assert tilework("decode", tmp_path / "tokens", "--out", tmp_path / "images").code == 0
    assert (tmp_path / "images" / "one.png").is_file()


def test_clips_as_frames_and_as_films(run: RunFolder, tilework: Command, tmp_path: Path) -> None:
    out = tmp_path / "tokens"
    done = tilework("encode", run.path, "loops", "--set", "frames=5", "--set", "animations=2", "--out", out)
    assert done.code == 0, done.err
    assert "2 clips, 2 of them loops" in done.out
    assert tilework("decode", out, "--out", tmp_path / "frames").code == 0
    frames = sorted((tmp_path / "frames" / "polygons" / "polygons").iterdir())
    assert [path.name for path in frames] == [f"0000{n}.png" for n in range(5)]
    films = tilework("decode", out, "--out", tmp_path / "films", "--clips", "gif", "--fps", "10")
    assert "2 clips" in films.out
    with Image.open(tmp_path / "films" / "polygons" / "polygons.gif") as film:
        assert film.n_frames == 5
    assert tilework("decode", out, "--out", tmp_path / "films", "--clips", "png").code == 2


def refused(outcome: Outcome) -> str:
    assert outcome.code == 2, outcome.out
    assert "Traceback" not in outcome.err
    assert "fix:" in outcome.err
    return outcome.err


def test_what_encode_refuses(run: RunFolder, tilework: Command, tmp_path: Path, once: Once) -> None:
    out = tmp_path / "tokens"
    assert "there is no run" in refused(tilework("encode", "no-such-run", "--out", out))
    assert "no data set, file or folder" in refused(tilework("encode", run.path, tmp_path / "nowhere", "--out", out))
    assert "without DATA" in refused(tilework("encode", run.path, "--set", "every=2", "--out", out))
    assert "there is no layout" in refused(tilework("encode", run.path, "--layout", "tfrecord", "--out", out))
    assert "one token a position" in refused(tilework("encode", run.path, "--layout", "llamagen", "--out", out))
    assert "--loops" in refused(tilework("encode", run.path, "--loops", "perhaps", "--out", out))
    assert "images of 64x64" in refused(tilework("encode", run.path, "loops", "--set", "size=64x64", "--out", out))
    assert not out.exists()
    vae = once("encoded-vae", lambda folder: package.train(explored_spec("gaussian", 4), runs=folder))
    assert "continuous latent" in refused(tilework("encode", "last", "--runs", vae, "--out", out))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    assert "letter.txt" in refused(tilework("encode", run.path, "--out", tmp_path / "full"))
    assert "is a file" in refused(tilework("encode", run.path, "--out", tmp_path / "full" / "letter.txt"))


def test_a_data_set_of_another_size(run: RunFolder, tilework: Command, tmp_path: Path) -> None:
    for number in range(4):
        name = tmp_path / "in" / f"{number}.png"
        name.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((40, 40), 60 * number, np.uint8)).save(name)
    assert tilework("data", "add", "mine", tmp_path / "in", "--size", "40x40").code == 0
    message = refused(tilework("encode", run.path, "mine", "--out", tmp_path / "tokens"))
    assert "40x40 in colour" in message
    assert "32x32 in grey" in message
    assert tilework("data", "add", "small", tmp_path / "in", "--size", "32x32", "--gray").code == 0
    assert tilework("encode", run.path, "small", "--out", tmp_path / "tokens").code == 0


def test_decode_refuses_another_model_and_names_both(
    run: RunFolder, once: Once, tilework: Command, tmp_path: Path
) -> None:
    copy = tmp_path / "copied" / run.id
    shutil.copytree(run.path, copy)
    out = tmp_path / "tokens"
    assert tilework("encode", copy, "--out", out, "--which", "last").code == 0
    other = trained(once, "vq")
    message = refused(tilework("decode", out, "--out", tmp_path / "images", "--run", other.path))
    assert run.id in message
    assert other.id in message
    assert "its decoder and its codebook" in message
    shutil.rmtree(copy)
    message = refused(tilework("decode", out, "--out", tmp_path / "images"))
    assert "is not there any more" in message
    assert "--run RUN" in message
    assert not (tmp_path / "images").exists()
    assert tilework("decode", out, "--out", tmp_path / "images", "--run", run.path).code == 0


def test_decode_reports_that_the_model_went_on(run: RunFolder, tilework: Command, tmp_path: Path) -> None:
    copy = tmp_path / "copied" / run.id
    shutil.copytree(run.path, copy)
    assert tilework("encode", copy, "--out", tmp_path / "tokens", "--which", "last").code == 0
    assert tilework("resume", copy, "engine.steps=80").code == 0
    for old in (copy / "checkpoints").glob("*00000040*"):
        shutil.rmtree(old)
    assert "went on training" in refused(tilework("decode", tmp_path / "tokens", "--out", tmp_path / "images"))


def test_what_decode_refuses(run: RunFolder, tilework: Command, tmp_path: Path) -> None:
    out = tmp_path / "tokens"
    (tmp_path / "empty").mkdir()
    assert "the folder is empty" in refused(tilework("decode", tmp_path / "empty", "--out", tmp_path / "images"))
    assert tilework("encode", run.path, "--out", out, "--which", "last").code == 0
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    assert "letter.txt" in refused(tilework("decode", out, "--out", tmp_path / "full"))
    assert "--clips" in refused(tilework("decode", out, "--out", tmp_path / "images", "--clips", "webm"))
    shard = out / "shard-00000.npz"
    shard.write_bytes(shard.read_bytes()[:-1])
    assert "cut short" in refused(tilework("decode", out, "--out", tmp_path / "images"))
    assert not (tmp_path / "images").exists()
    assert tilework("encode", run.path, "--out", tmp_path / "other", "--which", "last").code == 0
    shard = tmp_path / "other" / "shard-00000.npz"
    with np.load(shard) as columns:
        changed = dict(columns)
    changed["codes"].flat[-1] = 9999
    with shard.open("wb") as file:
        np.savez(file, **changed)
    assert "from 0 to 9999" in refused(tilework("decode", tmp_path / "other", "--out", tmp_path / "images"))
    assert not (tmp_path / "images").exists()


ENDED = """
import os
from tilework.engine.api import Model
codes, calls = Model.codes, []
def ended_in_the_second_shard(self, pixels):
    calls.append(1)
    if len(calls) == 4:
        os.kill(os.getpid(), SIGNAL)
    return codes(self, pixels)
Model.codes = ended_in_the_second_shard
from tilework.cli import main
main()
"""


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ended_by_a_signal_and_gone_on_with(run: RunFolder, tilework: Command, tmp_path: Path, which: int) -> None:
    script, out = tmp_path / "ended.py", tmp_path / "tokens"
    script.write_text(ENDED.replace("SIGNAL", str(int(which))))
    words = ["encode", str(run.path), "--out", str(out), "--which", "last", "--shard-items", "512"]
    done = children.run([sys.executable, str(script), *words], warm=True, capture_output=True, text=True)
    if which == signal.SIGKILL:
        assert done.returncode == -signal.SIGKILL
    else:
        assert done.returncode == 130
        assert "The same command goes on" in done.stdout
        assert "Traceback" not in done.stderr
        assert sorted(path.name for path in out.iterdir()) == ["manifest.json", "shard-00000.npz"]
    assert "not finished" in refused(tilework("decode", out, "--out", tmp_path / "images"))
    assert tilework(*words).code == 0
    whole = tmp_path / "whole"
    assert tilework(*[whole if word == str(out) else word for word in words]).code == 0
    assert content(out) == content(whole)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


LAUNCHERS = {
    "accelerate": [
        *("-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1"),
        *("--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"),
    ],
    "torchrun": ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"],
}


@pytest.mark.parametrize("how", ["torchrun", pytest.param("accelerate", marks=pytest.mark.slow)])
def test_two_processes_write_what_one_writes(run: RunFolder, tilework: Command, tmp_path: Path, how: str) -> None:
    from warm import shell_folder

    python = ["--no-python", str(shell_folder(tmp_path) / "python")] if how == "torchrun" else []
    words = ["encode", str(run.path), "--which", "last", "--shard-items", "512", "--device", "cpu", "--out"]
    line = [sys.executable, *LAUNCHERS[how], *python, "-m", "tilework", *words, str(tmp_path / "two")]
    done = children.run(line, warm=how == "torchrun", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("1,797 images") == 1
    assert tilework(*words, tmp_path / "one").code == 0
    assert content(tmp_path / "two") == content(tmp_path / "one")


def test_two_commands_at_once(run: RunFolder, tmp_path: Path) -> None:
    """The one that comes second gets an error; the first is not disturbed."""
    script = tmp_path / "two.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(children.__file__).parent)!r})\n"
        "import children\n"
        "from tilework.engine.api import Model\n"
        "codes, done = Model.codes, []\n"
        "def once(self, pixels):\n"
        "    if not done:\n"
        "        done.append(children.run([sys.executable, '-m', 'tilework', *sys.argv[1:]], capture_output=True, text=True))\n"
        "        print(done[0].returncode, done[0].stderr)\n"
        "    return codes(self, pixels)\n"
        "Model.codes = once\n"
        "from tilework.cli import main\n"
        "main()\n"
    )
    words = ["encode", str(run.path), "--out", str(tmp_path / "tokens"), "--which", "last"]
    found = children.run([sys.executable, str(script), *words], warm=True, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert "2 error:" in found.stdout
    assert "being written by another process" in found.stdout
    assert len(open_tokens(tmp_path / "tokens")) == 1797


def test_a_decoding_that_was_interrupted_goes_on(run: RunFolder, tilework: Command, tmp_path: Path) -> None:
    out, images = tmp_path / "tokens", tmp_path / "images"
    assert tilework("encode", run.path, "--out", out, "--which", "last").code == 0
    assert tilework("decode", out, "--out", images).code == 0
    before = {path: path.read_bytes() for path in images.rglob("*.png")}
    for path in list(before)[::3]:
        path.unlink()
    about = json.loads((images / "decoded.json").read_text())
    (images / "decoded.json").write_text(json.dumps(about | {"complete": False}))
    assert "1,198 were there already" in tilework("decode", out, "--out", images).out
    assert {path: path.read_bytes() for path in images.rglob("*.png")} == before
    assert json.loads((images / "decoded.json").read_text())["complete"]


def test_help_without_torch() -> None:
    for command in ("encode", "decode"):
        done = children.run(
            [sys.executable, "-X", "importtime", "-m", "tilework", command, "--help"], capture_output=True, text=True
        )
        assert done.returncode == 0
        assert "| torch\n" not in done.stderr
