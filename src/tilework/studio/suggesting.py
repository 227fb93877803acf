"""A spec proposed for the page. Only the worker imports this: measuring a step takes torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tilework.spec.text import read_yaml
from tilework.suggest.looking import look
from tilework.suggest.proposing import MINUTES, suggest
from tilework.suggest.sheet import shape, sheet
from tilework.suggest.words import lines, yaml_text


def suggested(asked: dict[str, Any]) -> dict[str, Any]:
    """{paths, yaml, sheet}: what lies at `paths`, and a spec for it, written to the file `yaml` with a contact sheet beside it.

    Raises UserError where nothing can be learned from it.
    """
    seen = look(asked["paths"])
    proposal = suggest(asked["paths"], float(asked.get("minutes", MINUTES)), seen)
    text = yaml_text(proposal)
    drawn = sheet(seen.images, proposal.choices)
    if drawn is not None:
        drawn.save(asked["sheet"], "PNG")
    Path(asked["yaml"]).write_text(text, encoding="utf-8")
    return {
        "name": proposal.name,
        "lines": [
            {"about": line.about, "chosen": line.chosen, "reasons": list(line.reasons)} for line in lines(proposal)
        ],
        "reasons": [{"about": one.about, "code": one.code, "values": dict(one.values)} for one in proposal.reasons],
        "yaml": text,
        "spec": read_yaml(text, proposal.name),
        "columns": shape(len(seen.images))[0] if drawn is not None else 0,
    }
