"""The command line: one command per file, each thin; a mistake in what was asked for ends with exit code 2."""

from __future__ import annotations

import atexit
import signal
import sys

from tilework.errors import TileworkError


def main() -> None:
    """Entry point of `tilework`."""
    # Everything is on the disk by then: an impatient Ctrl-C must not turn a clean end into a traceback.
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    try:
        from tilework.cli.app import app

        app()
    except TileworkError as error:
        _tell(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        sys.stderr.close()
        sys.exit(0)


def _tell(error: TileworkError) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text("error: ", style="bold red") + Text(error.what))
    if error.why:
        console.print(Text("  why: ", style="dim") + Text(error.why))
    if error.fix:
        console.print(Text("  fix: ", style="green") + Text(error.fix))
