"""Ctrl-C and SIGTERM at any moment of a real process end it cleanly, and what it prints to type next works."""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import children
import pytest
from commands import PATIENCE, SMALL, Outcome
from warm import shell_folder

from tilework.runs.folder import RunFolder
from tilework.runs.status import RunStatus, run_status

Command = Callable[..., Outcome]
LONG = (*SMALL, "engine.steps=1000000", "engine.epochs=1000000", "engine.save_every_minutes=1000")


def end_of(text: str) -> str:
    """The command after `next`, or after `Go on with:`."""
    line = next(line for line in text.splitlines() if line.startswith("next") or "Go on with:" in line)
    return line.removeprefix("next").rpartition("Go on with:")[2].strip()


def start(*arguments: str, warm: bool = True) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tilework", *arguments]
    return children.start(command, warm=warm, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(process: subprocess.Popen[str], there: Callable[[], object]) -> None:
    began = time.monotonic()
    while process.poll() is None and not there() and time.monotonic() - began < PATIENCE:
        time.sleep(0.01)


def folders() -> list[Path]:
    root = Path(os.environ["TILEWORK_RUNS"])
    return [p for p in root.iterdir() if (p / "run.json").is_file()] if root.is_dir() else []


@pytest.mark.parametrize(
    ("which", "seed"), [(signal.SIGINT, 1), pytest.param(signal.SIGTERM, 2, marks=pytest.mark.slow)]
)
def test_a_signal_while_training(which: signal.Signals, seed: int, tmp_path: Path) -> None:
    process = start("train", "rqvae-digits", *LONG)
    wait_for(process, lambda: list(Path(os.environ["TILEWORK_RUNS"]).glob("*/checkpoints/last.json")))
    time.sleep(random.Random(seed).uniform(0, 2))
    process.send_signal(which)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, (out, err)
    assert "Traceback" not in err
    assert ("Ctrl-C" if which == signal.SIGINT else "SIGTERM") in out
    (run,) = map(RunFolder, folders())
    assert run_status(run) is RunStatus.STOPPED
    step = json.loads(
        (run.checkpoints / json.loads((run.checkpoints / "last.json").read_text())["folder"] / "model.json").read_text()
    )["step"]
    # That very command, by a shell; with an end in sight.
    path = f"{shell_folder(tmp_path)}{os.pathsep}{os.environ['PATH']}"
    command = f"{end_of(out)} engine.steps={step + 3}"
    resumed = children.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    assert f"finished after {step + 3:,} steps" in resumed.stdout
    assert run_status(run) is RunStatus.FINISHED


@pytest.mark.parametrize("delay", [0.0, 0.5])
def test_a_second_ctrl_c_soon_after_does_no_harm(tilework: Command, delay: float) -> None:
    process = start("train", "rqvae-digits", *LONG)
    wait_for(process, lambda: list(Path(os.environ["TILEWORK_RUNS"]).glob("*/checkpoints/last.json")))
    process.send_signal(signal.SIGINT)
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, (out, err)
    assert "Traceback" not in err
    (run,) = folders()
    assert not list(run.glob("checkpoints/.writing-*"))
    command = end_of(out + err)
    assert tilework(*shlex.split(command)[1:], "engine.steps=2").code == 0


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no /proc here to see what a process has loaded")
@pytest.mark.parametrize(("which", "seed"), [(signal.SIGINT, 5), (signal.SIGTERM, 6)])
def test_a_signal_while_torch_is_loaded(which: signal.Signals, seed: int) -> None:
    """At a random moment of the first seconds, mostly before anything of a run exists."""
    process = start("train", "rqvae-digits", *LONG, warm=False)
    wait_for(process, lambda: "libtorch" in Path(f"/proc/{process.pid}/maps").read_text())
    time.sleep(random.Random(seed).uniform(0, 1.5))
    process.send_signal(which)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, (out, err)
    assert "Traceback" not in err
    for folder in folders():
        assert list(folder.glob("checkpoints/*/model.json")), "a run that exists can be resumed"


# Runs inside one child process, phase after phase: a real signal from within the phase's own function.
PHASES = """
import importlib, json, os, signal, sys, io, contextlib
from tilework.cli import main
import tilework.engine.launch, tilework.cli.summary

def strike(module, name, which, count, after):
    place, left = importlib.import_module(module), [count]
    *path, last = name.split(".")
    for part in path:
        place = getattr(place, part)
    original = place.__dict__[last]
    function = original.__func__ if isinstance(original, classmethod) else original
    def struck(*arguments, **named):
        left[0] -= 1
        if left[0] == 0 and not after:
            os.kill(os.getpid(), which)
        result = function(*arguments, **named)
        if left[0] == 0 and after:
            os.kill(os.getpid(), which)
        return result
    setattr(place, last, classmethod(struck) if isinstance(original, classmethod) else struck)
    return lambda: setattr(place, last, original)

arguments = json.loads(sys.argv[2])
found = []
for number, (module, name, which, count, after) in enumerate(json.loads(sys.argv[1])):
    runs = os.path.join(os.environ["TILEWORK_RUNS"], str(number))
    undo = strike(module, name, which, count, after)
    sys.argv[:] = ["tilework", "train", *arguments, "--runs", runs]
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code
        except BaseException as error:
            code = repr(error)
    undo()
    found.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(found))
"""
LAUNCH, TASK = "tilework.engine.launch", "tilework.engine.tasks.autoencoder"
INT, TERM = int(signal.SIGINT), int(signal.SIGTERM)
WHERE: dict[str, tuple[str, str, int, int, bool]] = {
    "before images are prepared": ("tilework.engine.autoencoder.images", "prepare", INT, 1, False),
    "after images are prepared": ("tilework.engine.autoencoder.images", "prepare", TERM, 1, True),
    "before the model is built": (TASK, "build_model", TERM, 1, False),
    "before the run's folder": (LAUNCH, "RunFolder.create", INT, 1, False),
    "after the run's folder": (LAUNCH, "RunFolder.create", TERM, 1, True),
    "before k-means": (TASK, "start_codes", INT, 1, False),
    "after k-means": (TASK, "start_codes", TERM, 1, True),
    "in the first validation": (TASK, "validate", INT, 1, False),
    "in the second validation": (TASK, "validate", TERM, 2, True),
    "in the first step": ("tilework.engine.step", "Stepper.step", INT, 1, False),
    "in the last step": ("tilework.engine.step", "Stepper.step", TERM, 6, True),
    "in the first save": ("tilework.engine.checkpoint", "_flush", INT, 1, False),
    "in the last save": ("tilework.engine.checkpoint", "_flush", TERM, 3, True),
    "in the summary": ("tilework.cli.summary", "write_images", INT, 1, False),
}
NO_RUN = 2
"""The last phase before there is a run."""


@pytest.fixture(scope="module")
def struck(once: Callable[..., Path], common: Path) -> tuple[Path, dict[str, Outcome]]:
    """What came of a signal in each phase. Each test goes on with the runs of its own phase."""
    root = common / "struck-runs"

    def strike(folder: Path) -> None:
        command = [sys.executable, "-c", PHASES, json.dumps(list(WHERE.values())), json.dumps(["rqvae-digits", *SMALL])]
        environment = {**os.environ, "TILEWORK_RUNS": str(root), "TILEWORK_CACHE": str(common / "cache")}
        done = children.run(command, warm=True, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        (folder / "outcomes.json").write_text(done.stdout.splitlines()[-1])

    found = json.loads((once("struck", strike) / "outcomes.json").read_text())
    return root, {phase: Outcome(*outcome) for phase, outcome in zip(WHERE, found, strict=True)}


@pytest.mark.parametrize("phase", WHERE)
def test_a_signal_in_every_phase(
    tilework: Command, struck: tuple[Path, dict[str, Outcome]], phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tilework.cli.summary.write_images", lambda run: {})  # what goes on needs none drawn
    root, outcomes = struck
    outcome, number = outcomes[phase], list(WHERE).index(phase)
    assert outcome.code == (0 if phase == "in the last save" else 130), outcome  # all its steps were done already
    assert "Traceback" not in outcome.err
    made = list((root / str(number)).glob("*/run.json"))
    assert bool(made) == (number > NO_RUN), phase
    if not made:
        assert "nothing is lost" in outcome.err
        return
    (run,) = (RunFolder(p.parent) for p in made)
    assert not list(run.checkpoints.glob(".writing-*"))
    assert run_status(run) in {RunStatus.STOPPED, RunStatus.FINISHED}
    command = shlex.split(end_of(outcome.out + outcome.err))[1:]
    done = tilework(*command)
    assert done.code == 0, done.err
    # A run that was stopped after its last step gets that message; `report` is what a finished one is offered.
    ends = ("finished after 6 steps", "already finished at step 6")
    assert command[0] == "report" or any(end in done.out for end in ends)
    assert run_status(run) is RunStatus.FINISHED


def test_the_clock_stops_a_run_with_exit_code_0_and_it_goes_on(tilework: Command) -> None:
    done = tilework("train", "rqvae-digits", *SMALL, "engine.stop_after_minutes=1e-9")
    assert done.code == 0
    assert "stopped after 1 steps" in done.out
    assert "engine.stop_after_minutes" in done.out
    assert "as of step" not in done.out, "its figures are those of where it stands"
    command = shlex.split(end_of(done.out))[1:]
    # The same limit holds for each resume: hosted notebooks give the same hours every time.
    again = tilework(*command)
    assert again.code == 0
    assert "stopped after 2 steps" in again.out
    last = tilework(*command, "engine.stop_after_minutes=null")
    assert last.code == 0
    assert "finished after 6 steps" in last.out
