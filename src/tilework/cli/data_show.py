"""`tilework data show`: everything about one data set, and a contact sheet."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from tilework.cli.data_sets import Name

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

    from tilework.data.catalogue.statistics import Statistics
    from tilework.data.split.duplicates import Duplicates
    from tilework.data.split.sides import Split
    from tilework.data.store.frame_store import FrameStore

_LISTED = 8


def show(
    name: Name,
    grid: Annotated[
        str, typer.Option(help="Tokens of an image, width x height, for the size of codebook that they fill.")
    ] = "16x16",
    all_: Annotated[bool, typer.Option("--all", help="List every duplicate and every file left out.")] = False,
) -> None:
    """Show a data set: counts, sizes, groups, split, duplicates, statistics; writes a contact sheet."""
    from pydantic import TypeAdapter, ValidationError

    from tilework.cli.output import console_for_text
    from tilework.cli.preparing import Preparing
    from tilework.cli.seen import beside, own_split
    from tilework.data.catalogue.sets import data_set, prepared
    from tilework.data.catalogue.sheet import contact_sheet
    from tilework.data.catalogue.statistics import statistics
    from tilework.data.split.duplicates import duplicates
    from tilework.data.split.sides import split_by
    from tilework.data.store.frame_store import FrameStore
    from tilework.errors import UserError
    from tilework.spec.types import ImageSize, Size

    try:
        tokens: Size = TypeAdapter(ImageSize).validate_python(grid)
    except ValidationError:
        raise UserError(
            f"--grid {grid} is not a grid", why="it is width x height in tokens", fix="write for example --grid 16x16"
        ) from None
    console = console_for_text()
    entry = data_set(name)
    source = entry.source
    gone: UserError | None = None
    try:
        with Preparing(console, None) as bar:
            entry, store = prepared(entry, bar)
    except UserError as error:  # what it was made from is gone or unusable: what was prepared may still be there
        if entry.store_folder is None or not entry.store_folder.is_dir():
            raise
        store, gone = FrameStore.open(entry.store_folder), error
    found = duplicates(store)
    problem: UserError | None = None
    split: Split | None = None
    try:
        split = split_by(store, source.split, source.duplicates)
    except UserError as error:  # the set can be looked at all the same
        problem = error
    _line(console, "data set", f"{name}, {source.kind}, added {entry.added}")
    where = entry.data.get("path") or entry.data.get("id") or ""
    for path in [where] if isinstance(where, str) else where[:_LISTED]:
        _line(console, "from", path)
    if gone is not None:
        _line(console, "", f"{gone.what}; what follows was prepared before")
    _counts(console, store)
    if note := own_split(store.seen, source.kind):
        _line(console, "own split", note)
    if split is not None:
        _split(console, store, split)
        if split.by == "official" and source.split.by != "auto":
            _line(console, "", f"data.split.by={source.split.by} has no effect on a split that the data comes with")
    elif problem is not None:
        _line(console, "split", f"none: {problem.what}")
        _line(console, "", problem.why)
        _line(console, "", f"fix: {problem.fix}")
    _duplicates(console, store, found, all_)
    first = _first(store, found)
    distinct = int((first if split is None else first[split.train]).sum())
    _statistics(console, statistics(store), distinct, tokens)
    _left_out(console, store, all_)
    for line in beside(store.seen, source.kind):
        _line(console, "note", line)
    _notes(console, store, all_)
    entry.sheet.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(store, split, f"{name}: {store.count:,} images of {store.size}").save(entry.sheet)
    _line(console, "contact sheet", str(entry.sheet))
    _line(console, "prepared", str(store.folder))


def _line(console: Console, what: str, text: str) -> None:
    """A path is never wrapped: it could not be copied."""
    from rich.text import Text

    console.print(Text.assemble((f"{what:<15}", "dim"), text), soft_wrap=True)


def _counts(console: Console, store: FrameStore) -> None:
    import numpy as np

    colour = "grey" if store.channels == 1 else "colour"
    _line(console, "images", f"{store.count:,} of {store.size} in {colour}, {store.nbytes / 2**20:,.1f} MiB")
    sizes = np.bincount(store.groups)
    if sizes.max() == 1:
        _line(console, "groups", "each image is its own")
    else:
        each = (
            f"{sizes.min():,} to {sizes.max():,} images"
            if sizes.min() < sizes.max()
            else f"{sizes.min():,} images each"
        )
        _line(console, "groups", f"{len(sizes):,}, of {each}")
        for name, size in list(zip(store.group_names, sizes, strict=True))[:_LISTED]:
            _line(console, "", f"{size:>7,}  {name!r}"[:160])
        if len(sizes) > _LISTED:
            _line(console, "", f"and {len(sizes) - _LISTED:,} more")
    if store.classes:
        count = Counter(store.labels.tolist())
        counts = ", ".join(f"{name} {count[number]:,}" for number, name in enumerate(store.classes[:12]))
        more = f", and {len(store.classes) - 12} more" if len(store.classes) > 12 else ""
        _line(console, "classes", f"{len(store.classes)}: {counts}{more}")


def _split(console: Console, store: FrameStore, split: Split) -> None:
    from tilework.data.split.leak import measure_leak

    _line(console, "split", f"by {split.by}: {len(split.train):,} train, {len(split.validation):,} held out")
    _line(console, "", split.kept_apart)
    if split.dropped:
        _line(console, "", f"{split.dropped:,} duplicates are left out of both")
    # A training run spares itself the comparison of very large sets; whoever looks here waits for it.
    leak = split.leak or measure_leak(store, split.train, split.validation)
    twins = round(leak.twins * leak.examined)
    _line(console, "leak", f"{twins:,} of {leak.examined:,} held-out images have a near twin in training")
    if leak.neighbours:
        near = round(leak.neighbours * leak.examined)
        within = f"{near:,} of {leak.examined:,} lie within 2 frames of a training image"
        _line(console, "", f"{within}: validation metrics will look too good")


def _first(store: FrameStore, found: Duplicates) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which images are no copy of an earlier one."""
    import numpy as np

    first = np.ones(store.count, dtype=bool)
    for one in found.exact:
        first[one[1:]] = False
    return first


def _duplicates(console: Console, store: FrameStore, found: Duplicates, everything: bool) -> None:
    import numpy as np

    sets = f"in {len(found.exact):,} set{'s' * (len(found.exact) != 1)}"
    _line(console, "duplicates", f"exact: {found.copies:,} copies {sets}" if found.copies else "exact: none")
    across = [one for one in found.near if len(np.unique(store.groups[one])) > 1]
    sets = f"{len(found.near):,} cluster{'s' * (len(found.near) != 1)} of near twins"
    frames = len(store.group_names) < store.count  # a frame resembles the one before it; that needs no list
    more = f", {len(across):,} of them across groups" if frames else ""
    _line(console, "", f"near: {found.twins:,} images in {sets}{more}" if found.near else "near: none")
    for kind, some in (("exact", found.exact), ("near", across)):
        for one in some if everything else some[: _LISTED // 2]:
            shown = [_named(store, int(i)) for i in (one if everything else one[:3])]
            more = f" and {len(one) - len(shown):,} more" if len(one) > len(shown) else ""
            _line(console, "", f"  {kind}: {', '.join(shown)}{more}")


def _named(store: FrameStore, index: int) -> str:
    file, frame = store.file_of(index), int(store.frames[index])
    return f"{file or store.group_names[store.groups[index]]!s}{f' frame {frame}' if frame else ''}"


def _statistics(console: Console, found: Statistics, distinct: int, grid: tuple[int, int]) -> None:
    from tilework.data.catalogue.statistics import supported_codes

    def numbers(values: tuple[float, ...]) -> str:
        return " / ".join(f"{v:.3f}" for v in values)

    colours = " (red / green / blue)" if len(found.mean) == 3 else ""
    _line(console, "statistics", f"mean {numbers(found.mean)}, spread {numbers(found.spread)}{colours}")
    constant = f"{found.constant:.1%} of the images are of one colour" if found.constant else "none is of one colour"
    _line(console, "", f"entropy {found.entropy:.2f} of 8 bits a pixel; {constant}")
    codes = supported_codes(distinct, grid)
    _line(
        console,
        "codebook",
        f"a grid of {grid[0]}x{grid[1]} gives {codes.tokens:,} training tokens: up to {codes.codes:,} codes "
        f"(50 tokens or more each); beyond {codes.most:,} codes starve",
    )


def _notes(console: Console, store: FrameStore, everything: bool) -> None:
    from tilework.data.notes import words

    lines = [f"{note.file!r}: {words(note)}" for note in store.notes]
    for number, line in enumerate(lines if everything else lines[:_LISTED]):
        _line(console, "" if number else "noted", line)
    if not everything and len(lines) > _LISTED:
        _line(console, "", f"and {len(lines) - _LISTED:,} more (--all lists them)")


def _left_out(console: Console, store: FrameStore, everything: bool) -> None:
    if not store.skipped:
        _line(console, "left out", "nothing")
        return
    _line(console, "left out", f"{len(store.skipped):,}")
    for file, reason in store.skipped if everything else store.skipped[:_LISTED]:
        _line(console, "", f"{file!r}: {reason}")
    if not everything and len(store.skipped) > _LISTED:
        _line(console, "", f"and {len(store.skipped) - _LISTED:,} more (--all lists them)")
