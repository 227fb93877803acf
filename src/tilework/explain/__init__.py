"""A model explained in its own numbers: facts as values (`facts/`), words and drawings at the edge, and the glossary.

Names are imported when they are asked for: a term of the glossary needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilework.explain.facts.explanation import AutoencoderExplained, Explanation, PriorExplained
    from tilework.explain.of import explain_run, explain_spec

_HOME = {
    "AutoencoderExplained": "facts.explanation",
    "Explanation": "facts.explanation",
    "PriorExplained": "facts.explanation",
    "explain_run": "of",
    "explain_spec": "of",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


__all__ = ["AutoencoderExplained", "Explanation", "PriorExplained", "explain_run", "explain_spec"]
