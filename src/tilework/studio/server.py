"""The server process: its address, its URL, and its life from the first request to Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from tilework.errors import UserError
from tilework.studio import page_files
from tilework.studio.address import Address
from tilework.studio.app import build
from tilework.studio.folders import Folders
from tilework.studio.guard import PORT, Guard, Keys
from tilework.studio.paths import Root
from tilework.studio.talk import MOST_MESSAGE

LOOPBACK = "127.0.0.1"
_MOST_BYTES = 4 * MOST_MESSAGE
"""Of a message that is still read, to be refused in words; the socket of one that sends more is closed."""
_LINGER_SECONDS = 3.0


class _Sockets(WebSocketsSansIOProtocol):
    """uvicorn's sockets, which end also where the other side has stopped reading: a connection that is only closed waits for
    its last bytes to be taken, for ever."""

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()

    async def run_asgi(self) -> None:
        try:
            await super().run_asgi()
        finally:
            self.loop.call_later(_LINGER_SECONDS, self.transport.abort)


class Studio:
    """One launch: bound to its port from the beginning, so that the URL is true before it is printed."""

    def __init__(
        self,
        runs: Path | None,
        host: str = LOOPBACK,
        port: int = PORT,
        page: Path = page_files.PAGE,
        outside: Address | None = None,
        images: Sequence[Path] = (),
    ) -> None:
        folders = Folders.of(images)
        self.root = Root.of(runs)
        self.socket = _bound(host, port)
        self.host, self.port = host, int(self.socket.getsockname()[1])
        self.keys = Keys(_names(host, self.port), self.port, outside=outside)
        self.app: Guard = build(self.root, self.keys, page, folders)
        config = uvicorn.Config(
            self.app,
            http="h11",
            ws=_Sockets,
            ws_max_size=_MOST_BYTES,
            ws_per_message_deflate=False,  # frames change wholly each time; on loopback packing only costs
            log_config=None,
            log_level="critical",  # faults are logged by the guard; request lines would show the token
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="on",
            timeout_graceful_shutdown=2,
            limit_concurrency=1000,
        )
        self.server = uvicorn.Server(config)

    def url(self, fragment: str = "") -> str:
        """Where to open it. The browser keeps what stands behind the # to itself."""
        address = self.keys.outside or Address("http", self.listens)
        return f"{address.url}?token={self.keys.token}{fragment}"

    @property
    def listens(self) -> str:
        """Host and port at which it listens: what a proxy or a tunnel is to be pointed at."""
        return f"{_for_url(self.host)}:{self.port}"

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until Ctrl-C or SIGTERM. `ready` is called when requests are answered."""

        async def serve() -> None:
            async def call_ready() -> None:
                while not self.server.started:
                    await asyncio.sleep(0.01)
                ready()

            waiting = asyncio.create_task(call_ready())
            await self.server.serve(sockets=[self.socket])
            waiting.cancel()

        asyncio.run(serve())

    def close(self) -> None:
        """Give the port back, if it was never served."""
        self.socket.close()


def open_browser(url: str) -> None:
    """Show the page, without waiting for the browser."""
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True, name="browser").start()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio turns off Nagle's delay for its connections; without, what follows a message waits until
    # the other side has acknowledged it, which a system puts off by 40 ms.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # On Windows this option would let two servers share a port.
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
    except (OSError, OverflowError) as error:
        found.close()
        raise _cannot_bind(host, port, error) from error
    return found


def _cannot_bind(host: str, port: int, error: OSError | OverflowError) -> UserError:
    number: Any = getattr(error, "errno", None)
    if number in {errno.EADDRINUSE, errno.EACCES}:
        why = "another program listens there, perhaps another studio"
        return UserError(
            f"port {port} is in use" if number == errno.EADDRINUSE else f"port {port} may not be used",
            why=why if number == errno.EADDRINUSE else "ports below 1024 are for the system",
            fix=f"choose another one: --port {port + 1 if 1024 <= port < 65535 else PORT + 1}",
        )
    return UserError(
        f"the studio cannot listen at {host} port {port}",
        why=str(error),
        fix="leave --host out, which means this machine alone; ports are 1 to 65535",
    )


def _names(host: str, port: int) -> frozenset[str]:
    """Every way in which a browser may write the address, as it stands in the header Host."""
    hosts = {_for_url(host)}
    if host in {LOOPBACK, "localhost", "::1"}:
        hosts |= {LOOPBACK, "localhost"} if host != "::1" else {"[::1]", "localhost"}
    if host in {"0.0.0.0", "::", ""}:
        import psutil

        hosts |= {LOOPBACK, "localhost", socket.gethostname().lower()}
        for addresses in psutil.net_if_addrs().values():
            hosts |= {_for_url(a.address) for a in addresses if a.family in {socket.AF_INET, socket.AF_INET6}}
    return frozenset(name for h in hosts for name in ([f"{h}:{port}"] + [h] * (port == 80)))


def _for_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()
