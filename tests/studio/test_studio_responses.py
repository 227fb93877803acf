"""Whatever the studio answers and sends is as the protocol's models define it: every route of the app, every
message."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from conforming import faults, frame_faults
from fakes.trainer import FakeTrainer
from starlette.routing import WebSocketRoute
from studio_fakes import Page, Served

from tilework.protocol import http, socket
from tilework.protocol.errors import ErrorResponse
from tilework.protocol.models import fields_of
from tilework.runs.folder import RunFolder
from tilework.runs.frames import unpack
from tilework.studio.app import ROUTES
from tilework.studio.starts import Start

WORKER = {"/api/check", "/api/explain", "/api/recipes/{name}", "/api/runs/{id}/explain", "/api/runs/{id}/form"}
"""What is asked of a process of its own, which takes a while to come."""
SPEC = {"recipe": "vae-digits", "overrides": ["seed=3"]}
BODIES: dict[str, dict[str, Any]] = {
    "/api/key": {},
    "/api/check": SPEC,
    "/api/explain": SPEC,
    "/api/runs": SPEC,
    "/api/starts": SPEC,
    "/api/starts/{name}/cancel": {},
    "/api/spare": {},
    "/api/suggest": {"paths": ["/home/me/pets"]},
    "/api/runs/{id}/resume": {"to_step": 2000},
    "/api/runs/{id}/apply": {"code": "overfitting"},
    "/api/runs/{id}/stop": {},
    "/api/runs/{id}/delete": {},
    "/api/models/{id}/file": {"ask": {"kind": "about"}, "format": "png"},
}
MODEL = {"/api/models/{id}/image", "/api/models/{id}/file"}
"""What the process of a model answers: tests of its own try it."""
BROUGHT = {"/api/suggest", "/api/suggested/{id}", "/api/suggested/{id}/sheet.png"}
"""What needs a folder of images: tried in test_studio_folders.py."""
FOUND = {"/api/runs/{id}/findings/{code}/image"}
"""What only a run with such a finding has: tests of its own try it (test_studio_before_runs.py)."""
QUERIES = {"/api/compare": "?a={id}&b={id}", "/api/runs/{id}/curves": "?most=10"}
ASKED = [route for route in http.ROUTES if route.method != "WS"]


def filled(route: http.Route, **values: Any) -> str:
    """The address of an example of a route."""
    values = {"name": "vae-digits", "path": "nothing.js", "step": 3, "code": "codebook-collapse", **values}
    return (route.path + QUERIES.get(route.path, "")).format(**values)


@pytest.fixture
def full(trainer: FakeTrainer) -> FakeTrainer:
    """A run that has something of everything."""
    trainer.steps(3)
    trainer.store.log(3, 0.3, {"mse": float("nan"), "psnr": 12.0, "codes": 16.0, "used.1": 3.0, "tokens": 99.0}, "val")
    trainer.store.event("set", 2, name="objective.commitment", before=0.25, value=1.0)
    trainer.store.finding("dead-codes", "warning", 3, what="half of them")
    trainer.keep()
    images = np.zeros((8, 28, 28, 1), np.uint8)
    np.savez_compressed(trainer.run.snapshots / "r.npz", reconstructions=images)
    trainer.store.snapshot(3, 0.3, "reconstructions", "snapshots/r.npz")
    trainer.store.flush()
    return trainer


def test_the_routes_of_the_app_are_those_of_the_protocol() -> None:
    found = set()
    for route in ROUTES:
        path = re.sub(r":\w+\}", "}", route.path)
        methods = {"WS"} if isinstance(route, WebSocketRoute) else (route.methods or set()) - {"HEAD"}
        found |= {(method, path) for method in methods}
    assert found == {(route.method, route.path) for route in http.ROUTES}
    with_json = [route for route in ASKED if route.method == "POST" and not isinstance(route.body, str)]
    assert set(BODIES) == {route.path for route in with_json}
    for route in with_json:
        assert list(faults(BODIES[route.path], route.body)) == []


def answered(served: Served, route: http.Route, run_id: str) -> Any:
    """What a route answers to its example, as JSON or bytes."""
    path = filled(route, id=run_id)
    given = served.get(path) if route.method == "GET" else served.post(path, BODIES[route.path])
    assert given.status_code == 200, f"{path}: {given.text[:300]}"
    if isinstance(route.response, str):
        assert given.headers["content-type"].startswith(route.response)
        return given.content
    return given.json()


def test_every_answer_is_as_its_model_defines(
    served: Served, root: Path, full: FakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher, forms = served.state.launcher, served.state.forms
    monkeypatch.setattr(launcher, "train", lambda spec: full.run.id)
    monkeypatch.setattr(launcher, "resume", lambda run, overrides: None)
    monkeypatch.setattr(launcher, "apply", lambda run, code: full.run.id)
    start = Start("new-1", "vae-digits", root / "log", root / "stage", frozenset())
    monkeypatch.setattr(launcher, "begin", lambda source, overrides, about: start)
    monkeypatch.setattr(launcher, "start_of", lambda name: start)
    monkeypatch.setattr(launcher, "cancel", lambda name: start)
    monkeypatch.setattr(launcher.spare, "keep", lambda: True)
    monkeypatch.setattr(forms, "check", lambda body: {"ok": True, "spec": {}, "fitting": {}, "yaml": ""})
    monkeypatch.setattr(forms, "warm", lambda: None)
    last = next(route for route in ASKED if route.path.endswith("/delete"))  # there is nothing to ask after it
    for route in [one for one in ASKED if one is not last] + [last]:
        if route.path in WORKER | MODEL | FOUND | BROUGHT or route.path in {"/", "/assets/{path}"}:
            continue
        if route is last:
            full.end()
        found = answered(served, route, full.run.id)
        if not isinstance(route.response, str):
            assert list(faults(found, route.response, route.path)) == []
        elif route.path.endswith("/frames/{step}"):
            assert list(frame_faults(*unpack(found))) == []


def test_runs_that_cannot_be_read_are_reported_in_the_same_way(served: Served, full: FakeTrainer) -> None:
    """A damaged store, one that is missing, a later format, a spec that is none."""
    root = full.run.path.parent
    damaged, later, bare = (RunFolder.create(root, name, "name: a\n") for name in ("damaged", "later", "bare"))
    damaged.db.write_bytes(b"nothing" * 1000)
    later.info_file.write_text('{"format": 99, "tilework": "9"}')
    bare.spec_file.write_text("[")
    assert list(faults(served.get("/api/runs").json(), http.RunsResponse)) == []
    for run in (damaged, later, bare):
        assert list(faults(served.get(f"/api/runs/{run.id}").json(), http.RunResponse)) == []
        assert list(faults(served.get(f"/api/compare?a={run.id}&b={full.run.id}").json(), http.CompareResponse)) == []


def test_what_the_forms_answer_is_as_their_models_define(served: Served, full: FakeTrainer) -> None:
    from tilework.spec import dump_yaml, load_spec

    full.run.spec_file.write_text(dump_yaml(load_spec("vae-digits")), encoding="utf-8")
    for route in (one for one in ASKED if one.path in WORKER):
        assert list(faults(answered(served, route, full.run.id), route.response, route.path)) == []
    for overrides in (["encoder.widths=none"], ["nothing=1"], ["bottleneck.kind=vq"], ["data.kind="], ["x"]):
        found = served.post("/api/check", {"recipe": "vae-digits", "overrides": overrides}).json()
        assert list(faults(found, http.CheckResponse)) == []
        refused = (
            served.post("/api/runs", {"recipe": "vae-digits", "overrides": overrides}) if not found["ok"] else None
        )
        assert refused is None or list(faults(refused.json(), ErrorResponse)) == []


@pytest.mark.parametrize("route", ASKED, ids=lambda one: f"{one.method} {one.path}")
def test_every_refusal_is_as_its_model_defines(served: Served, route: http.Route) -> None:
    """No such run, a body that is none, no key, a wrong origin, a wrong method."""
    path = filled(route, id="nowhere", name="nothing")
    asked = [
        served.ask(route.method, path, content="[1]"),
        served.client.request(route.method, path, headers={"accept": "application/json"}),
        served.ask(route.method, path, headers={"origin": "https://other.example"}),
        served.ask("PUT", path),
    ]
    refused = [one for one in asked if one.status_code >= 400]
    assert len(refused) >= 2
    for one in refused:
        if one.headers["content-type"] == "application/json":
            found = one.json()
            assert list(faults(found, ErrorResponse)) == []
            assert ("kind" in found["error"]) == (one.status_code == 403)


def types_of(messages: Any) -> set[Any]:
    """The types that a union of messages has, an answer by whether it is one of success."""
    found = set()
    for model in get_args(messages):
        fields = {field.name: field.hint for field in fields_of(model)}
        found.add((*get_args(fields["type"]), *get_args(fields.get("ok"))))
    return found


def test_every_message_of_a_run_is_as_its_model_defines(served: Served, full: FakeTrainer) -> None:
    async def watch() -> Page:
        async with served.run(full.run.id) as page:
            await page.of_type("hello")
            await page.of_type("state")
            full.steps(2)
            full.store.log(5, 0.5, {"mse": 0.1, "loss": float("inf")}, "val")
            full.store.event("snapshot", 5)
            full.keep()
            await page.until(lambda m: m["type"] == "timeline")
            await page.send(
                {"type": "command", "ref": 1, "kind": "set", "payload": {"name": "optimizer.lr", "value": 0.5}}
            )
            assert (await page.of_type("response"))["ok"]
            full.obey()
            full.frame()
            full.frame("images")
            await page.of_type("applied")
            await page.until(lambda m: m["type"] == "frame")
            full.store.rewind(3)
            full.step = 3
            full.store.event("resumed", 3)
            full.steps(1)
            await page.until(lambda m: m["type"] == "timeline" and m.get("reset"))
            full.store.set_meta("total_steps", 7)
            full.store.flush()
            await page.of_type("hello")
            await page.send({"type": "sing", "ref": "x"})
            refused = await page.until(lambda m: m.get("ref") == "x")
            assert set(re.findall(r"\w+", refused["error"]["why"])) > {
                kind for (kind, *_) in types_of(socket.PageMessage)
            }
            await page.send("[")
            await page.until(lambda m: m["type"] == "response" and m["ref"] is None)
            return page

    page = asyncio.run(watch())
    for message in page.texts:
        assert list(faults(message, socket.RunMessage, message["type"])) == []
    sent = {(message["type"], *([message["ok"]] if "ok" in message else [])) for message in page.texts}
    assert sent == types_of(socket.RunMessage), "each type of message was sent"
    assert {header["channel"] for header in page.frames} >= {"motion"}


def test_the_list_and_a_run_that_is_not_there(served: Served, full: FakeTrainer) -> None:
    async def look() -> list[dict[str, Any]]:
        async with served.socket("/ws/runs") as everything, served.run("nowhere") as nothing:
            return [await everything.take(), await nothing.take()]

    listed, gone = asyncio.run(look())
    assert list(faults(listed, socket.RunsMessage)) == []
    assert len(listed["runs"]) == 1
    assert list(faults(gone, socket.RunMessage)) == []
    assert gone["status"] == "deleted"
