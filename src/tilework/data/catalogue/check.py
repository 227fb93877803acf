"""Whether a data set is still what it was, and whether its split can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tilework.data.catalogue.same import gives_the_same
from tilework.data.catalogue.sets import DataSet, digest
from tilework.data.files.folder import counts
from tilework.data.notes import summary
from tilework.data.split.duplicates import duplicates
from tilework.data.split.leak import measure_leak
from tilework.data.split.sides import split_by
from tilework.data.store.frame_store import FrameStore
from tilework.errors import TileworkError, UserError

LEAK_LIMIT = 0.02
"""A larger share of held-out images with a near twin in training is wrong."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    verdict: Literal["good", "note", "wrong"]
    why: str


def check(entry: DataSet) -> list[Finding]:
    """Look at the prepared images, at what they were made from, at duplicates and at the split of a set."""
    store = _store(entry)
    if isinstance(store, Finding):
        return [store, _sources(entry, None)]
    found = [_content(entry, store), _sources(entry, store), _skipped(store), *_seen(store), *_notes(store)]
    return [*found, _duplicates(entry, store), _split(entry, store)]


def _store(entry: DataSet) -> FrameStore | Finding:
    if entry.store_folder is None or not entry.store_folder.is_dir():
        why = (
            "it was never prepared to its end"
            if entry.frames is None
            else "its prepared images are no longer in the cache"
        )
        return Finding("images", "wrong", f"{why}; `tilework data show {entry.name}` makes them")
    try:
        return FrameStore.open(entry.store_folder)
    except UserError as error:
        return Finding("images", "wrong", f"{error.what}: {error.why}")


def _content(entry: DataSet, store: FrameStore) -> Finding:
    try:
        store.verify()
    except UserError as error:
        return Finding("images", "wrong", f"{error.what}: {error.why}; {error.fix}")
    if store.content_hash != entry.content_hash:
        return Finding("images", "wrong", "they are whole, but not those that were there when the set was added")
    return Finding("images", "good", f"all {store.count:,} are as they were prepared ({store.content_hash[:12]})")


def _sources(entry: DataSet, store: FrameStore | None) -> Finding:
    try:
        same = digest(entry.source.fingerprint()) == entry.fingerprint
    except TileworkError as error:
        return Finding("sources", "wrong", f"{error.what} ({error.why})" if error.why else error.what)
    if entry.fingerprint is None:
        return Finding("sources", "note", "they are there; what they were is not known")
    if same:
        return Finding("sources", "good", "unchanged")
    changed = Finding("sources", "wrong", "files were added, removed or changed; the next use prepares them again")
    if store is None:
        return changed
    # A time that changed, a copy, or another version of tilework: what comes out of them is what counts.
    try:
        alike = gives_the_same(entry.source, store)
    except TileworkError as error:
        return Finding("sources", "wrong", f"{error.what} ({error.why})" if error.why else error.what)
    if not alike:
        return changed
    return Finding(
        "sources", "note", "other times or places, and the same images come out; the next use prepares them once more"
    )


def _skipped(store: FrameStore) -> Finding:
    if not store.skipped:
        return Finding("left out", "good", "nothing")
    file, reason = store.skipped[0]
    more = f", and {len(store.skipped) - 1:,} more" if len(store.skipped) > 1 else ""
    return Finding("left out", "note", f"{file}: {reason}{more}")


def _seen(store: FrameStore) -> Iterator[Finding]:
    seen = store.seen
    if seen.others:
        yield Finding("other files", "note", f"{counts(seen.others)}: left alone")
    if seen.beside:
        yield Finding(
            "folders", "note", f"{', '.join(seen.beside)} lies beside train and test folders, so they are no split"
        )
    if seen.one_sided:
        side = "held out" if all(seen.one_sided.values()) else "for training"
        yield Finding("folders", "note", f"{', '.join(seen.one_sided)} would all be {side}: no split, and no classes")
    if seen.empty:
        yield Finding("folders", "note", f"{', '.join(seen.empty)} is called like a part of a split and is empty")
    if seen.loose:
        yield Finding("labels", "note", f"images beside the folders of classes, and so without one: {seen.loose:,}")
    if seen.unused_depth is not None:
        files, bits = seen.unused_depth
        yield Finding(
            "depth", "note", f"{files:,} images of 16 bits use {bits} at most; --set depth={bits} makes them bright"
        )


def _notes(store: FrameStore) -> Iterator[Finding]:
    for line in summary(store.notes):
        yield Finding("inputs", "note", line)


def _duplicates(entry: DataSet, store: FrameStore) -> Finding:
    found = duplicates(store)
    text = f"{found.copies:,} exact copies; {found.twins:,} images in {len(found.near):,} clusters of near twins"
    plain = found.copies == 0 or entry.source.duplicates != "keep"
    return Finding("duplicates", "good" if plain else "note", text)


def _split(entry: DataSet, store: FrameStore) -> Finding:
    source = entry.source
    try:
        split = split_by(store, source.split, source.duplicates)
    except UserError as error:
        return Finding("split", "wrong", f"{error.what}: {error.why}")
    own = f" ({', '.join(store.seen.parts)})" if split.by == "official" and store.seen.parts else ""
    text = f"by {split.by}{own}: {len(split.train):,} train, {len(split.validation):,} held out"
    leak = split.leak or measure_leak(store, split.train, split.validation)
    wrong = leak.twins > LEAK_LIMIT or (split.by in {"frame", "segment"} and leak.neighbours > 0)
    return Finding("split", "wrong" if wrong else "good", f"{text}; {leak}")
