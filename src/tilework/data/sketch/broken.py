"""How a browser fails."""

from __future__ import annotations


class TookTooLong(Exception):
    """A call was not answered in time; the browser has to be ended."""


class BrokeDown(Exception):
    """The browser or its page is gone, by itself or because it took more than `most_bytes` of memory; it has to be ended."""

    def __init__(self, most_bytes: int | None) -> None:
        super().__init__()
        self.most_bytes = most_bytes
