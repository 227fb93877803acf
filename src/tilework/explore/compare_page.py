"""A comparison of models as one HTML page that stands alone: no server, no network, no script."""

from __future__ import annotations

from html import escape

from tilework.explore.canvas import factor_for, heat
from tilework.explore.compare_sheet import FULL, LEAST
from tilework.explore.compared import Compared, numbers, text_of
from tilework.explore.page import image_tag, page


def compare_page(found: Compared) -> str:
    """The page: a row for each model with its image, error and difference, and the settings that are not the same."""
    height, width = found.models[0].image.shape[:2]
    factor = max(factor_for(width, LEAST), factor_for(height, LEAST))
    first = found.models[0].name
    rows = []
    for number, seen in enumerate(found.models):
        facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in numbers(seen).items())
        shown = [("image", found.original), ("reconstruction" if found.original is not None else "decoded", seen.image)]
        error = found.error(number)
        shown.append(("error", None if error is None else heat(error, FULL)))
        shown.append((f"difference from {first}", heat(found.between(0, number), FULL) if number else None))
        images = "".join(
            f"<figure>{image_tag(pixels, factor, f'{name}, {seen.name}')}<figcaption>{escape(name)}</figcaption></figure>"
            for name, pixels in shown
            if pixels is not None
        )
        rows.append(f"<section><h2>{escape(seen.name)}</h2><div class='model'><dl>{facts}</dl>{images}</div></section>")
    heads = "".join(f"<th>{escape(seen.name)}</th>" for seen in found.models)
    lines = "".join(
        f"<tr><td>{escape(name)}</td>{''.join(f'<td>{escape(text_of(value))}</td>' for value in values)}</tr>"
        for name, values in found.settings.items()
    )
    table = (
        f"<section><h2>Settings that differ</h2><table><tr><th></th>{heads}</tr>{lines}</table></section>"
        if lines
        else ""
    )
    note = f"Error and difference: absolute, the mean over colours, from dark (0) to white ({FULL} and more)."
    return page(found.title(), "".join(rows) + table, note)
