"""`hub`: an image data set of the Hugging Face hub. Named by recipes; this version says what to use in its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from tilework.data.contract import Item, SourceConfig
from tilework.data.later import not_in_this_version
from tilework.errors import UserError


class Config(SourceConfig):
    """The pictures in one column of a hub data set."""

    kind: Literal["hub"] = "hub"
    id: str = Field(default="", description="name of the data set, owner/name")
    split_name: str = Field(default="train", min_length=1, description="which of the data set's own splits to read")
    column: str = Field(default="image", min_length=1, description="column that holds the pictures")

    def fingerprint(self) -> str:
        raise self._missing()

    def items(self) -> Iterator[Item]:
        raise self._missing()

    def _missing(self) -> UserError:
        return not_in_this_version("hub", "data sets of the Hugging Face hub")
