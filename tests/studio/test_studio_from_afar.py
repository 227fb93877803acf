"""A studio that is reached from elsewhere: by a tunnel, under a path, under another name, over https; and who is refused."""

from __future__ import annotations

import asyncio
import html
import http.client
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from commands import PATIENCE
from fakes.trainer import FakeTrainer
from reverse_proxy import Manner, between
from studio_fakes import Served, serving
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tilework.studio import page_files
from tilework.studio.address import Address, outside_address

HUB = "https://hub.example.org"
PATH = "/user/someone/proxy/7860/"
MANNERS = {
    "Host rewritten": Manner(PATH, keeps_host=False),
    "Host kept": Manner(PATH),
    "path not taken off": Manner(PATH, strips=False),
    "path not taken off, Host rewritten": Manner(PATH, strips=False, keeps_host=False),
    "redirections prefixed": Manner(PATH, prefixes_redirects=True),
}


class Browser:
    """The first steps of one, at `url` through the server at `port`: what it asks for, with which Host, Origin and cookie."""

    def __init__(self, port: int, url: str) -> None:
        self.address = outside_address(url)
        self.port, self.cookie = port, ""

    def ask(self, method: str, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, str]:
        """One request. A browser names the origin of a page where it may change something."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        sent = {"host": self.address.host, "cookie": self.cookie}
        if method == "POST":
            sent |= {"origin": self.address.origin, "content-length": "2"}
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in (sent | headers).items():
            if value:
                connection.putheader(name, value)
        connection.endheaders(b"{}" if method == "POST" else None)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        connection.close()
        return answer.status, answer.headers, text

    def log_in(self, token: str) -> http.client.HTTPMessage:
        status, headers, text = self.ask("GET", f"{self.address.path}?token={token}")
        assert status == 303, text
        self.cookie = headers["set-cookie"].partition(";")[0]
        return headers

    def socket_opens(self, origin: str | None = None) -> bool:
        async def look() -> bool:
            url = f"ws://{self.address.host}{self.address.path}ws/runs"
            try:
                async with connect(
                    url, host="127.0.0.1", port=self.port, origin=origin or self.address.origin,
                    additional_headers={"cookie": self.cookie}, proxy=None,
                ) as socket:  # fmt: skip
                    message = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))
                    return message["type"] == "runs"
            except InvalidStatus:
                return False

        return asyncio.run(look())


@pytest.fixture
def served_at_hub(root: Path) -> Iterator[Served]:
    with serving(root, outside=outside_address(HUB + PATH)) as found:
        yield found


def everything_works(browser: Browser, token: str, run_id: str, base: str) -> None:
    """Page, files, data, a change and a socket, each under `base`."""
    browser.log_in(token)
    status, _, page = browser.ask("GET", base)
    assert status == (200 if page_files.built() else 503)
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert all(file.startswith("./") for file in files)
    for path in [*files, "api/runs", f"api/runs/{run_id}", f"api/runs/{run_id}/curves"]:
        status, headers, _ = browser.ask("GET", base + path.removeprefix("./"))
        assert status == 200, path
        assert headers["x-frame-options"] == "DENY"
    assert browser.ask("POST", f"{base}api/key")[0] == 200
    assert browser.socket_opens()


@pytest.mark.parametrize("manner", MANNERS.values(), ids=MANNERS)
def test_all_of_it_works_under_a_path(served_at_hub: Served, trainer: FakeTrainer, manner: Manner) -> None:
    with between(served_at_hub.studio.port, manner) as port:
        browser = Browser(port, HUB + PATH)
        headers = browser.log_in(served_at_hub.studio.keys.token)
        assert headers["location"] == (PATH[:-1] if manner.prefixes_redirects else "") + PATH
        assert headers.get_all("set-cookie") == [
            f"{browser.address.cookie}={served_at_hub.studio.keys.session}; HttpOnly; Path={PATH}; SameSite=strict; Secure"
        ]
        assert "connect-src 'self' wss://hub.example.org" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        everything_works(browser, served_at_hub.studio.keys.token, trainer.run.id, PATH)
        everything_works(browser, served_at_hub.studio.keys.token, trainer.run.id, headers["location"])


def test_a_path_without_its_slash_is_led_to_it(served_at_hub: Served) -> None:
    browser = Browser(served_at_hub.studio.port, HUB + PATH)
    status, headers, _ = browser.ask("GET", f"{PATH[:-1]}?token=x")
    assert (status, headers["location"]) == (308, f"{PATH}?token=x")


def test_a_tunnel_to_another_port_needs_no_option(served: Served, trainer: FakeTrainer) -> None:
    with between(served.studio.port) as port, between(served.studio.port) as second:
        names = set()
        for at, host in ((port, "localhost"), (port, "127.0.0.1"), (second, "localhost"), (second, "[::1]")):
            browser = Browser(at, f"http://{host}:{at}/")
            everything_works(browser, served.studio.keys.token, trainer.run.id, "/")
            names.add(browser.cookie.partition("=")[0])
        assert names == {f"tilework-{port}", f"tilework-{second}"}, "two tunnels to one machine do not share a key"


def test_a_tunnel_beside_an_outside_address(served_at_hub: Served, trainer: FakeTrainer) -> None:
    """Straight to where it listens: the given path is there, too, since the cookie belongs to it."""
    port = served_at_hub.studio.port
    browser = Browser(port, f"http://localhost:{port}/")
    headers = browser.log_in(served_at_hub.studio.keys.token)
    everything_works(browser, served_at_hub.studio.keys.token, trainer.run.id, headers["location"])


def test_a_local_address_over_https(root: Path, trainer: FakeTrainer) -> None:
    with serving(root, outside=outside_address("https://localhost:8443/")) as served:
        browser = Browser(served.studio.port, "https://localhost:8443/")
        everything_works(browser, served.studio.keys.token, trainer.run.id, "/")


def test_paths_that_look_like_routes_are_distinguished(root: Path, trainer: FakeTrainer) -> None:
    for path in ("/api/", "/assets/", "/ws/", "/api/runs/", "/größe@x/%20y/"):
        with serving(root, outside=outside_address(HUB + path)) as served:
            for strips in (True, False):
                address = outside_address(HUB + path)
                with between(served.studio.port, Manner(address.path, strips=strips)) as port:
                    everything_works(Browser(port, HUB + path), served.studio.keys.token, trainer.run.id, address.path)


# Who is refused ----------------------------------------------------------------------------------------------------------


FORWARDED = {
    "x-forwarded-host": "hub.example.org",
    "x-forwarded-proto": "https",
    "x-forwarded-prefix": PATH,
    "forwarded": "host=hub.example.org;proto=https",
    "x-original-host": "hub.example.org",
}


def test_other_names_and_other_pages_are_refused(served_at_hub: Served, trainer: FakeTrainer) -> None:
    browser = Browser(served_at_hub.studio.port, HUB + PATH)
    browser.log_in(served_at_hub.studio.keys.token)
    for host in (
        "evil.example", "hub.example.org.evil.example", "evil.hub.example.org", "hub.example.org:8443", "hub.example.org.",
        "localhost.evil.example", "hub.example.org, evil.example", "", "*", "0.0.0.0",
    ):  # fmt: skip
        for path in ("/", PATH, f"{PATH}api/runs", "/api/runs"):
            assert browser.ask("GET", path, host=host, **FORWARDED)[0] in {400, 403}, (host, path)
    for host in ("hub.example.org", "hub.example.org:443", f"127.0.0.1:{browser.port}", "localhost:9000"):
        assert browser.ask("POST", "/api/key", host=host)[0] == 200, "its own page, through a proxy that changes Host"
        for origin in (
            "http://hub.example.org", "https://hub.example.org:8443", "https://evil.example", "null", "http://localhost:3000",
            f"https://127.0.0.1:{browser.port}", "https://hub.example.org.evil.example", "https://hub.example.org/", "",
        ):  # fmt: skip
            status = browser.ask("POST", "/api/key", host=host, origin=origin or " ", **FORWARDED)[0]
            assert status == 403, (host, origin)
    for origin in ("https://evil.example", "http://hub.example.org", "http://localhost:3000"):
        assert not browser.socket_opens(origin)
    assert browser.socket_opens()


def test_without_the_option_no_name_but_the_loopback_interface_is_known(served: Served, trainer: FakeTrainer) -> None:
    browser = Browser(served.studio.port, HUB + PATH)
    browser.cookie = served.cookie
    for path in ("/", PATH, "/api/runs", f"{PATH}api/runs", f"/?token={served.studio.keys.token}"):
        status, headers, _ = browser.ask("GET", path, **FORWARDED)
        assert status == 403
        assert "hub.example.org" not in str(headers), "not even in the policy"
    assert not browser.socket_opens()
    own = Browser(served.studio.port, f"http://localhost:{served.studio.port}/")
    own.cookie = served.cookie
    assert own.ask("POST", "/api/key", origin=HUB, **FORWARDED)[0] == 403
    assert own.ask("POST", "/api/key", origin=f"http://127.0.0.1:{served.studio.port}")[0] == 403, "another name"
    assert own.ask("GET", f"/?token={served.studio.keys.token}", **FORWARDED)[1]["location"] == "/"
    assert not own.socket_opens(HUB)


def command_in(text: str) -> list[str]:
    (found,) = re.findall(r"`(tilework studio [^`]+)`", html.unescape(text))
    return shlex.split(found)


def test_the_way_out_is_the_command_to_type(served: Served) -> None:
    port = str(served.studio.port)
    browser = Browser(served.studio.port, HUB + PATH)
    begin = ["tilework", "studio", "--port", port, "--url"]
    for path, host, more, url in (
        ("/", "hub.example.org", {}, "http://hub.example.org/"),
        ("/", "Hub.Example.org:8080", {"sec-fetch-mode": "navigate"}, "https://hub.example.org:8080/"),
        (f"{PATH}?token=x", "hub.example.org", {}, f"http://hub.example.org{PATH}"),
        ("/a$(x)/b", "hub.example.org", {}, "http://hub.example.org/a$(x)/"),
        ("/api/runs", "[2001:db8::1]:80", {}, "http://[2001:db8::1]/"),
    ):
        status, _, text = browser.ask("GET", path, host=host, **more)
        assert status == 403
        assert command_in(text) == [*begin, url]
        # What it prints is taken by the option, and is no longer refused then.
        address = outside_address(url)
        assert isinstance(address, Address)
        assert address.is_at(host.lower())
        assert "<" not in re.sub(r"</?(?:p|a|title|!doctype|meta)\b[^>]*>", "", text)
    local = Browser(served.studio.port, f"http://127.0.0.1:{port}/")
    local.cookie = served.cookie
    status, _, text = local.ask("POST", "/api/key", origin="https://box:8443")
    assert (status, command_in(json.loads(text)["error"]["fix"])) == (403, [*begin, "https://box:8443/"])
    assert json.loads(text)["error"]["kind"] == "origin"
    status, _, text = local.ask("GET", f"{PATH}?token={served.studio.keys.token}", accept="text/html", cookie="")
    assert (status, command_in(text)) == (403, [*begin, "URL"])
    assert PATH in text


def test_a_proxy_that_drops_the_port_is_asked_to_keep_it(root: Path) -> None:
    with serving(root, outside=outside_address("https://box:8443/lab/")) as served:
        browser = Browser(served.studio.port, "https://box:8443/lab/")
        status, _, text = browser.ask("GET", "/", host="box")
        assert status == 403
        assert "$http_host" in text
        assert "--url" not in text
        assert "--url" in browser.ask("GET", "/", host="box:8444")[2]


@pytest.mark.parametrize(
    "host", ["<script>alert(1)</script>", "a'b\"c", "a`b`", "$(reboot)", "a;b", "x y", "a&b", "%3Cb%3E", "a,b", "ä"]
)
def test_an_odd_host_is_not_repeated(served: Served, host: str) -> None:
    browser = Browser(served.studio.port, HUB + PATH)
    for path in ("/", "/api/runs", "/<i>/`x`/"):
        with httpx.Client(trust_env=False) as client:
            request = client.build_request("GET", f"{served.origin}/", headers={"host": host.encode("utf-8")})  # type: ignore[dict-item]
            answer = client.send(request)
        assert answer.status_code in {400, 403}
        assert host not in answer.text
        assert "--url" not in answer.text
        status, headers, text = browser.ask("GET", path, host=host.encode("ascii", "ignore").decode() or "x")
        assert status in {400, 403}
        assert "<i>" not in text
        assert "<script" not in text
        assert "script>" not in str(headers)


def test_the_studio_listens_where_it_did(served_at_hub: Served) -> None:
    assert served_at_hub.studio.socket.getsockname()[0] == "127.0.0.1"
    assert served_at_hub.studio.listens == f"127.0.0.1:{served_at_hub.studio.port}"
