"""`tilework explain`: a recipe, a run or a term, explained."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tilework.cli.options import RunsFolder, refuse_options
from tilework.cli.paths import out_file
from tilework.errors import UserError

if TYPE_CHECKING:
    from tilework.explain.facts.explanation import Explanation
    from tilework.explain.named import Meaning, Named

_PAGES, _TEXTS, _DATA = {".html", ".htm"}, {".md", ".markdown"}, {".json"}


def explain(
    what: Annotated[
        str | None,
        typer.Argument(
            help="A recipe, a YAML file, a run, or a term such as perplexity.",
            metavar="RECIPE_RUN_OR_TERM",
            show_default=False,
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="Of a recipe: section.key=value.", metavar="[SECTION.KEY=VALUE]...", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Write it to a file: .html (a page with drawings), .md, or .json (values, text and drawings).",
            parser=out_file,
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    meaning: Annotated[
        str | None,
        typer.Option("--as", help="recipe, run or term, where a name is more than one of these.", show_default=False),
    ] = None,
    terms: Annotated[bool, typer.Option("--terms", help="List the terms of the glossary.")] = False,
    runs: RunsFolder = None,
) -> None:
    """Explain a model in its own numbers: what goes in, each stage, the latent, the losses, and how to read each metric.

    A word is taken for a path first, then for a recipe, the whole name of a run, a term, and the beginning of a run's name.
    """
    from tilework.explain.named import Meaning, named
    from tilework.runs.folder import default_root

    words = list(overrides or [])
    refuse_options("explain", words)
    _check_out(out)
    if terms:
        _list_terms()
        return
    if what is None:
        raise UserError(
            "`tilework explain` needs a recipe, a run or a term",
            why="it takes a recipe, a YAML file, a run or a term",
            fix="tilework explain naruto, tilework explain last, or tilework explain perplexity",
        )
    if words and not any("=" in word for word in words):
        what, words = " ".join([what, *words]), []  # a term of several words
    folder = runs or default_root()
    found = named(what, folder, _wanted(meaning))
    if found.meaning is not Meaning.RECIPE and words:
        raise UserError(
            f"{what} is a {found.meaning}, and {words[0]} changes a recipe",
            why="a run is as it was trained" if found.meaning is Meaning.RUN else "a term has no settings",
            fix=f"tilework explain {_spec_of(what, folder)} {' '.join(words)}"
            if found.meaning is Meaning.RUN
            else f"tilework explain {what}",
        )
    if found.meaning is Meaning.TERM:
        _term(what, out)
    else:
        _model(_explanation(found, words, folder), out)
    for other in found.also:
        typer.echo(f"note: {what} is also a {other}; tilework explain {what} --as {other}", err=True)


def _wanted(text: str | None) -> Meaning | None:
    from tilework.explain.named import Meaning

    if text is None:
        return None
    if text not in list(Meaning):
        raise UserError(
            f"--as {text} is none of recipe, run and term",
            why="a prefix picks one where a name is more than one of these",
            fix="write --as recipe, --as run or --as term",
        )
    return Meaning(text)


def _check_out(out: Path | None) -> None:
    if out is not None and out.suffix.lower() not in _PAGES | _TEXTS | _DATA:
        raise UserError(
            f"--out {out} has no extension that gives the format",
            why="a page is .html, a text is .md, values are .json",
            fix=f"--out {out.with_suffix('.html')}",
        )


def _explanation(found: Named, words: list[str], folder: Path) -> Explanation:
    from tilework.explain import explain_run, explain_spec
    from tilework.explain.named import Meaning
    from tilework.runs.folder import RunFolder

    if found.meaning is Meaning.RUN:
        return explain_run(RunFolder.find(found.word, folder))
    from tilework.spec import load_spec

    return explain_spec(load_spec(found.word, words), source=found.word, overrides=words, runs=folder)


def _spec_of(what: str, folder: Path) -> str:
    """The spec file of a run, as it is typed."""
    from tilework.runs.folder import RunFolder

    return str(RunFolder.find(what, folder).spec_file)


def _model(found: Explanation, out: Path | None) -> None:
    from tilework.explain.words.document import document

    text = document(found)
    if out is not None and out.suffix.lower() in _PAGES:
        from tilework.explain.page import to_page

        _write(out, to_page(text, found))
        return
    if out is not None and out.suffix.lower() in _DATA:
        from tilework.explain.plain import to_plain

        _write(out, json.dumps(to_plain(text, found), ensure_ascii=False, indent=1) + "\n")
        return
    from tilework.explain.markdown import to_markdown

    _output(to_markdown(text), out)


def _term(word: str, out: Path | None) -> None:
    from tilework.explain import glossary
    from tilework.explain.markdown import section_parts
    from tilework.explain.words.entry import entry_section

    entry = glossary.entry(word)
    if out is not None and out.suffix.lower() in _PAGES:
        from tilework.explain.page import entry_page

        _write(out, entry_page(entry))
        return
    if out is not None and out.suffix.lower() in _DATA:
        _write(out, json.dumps(asdict(entry), ensure_ascii=False, indent=1) + "\n")
        return
    _output("\n\n".join(section_parts(entry_section(entry), 1)) + "\n", out)


def _list_terms() -> None:
    from tilework.explain.glossary import ENTRIES

    for entry in sorted(ENTRIES, key=lambda entry: entry.name):
        typer.echo(f"{entry.name:<22} {entry.title}")


def _output(markdown: str, out: Path | None) -> None:
    """To a file; to a terminal as it is read; to a pipe as it is."""
    if out is not None:
        _write(out, markdown)
        return
    from tilework.cli.output import console_for_text

    console = console_for_text()
    if console.is_terminal:
        from rich.markdown import Markdown

        console.print(Markdown(markdown))
    else:
        typer.echo(markdown, nl=False)


def _write(out: Path, text: str) -> None:
    from tilework.runs.atomic import atomic_write_text

    out.expanduser().parent.mkdir(parents=True, exist_ok=True)
    atomic_write_text(out.expanduser(), text)
    typer.echo(out)
