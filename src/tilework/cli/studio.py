"""`tilework studio`: watch and steer runs in the browser."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tilework.cli.options import RunsFolder
from tilework.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from tilework.studio.address import Address
    from tilework.studio.server import Studio

Port = Annotated[int, typer.Option("--port", help="Port to serve at.", min=0, max=65535)]
Open = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]
Host = Annotated[
    str,
    typer.Option("--host", help="Address to serve at. Any but 127.0.0.1 lets other machines in that have the URL."),
]
Url = Annotated[
    list[str] | None,
    typer.Option(
        "--url",
        help="Address by which a browser reaches it from elsewhere, through a proxy, path and all; default "
        "$TILEWORK_STUDIO_URL. It does not change where the studio listens.",
        metavar="URL",
        show_default=False,
    ),
]
Images = Annotated[
    list[Path] | None,
    typer.Option(
        "--images",
        help="Another folder, besides your home folder, that the page may look into for images; may be given several times.",
        metavar="PATH",
        show_default=False,
    ),
]


def studio(
    port: Port = 7860,
    runs: RunsFolder = None,
    open_: Open = False,
    host: Host = "127.0.0.1",
    url: Url = None,
    images: Images = None,
) -> None:
    """Watch, steer and compare runs in the browser; start new ones. Runs go on when it ends."""
    outside = outside_of(url)
    from tilework.studio.server import Studio

    serve(Studio(runs, host, port, outside=outside, images=images or ()), open_)


def outside_of(given: list[str] | None) -> Address | None:
    """The address that was given, by the option or in the environment; UserError where it is none."""
    from tilework.studio.address import outside_address

    if len(given or []) > 1:
        raise UserError(
            "--url was given more than once",
            why="a studio has one address outside; localhost works beside it, at any port",
            fix="give only the address that the browser shows; for each other address start another studio with another --port",
        )
    if given:
        return outside_address(given[0])
    url = os.environ.get("TILEWORK_STUDIO_URL", "").strip()
    return outside_address(url, "TILEWORK_STUDIO_URL=") if url else None


def serve(studio: Studio, open_: bool = False, fragment: str = "", word: str = "runs go on without it") -> None:
    """Print the URL when the studio answers, and serve until Ctrl-C or SIGTERM."""
    from tilework.studio.server import open_browser

    def ready() -> None:
        url = studio.url(fragment)
        _announce(studio, url, word)
        if open_:
            open_browser(url)

    with contextlib.suppress(KeyboardInterrupt), sigterm_as_ctrl_c():
        studio.run(ready)


@contextlib.contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """SIGTERM ends what is inside as Ctrl-C does: in good order. The server sends a signal once more when it has ended."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _announce(studio: Studio, url: str, word: str) -> None:
    from rich.console import Console
    from rich.text import Text

    from tilework.studio import page_files
    from tilework.studio.server import LOOPBACK

    console = Console(highlight=False, soft_wrap=True)
    if studio.host not in {LOOPBACK, "localhost", "::1"}:
        warn(console, "other machines can reach this studio, unencrypted; who has the URL can train and delete runs")
    if not page_files.built():
        warn(
            console,
            "there is no page to show: its front end was not built; `uv sync --reinstall-package tilework` does",
        )
    console.print(Text.assemble(("studio  ", "bold"), url))
    if studio.keys.outside:
        console.print(Text(f"behind  http://{studio.listens}, which is where a proxy is to send it", style="dim"))
    console.print(Text(f"runs    {studio.root.path}", style="dim"))
    console.print(Text(f"Ctrl-C ends the studio; {word}", style="dim"))


def warn(console: Console, text: str) -> None:
    """One line that a person should read."""
    from rich.text import Text

    console.print(Text.assemble(("warning: ", "bold yellow"), text))
