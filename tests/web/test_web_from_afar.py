"""The page in a real browser that reaches the studio from elsewhere: under a path, over https, through a tunnel."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import children
import pytest
from browser import expect, until
from commands import PATIENCE
from fakes.moving import MovingTrainer, finished_run
from reverse_proxy import Manner, between
from served_page import CHROMIUM, FLAGS, Served, not_here, playwright

from tilework.studio import page_files

Visit = Callable[[str], Any]
Begin = Callable[..., tuple[Served, str]]
HUB = "hub.example.org"
PATH = "/user/someone/proxy/7860/"
MANNERS = {
    "as nginx does, with no settings": Manner(PATH, keeps_host=False),
    "as jupyter-server-proxy does": Manner(PATH, prefixes_redirects=True),
    "path not taken off": Manner(PATH, strips=False),
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One that believes hub.example.org to be this machine, and its certificate."""
    if CHROMIUM is None:
        not_here("no Chromium here: install one (apt-get install chromium), or set TILEWORK_CHROMIUM to it")
    if not page_files.built():
        not_here("the studio's page was not built (TILEWORK_SKIP_WEB?)")
    with playwright.sync_playwright() as started:
        rules = [f"--host-resolver-rules=MAP {HUB} 127.0.0.1", "--ignore-certificate-errors"]
        browser = started.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *rules])
        yield browser
        browser.close()


@pytest.fixture
def studio_behind(root: Path) -> Iterator[Begin]:
    """A studio, and its address through a proxy, which it is given."""
    with contextlib.ExitStack() as stack:

        def begin(manner: Manner, configured: bool = True, folder: Path = root, **more: Any) -> tuple[Served, str]:
            served = Served(folder)
            stack.callback(served.end)
            port = stack.enter_context(between(served.studio.port, manner, **more))
            base = f"http{'s' * bool(more)}://{HUB}:{port}{manner.path}"
            if configured:
                served.reached_at(base)
            return served, base

        yield begin


@pytest.fixture
def visit(chromium: Any, studio_behind: object) -> Iterator[Visit]:
    """Open an address; nothing that the page asks for may be refused, missing or elsewhere. Closed before the studio ends."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    wrong: list[str] = []

    def opened(url: str) -> Any:
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        base = url.partition("?")[0]
        page.on("pageerror", lambda error: wrong.append(f"exception: {error}"))
        page.on(
            "console", lambda m: wrong.append(m.text) if "Security Policy" in m.text or "Refused" in m.text else None
        )
        page.on("request", lambda r: None if r.url.startswith((base, "data:")) else wrong.append(f"outside: {r.url}"))
        page.on("response", lambda r: wrong.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
        page.on("websocket", lambda s: s.on("socketerror", lambda error: wrong.append(f"{s.url}: {error}")))
        page.goto(url)
        return page

    yield opened
    context.close()
    assert not wrong, wrong


def all_pages_work(page: Any, base: str, root: Path) -> None:
    """The list, a live run with data that move and a command that acts, and the form."""
    with MovingTrainer(root) as trainer, finished_run(root) as ended:
        page.locator("article", has_text=trainer.id).locator(".pill.running").wait_for()
        expect(page).to_have_url(base)
        until(page, "[...document.images].every(one => one.complete && one.naturalWidth > 0)")
        page.get_by_label(f"Open {trainer.id}").click()
        until(page, "window.__tilework.shown.step > 0")
        until(page, f"window.__tilework.frames > {page.evaluate('window.__tilework.frames') + 5}")
        page.keyboard.press("Space")
        page.wait_for_selector("header .pill.paused")
        page.reload()
        until(page, "window.__tilework.shown.step > 0")
        assert page.url.startswith(f"{base}#/runs/{trainer.id}")
        page.goto(f"{base}#/compare?a={trainer.id}&b={ended}")
        page.locator(".uplot").wait_for()


def the_form_works(page: Any, base: str) -> None:
    page.goto(f"{base}#/new?recipe=rqvae-digits")
    codes = page.locator("[id='field-bottleneck.codes']")
    codes.wait_for()
    codes.fill("32")
    codes.press("Tab")
    page.get_by_text("bottleneck.codes=32").wait_for()
    expect(page.get_by_role("button", name="Start training")).to_be_enabled()


@pytest.mark.parametrize("manner", MANNERS.values(), ids=MANNERS)
def test_the_page_works_under_a_path(visit: Visit, studio_behind: Begin, root: Path, manner: Manner) -> None:
    served, base = studio_behind(manner)
    all_pages_work(visit(served.studio.url()), base, root)


def test_the_page_works_over_https(
    visit: Visit, studio_behind: Begin, root: Path, tmp_path: Path, warm_studio: None
) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        not_here("openssl is not here, which makes a certificate for this test")
    key, certificate = tmp_path / "hub.key", tmp_path / "hub.pem"
    begin = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={HUB}"]
    children.run([*begin, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    certificate.write_bytes(certificate.read_bytes() + key.read_bytes())
    served, base = studio_behind(Manner("/lab/"), certificate=certificate)
    page = visit(served.studio.url())
    all_pages_work(page, base, root)
    (cookie,) = page.context.cookies()
    assert (cookie["secure"], cookie["path"], cookie["sameSite"]) == (True, "/lab/", "Strict")
    assert cookie["httpOnly"]
    the_form_works(page, base)


def test_two_tunnels_to_studios_of_the_same_port(visit: Visit, studio_behind: Begin, tmp_path: Path) -> None:
    """Both are localhost to the browser, which then sends each the keys of both."""
    pages = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        served, base = studio_behind(Manner(), configured=False, folder=tmp_path / name)
        here = served.studio.url().replace(f"{served.origin}/", base.replace(HUB, "localhost"))
        pages.append(visit(here))
    for page in pages:
        page.reload()
        page.get_by_text("No runs yet").wait_for()


def test_a_proxy_that_the_studio_does_not_know_gets_a_page_that_shows_what_to_type(
    chromium: Any, studio_behind: Begin
) -> None:
    """A web server that puts its own Host: the key is taken, and then every request that names its origin is refused."""
    served, base = studio_behind(Manner(keeps_host=False), configured=False)
    page = chromium.new_page()
    page.goto(served.studio.url().replace(f"{served.origin}/", base))
    page.get_by_text("tilework studio --url ADDRESS").wait_for()
    page.close()


def test_an_open_page_shows_what_to_type_where_the_next_studio_has_no_address(
    chromium: Any, studio_behind: Begin
) -> None:
    served, base = studio_behind(Manner(keeps_host=False))
    page = chromium.new_page()
    page.goto(served.studio.url())
    page.get_by_text("No runs yet").wait_for()
    expect(page.locator(".unloaded")).to_be_hidden()
    served.end()
    served.begin(served.studio.port)
    page.get_by_text(f"tilework studio --port {served.studio.port} --url {base}").wait_for()
    page.close()
