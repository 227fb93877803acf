"""Real processes: a run that is started, steered, stopped, resumed and deleted from the page, and outlives the studio."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import children
import httpx
import psutil
import pytest
from commands import PATIENCE, SMALL
from fakes.trainer import FakeTrainer
from studio_fakes import Served, serving, until

from tilework.errors import UserError
from tilework.runs.folder import RunFolder
from tilework.runs.lock import holder
from tilework.studio.launch import PATIENCE_SECONDS
from tilework.studio.server import Studio

LONG = [*(o for o in SMALL if not o.startswith(("engine.steps", "engine.epochs"))), "engine.epochs=100000"]


def test_a_run_from_the_form_to_the_trash(root: Path, warm_studio: None) -> None:
    """The whole life of a run, with the real trainer."""
    with serving(root) as served:
        shipped = served.get("/api/recipes").json()["recipes"]
        needed = {recipe["name"]: recipe["needs"] for recipe in shipped}
        assert needed["rqvae-digits"] == shipped[0]["needs"] == []
        assert needed["gamefactory-v2.1.6"] == ["images", "lpips"]
        form = served.get("/api/recipes/rqvae-digits").json()
        assert form["spec"]["bottleneck"]["kind"] == "rq"
        assert "bottleneck.rq" in form["schema"]["$defs"]
        assert served.get("/api/recipes/none").status_code == 404
        _check_names_fields(served)

        began = served.post("/api/runs", {"recipe": "rqvae-digits", "overrides": LONG})
        assert began.status_code == 200, began.text
        run_id = began.json()["id"]
        run = RunFolder(served.studio.root.path / run_id)
        who = holder(run.path)
        assert who is not None
        assert who.pid is not None
        assert list((root / ".studio").iterdir()) == [served.state.root.log_of(run_id)]
        assert os.getsid(who.pid) != os.getsid(0), "Ctrl-C in the studio's terminal is not for the run"
        asyncio.run(_steer(served, run_id))

        assert served.post(f"/api/runs/{run_id}/delete").status_code == 409
        assert served.post(f"/api/runs/{run_id}/resume").status_code == 409
        _stop(served, run)
        found = served.get(f"/api/runs/{run_id}").json()
        assert found["card"]["status"] == "stopped"
        assert any(run_id in line for line in found["log"]), "what the process printed is kept"
        assert served.get(f"/api/runs/{run_id}/thumb.png").content.startswith(b"\x89PNG")
        steps = served.get(f"/api/runs/{run_id}/timeline").json()["steps"]
        assert served.get(f"/api/runs/{run_id}/frames/{steps[0]}").status_code == 200
        assert served.post(f"/api/runs/{run_id}/stop").status_code == 409

        step = found["card"]["step"]
        assert served.post(f"/api/runs/{run_id}/resume").json() == {"id": run_id}
        assert holder(run.path) is not None
        until(lambda: served.get(f"/api/runs/{run_id}").json()["card"]["step"] > step, 60)
        _stop(served, run)
        assert served.post(f"/api/runs/{run_id}/delete").status_code == 200
        assert not run.path.exists()
        until(lambda: served.state.launcher.reap() == 0)
        worker = served.state.forms._worker
        assert worker.poll() is None
    assert worker.poll() is not None, "the worker of the forms ends with the studio"


def _check_names_fields(served: Served) -> None:
    good = served.post("/api/check", {"recipe": "rqvae-digits", "overrides": ["bottleneck.codes=8"]}).json()
    assert good["ok"]
    assert good["spec"]["bottleneck"]["codes"] == 8
    wrong = ["bottleneck.codes=-1", "engine.epohcs=3", "optimizer.lr=fast", "data.path=/x"]
    for override in wrong:
        bad = served.post("/api/check", {"recipe": "rqvae-digits", "overrides": [override]}).json()
        assert bad["ok"] is False, override
        fields = [error["field"] for error in bad["errors"]]
        assert override.split("=")[0] in fields, (override, bad)
        assert all(error["what"] for error in bad["errors"])
    # All of them at once, also where a section finds its own faults.
    several = ["encoder.dense=[128, x]", "bottleneck.codes=-1", "optimizer.lr=-1", "engine.batch_size=0"]
    bad = served.post("/api/check", {"recipe": "rqvae-digits", "overrides": several}).json()
    fields = [error["field"] for error in bad["errors"]]
    assert fields == ["encoder.dense.1", "bottleneck.codes", "optimizer.lr", "engine.batch_size"]
    # What one click fixes is reported as what is set.
    bad = served.post("/api/check", {"recipe": "rqvae-digits", "overrides": ["objective.kl=1"]}).json()
    (error,) = bad["errors"]
    assert (error["field"], error["override"]) == ("objective.kl", "objective.kl=null")
    # What is right is reported beside what is wrong: the form follows another kind.
    several = ["optimizer.lr=1e9", "bottleneck.kind=fsq", "bottleneck.levels=x", "engine.batch_size=0"]
    bad = served.post("/api/check", {"recipe": "rqvae-digits", "overrides": several}).json()
    assert {"optimizer.lr", "bottleneck.levels", "engine.batch_size"} <= {error["field"] for error in bad["errors"]}
    assert bad["spec"]["bottleneck"]["kind"] == "fsq"
    assert bad["fitting"]["objective.codebook"] == "null"
    for override, field in (
        ("bottleneck.kind=odd", "bottleneck"),
        ("odd=1", "odd"),
        ("engine.epochs=null", "engine.epochs"),
    ):
        bad = served.post("/api/check", {"recipe": "rqvae-digits", "overrides": [override]}).json()
        assert [error["field"] for error in bad["errors"]] == [field], "once"
    # Read, and yet it could not train: its fields are there, what is wrong is at its field, and so is what would fit.
    other = served.post("/api/check", {"recipe": "rqvae-digits", "overrides": ["bottleneck.kind=gaussian"]}).json()
    assert other["ok"] is False
    assert other["spec"]["bottleneck"]["kind"] == "gaussian"
    assert {error["field"] for error in other["errors"]} == {"objective.codebook", "objective.commitment"}
    fitted = [f"{path}={text}" for path, text in other["fitting"].items()]
    assert "objective.commitment=null" in fitted
    again = {"recipe": "rqvae-digits", "overrides": ["bottleneck.kind=gaussian", *fitted]}
    assert served.post("/api/check", again).json()["ok"]
    refused = served.post("/api/runs", {"recipe": "rqvae-digits", "overrides": ["bottleneck.codes=-1"]})
    assert refused.status_code == 400
    assert "codes" in refused.json()["error"]["what"]
    # A spec that is well formed and cannot run: the process reports why before there is a run.
    answer = served.post(
        "/api/runs", {"recipe": "rqvae-digits", "overrides": ["data.kind=images", "data.path=/no/such"]}
    )
    assert answer.status_code == 400, answer.text
    assert "/no/such" in answer.json()["error"]["what"]
    assert served.get("/api/runs").json()["runs"] == []


async def _steer(served: Served, run_id: str) -> None:
    async with served.run(run_id) as page:
        hello = await page.of_type("hello", 30)
        name = "objective.commitment"
        while name not in [setting["name"] for setting in hello["steerable"]]:
            hello = await page.of_type("hello", 60)
        frame = (await page.of_type("frame", 60))["frame"]
        assert frame["view"]["kind"] == "plane"
        await page.send({"type": "command", "ref": 1, "kind": "pause"})
        await page.until(lambda m: m["type"] == "frame" and m["frame"]["state"] == "paused", 60)
        await page.send({"type": "command", "ref": 2, "kind": "set", "payload": {"name": name, "value": 0.7}})
        changed = await page.until(lambda m: m["type"] == "frame" and m["frame"]["values"].get(name) == 0.7, 60)
        assert changed["frame"]["applied"][-1]["status"] == "applied"
        step = changed["frame"]["step"]
        await page.send({"type": "command", "ref": 3, "kind": "step", "payload": {"n": 2}})
        await page.until(
            lambda m: m["type"] == "frame" and m["frame"]["step"] == step + 2 and m["frame"]["state"] == "paused", 60
        )
        await page.send({"type": "command", "ref": 4, "kind": "run"})
        await page.until(lambda m: m["type"] == "frame" and m["frame"]["step"] > step + 4, 60)
        # Marks come from the journal and may follow the frame that shows the change.
        if not any(_marks_set(m) for m in page.texts):
            await page.until(_marks_set, 60)


def _marks_set(message: dict[str, Any]) -> bool:
    return message["type"] == "marks" and any(mark["kind"] == "set" for mark in message["marks"])


def _stop(served: Served, run: RunFolder) -> None:
    assert served.post(f"/api/runs/{run.id}/stop").status_code == 200
    until(lambda: holder(run.path) is None, 90)
    until(lambda: served.get(f"/api/runs/{run.id}").json()["card"]["status"] == "stopped")


# The command ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def command(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`tilework ...` in a process of its own, and the URL that it printed."""
    process = children.start(
        [sys.executable, "-m", "tilework", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    output = ""
    try:
        while "http://" not in output:
            line = process.stdout.readline()
            assert line, f"it ended: {output}"
            output += line
        yield process, next(word for word in output.split() if word.startswith("http://"))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_the_studio_may_be_killed_and_the_trainer_does_not_notice(root: Path) -> None:
    trainer = FakeTrainer(root)
    assert trainer.live is not None
    with command("studio", "--port", 0, "--runs", root) as (process, url):
        with httpx.Client(follow_redirects=True, trust_env=False) as client:
            assert client.get(url).status_code in {200, 503}
            assert client.get(url.split("?")[0] + "api/runs").json()["runs"][0]["id"] == trainer.run.id
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
    for _ in range(20):
        trainer.steps(1)
        trainer.frame()
    assert not trainer.live.watched
    trainer.end()
    with serving(root) as served:
        assert served.get("/api/runs").json()["runs"][0]["status"] == "finished"


def test_ctrl_c_ends_the_studio_quickly_with_pages_open(root: Path) -> None:
    trainer = FakeTrainer(root)
    with command("studio", "--port", 0, "--runs", root) as (process, url):
        address = url.split("/")[2]
        cookie = httpx.get(url, trust_env=False).headers["set-cookie"].split(";")[0]

        async def look() -> float:
            from websockets.asyncio.client import connect

            headers = {"Cookie": cookie}
            async with connect(
                f"ws://{address}/ws/runs/{trainer.run.id}", additional_headers=headers, origin=f"http://{address}"
            ) as page:
                await page.recv()
                began = time.monotonic()
                process.send_signal(signal.SIGINT)
                with contextlib.suppress(Exception):
                    while True:
                        await asyncio.wait_for(page.recv(), 10)
                await asyncio.to_thread(process.wait, 10)
                return time.monotonic() - began

        assert asyncio.run(look()) < 5
        assert process.returncode == 0
        assert process.stdout is not None
        rest = process.stdout.read()
        assert "Traceback" not in rest
        assert "token=" not in rest
    trainer.end()


def test_the_token_is_printed_once_and_in_no_log(root: Path) -> None:
    with command("studio", "--port", 0, "--runs", root) as (process, url):
        token = url.partition("token=")[2]
        httpx.get(url, trust_env=False)
        httpx.get(url.replace(token, "wrong"), trust_env=False)
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        assert process.stdout is not None
        assert token not in process.stdout.read()


def test_a_port_in_use_is_reported_with_the_way_out(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match="in use") as error:
            Studio(root, port=port)
        assert error.value.fix.endswith(f"--port {port + 1}")
    with pytest.raises(UserError):
        Studio(root, host="203.0.113.7", port=0)


def test_another_host_is_warned_about_and_has_its_own_names(root: Path, tilework: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Studio, "run", lambda self, ready: (ready(), self.close()))
    done = tilework("studio", "--host", "0.0.0.0", "--port", 0, "--runs", root)
    assert done.code == 0
    assert "other machines can reach this studio" in done.out
    quiet = tilework("studio", "--port", 0, "--runs", root)
    assert "other machines" not in quiet.out
    studio = Studio(root, host="0.0.0.0", port=0)
    assert f"127.0.0.1:{studio.port}" in studio.keys.hosts
    assert not any(name.startswith("0.0.0.0") for name in studio.keys.hosts if "0.0.0.0" not in name)
    studio.close()


def test_a_start_that_takes_too_long_is_reported(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.state.launcher, "train", lambda spec: None)
    monkeypatch.setattr(served.state.forms, "check", lambda body: {"ok": True, "yaml": "name: x\n"})
    answer = served.post("/api/runs")
    assert answer.status_code == 409
    assert "still being prepared" in answer.json()["error"]["what"]


def test_a_start_that_is_waited_for_does_not_hold_the_studio(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its images take long to prepare; the studio is closed meanwhile, and the process goes on."""
    child = children.start([sys.executable, "-c", "import time; time.sleep(600)"])
    with serving(root) as served:
        monkeypatch.setattr(served.state.launcher, "_spawn", lambda arguments, log, stage: child)
        monkeypatch.setattr(served.state.forms, "check", lambda body: {"ok": True, "yaml": "name: x\n"})

        def ask() -> None:
            with contextlib.suppress(httpx.HTTPError):
                served.post("/api/runs")

        asking = threading.Thread(target=ask)
        asking.start()
        until(lambda: list((served.studio.root.path / ".studio").glob("new-*.yaml")))
        began = time.monotonic()
    assert time.monotonic() - began < PATIENCE_SECONDS, "the studio waited for the start"
    asking.join(PATIENCE)
    assert child.poll() is None
    child.kill()
    child.wait()


def test_demo_live_is_a_run_of_its_own_and_ctrl_c_ends_both(root: Path) -> None:
    with command("demo", "--live", "--port", 0, "--runs", root) as (process, url):
        run_id = url.partition("#/runs/")[2]
        run = RunFolder(root / run_id)
        who = holder(run.path)
        assert who is not None
        assert who.pid != process.pid
        child = psutil.Process(who.pid)
        with httpx.Client(follow_redirects=True, trust_env=False) as client:
            client.get(url.partition("#")[0])
            card = client.get(url.partition("?")[0] + f"api/runs/{run_id}").json()["card"]
            assert card["status"] == "running"
        until(lambda: (run.checkpoints / "last.json").is_file())
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
        assert holder(run.path) is None
        assert json.loads(run.info_file.read_text())["name"] == "rqvae-digits"
    with serving(root) as served:
        assert served.get(f"/api/runs/{run_id}").json()["card"]["status"] in {"stopped", "finished"}
