"""A result as one HTML page that stands alone: no server, no network, no script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tilework.explore.shown import Shown

_STYLE = """:root { color-scheme: light dark; --bg: #f6f4ef; --panel: #fffefb; --line: #dfdacd; --text: #1c2128;
  --mute: #68707c; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #0e1217; --panel: #151a21; --line: #27303b; --text: #e8ebf0; --mute: #8d98a8; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--text);
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; }
main { width: fit-content; min-width: min(100%, 480px); max-width: 1200px; margin: 0 auto; padding: 24px; }
h1 { margin: 0 0 14px; font-size: 17px; font-weight: 650; overflow-wrap: anywhere; }
figure { margin: 0; padding: 18px; background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
  overflow-x: auto; }
img, video { display: block; margin: 0 auto; image-rendering: pixelated; }
figure + figure { margin-top: 16px; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 18px; margin: 16px 2px 0; font-size: 13px; }
dt { color: var(--mute); }
dd { margin: 0; overflow-wrap: anywhere; }
footer { margin: 20px 2px 0; color: var(--mute); font-size: 12px; }
"""


def page(shown: Shown) -> str:
    """The HTML of a page with the picture of `shown` (its film first, where it moves) and its facts."""
    from tilework import __version__
    from tilework.explore.shown import inline, still

    figures = [inline(shown), *([still(shown)] if shown.film() is not None else [])]
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in shown.facts())
    body = f"""<main>
<h1>{escape(shown.title())}</h1>
{"".join(f"<figure>{figure}</figure>" for figure in figures)}
<dl>{facts}</dl>
<footer>Made by tilework {escape(__version__)}.</footer>
</main>"""
    return document(shown.title(), _STYLE, body, films=True)


def document(title: str, style: str, body: str, *, films: bool = False) -> str:
    """A whole HTML document of `body` (HTML); the title is text. With `films` it may play those that it holds."""
    # The policy is the proof that nothing is fetched and nothing runs: only what is embedded, and this style.
    policy = f"default-src 'none'; img-src data:; {'media-src data:; ' if films else ''}style-src 'unsafe-inline'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(title)} · tilework</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
