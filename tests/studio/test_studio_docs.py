"""What docs/studio.md describes of a studio on another machine, word by word: its commands run, its nginx configuration
is obeyed."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import children
import pytest
from commands import PATIENCE, Outcome
from fakes.trainer import FakeTrainer
from reverse_proxy import Manner, between
from studio_fakes import Served, serving, until
from test_studio_from_afar import Browser, everything_works

from tilework.studio.address import outside_address
from tilework.studio.server import PORT, Studio

TEXT = (Path(__file__).parents[2] / "docs" / "studio.md").read_text(encoding="utf-8")
SECTION = TEXT.partition("## From another machine\n")[2].partition("\n## ")[0]
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", SECTION, re.DOTALL) for line in block.splitlines()]
(NGINX,) = re.findall(r"```nginx\n(.*?)```", SECTION, re.DOTALL)


def test_the_tunnel_is_one_that_ssh_understands(served: Served, trainer: FakeTrainer) -> None:
    (command,) = [line for line in COMMANDS if line.startswith("ssh ")]
    local, target, port = re.findall(r"-L (\d+):(\w+):(\d+)", command)[0]
    assert int(port) == PORT
    assert f"with {local} in the place of {port}" in " ".join(SECTION.split())
    if shutil.which("ssh"):
        words = command.replace("MACHINE", "machine.invalid").split()
        read = children.run([words[0], "-G", "-F", "none", *words[1:]], check=True, capture_output=True, text=True)
        assert re.search(rf"^localforward \[?{local}\]? \[?{target}\]?:{port}$", read.stdout, re.MULTILINE), read.stdout
    with between(served.studio.port) as there:
        printed = served.studio.url()
        here = printed.replace(f"127.0.0.1:{served.studio.port}", f"{target}:{there}")
        browser = Browser(there, here.partition("?")[0])
        everything_works(browser, here.partition("token=")[2], trainer.run.id, "/")


def test_the_commands_print_the_address_that_they_were_given(
    tilework: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Studio, "run", lambda self, ready: (ready(), self.close()))
    monkeypatch.setattr("tilework.studio.launch.Launcher.start", lambda *_: None)
    ran = [line.split() for line in COMMANDS if line.startswith("tilework ")]
    assert {words[1] for words in ran} == {"studio", "demo"}
    for words in ran:
        done = tilework(*words[1:], "--port", 0, "--runs", tmp_path)
        assert done.code == 0, done.err
        assert f"studio  {words[-1]}?token=" in done.out
    monkeypatch.setenv(re.findall(r"`(TILEWORK_\w+)` says the same", SECTION)[0], "https://hub.example.org/")
    assert "studio  https://hub.example.org/?token=" in tilework("studio", "--port", 0, "--runs", tmp_path).out


def manner_of(configuration: str) -> Manner:
    """What nginx does with this configuration: it takes the path off where proxy_pass has one, and keeps no header by
    itself."""
    (path,) = re.findall(r"location (\S+) \{", configuration)
    (target,) = re.findall(r"proxy_pass (\S+);", configuration)
    set_to = dict(re.findall(r"proxy_set_header (\S+) (\S+);", configuration))
    assert urlsplit(target).port == PORT
    return Manner(
        path,
        strips=urlsplit(target).path == "/",
        keeps_host=set_to.get("Host") == "$http_host",
        upgrades=set_to.get("Upgrade") == "$http_upgrade" and "proxy_http_version 1.1;" in configuration,
    )


@pytest.mark.parametrize(
    "left_out", ["nothing", "proxy_set_header Host", "proxy_set_header Upgrade"], ids=lambda one: one.replace(" ", "-")
)
def test_the_configuration_of_nginx(root: Path, trainer: FakeTrainer, left_out: str) -> None:
    """As it stands it serves; without its Host it does, too; without the upgrade no socket opens."""
    configuration = "".join(line for line in NGINX.splitlines(keepends=True) if left_out not in line)
    manner = manner_of(configuration)
    (url,) = {w for line in COMMANDS for w in line.split() if w.startswith("https://") and w.endswith(manner.path)}
    with serving(root, outside=outside_address(url)) as served, between(served.studio.port, manner) as port:
        browser = Browser(port, url)
        if "Upgrade" in left_out:
            browser.log_in(served.studio.keys.token)
            assert not browser.socket_opens()
        else:
            everything_works(browser, served.studio.keys.token, trainer.run.id, manner.path)


@contextlib.contextmanager
def nginx(program: str, folder: Path, configuration: str) -> Iterator[int]:
    """A real one with this location; the port at which it listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/errors; events {{}}\n"
        f"http {{ access_log off; {own} server {{ listen 127.0.0.1:{port};\n{configuration}\n}} }}\n"
    )
    process = children.start([program, "-e", f"{folder}/errors", "-c", f"{folder}/nginx.conf"])

    def listens() -> bool:
        assert process.poll() is None, (folder / "errors").read_text()
        with socket.socket() as trying:
            return trying.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(listens)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE)


def test_a_real_nginx_serves_with_it(root: Path, trainer: FakeTrainer, tmp_path: Path) -> None:
    program = shutil.which("nginx")
    if program is None:
        pytest.skip("nginx is not here; the other tests do what it does")
    url = "https://hub.example.org" + manner_of(NGINX).path
    with serving(root, outside=outside_address(url)) as served:
        configuration = NGINX.replace(f":{PORT}/", f":{served.studio.port}/")
        with nginx(program, tmp_path, configuration) as port:
            everything_works(Browser(port, url), served.studio.keys.token, trainer.run.id, manner_of(NGINX).path)
