"""What `--url` may be, how it is refused with a way out, and where it goes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Outcome

from tilework.errors import UserError
from tilework.studio.address import Address, is_loopback, outside_address
from tilework.studio.server import Studio

GOOD = {
    "https://hub.example.org/user/someone/proxy/7860/": "https://hub.example.org/user/someone/proxy/7860/",
    "https://hub.example.org/lab": "https://hub.example.org/lab/",
    "HTTPS://Hub.Example.ORG": "https://hub.example.org/",
    "https://hub.example.org:443/": "https://hub.example.org/",
    "http://box:80/": "http://box/",
    "http://box:443/": "http://box:443/",
    " http://localhost:9000/ ": "http://localhost:9000/",
    "https://localhost:8443": "https://localhost:8443/",
    "http://10.0.0.7:8080/tile_work/": "http://10.0.0.7:8080/tile_work/",
    "http://[2001:DB8::1]:8080/": "http://[2001:db8::1]:8080/",
    "https://bücher.example/größe/": "https://xn--bcher-kva.example/gr%C3%B6%C3%9Fe/",
    "https://hub.example.org/user/some%40one/": "https://hub.example.org/user/some%40one/",
    "https://hub.example.org/user/some@one/": "https://hub.example.org/user/some@one/",
}
BAD = {
    "hub.example.org/lab/": "--url https://hub.example.org/lab/",
    "//hub.example.org/lab/": "--url https://hub.example.org/lab/",
    "localhost:9000": "--url https://localhost:9000/",
    "ftp://hub.example.org/lab": "--url https://hub.example.org/lab/",
    "ws://hub.example.org/": "--url https://hub.example.org/",
    "javascript:alert(1)": "--url https://HOST/PATH/",
    "https://hub.example.org/lab/?token=abc": "--url https://hub.example.org/lab/",
    "https://hub.example.org/lab/?": "--url https://hub.example.org/lab/",
    "https://hub.example.org/lab/#/runs": "--url https://hub.example.org/lab/",
    "https://someone:secret@hub.example.org/": "--url https://hub.example.org/",
    "https://hub.example.org/my lab/": "--url https://hub.example.org/my%20lab/",
    "https://hub .example.org/": "--url https://HOST/PATH/",
    "https://hub.example.org\r\n/": "--url https://hub.example.org/",
    "https://*.example.org/": "--url https://HOST/PATH/",
    "*": "--url https://HOST/PATH/",
    "": "--url https://HOST/PATH/",
    "https://": "--url https://HOST/PATH/",
    "https:///lab/": "--url https://HOST/PATH/",
    "http://0.0.0.0:7860/": "--url https://HOST/PATH/",
    "http://[::]/": "--url https://HOST/PATH/",
    "http://[::1/": "--url https://HOST/PATH/",
    "http://256.1.1.1/": "--url https://HOST/PATH/",
    "http://-a.example/": "--url https://HOST/PATH/",
    "http://a..b/": "--url https://HOST/PATH/",
    "http://a;b/": "--url https://HOST/PATH/",
    "http://box:99999/": "--url https://HOST/PATH/",
    "http://box:x/": "--url https://HOST/PATH/",
    "http://box:0/": "--url https://HOST/PATH/",
    "https://hub.example.org/a/../b/": "--url https://hub.example.org/PATH/",
    "https://hub.example.org/%2e%2e/b/": "--url https://hub.example.org/PATH/",
    "https://hub.example.org//evil.example/": "--url https://hub.example.org/PATH/",
    "https://hub.example.org/a;Domain=example.org/": "--url https://hub.example.org/PATH/",
    "https://hub.example.org/a%3bb/": "--url https://hub.example.org/PATH/",
    "https://hub.example.org/a%0d%0ab/": "--url https://hub.example.org/PATH/",
    "https://hub.example.org/100%/": "--url https://hub.example.org/PATH/",
    "https://hub.example.org/a\\b/": "--url https://hub.example.org/PATH/",
}  # fmt: skip


@pytest.mark.parametrize(("text", "meant"), GOOD.items())
def test_an_address_is_read_as_a_browser_writes_it(text: str, meant: str) -> None:
    assert outside_address(text).url == meant
    assert outside_address(meant).url == meant


@pytest.mark.parametrize(("text", "fix"), BAD.items())
def test_what_is_no_address_is_refused_with_one_that_could_be_meant(text: str, fix: str) -> None:
    with pytest.raises(UserError) as refused:
        outside_address(text)
    assert refused.value.fix == f"write {fix}"
    assert refused.value.why
    meant = fix.removeprefix("--url ")
    if not re.search("HOST|PATH", meant):
        assert outside_address(meant).url == meant, "the way out leads out"


def test_what_is_shown_to_be_typed_is_quoted_for_the_shell() -> None:
    with pytest.raises(UserError) as refused:
        outside_address("hub.example.org/$(reboot)/")
    assert refused.value.fix == "write --url 'https://hub.example.org/$(reboot)/'"


def test_cookies_of_two_addresses_have_two_names() -> None:
    addresses = [
        Address("http", "localhost:7860"),
        Address("http", "localhost:9000"),
        Address("http", "hub"),
        Address("https", "hub"),
        Address("https", "hub", "/a/"),
        Address("https", "hub", "/b/"),
        Address("https", "hub", "/a/b/"),
        Address("https", "hub:8443", "/a/"),
    ]
    names = [address.cookie for address in addresses]
    assert len(set(names)) == len(names)
    assert names[0] == "tilework-7860"
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)
    assert outside_address("https://hub/a").cookie == names[4], "the same at every launch"


def test_the_loopback_interface_has_three_names() -> None:
    for host in ("localhost", "localhost:1", "127.0.0.1:9000", "127.0.0.1", "[::1]:7860", "[::1]"):
        assert is_loopback(host), host
    for host in (
        "localhost.", "localhost.example.org:80", "x.localhost", "127.0.0.1.example.org", "127.0.0.1:", "::1", "127.1",
        "localhost:123456", "localhost:80 ", "localhost:80\n", "localhost:８０", "0.0.0.0:7860", "localhost@evil:1", "",
    ):  # fmt: skip
        assert not is_loopback(host), host


URL = "https://hub.example.org/lab/"


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Studio, "run", lambda self, ready: (ready(), self.close()))


def test_the_printed_address_is_the_outside_one(
    printed: None, tilework: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments, variable in ((["--url", URL[:-1]], ""), ([], URL), (["--url", URL], "https://other.example/")):
        monkeypatch.setenv("TILEWORK_STUDIO_URL", variable)
        done = tilework("studio", "--port", 0, "--runs", tmp_path, *arguments)
        assert done.code == 0, done.err
        assert re.search(rf"studio  {URL}\?token=[\w-]{{43}}\n", done.out), done.out
        assert re.search(r"http://127\.0\.0\.1:\d+,", done.out), "where the proxy is to send it"
    monkeypatch.setenv("TILEWORK_STUDIO_URL", " ")
    done = tilework("studio", "--port", 0, "--runs", tmp_path)
    assert re.search(r"studio  http://127\.0\.0\.1:\d+/\?token=", done.out)
    assert "proxy" not in done.out


def test_a_bad_address_ends_with_code_2_and_begins_nothing(
    printed: None, tilework: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in (["studio"], ["demo", "--live"]):
        done = tilework(*command, "--port", 0, "--runs", tmp_path, "--url", "hub.example.org/lab")
        assert done.code == 2
        assert "write --url https://hub.example.org/lab/" in done.err
        done = tilework(*command, "--port", 0, "--runs", tmp_path, "--url", URL, "--url", "https://other.example/")
        assert done.code == 2
        assert "more than once" in done.err
        with monkeypatch.context() as environment:
            environment.setenv("TILEWORK_STUDIO_URL", "ftp://hub.example.org/lab")
            done = tilework(*command, "--port", 0, "--runs", tmp_path)
        assert done.code == 2
        assert "write TILEWORK_STUDIO_URL=https://hub.example.org/lab/" in done.err
    done = tilework("demo", "--runs", tmp_path, "--url", URL)
    assert done.code == 2
    assert "--live" in done.err
    assert not list(tmp_path.glob("*demo*"))
