"""A model explained for the page. Only the worker imports this: an explanation builds the network, and with it comes torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tilework.explain import explain_run, explain_spec
from tilework.explain.plain import to_plain
from tilework.explain.words.document import document
from tilework.runs.folder import RunFolder
from tilework.spec import load_spec

if TYPE_CHECKING:
    from tilework.explain.facts.explanation import Explanation
    from tilework.protocol.explain import ExplainBlock, ExplainResponse


def explained(asked: dict[str, Any]) -> ExplainResponse:
    """{run}: a folder, or {source, overrides, runs}: a recipe's name or the path of a spec, and the folder of runs."""
    if "run" in asked:
        return response_of(explain_run(RunFolder(Path(asked["run"]))))
    overrides: Sequence[str] = asked["overrides"]
    spec = load_spec(asked["source"], list(overrides))
    return response_of(explain_spec(spec, source=asked["source"], overrides=overrides, runs=Path(asked["runs"])))


def response_of(found: Explanation) -> ExplainResponse:
    """An explanation as the page shows it: its text, with each drawing where it stands."""
    text, standing = document(found), found.subject.standing
    plain = to_plain(text, found)
    drawings: Mapping[str, str] = plain["drawings"]
    return {
        "title": text.title,
        "form": "run" if standing is not None else "recipe",
        "step": standing.step if standing is not None else None,
        "lead": plain["text"]["lead"],
        "cards": plain["text"]["cards"],
        "sections": [
            {
                "heading": section["heading"],
                "tone": section["tone"],
                "blocks": list(_drawn(section["blocks"], drawings)),
            }
            for section in plain["text"]["sections"]
        ],
        "note": plain["text"]["note"],
    }


def _drawn(blocks: Sequence[dict[str, Any]], drawings: Mapping[str, str]) -> Iterator[ExplainBlock]:
    """The blocks of a section; a figure has its drawing, and one without is left out."""
    for block in blocks:
        if block["kind"] != "figure":
            yield cast("ExplainBlock", block)
        elif block["drawing"] in drawings:
            yield cast("ExplainBlock", {**block, "svg": drawings[block["drawing"]]})
