"""What a source of images gives, and the settings that every source has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tilework.spec import ImageSize, Plugin, Settings, Size


@dataclass(frozen=True)
class Item:
    """One image as its source delivers it: uint8, (H, W, C) with C 1 or 3, any size (the frame store fits it)."""

    pixels: NDArray[np.uint8]
    group: str
    """What stays on one side of a split: a clip, an animation, or the image itself."""
    frame: int = 0
    """Number of the frame within its file or group."""
    label: str | None = None
    file: str = ""
    held_out: bool | None = None
    """Force the side of the split: True = validation, False = training (official test files); None = the split decides."""


@dataclass(frozen=True)
class Seen:
    """What a source saw beside its images."""

    parts: dict[str, bool] = field(default_factory=dict)
    """Folders (or files) that are the data's own split, and whether each is held out; empty where it has none."""
    beside: tuple[str, ...] = ()
    """Folders beside train and test folders that are neither, so that all of them were taken as classes."""
    others: dict[str, int] = field(default_factory=dict)
    """Files of each extension that are no images."""
    unused_depth: tuple[int, int] | None = None
    """(files, bits): so many files have 16-bit values, and all of them fit so few bits; nothing states that they are
    scaled."""
    loose: int = 0
    """Files beside the folders of classes; they have no label."""
    one_sided: dict[str, bool] = field(default_factory=dict)
    """Folders that are called like parts of a split, and all on one side of it (True = held out), so that they are none."""
    empty: tuple[str, ...] = ()
    """Folders that are called like parts of a split, and hold nothing."""


@dataclass(frozen=True)
class Note:
    """What is worth knowing of an input that was used. It is no fault."""

    file: str
    kind: str
    """What it is; `tilework.data.notes` has the words for each."""
    values: tuple[str, ...] = ()


class SplitSettings(Settings):
    """Which images are held out."""

    by: Literal["auto", "group", "cluster", "segment", "frame"] = Field(
        default="auto",
        description="what is held out: whole groups (clips, animations), clusters of near twins, one stretch of frames of each "
        "group, or single frames; the last two leak near twins, and report how many; auto = clusters where groups cannot keep "
        "twins together (every image its own group, or one group for each class), else groups",
    )
    official: bool = Field(
        default=True,
        description="keep the split that the data comes with (train and val or test folders, official test files); false = "
        "divide everything anew, by `by`",
    )
    validation: float = Field(default=0.1, gt=0, lt=1, description="share held out")
    seed: int = Field(default=0, ge=0, description="seed of the choice")


class SourceConfig(Plugin, ABC):
    """Settings that every source has. `items()` is called once; the frame store keeps what it gave."""

    groups_suffice: ClassVar[bool] = False
    """True where the source knows that its groups part what must be parted; `data.split.by=auto` then never looks for twins."""
    later: ClassVar[frozenset[str]] = frozenset()
    """Settings that a source was given later: at their defaults they are no part of `settings_text`, so that what was prepared
    before is still right."""

    size: ImageSize = Field(default=Size(64, 64), description="pixels of every image, width x height")
    channels: Literal[1, 3] = Field(default=3, description="1 = grey, 3 = colour")
    fit: Literal["crop", "pad", "stretch", "refuse"] = Field(
        default="crop",
        description="how an image of another shape is brought to size; refuse = stop at the first that differs",
    )
    duplicates: Literal["keep", "drop", "drop-near"] = Field(
        default="keep",
        description="images seen before: keep them, drop exact copies, or drop near twins too; the first of each is kept",
    )
    split: SplitSettings = SplitSettings()

    @abstractmethod
    def fingerprint(self) -> str:
        """Text that changes whenever the items would change (settings, file names, sizes, times); the cache key."""

    @abstractmethod
    def items(self) -> Iterator[Item]:
        """Every image, always in the same order. Raises UserError for input that cannot be used."""

    def items_after(self, file: str, frame: int) -> Iterator[Item]:
        """The items that follow image (`file`, `frame`), for a preparation that was interrupted behind it.

        Exactly the rest of what `items()` gives. A source overrides this where it can skip files without decoding them;
        where (file, frame) does not name one image, it must not (the builder then counts instead).
        """
        rest = self.items()
        for item in rest:
            if (item.file, item.frame) == (file, frame):
                break
        yield from rest

    def expected(self) -> int | None:
        """How many images `items()` will give, as far as that is known without decoding; for an estimate of the time
        left."""
        return None

    def shortfall(self, count: int) -> str:
        """The message where fewer images came out (`count`) than were asked for; "" where nothing was."""
        return ""

    def settings_text(self) -> str:
        """The settings that decide the items, as text; changing others (split, duplicates) re-uses the frame store."""
        usual = {name for name in self.later if getattr(self, name) == type(self).model_fields[name].default}
        return self.model_dump_json(exclude={"split", "duplicates", *usual})

    def padding(self) -> tuple[int, int, int]:
        """RGB colour of the border where `fit` is `pad`."""
        return (0, 0, 0)

    def seen(self) -> Seen:
        """What there was beside the images; complete when `items()` has ended."""
        return Seen()

    def notes(self) -> list[Note]:
        """What is worth knowing of the inputs that were used; complete when `items()` has ended."""
        return []

    def unreadable(self) -> list[tuple[str, str]]:
        """(file, reason) of each input that `items()` skipped; complete when `items()` has ended."""
        return []
