"""`tilework check`: try a spec out for some seconds, before hours are spent on it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tilework.cli.options import RunsFolder, refuse_options
from tilework.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from tilework.runs.preflight import Preflight, Result


def check(
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="A recipe's name (`tilework recipes`) or a YAML file.", metavar="RECIPE_OR_FILE", show_default=False
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="section.key=value, as for `tilework train`.", metavar="[SECTION.KEY=VALUE]...", show_default=False
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", min=1.0, max=86400.0, help="Longest time that all checks together may take.")
    ] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    runs: RunsFolder = None,
) -> None:
    """Check a spec before its run: does it learn one batch, fit its data, save and load, and how long will it take? Exit code 2
    where a check fails."""
    words = [*([recipe] if recipe is not None else []), *(overrides or [])]
    refuse_options("check", words)
    if recipe is None:
        raise UserError(
            "`tilework check` needs a spec",
            why="it takes a recipe's name or a YAML file",
            fix="tilework check rqvae-digits; `tilework recipes` lists all",
        )
    found = _checked(recipe, overrides or [], runs, seconds, quiet=as_json)
    if as_json:
        import json

        typer.echo(json.dumps(found.as_plain(), indent=1))
    else:
        from tilework.cli.output import console_for_text

        _print(console_for_text(), found)
    if found.stopping:
        sys.exit(UserError.exit_code)


def _checked(recipe: str, overrides: list[str], runs: Path | None, seconds: float, *, quiet: bool) -> Preflight:
    from rich.console import Console

    from tilework.spec import load_spec

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with console.status("loading torch"):
        spec = load_spec(recipe, overrides)
        from tilework.engine.preflight import before
        from tilework.engine.progress import Silent

        class Printer(Silent):
            def message(self, text: str) -> None:
                if not quiet:
                    console.print(text, markup=False)

    with console.status("checking"):
        return before.check(spec, Printer(), runs, seconds)


def _print(console: Console, found: Preflight) -> None:
    from rich.text import Text

    width = max(len(result.code) for result in found.results)
    for result in found.results:
        style, word = _mark(result)
        console.print(
            Text.assemble((f"{word:<12}", style), f"{result.code:<{width}}  ", *_lines(result, width)), soft_wrap=True
        )
    failed, warned = len(found.stopping), len(found.warnings)
    end = f"{failed} failed, " * bool(failed) + f"{warned} warning{'s' if warned != 1 else ''}, " * bool(warned)
    console.print(f"\n{end}{len(found.results)} checks in {found.seconds:.1f} s", soft_wrap=True)


def _mark(result: Result) -> tuple[str, str]:
    from tilework.runs.preflight import Verdict

    if result.known and result.verdict is Verdict.FAILED:
        return "yellow", "known fault"
    return {
        Verdict.PASSED: ("green", "passed"),
        Verdict.WARNING: ("yellow", "warning"),
        Verdict.FAILED: ("bold red", "failed"),
        Verdict.NOT_CHECKED: ("dim", "not checked"),
    }[result.verdict]


def _lines(result: Result, width: int) -> list[str | tuple[str, str]]:
    """What was found, and below it why and the fix."""
    from tilework.runs.preflight import Verdict
    from tilework.runs.preflight.words import sentences

    words = sentences(replace(result, known=False))
    if result.verdict is Verdict.NOT_CHECKED:
        return [(words.why, "dim")]
    indent = "\n" + " " * (14 + width)
    found: list[str | tuple[str, str]] = [words.what]
    for label, text, style in (("why: ", words.why, "dim"), ("fix: ", "" if result.known else words.fix, "green")):
        if text:
            found += [indent, (label, style), text]
    return found
