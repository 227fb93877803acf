"""The command line: one command per file, each thin; a mistake in what was asked for ends with exit code 2."""

from __future__ import annotations

import atexit
import signal
import sys

from tilework.errors import TileworkError, UserError


def main() -> None:
    """Entry point of `tilework`."""
    # Everything is on the disk by then: an impatient Ctrl-C must not turn a clean end into a traceback.
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    try:
        sys.exit(_run())
    except TileworkError as error:
        _print_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        sys.stderr.close()
        sys.exit(0)


def _run() -> int:
    """The command that was typed; its exit code. What is wrong with the words themselves is reported as every other
    mistake is."""
    import typer

    from tilework.cli.app import app

    usage_error: type[Exception] = typer.BadParameter.__bases__[0]
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        return 130
    except usage_error as error:
        context = getattr(error, "ctx", None)
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()  # type: ignore[attr-defined]
            return 2
        text = error.format_message()  # type: ignore[attr-defined]
        if context is None:
            raise UserError(
                text.rstrip("."), fix="tilework --help lists the commands; each has a --help of its own"
            ) from None
        used = " ".join(context.command.collect_usage_pieces(context))
        raise UserError(
            f"{context.command_path}: {text[:1].lower()}{text[1:].rstrip('.')}",
            why=f"it is written {context.command_path} {used}",
            fix=f"{context.command_path} --help lists what each word means",
        ) from None
    return code if isinstance(code, int) else 0


def _print_error(error: TileworkError) -> None:
    from rich.console import Console
    from rich.text import Text

    from tilework.runs.stage import note_error

    note_error(error)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text("error: ", style="bold red") + Text(error.what))
    if error.why:
        console.print(Text("  why: ", style="dim") + Text(error.why))
    if error.fix:
        console.print(Text("  fix: ", style="green") + Text(error.fix))
