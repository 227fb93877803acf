"""A text as one HTML page that stands alone: no server, no network, no script; light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib import resources

from tilework.explain.document import Block, Card, Document, Figure, Layout, Paragraph, Points, Row, Section, Table
from tilework.explain.drawing.svg import anchor
from tilework.explain.facts.explanation import Explanation
from tilework.explain.glossary import ENTRIES, Entry
from tilework.explain.inline import Mark, Piece, pieces
from tilework.explain.plain import drawings
from tilework.explain.terms import entries_of
from tilework.report.theme import DARK, LIGHT, Theme

# The policy is the proof that nothing is fetched and nothing runs: only what is embedded, and this style.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_LAYOUTS = {Layout.SIDE: "half", Layout.WHOLE: "over-all", Layout.COLUMNS: "spread"}


def to_page(document: Document, found: Explanation) -> str:
    """The whole page of an explanation, with its drawings and the entries of the glossary that it leads to."""
    sections = "\n".join(_section(section, found) for section in document.sections)
    cards = "".join(map(_card, document.cards))
    body = (
        f'<p class="lead">{_line(document.lead)}</p>\n'
        f'<section class="metrics" aria-label="key metrics">{cards}</section>\n{sections}\n{_words(entries_of(document))}'
    )
    hover = "".join(_hover(row.key) for row in _rows(document) if row.key)
    return _page(document.title, found.subject.form, "explained in its own numbers", body, document.note, hover)


def entry_page(entry: Entry) -> str:
    """A page about one term and those related to it."""
    related = [one for one in ENTRIES if one.name in entry.related]
    return _page(entry.title, "glossary", "", _words([entry, *related]), "`tilework explain --terms` lists all.", "")


def _page(title: str, chip: str, aside: str, body: str, note: str, hover: str) -> str:
    css = "".join(
        (resources.files(package) / "page.css").read_text(encoding="utf-8")
        for package in ("tilework.report", "tilework.explain")
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(title)} · explained · tilework</title>
<style>
{css}{_colours()}{hover}</style>
</head>
<body>
<header>
<span class="logo" aria-hidden="true"><i></i><i></i><i></i><i></i></span>
<h1>{escape(title)}</h1>
<span class="chip">{escape(chip)}</span>
<span class="grow"></span>
<span class="mute">{escape(aside)}</span>
</header>
<main>
{body}
</main>
<footer>{_line(note)}</footer>
</body>
</html>
"""


def _colours() -> str:
    """What the drawings are coloured with, light and dark."""
    return f":root {{ {_of_theme(LIGHT)} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {_of_theme(DARK)} }} }}\n"


def _of_theme(theme: Theme) -> str:
    blue, warm, third, *_ = theme.lines
    return f"--encoder: {blue}; --decoder: {warm}; --latent: {third}; --image: {theme.mute};"


def _hover(key: str) -> str:
    """A stage under the hand lights its row, and a row its stage."""
    row, stage = anchor("row", key), anchor("stage", key)
    return (
        f"main:has(#{stage}:hover) #{row}, main:has(#{stage}:focus) #{row} {{ background: var(--raise); }}\n"
        f"main:has(#{row}:hover) #{stage} .edge {{ stroke-width: 2.4; }}\n"
    )


def _rows(document: Document) -> Iterator[Row]:
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Table):
                yield from block.rows


def _section(section: Section, found: Explanation) -> str:
    body = "".join(_block(block, found) for block in section.blocks)
    tone = f" {section.tone}" if section.tone else ""
    return f'<section class="{_LAYOUTS[section.layout]} text{tone}"><h2>{escape(section.heading)}</h2>{body}</section>'


def _block(block: Block, found: Explanation) -> str:
    match block:
        case Paragraph():
            return f"<p>{_line(block.line)}</p>"
        case Points():
            return f"<ul>{''.join(f'<li>{_line(line)}</li>' for line in block.lines)}</ul>"
        case Table():
            return _table(block)
        case Figure():
            return _figure(block, found)


def _figure(figure: Figure, found: Explanation) -> str:
    svg = drawings(found).get(str(figure.drawing), "")
    return f'<figure class="drawing">{svg}<figcaption>{_line(figure.caption)}</figcaption></figure>' if svg else ""


def _table(table: Table) -> str:
    heads = "".join(f"<th{_right(table, column)}>{escape(head)}</th>" for column, head in enumerate(table.heads))
    rows = "".join(_row(table, row) for row in table.rows)
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(table: Table, row: Row) -> str:
    cells = "".join(f"<td{_right(table, column)}>{_line(cell)}</td>" for column, cell in enumerate(row.cells))
    name = f' id="{anchor("row", row.key)}"' if row.key else ""
    return f'<tr{name} class="{row.tone}">{cells}</tr>'


def _right(table: Table, column: int) -> str:
    return ' class="n"' if column in table.numbers else ""


def _card(card: Card) -> str:
    return (
        f'<dl class="figure"><dt>{escape(card.name)}</dt>'
        f'<dd class="big">{escape(card.big)} <small>{escape(card.unit)}</small></dd>'
        f'<dd class="more">{escape(card.more)}</dd></dl>'
    )


def _words(entries: list[Entry]) -> str:
    if not entries:
        return ""
    known = {entry.name for entry in entries}
    return (
        f'<section class="words"><h2>words</h2><dl>{"".join(_entry(entry, known) for entry in entries)}</dl></section>'
    )


def _entry(entry: Entry, known: set[str]) -> str:
    formula = f"<code>{escape(entry.formula)}</code>" if entry.formula else ""
    purpose = f"<p>{escape(entry.purpose)}</p>" if entry.purpose else ""
    source = f'<small class="mute">{escape(entry.source)}</small>' if entry.source else ""
    others = ", ".join(
        f'<a href="#term-{name}">{escape(name)}</a>' if name in known else escape(name) for name in entry.related
    )
    related = f'<small class="mute">related: {others}</small>' if others else ""
    body = f"{escape(entry.text)}{purpose}{formula}{source}{related}"
    return f'<div id="term-{entry.name}"><dt>{escape(entry.title)}</dt><dd>{body}</dd></div>'


def _line(line: str) -> str:
    return "".join(map(_piece, pieces(line)))


def _piece(piece: Piece) -> str:
    text = escape(piece.text)
    if piece.mark is Mark.CODE:
        text = f"<code>{text}</code>"
    elif piece.mark is Mark.TERM:
        text = f'<a class="term" href="#term-{piece.term}">{text}</a>'
    return f"<strong>{text}</strong>" if piece.strong else text
