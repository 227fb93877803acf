"""Nobody gets in without the key, from another page or under another name: every route and socket is tried each way."""

from __future__ import annotations

import http.client
import re
import socket
from typing import Any

import httpx
import pytest
from commands import PATIENCE
from fakes.trainer import FakeTrainer
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from studio_fakes import Served

from tilework.studio import page_files
from tilework.studio.guard import Keys

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self';",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}


def routes_of(served: Served) -> list[tuple[str, str]]:
    """(method, path) of all that the application answers; a kind of route that is not known here fails the test."""

    def walk(routes: list[BaseRoute], above: str) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for route in routes:
            if isinstance(route, Mount):
                found += walk(list(route.routes), above + route.path) or [("GET", above + route.path + "/x")]
            elif isinstance(route, WebSocketRoute):
                found.append(("WS", above + route.path))
            elif isinstance(route, Route):
                found += [(method, above + route.path) for method in route.methods or {"GET"}]
            else:
                raise AssertionError(f"{route} cannot be tried: teach the test how")
        return found

    return walk(served.studio.app.app.routes, "")


def filled(path: str, run_id: str) -> str:
    for name, value in {
        "{id}": run_id, "{step:int}": "1", "{path:path}": "x.js", "{name}": "rqvae-digits",
        "{code}": "codebook-collapse",
    }.items():  # fmt: skip
        path = path.replace(name, value)
    assert "{" not in path, f"{path}: teach the test what to put there"
    return path


SHAKE = {
    "connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


def attempt(served: Served, method: str, path: str, headers: dict[str, str]) -> int:
    """The status of one request or handshake with exactly these headers."""
    asked = {"host": served.address, **headers, **(SHAKE if method == "WS" else {})}
    connection = http.client.HTTPConnection(served.address, timeout=PATIENCE)
    try:
        connection.putrequest("GET" if method == "WS" else method, path, skip_host=True)
        for name, value in asked.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


def test_every_route_and_socket_refuses_what_is_not_ours(served: Served, trainer: FakeTrainer) -> None:
    own = {"cookie": served.cookie, "origin": served.origin}
    wrong: dict[str, dict[str, str]] = {
        "no key": {"origin": served.origin},
        "another key": {**own, "cookie": f"{served.studio.keys.cookie}=" + "A" * 43},
        "another cookie": {**own, "cookie": f"tilework-1={served.studio.keys.session}"},
        "a page of another site": {**own, "origin": "http://example.com"},
        "another port of this host": {**own, "origin": "http://127.0.0.1:1"},
        "a page without an origin": {**own, "origin": "null"},
        "a page over https": {**own, "origin": f"https://{served.address}"},
        "another name": {**own, "host": "example.com"},
        "a name with our address in it": {**own, "host": f"{served.address}.example.com"},
        "our name without the port": {**own, "host": "127.0.0.1"},
    }
    found = routes_of(served)
    assert len(found) > 15
    for method, pattern in found:
        path = filled(pattern, trainer.run.id)
        for name, headers in wrong.items():
            assert attempt(served, method, path, headers) == 403, f"{method} {path} with {name}"
        if method not in {"GET", "HEAD"}:
            assert attempt(served, method, path, {"cookie": served.cookie}) == 403, f"{method} {path} without an origin"
    assert trainer.run.path.is_dir()
    assert trainer.store.commands() == []


def test_what_is_ours_gets_in(served: Served, trainer: FakeTrainer) -> None:
    for path in ("/api/runs", f"/api/runs/{trainer.run.id}"):
        assert served.get(path).status_code == 200
        assert attempt(served, "GET", path, {"cookie": served.cookie}) == 200, "a page's own GET names no origin"
    localhost = {"cookie": served.cookie, "origin": f"http://localhost:{served.studio.port}"}
    assert attempt(served, "GET", "/api/runs", {**localhost, "host": f"localhost:{served.studio.port}"}) == 200
    assert attempt(served, "WS", "/ws/runs", {"cookie": served.cookie, "origin": served.origin}) == 101


def test_the_launch_token_buys_a_cookie_and_leaves_the_url(served: Served) -> None:
    answer = httpx.get(served.studio.url().split("#")[0])
    assert answer.status_code == 303
    assert answer.headers["location"] == "/", "without a #, so that the browser keeps the one it has"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert served.studio.keys.session in answer.headers["set-cookie"]
    assert served.studio.keys.token not in str(answer.headers)
    for token in ("", "x", served.studio.keys.session, served.studio.keys.token[:-1], "é"):
        refused = httpx.get(f"{served.origin}/", params={"token": token})
        assert refused.status_code == 403
        assert "set-cookie" not in refused.headers
    assert httpx.get(f"{served.origin}/api/runs", params={"token": served.studio.keys.token}).status_code == 403
    assert served.studio.url("#/runs/a-b").endswith("#/runs/a-b")


def test_two_launches_have_other_secrets(served: Served) -> None:
    other = Keys(frozenset(), 1)
    ours = served.studio.keys
    assert len({other.token, other.session, ours.token, ours.session}) == 4
    assert min(map(len, (other.token, other.session))) >= 43
    assert other.token not in repr(other)


def test_every_answer_carries_the_security_headers(served: Served, trainer: FakeTrainer) -> None:
    answers: list[httpx.Response] = [
        served.get("/"),
        served.get("/assets/none.js"),
        served.get("/api/runs"),
        served.get("/api/runs/none"),
        served.get("/nowhere"),
        served.ask("DELETE", "/api/runs"),
        httpx.get(f"{served.origin}/api/runs"),
        httpx.get(served.studio.url()),
        httpx.get(f"{served.origin}/"),
    ]
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers[name].startswith(value), (answer.url, name)
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
    assert served.get("/api/runs").headers["cache-control"] == "no-store"


def test_a_fault_of_ours_is_reported_and_its_trace_stays_here(
    served: Served, trainer: FakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(served.state.cards, "all", broken)
    answer = served.get("/api/runs")
    assert answer.status_code == 500
    assert answer.json()["error"]["what"]
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert served.get(f"/api/runs/{trainer.run.id}").status_code == 200


def test_the_studio_asks_nobody_outside(served: Served, trainer: FakeTrainer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No telemetry, no fonts, no update check: every address that is connected to or looked up is this machine."""
    asked: list[object] = []
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connecting(self: socket.socket, address: object) -> None:
        asked.append(address)
        connect(self, address)  # type: ignore[arg-type]

    def looking_up(host: object, *more: object, **named: object) -> object:
        asked.append((host,))
        return look_up(host, *more, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(served.state.forms, "_exchange", lambda question: {"found": {}})
    monkeypatch.setattr(socket.socket, "connect", connecting)
    monkeypatch.setattr(socket, "getaddrinfo", looking_up)
    for method, pattern in routes_of(served):
        if method == "GET":
            served.get(filled(pattern, trainer.run.id))
    outside = [a for a in asked if isinstance(a, tuple) and a[0] not in {"127.0.0.1", "localhost"}]
    assert asked, "the client of this test connects, so the ear is open"
    assert outside == []


def test_the_page_loads_nothing_from_outside() -> None:
    """Where the front end is built, its page names no other host; the policy would stop it besides."""
    index = page_files.PAGE / "index.html"
    if not index.is_file():
        pytest.skip("the front end is not built here")
    text = index.read_text(encoding="utf-8")
    assert re.findall(r"(?:src|href)=[\"'](?!\./assets/)[^\"']*", text) == []
    assert "<style" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
