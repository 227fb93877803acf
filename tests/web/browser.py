"""Waiting for something in the page. Playwright's own way evaluates text inside the page, which its security policy refuses."""

from __future__ import annotations

import time
from typing import Any

from commands import PATIENCE
from playwright.sync_api import expect

SECONDS = PATIENCE
expect.set_options(timeout=1000 * SECONDS)
__all__ = ["expect", "until"]


def until(page: Any, expression: str, seconds: float = SECONDS) -> None:
    """Wait until a JavaScript expression is true."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, (
            f"it did not become true in time: {expression}; shown is {page.evaluate('window.__tilework')}"
        )
        time.sleep(0.05)
