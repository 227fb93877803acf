"""Every mistake gives one message (what, why, one fix) and exit code 2, no traceback, and damages nothing."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import children
import numpy as np
import pytest
import torch
from commands import PATIENCE, SMALL, Outcome
from PIL import Image
from safetensors.torch import load_file, save_file

from tilework.runs.folder import RunFolder

Command = Callable[..., Outcome]


def refused(outcome: Outcome, *words: str) -> None:
    """The command ended with exit code 2 and one message: error, why, fix, and all of `words`."""
    assert outcome.code == 2, outcome
    err = re.sub(r"\s+", " ", outcome.err)
    assert "Traceback" not in err
    assert err.count("error:") == 1, err
    assert "why:" in err, err
    assert "fix:" in err, err
    for word in words:
        assert word in err, f"{word!r} is not in {err!r}"


def nothing_made() -> None:
    """No run folder was left behind."""
    root = Path(os.environ["TILEWORK_RUNS"])
    assert not root.exists() or not list(root.iterdir())


def fingerprint(folder: Path) -> dict[str, str]:
    """Every file of a folder with its content's hash; what only marks presence (lock, SQLite's shared memory) left out."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "lock" and not p.name.endswith(("-shm", "-wal"))
    }


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("engine.epoch=3", ["unknown key engine.epoch", "epochs"]),
        ("bottleneck.codez=3", ["unknown key bottleneck.codez", "codes"]),
        ("bottlenek.codes=3", ["unknown key bottlenek", "bottleneck"]),
        ("engine.epochs=many", ["engine.epochs", "many"]),
        ("bottleneck.codes=true", ["bottleneck.codes"]),
        ("optimizer.lr=fast", ["optimizer.lr", "fast"]),
        ("engine.batch_size=0", ["engine.batch_size", "1"]),
        ("bottleneck.codes=-4", ["bottleneck.codes", "-4"]),
        ("data.size=28by28", ["28by28"]),
        ("bottleneck.kind=vqq", ["vqq", "vq"]),
        ("objective.lpipz=1", ["lpipz", "lpips"]),
        ("data.kind=digit", ["digit", "digits"]),
        ("data.path=IMAGES", ["unknown key data.path", "add data.kind=images"]),
        ("engine.device=tpu", ["engine.device", "tpu"]),
        ("engine.monitor=happiness", ["engine.monitor", "happiness"]),
        ("nonsense", ["'nonsense' is not an override"]),
        ("trackers=mlflow2", ["trackers", "mlflow2"]),
        ("objective.kl=1", ["objective.kl", "gaussian"]),
        ("encoder.widths=[8,8,8,8,8]", ["encoder.widths", "data.size"]),
        ("bottleneck.codes=4096", ["bottleneck.codes is 4,096", "tokens"]),
        ("data.split.validation=0", ["data.split.validation"]),
        ("objective.lpips=0.1", ["lpips", "weights"]),
        ("optimizer.lr=-1", ["optimizer.lr"]),
    ],
)
def test_settings(tilework: Command, override: str, words: list[str]) -> None:
    refused(tilework("train", "rqvae-digits", *SMALL, override), *words)
    nothing_made()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["train"], ["tilework train rqvae-digits", "tilework recipes"]),
        (["train", "--steps", "3"], ["no option --steps", "engine.steps=3"]),
        (["train", "rqvae-digits", "--batch-size=16"], ["no option --batch-size=16", "engine.batch_size=16"]),
        (["train", "rqvae-digits", *SMALL, "--lr", "0.1"], ["no option --lr", "optimizer.lr=0.1"]),
        (["resume", "last", "--epochs", "40"], ["resume has no option --epochs", "engine.epochs=40"]),
    ],
)
def test_options_of_other_tools_and_no_recipe(tilework: Command, words: list[str], expected: list[str]) -> None:
    refused(tilework(*words), *expected)
    nothing_made()


def test_recipe_that_does_not_exist(tilework: Command) -> None:
    refused(tilework("train", "rqvae-digit"), "rqvae-digits")
    refused(tilework("recipes", "show", "narutoo"), "naruto")
    nothing_made()


def test_yaml_that_is_not_yaml(tilework: Command, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: x\n  data: [1,\n")
    refused(tilework("train", broken), "broken.yaml", "line")
    refused(tilework("train", tmp_path / "absent.yaml"), "absent.yaml")


def on_folder(folder: Path) -> tuple[str, ...]:
    return (
        "train",
        "rqvae-digits",
        *SMALL,
        "engine.batch_size=2",
        "bottleneck.codes=2",
        "data.kind=images",
        f"data.path={folder}",
    )


def test_folders_of_images(tilework: Command, tmp_path: Path) -> None:
    images = tmp_path / "images"
    refused(tilework(*on_folder(images)), str(images), "check the spelling", str(Path.cwd()))
    images.mkdir()
    refused(tilework(*on_folder(images)), str(images))
    (images / "empty.png").write_bytes(b"")
    (images / "text.png").write_text("not an image")
    refused(tilework(*on_folder(images)), "empty.png")
    nothing_made()


def test_one_unreadable_image_is_left_out_and_reported(tilework: Command, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        Image.fromarray(rng.integers(0, 255, (28, 28), dtype=np.uint8)).save(images / f"{number}.png")
    (images / "zero.png").write_bytes(b"")
    done = tilework(*on_folder(images))
    assert done.code == 0, done.err
    assert "zero.png" in done.out + done.err
    refused(tilework(*on_folder(images), "data.strict=true"), "zero.png")


def test_mixed_sizes_are_resized_or_refused_as_the_spec_asks(tilework: Command, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for number in range(12):
        Image.new("L", (28 + 3 * number, 28), number * 20).save(images / f"{number}.png")
    assert tilework(*on_folder(images)).code == 0
    refused(tilework(*on_folder(images), "data.fit=refuse"), "data.fit", "1.png")


def test_missing_run(tilework: Command, small_run: RunFolder) -> None:
    for command in ("resume", "show", "report"):
        refused(tilework(command, "no-such-run"), "no-such-run")
    refused(tilework("show", small_run.id[:-2] + "zz"), small_run.id)


def test_run_of_another_version(tilework: Command, small_run: RunFolder) -> None:
    info = json.loads(small_run.info_file.read_text())
    small_run.info_file.write_text(json.dumps({**info, "format": 99}))
    for command in ("resume", "show", "report"):
        refused(tilework(command, small_run.id), "99")
    listed = tilework("runs")
    assert listed.code == 0
    assert "unreadable" in listed.out


def checkpoint_of(run: RunFolder) -> Path:
    return run.checkpoints / json.loads((run.checkpoints / "last.json").read_text())["folder"]


def test_checkpoint_of_another_format(tilework: Command, small_run: RunFolder) -> None:
    about = checkpoint_of(small_run) / "model.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "format": 7}))
    refused(tilework("resume", small_run.id, "engine.steps=8"), "format 7")


def test_checkpoint_with_missing_and_renamed_tensors(tilework: Command, small_run: RunFolder) -> None:
    weights = checkpoint_of(small_run) / "model.safetensors"
    tensors = load_file(weights)
    first = sorted(tensors)[0]
    save_file({k if k != first else "renamed.weight": v for k, v in tensors.items()}, weights)
    before = fingerprint(small_run.path)
    refused(tilework("resume", small_run.id, "engine.steps=8"), first, "renamed.weight")
    assert fingerprint(small_run.path) == before


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("import pytest; pytest._unpickled = True",))


@pytest.mark.parametrize("name", ["model.safetensors", "state.pt"])
@pytest.mark.parametrize("how", ["pickle", "torch"])
def test_pickle_where_tensors_belong(tilework: Command, small_run: RunFolder, name: str, how: str) -> None:
    path = checkpoint_of(small_run) / name
    if how == "pickle":
        path.write_bytes(pickle.dumps(Bomb()))
    else:
        torch.save({"x": Bomb()}, path)
    refused(tilework("resume", small_run.id, "engine.steps=8"), name)
    assert not hasattr(pytest, "_unpickled")


def test_checkpoint_cut_short(tilework: Command, small_run: RunFolder) -> None:
    weights = checkpoint_of(small_run) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    refused(tilework("resume", small_run.id, "engine.steps=8"), "model.safetensors", "cut short")


def test_no_checkpoint_at_all(tilework: Command, small_run: RunFolder) -> None:
    shutil.rmtree(small_run.checkpoints)
    refused(tilework("resume", small_run.id), "no checkpoint")


def test_resume_keeps_its_spec_and_its_images(tilework: Command, small_run: RunFolder) -> None:
    refused(tilework("resume", small_run.id, "bottleneck.codes=8"), "bottleneck.codes=8")
    about = checkpoint_of(small_run) / "model.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "content_hash": "other"}))
    refused(tilework("resume", small_run.id, "engine.steps=8"), "images")


def test_two_processes_resume_one_run(tilework: Command, small_run: RunFolder) -> None:
    command = [
        sys.executable,
        "-m",
        "tilework",
        "resume",
        str(small_run.path),
        "engine.steps=1000000",
        "engine.epochs=1000000",
    ]
    first = children.start(command, warm=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        began = time.monotonic()  # a busy machine may need a minute to load torch
        while "running" not in tilework("show", small_run.id).out and time.monotonic() - began < 240:
            time.sleep(0.2)
        refused(tilework("resume", small_run.id, "engine.steps=8"), str(first.pid))
    finally:
        first.terminate()
        assert first.wait(PATIENCE) == 130
    assert "stopped" in tilework("show", small_run.id).out
    assert tilework("resume", small_run.id, "engine.stop_after_minutes=1e-9").code == 0


def test_no_write_permission(tilework: Command, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("a file where the folder of runs should be")
    refused(tilework("train", "rqvae-digits", *SMALL, "--runs", in_the_way), str(in_the_way))
    if os.geteuid() != 0:  # root may write anywhere
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
        refused(tilework("train", "rqvae-digits", *SMALL, "--runs", locked), str(locked))


def test_full_disk_while_training(tmp_path: Path) -> None:
    """A file-size limit stands in for a full disk: the writes of a real training process fail half-way."""
    runs = tmp_path / "runs"
    environment = {**os.environ, "TILEWORK_RUNS": str(runs)}
    command = [sys.executable, "-m", "tilework", "train", "rqvae-digits", *SMALL, "engine.steps=40", "engine.epochs=9"]
    command += ["engine.save_every_steps=5"]
    done = children.run(command, warm=True, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (run,) = runs.iterdir()
    largest = max(p.stat().st_size for p in run.rglob("*") if p.is_file())
    limit = max(1, largest // 1024 - 40) * 1024
    code = (
        "import resource, runpy, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "runpy.run_module('tilework', run_name='__main__', alter_sys=True)\n"
    )
    limited = [sys.executable, "-c", code, *command[3:]]
    failed = children.run(limited, warm=True, env=environment, capture_output=True, text=True)
    assert failed.returncode in {1, 2}, failed.stderr
    assert "Traceback" not in failed.stderr
    assert "fix:" in failed.stderr
    for folder in runs.iterdir():
        assert not list(folder.glob("checkpoints/.writing-*"))
