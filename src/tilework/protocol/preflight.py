"""The checks before a run, as the page shows them."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypedDict


class CheckEntry(TypedDict):
    """One check of a run's spec, made before its first step."""

    code: Annotated[str, "of the check: `output-range`"]
    verdict: Annotated[Literal["passed", "warning", "failed", "not-checked"], "what it came to"]
    what: Annotated[str, "what was found, in words"]
    why: Annotated[str, "why, most likely; may be empty"]
    fix: Annotated[str, "what to do; may be empty"]


class ChecksResponse(TypedDict):
    """All checks of a run's spec."""

    checks: Annotated[Sequence[CheckEntry], "in the order in which they were made; empty where they were switched off"]
    seconds: Annotated[float, "that they took"]
