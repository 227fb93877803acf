"""One page about one run, and the images that it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilework.report.page import report


def __getattr__(name: str) -> Any:
    """`report` when it is asked for: it brings the plots along, which the theme and the snapshots can do without."""
    if name != "report":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tilework.report.page import report

    return report


__all__ = ["report"]
