"""The checks there are, found by their files."""

from __future__ import annotations

from collections.abc import Iterator

from tilework.engine.preflight.contract import Check
from tilework.spec.plugins import CHECKS


def checks() -> Iterator[Check]:
    """All checks, in their order."""
    found: list[Check] = [CHECKS.module(name).Check(name.replace("_", "-")) for name in CHECKS.kinds]
    yield from sorted(found, key=lambda check: check.order)
