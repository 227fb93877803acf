"""The manifest of a token folder: which model made the tokens, of what, in which shape, and which files hold them.

Shape legend of this package: N items (images), Q levels of codes on h x w positions, K codes of a level.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tilework.errors import UserError

VERSION = 1
MANIFEST = "manifest.json"
_FORMAT = "tilework tokens"


@dataclass(frozen=True)
class Parent:
    """The model that made the tokens."""

    run: str
    """Id of its run."""
    path: str
    """Where the run was."""
    checkpoint: str
    """Name of the checkpoint's folder."""
    step: int
    encoder_hash: str
    decoder_hash: str
    codebook_hash: str


@dataclass(frozen=True)
class Grid:
    """The tokens of one image: (Q, h, w) of K codes each."""

    levels: int
    height: int
    width: int
    codes: int

    @property
    def bits(self) -> float:
        """Bits of an image, where every code costs the same."""
        return self.levels * self.height * self.width * math.log2(self.codes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(Q, h, w)."""
        return self.levels, self.height, self.width

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint16 where that holds every code, else uint32."""
        return np.dtype("<u2" if self.codes <= 2**16 else "<u4")


@dataclass(frozen=True)
class Images:
    """What was encoded."""

    kind: str
    """Kind of the source, `data.kind`."""
    hash: str
    """Content hash of the frame store."""
    width: int
    height: int
    channels: int
    mirror: bool
    """Whether every image came a second time, mirrored from left to right; those follow behind all others."""
    classes: tuple[str, ...]
    groups: int
    """How many numbers `groups` of the items have: clips, and images that are no clip's frames."""
    closed_groups: tuple[int, ...]
    """The groups that are loops: the last frame is followed by the first."""


@dataclass(frozen=True)
class ShardFile:
    """One file of tokens."""

    file: str
    items: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The description of a token folder."""

    parent: Parent
    grid: Grid
    images: Images
    layout: str
    """What `tilework encode --layout` was given."""
    shard_items: int
    """Items of every shard but the last."""
    items: int
    plan: str
    """SHA-256 of all that decides what the folder will hold; equal for two folders of the same tokens."""
    shards: tuple[ShardFile, ...] = ()
    """Empty until the folder is complete."""
    complete: bool = False
    version: int = VERSION

    @property
    def levels(self) -> int:
        """Q."""
        return self.grid.levels

    @property
    def height(self) -> int:
        """h, rows of the grid."""
        return self.grid.height

    @property
    def width(self) -> int:
        """w, columns of the grid."""
        return self.grid.width

    @property
    def codes(self) -> int:
        """K, codes of each level."""
        return self.grid.codes

    @property
    def bits(self) -> float:
        """Bits of an image, where every code costs the same."""
        return self.grid.bits

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels."""
        return self.images.classes

    @property
    def decoder_hash(self) -> str:
        """Hash of the decoder that the tokens are for."""
        return self.parent.decoder_hash

    @property
    def codebook_hash(self) -> str:
        """Hash of the codebook that the tokens are numbers of."""
        return self.parent.codebook_hash

    @property
    def data_hash(self) -> str:
        """Content hash of the images."""
        return self.images.hash

    @property
    def closed_groups(self) -> tuple[int, ...]:
        """The groups that are loops."""
        return self.images.closed_groups

    @property
    def shard_count(self) -> int:
        """How many shards the whole folder has."""
        return -(-self.items // self.shard_items)

    def span(self, number: int) -> tuple[int, int]:
        """First item of a shard, and the one behind its last."""
        return number * self.shard_items, min(self.items, (number + 1) * self.shard_items)

    def planned(self, *more: str) -> Manifest:
        """The same with its plan worked out; `more` is what decides the items beside what stands here."""
        decides = asdict(replace(self, plan="", shards=(), complete=False))
        for where in ("run", "path", "checkpoint", "step"):  # the same weights under another name give the same tokens
            del decides["parent"][where]
        text = json.dumps([decides, *more], sort_keys=True)
        return replace(self, plan=hashlib.sha256(text.encode()).hexdigest())

    def text(self) -> str:
        """As it is written."""
        about = asdict(self)
        about["bits"] = round(self.bits, 6)  # for who reads it without us
        return json.dumps({"format": _FORMAT, **about}, indent=1, sort_keys=True) + "\n"


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder, None where it has none. Raises UserError for one that is damaged or of another version."""
    file = folder / MANIFEST
    try:
        raw = json.loads(file.read_bytes().decode("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UserError(
            f"{file} cannot be read", why=error.strerror or str(error), fix="see that you may read it"
        ) from None
    except ValueError:
        raise _damaged(file, "it is cut short, or is no JSON") from None
    if not isinstance(raw, dict) or raw.get("format") != _FORMAT:
        raise UserError(
            f"{folder} is no folder of tokens",
            why=f"its {MANIFEST} is of something else",
            fix="name the folder that `tilework encode` wrote",
        )
    if raw.get("version") != VERSION:
        raise UserError(
            f"{folder} holds tokens of format {raw.get('version')}; this tilework reads format {VERSION}",
            why="another version of tilework wrote them",
            fix="encode the images again, or use the version that wrote them",
        )
    try:
        return _parsed(raw)
    except KeyError as error:
        raise _damaged(file, f"it has no {error.args[0]}") from None
    except (TypeError, ValueError) as error:
        raise _damaged(file, str(error)) from None


def _parsed(raw: Mapping[str, Any]) -> Manifest:
    manifest = Manifest(
        parent=_read(Parent, raw["parent"]),
        grid=_read(Grid, raw["grid"]),
        images=_read(Images, raw["images"]),
        layout=_typed(raw, "layout", "str"),
        shard_items=_typed(raw, "shard_items", "int"),
        items=_typed(raw, "items", "int"),
        plan=_typed(raw, "plan", "str"),
        shards=tuple(_read(ShardFile, one) for one in raw["shards"]),
        complete=_typed(raw, "complete", "bool"),
    )
    grid = manifest.grid
    if min(grid.levels, grid.height, grid.width, manifest.items, manifest.shard_items) < 1 or grid.codes < 2:
        raise ValueError("a number in it is too small to be true")
    if any(not 0 <= group < manifest.images.groups for group in manifest.closed_groups):
        raise ValueError("a loop in it is none of its groups")
    if any(shard.items < 1 for shard in manifest.shards):
        raise ValueError("a shard in it is empty")
    if any("/" in shard.file or "\\" in shard.file for shard in manifest.shards):
        raise ValueError("a shard is not in the folder")
    if manifest.complete and sum(shard.items for shard in manifest.shards) != manifest.items:
        raise ValueError(f"its shards do not hold the {manifest.items:,} items that it lists")
    return manifest


def _read(kind: type[Any], raw: Any) -> Any:
    if not isinstance(raw, dict):
        raise TypeError(f"{kind.__name__.lower()} is no list of values")
    return kind(**{name: _typed(raw, name, wanted) for name, wanted in kind.__annotations__.items()})


_PLAIN: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "bool": (bool,)}


def _typed(raw: Mapping[str, Any], name: str, wanted: str) -> Any:
    value = raw[name]
    if wanted.startswith("tuple"):
        kind: type = str if "str" in wanted else int
        if isinstance(value, list) and all(type(one) is kind for one in value):
            return tuple(value)
    elif type(value) in _PLAIN[wanted]:
        return value
    raise TypeError(f"{name} is {value!r}")


def _damaged(file: Path, reason: str) -> UserError:
    return UserError(
        f"{file} is damaged",
        why=reason,
        fix=f"restore it from a copy, or remove {file.parent} and encode the images again",
    )
