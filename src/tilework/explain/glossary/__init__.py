"""The glossary: one entry a term. Read by the terminal, by the explained page and by the labels of the studio; needs no torch."""

from __future__ import annotations

import difflib
from functools import cache

from tilework.errors import UserError
from tilework.explain.glossary import codes, latents, losses, priors, training
from tilework.explain.glossary.entry import Entry
from tilework.metrics import Group, Metric

ENTRIES: tuple[Entry, ...] = (
    *latents.ENTRIES,
    *codes.ENTRIES,
    *losses.ENTRIES,
    *training.ENTRIES,
    *priors.ENTRIES,
)


def find(word: str) -> Entry | None:
    """The entry of a term, however it is written (`N/K`, `active_units`, `Active units`); None where there is none."""
    return _by_word().get(_key(word))


def entry(word: str) -> Entry:
    """As `find`; raises UserError with the nearest terms."""
    found = find(word)
    if found is not None:
        return found
    close = nearest(word)
    raise UserError(
        f"there is no term '{word}' in the glossary",
        why=f"the nearest terms are {', '.join(close)}" if close else f"it has {len(ENTRIES)} terms, none like that",
        fix=f"tilework explain {close[0]}" if close else "tilework explain --terms lists them all",
    )


def nearest(word: str, count: int = 3) -> list[str]:
    """Names of the terms that are written most like `word`."""
    close = difflib.get_close_matches(_key(word), _by_word(), n=3 * count, cutoff=0.6)
    return list(dict.fromkeys(_by_word()[one].name for one in close))[:count]


def of_term(kind: str) -> Entry | None:
    """The entry of a loss term: `codebook` is the codebook loss here, not the table of codes."""
    return find(f"{kind}-loss") or find(kind)


def of_metric(metric: Metric) -> Entry | None:
    """The entry of a metric."""
    return of_term(metric.name) if metric.term or metric.group is Group.LOSS else find(metric.name)


@cache
def _by_word() -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for one in ENTRIES:
        for word in one.also:
            found[_key(word)] = one
    return found | {one.name: one for one in ENTRIES}


def _key(word: str) -> str:
    return "-".join(word.strip().lower().replace("_", " ").replace("-", " ").split())


__all__ = ["ENTRIES", "Entry", "entry", "find", "nearest", "of_metric", "of_term"]
