"""What stands between a browser and a studio elsewhere, in threads of this process: a tunnel, a web server, a notebook."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Manner:
    """How a proxy passes requests on. The default is a tunnel, which changes nothing."""

    path: str = "/"
    """Only requests under this path are passed on."""
    strips: bool = True
    """Takes the path off."""
    keeps_host: bool = True
    """Otherwise Host is the address that it connects to, as nginx does by itself."""
    prefixes_redirects: bool = False
    """Puts its path before the path of a redirection, as jupyter-server-proxy does."""
    upgrades: bool = True
    """Passes on what a socket needs; nginx does so only where it is configured to."""


@contextlib.contextmanager
def between(port: int, manner: Manner = Manner(), certificate: Path | None = None) -> Iterator[int]:
    """The port at which it listens, and passes on to `port`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_serve, args=(listening, port, manner, certificate), daemon=True).start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)


def _serve(listening: socket.socket, port: int, manner: Manner, certificate: Path | None) -> None:
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    while True:
        try:
            browser, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_connection, args=(browser, port, manner, context), daemon=True).start()


def _connection(browser: socket.socket, port: int, manner: Manner, context: ssl.SSLContext | None) -> None:
    """One request, or one socket: each has a connection of its own."""
    with contextlib.suppress(OSError), browser:
        if context is not None:
            browser = context.wrap_socket(browser, server_side=True)
        head, rest = _head(browser)
        passed = _passed(head, port, manner)
        if passed is None:
            browser.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", port)) as studio:
            studio.sendall(passed + rest)
            threading.Thread(target=_pump, args=(browser, studio), daemon=True).start()
            head, rest = _head(studio)
            if manner.prefixes_redirects:
                head = re.sub(rb"(?i)(\r\nlocation: )(?=/)", rb"\g<1>" + manner.path[:-1].encode(), head)
            browser.sendall(head + rest)
            _pump(studio, browser)


def _head(of: socket.socket) -> tuple[bytes, bytes]:
    found = b""
    while b"\r\n\r\n" not in found:
        more = of.recv(65536)
        if not more:
            raise OSError("it ended")
        found += more
    head, _, rest = found.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def _passed(head: bytes, port: int, manner: Manner) -> bytes | None:
    """The head of a request as the studio gets it; None where it is for somebody else."""
    first, _, headers = head.partition(b"\r\n")
    method, target, version = first.split(b" ")
    path = manner.path.encode()
    if not target.startswith(path):
        return None
    if manner.strips:
        target = b"/" + target[len(path) :]
    if not manner.keeps_host:
        headers = re.sub(rb"(?im)^host: [^\r]*", b"Host: 127.0.0.1:%d" % port, headers)
    if not manner.upgrades or b"upgrade: websocket" not in headers.lower():
        headers = re.sub(rb"(?im)^(connection|upgrade): [^\r]*\r\n", b"", headers)
        headers = b"Connection: close\r\n" + headers
    # What proxies add: nobody may believe it.
    added = b"X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: gopher\r\nX-Forwarded-Prefix: /evil\r\n"
    return b" ".join([method, target, version]) + b"\r\n" + added + headers


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
