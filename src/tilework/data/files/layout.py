"""What the folders of a set mean: classes, or an author's split with classes below it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tilework.data.contract import Seen

_MORE = r"([-_ .]?(set|data|images?|imgs?|split|images?|\d{1,4}|(?-i:[A-H])))?"
_TRAIN = re.compile(rf"(train(ing)?|trn){_MORE}", re.IGNORECASE)
_HELD_OUT = re.compile(
    rf"(val|valid|validation|test|testing|tst|dev|devel|development|eval|evaluation|held[-_ ]?out){_MORE}",
    re.IGNORECASE,
)
_DOMAIN = re.compile(r"[a-z][-_ .]?([A-H])")
"""trainA, trainB, testA, testB: pairs of domains, as they are made for translating one into the other."""
_PLAIN = frozenset({"image", "images", "img", "imgs", "jpegimages", "picture", "pictures", "photo", "photos", "frames"})
"""Folder names that mean only that there are images in it."""

Folder = tuple[str, ...]


def side_of(folder: str) -> bool | None:
    """Which side of a split a folder of this name is: True = held out, False = training, None = its name does not show
    it."""
    if _TRAIN.fullmatch(folder):
        return False
    return True if _HELD_OUT.fullmatch(folder) else None


@dataclass(frozen=True)
class Place:
    """What the folders of one file show about it."""

    label: str | None = None
    held_out: bool | None = None
    part: str = ""
    """The folder of the split that it lies in."""
    problem: str = ""


@dataclass(frozen=True)
class Layout:
    """How the folders are to be read; `place` gives it for each file."""

    parts: dict[str, bool] = field(default_factory=dict)
    """The folders that are the author's split, and whether each is held out; empty where there is none."""
    beside: tuple[str, ...] = ()
    """Folders that lie beside train and test folders and are neither: then none of them is a split."""
    depth: int = 0
    classes_first: bool = False
    labelled: frozenset[str] = frozenset()
    """The parts (or "" for all) in which every file, or with "" nearly every one, lies in a class folder."""
    plain: frozenset[str] = frozenset()
    """The parts in which all lies in one more folder that is called `images` or the like."""
    loose: int = 0
    """Files beside the folders of classes, which have no label."""
    one_sided: dict[str, bool] = field(default_factory=dict)
    """Folders called like parts that are all on one side (True = held out), so that there is no split."""
    empty: tuple[str, ...] = ()
    """Folders called like parts that hold no file, beside others that do."""

    def seen(self, others: Mapping[str, int], unused_depth: tuple[int, int] | None = None) -> Seen:
        """What a source that reads these files saw."""
        return Seen(self.parts, self.beside, dict(others), unused_depth, self.loose, self.one_sided, self.empty)

    def place(self, name: str) -> Place:
        """What the folders show about the file `name`."""
        folders = name.split("/")[:-1]
        if not self.parts:
            return Place(folders[self.depth] if "" in self.labelled and len(folders) > self.depth else None)
        if self.classes_first:
            part = folders[self.depth + 1]
            return Place(folders[self.depth], self.parts[part], part)
        if len(folders) <= self.depth:
            sides = " and ".join(f"{part}/" for part in self.parts)
            return Place(problem=f"it lies beside {sides} and so on neither side of the split")
        part = folders[self.depth]
        classes = folders[self.depth + 1 + (part in self.plain) :]
        label = classes[0] if part in self.labelled else _domain(part)
        return Place(label, self.parts[part], part)


def layout_of(names: Iterable[str], split: bool = True, folders: Iterable[str] = ()) -> Layout:
    """The layout of a set of files (paths with forward slashes); `folders` are those called like parts of a split, empty or not.

    Folders are a split where all that lie side by side are called like parts of one (train, val, test, ...) and at least one
    like the part that trains and one like a part that does not; below folders that wrap all of them, or below each class. Where
    all of several are on one side, there is no split, and they are no classes either. With `split=False` the first-level folders
    are classes whatever they are called.
    """
    held = Counter(tuple(name.split("/")[:-1]) for name in names)
    found = _of_folders(held, split)
    return replace(found, empty=_empty(held, folders)) if split else found


def _empty(held: Counter[Folder], folders: Iterable[str]) -> tuple[str, ...]:
    """Those of `folders` without a file in or below them, beside which lies another with some."""
    full = {folder[:depth] for folder in held for depth in range(1, len(folder) + 1)}
    parents = {folder[:-1] for folder in full if side_of(folder[-1]) is not None}
    paths = [tuple(name.split("/")) for name in folders]
    return tuple(dict.fromkeys(path[-1] for path in paths if path not in full and path[:-1] in parents))


def _of_folders(folders: Counter[Folder], split: bool) -> Layout:
    beside: tuple[str, ...] = ()
    one_sided: dict[str, bool] = {}
    alone = -1  # the depth of folders that are called like parts and divide nothing
    depth = 0
    while split:
        tops = Counter[str]()
        loose = 0
        for folder, count in folders.items():
            if len(folder) > depth:
                tops[folder[depth]] += count
            else:
                loose += count
        sides = {top: side_of(top) for top in sorted(tops)}
        if set(sides.values()) == {True, False} and loose < sum(tops.values()):
            return _with_parts(folders, depth, {top: bool(side) for top, side in sides.items()})
        if {True, False} <= set(sides.values()):
            beside = tuple(top for top, side in sides.items() if side is None)
        if loose or not tops:
            break
        if (below := _below_each_class(folders, depth)) is not None:
            return below
        if len(tops) > 1:
            if None not in sides.values() and not all(map(_domain, tops)):
                one_sided, alone = {top: bool(side) for top, side in sides.items()}, depth
            break
        if alone < 0 and next(iter(sides.values())) is not None:
            alone = depth
        depth += 1
    first = alone + 1
    classes = {folder[first] for folder in folders if len(folder) > first}
    loose = sum(count for folder, count in folders.items() if len(folder) <= first)
    # What most files are decides: a few beside several folders of classes have no label, and the others keep theirs.
    labelled = bool(classes) and (not loose or (len(classes) > 1 and 2 * loose <= folders.total() - loose))
    return Layout(
        beside=beside,
        depth=first,
        labelled=frozenset({""} if labelled else ()),
        loose=loose if labelled else 0,
        one_sided=one_sided,
    )


def _domain(part: str) -> str | None:
    found = _DOMAIN.fullmatch(part[-2:]) or _DOMAIN.fullmatch(part[-3:])
    return found[1] if found else None


def _with_parts(folders: Counter[Folder], depth: int, parts: dict[str, bool]) -> Layout:
    below: dict[str, set[Folder]] = {part: set() for part in parts}
    for folder in folders:
        if len(folder) > depth:
            below[folder[depth]].add(folder[depth + 1 :])
    plain = frozenset(
        part
        for part, inside in below.items()
        if () not in inside and len(firsts := {folder[0] for folder in inside}) == 1 and firsts.pop().lower() in _PLAIN
    )
    labelled = frozenset(
        part for part, inside in below.items() if all(len(folder) > (part in plain) for folder in inside)
    )
    return Layout(parts, (), depth, False, labelled, plain)


def _below_each_class(folders: Counter[Folder], depth: int) -> Layout | None:
    """CLASS/train, CLASS/test, ...: where each of several classes has a part that trains, and some have one that does not."""
    seconds: dict[str, set[str]] = {}
    for folder in folders:
        if len(folder) < depth + 2:
            return None
        seconds.setdefault(folder[depth], set()).add(folder[depth + 1])
    sides = {part: side_of(part) for part in sorted(set().union(*seconds.values()))}
    whole = len(seconds) > 1 and set(sides.values()) == {True, False}
    if not whole or any(all(sides[part] for part in inside) for inside in seconds.values()):
        return None
    return Layout({part: bool(side) for part, side in sides.items()}, (), depth, True)
