"""A start that nobody waits for: where it is, what came of it; and the process that waits to become one."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import children
import pytest
from commands import PATIENCE, SMALL
from studio_fakes import Served, serving, until

from tilework.runs import stage
from tilework.runs.lock import holder
from tilework.studio import spare as spares
from tilework.studio.spare import Spare

SPEC = {"recipe": "rqvae-digits", "overrides": ["seed=3"]}
Program = Callable[[str], list[Any]]


@pytest.fixture
def program(served: Served, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Has the studio start a Python program in place of a training; gives the list of (words, process)."""

    def use(text: str) -> list[Any]:
        spawned: list[Any] = []

        def spawn(words: list[str], log: Path, file: Path | None = None) -> Any:
            with log.open("ab") as out:
                given = {**os.environ, stage.FILE: str(file)}
                child = children.start([sys.executable, "-c", text], env=given, stdout=out, stderr=out)
            spawned.append((words, child))
            return child

        monkeypatch.setattr(served.state.launcher, "_spawn", spawn)
        return spawned

    return use


def test_a_start_answers_at_once_and_shows_where_it_is(served: Served, root: Path, program: Program) -> None:
    assert served.get("/api/starts").json() == {"starts": []}
    go_on = root / "go-on"
    spawned = program(
        "import pathlib, time\nfrom tilework.runs.stage import Stage, note\nnote(Stage('images', 340, 1797))\n"
        f"while not pathlib.Path({str(go_on)!r}).exists(): time.sleep(0.01)\n"
        "from tilework.errors import UserError\nfrom tilework.runs.stage import note_error\n"
        "note_error(UserError('it has no images', why='the folder is empty', fix='add some'))\nraise SystemExit(2)\n"
    )
    begun = served.post("/api/starts", SPEC).json()
    assert (begun["about"], begun["over"], begun["run"], begun["problem"]) == ("rqvae-digits", False, None, None)
    assert spawned[0][0] == ["train", "rqvae-digits", "seed=3", "--runs", str(root)]
    of = f"/api/starts/{begun['name']}"
    until(lambda: served.get(of).json()["stage"] == "images")
    now = served.get(of).json()
    assert (now["done"], now["total"]) == (340, 1797)
    assert [one["name"] for one in served.get("/api/starts").json()["starts"]] == [begun["name"]]
    go_on.touch()
    until(lambda: served.get(of).json()["over"])
    ended = served.get(of).json()
    assert ended["problem"] == {"what": "it has no images", "why": "the folder is empty", "fix": "add some"}
    assert ended["run"] is None
    assert served.get("/api/starts").json() == {"starts": []}
    assert list((root / ".studio").iterdir()) == [], "nothing half-made stays"
    assert served.post(f"{of}/cancel").status_code == 409
    assert served.get("/api/starts/new-other").status_code == 404


def test_a_start_is_cancelled_as_ctrl_c_does(served: Served, root: Path, program: Program) -> None:
    ready = root / "ready"
    spawned = program(f"import pathlib, time\npathlib.Path({str(ready)!r}).touch()\ntime.sleep(1000)\n")
    served.post("/api/starts", SPEC)
    until(ready.exists)
    ((_, child),) = spawned
    of = f"/api/starts/{served.get('/api/starts').json()['starts'][0]['name']}"
    assert served.post(f"{of}/cancel").status_code == 200
    assert child.wait(PATIENCE) != 0
    until(lambda: served.get(of).json()["over"])
    assert served.get(of).json()["run"] is None


@pytest.mark.parametrize("override", ["--runs=/elsewhere", "-h", "=3", "seed", "a b=3", "seed=3\0"])
def test_no_override_becomes_an_option_of_the_command(served: Served, program: Program, override: str) -> None:
    spawned = program("")
    answer = served.post("/api/starts", {"recipe": "rqvae-digits", "overrides": [override]})
    assert (answer.status_code, spawned) == (400, [])
    assert served.post("/api/starts", {"recipe": "../secret"}).status_code == 404


# The process that waits -----------------------------------------------------------------------------------------------


def waiting(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """The program of a spare process, in place of the one that loads torch."""

    def start(words: list[str], **options: Any) -> Any:
        assert words[1:3] == ["-m", "tilework.cli.spare"]
        options.pop("start_new_session")  # it is one there
        return children.start([sys.executable, "-c", text], **options)

    class Named:
        PIPE, STDOUT, Popen = spares.subprocess.PIPE, spares.subprocess.STDOUT, staticmethod(start)

    monkeypatch.setattr(spares, "subprocess", Named)
    monkeypatch.setattr(spares, "LEAST_MEMORY", 0)


ECHO = "import sys\nline = sys.stdin.readline()\nprint(line, flush=True)\n"


@pytest.fixture
def spare(tmp_path: Path) -> Any:
    made = Spare(lambda name: tmp_path / name)
    yield made
    made.close()


def test_one_process_waits_and_becomes_the_command(
    spare: Spare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(monkeypatch, ECHO)
    assert spare.take(["train"]) is None, "there is none until a page asks for one"
    assert spare.keep()
    assert spare.keep()
    (first,) = tmp_path.glob("spare-*.log")
    taken = spare.take(["train", "a b", "--runs", "/x"])
    assert taken is not None
    assert taken.log == first
    assert taken.child.wait(PATIENCE) == 0
    assert json.loads(first.read_text()) == ["train", "a b", "--runs", "/x"]
    assert spare.take(["train"]) is None, "each is given away once"


def test_it_ends_when_no_page_asks_any_more_and_with_the_studio(
    spare: Spare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(monkeypatch, ECHO)
    monkeypatch.setattr(spares, "KEPT_SECONDS", 0.01)
    assert spare.keep()
    until(lambda: spare._waiting is None and not list(tmp_path.iterdir()))
    monkeypatch.setattr(spares, "KEPT_SECONDS", 1000.0)
    assert spare.keep()
    waits = spare._waiting
    assert waits is not None
    spare.close()
    assert waits.child.poll() is not None
    assert list(tmp_path.iterdir()) == []
    assert not spare.keep(), "after the studio's end there is no other"


def test_one_that_cannot_be_loaded_is_not_started_again_and_again(
    spare: Spare, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(monkeypatch, "raise SystemExit(3)")
    assert spare.keep()
    assert spare._waiting is not None
    spare._waiting.child.wait(PATIENCE)
    assert not spare.keep()
    assert spare.take(["train"]) is None


def test_there_is_none_where_memory_is_short(spare: Spare, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch, ECHO)
    monkeypatch.setattr(spares, "LEAST_MEMORY", 2**62)
    assert not spare.keep()


def test_the_process_takes_one_command_and_ends_with_its_input(tmp_path: Path) -> None:
    """The program itself: its stage, and what ends it."""
    file = tmp_path / "a.stage"
    file.touch()
    words = [sys.executable, "-m", "tilework.cli.spare"]
    options: dict[str, Any] = {
        "stdin": children.subprocess.PIPE,
        "stdout": children.subprocess.PIPE,
        "text": True,
        "env": {**os.environ, stage.FILE: str(file)},
        "warm": True,
    }
    waits = children.start([*words, "1000"], **options)
    until(lambda: (stage.read(file) or stage.Stage("")).name == "ready")
    assert _reply(waits, json.dumps(["--version"])).startswith("tilework ")
    left = children.start([*words, "1000"], **options)
    left.stdin.close()
    assert left.wait(PATIENCE) == 0
    late = children.start([*words, "0"], **options)
    assert late.wait(PATIENCE) == 0, "its time was over"


def _reply(process: Any, line: str) -> str:
    process.stdin.write(line + "\n")
    process.stdin.close()
    out: str = process.stdout.read()
    assert process.wait(PATIENCE) == 0
    return out


def test_a_run_from_a_process_that_waited(root: Path, warm_studio: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the real trainer: the waiting process is the one that trains, in the run's folder alone, and is no run before."""
    monkeypatch.setattr(spares, "LEAST_MEMORY", 0)
    with serving(root) as served:
        assert served.post("/api/spare").json() == {"kept": True}
        until(lambda: served.state.launcher.spare.loaded)
        assert served.get("/api/runs").json()["runs"] == []
        pid = served.state.launcher.spare._waiting.child.pid
        long = [
            *(one for one in SMALL if not one.startswith(("engine.steps", "engine.epochs"))),
            "engine.epochs=100000",
        ]
        begun = served.post("/api/starts", {"recipe": "rqvae-digits", "overrides": long}).json()
        of = f"/api/starts/{begun['name']}"
        until(lambda: served.get(of).json()["run"] or served.get(of).json()["problem"])
        start = served.get(of).json()
        assert start["problem"] is None
        who = holder(root / start["run"])
        assert who is not None
        assert who.pid == pid
        until(lambda: served.get(of).json()["over"])
        assert [file.name for file in (root / ".studio").iterdir()] == [f"{start['run']}.log"]
        os.kill(pid, signal.SIGINT)
        until(lambda: served.state.launcher.reap() == 0)
