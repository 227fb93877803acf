"""What a source saw beside its images, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tilework.data.contract import Seen


def own_split(seen: Seen, kind: str) -> str:
    """The split that the data (of a source of this kind) comes with, and how to have another; empty where it has none."""
    if not seen.parts:
        return ""
    train = ", ".join(name for name, held_out in seen.parts.items() if not held_out)
    held_out = ", ".join(name for name, out in seen.parts.items() if out)
    classes = ", --set folders=labels takes these names as classes" if kind == "images" else ""
    return (
        f"{train} for training, {held_out} for validation, as the data itself is divided "
        f"(--set split.official=false divides all anew{classes})"
    )


def beside(seen: Seen, kind: str) -> list[str]:
    """One line for each thing that a person should know of, of a source of this kind."""
    from tilework.data.files.folder import counts

    lines = []
    if seen.beside:
        lines.append(
            f"some folders look like a split, but {', '.join(seen.beside)} beside them is no part of one, so there is "
            f"none{' and all are classes' if kind == 'images' else ''}; move it elsewhere to use the split"
        )
    if seen.one_sided:
        side, other = "held out", "for training"
        if not all(seen.one_sided.values()):
            side, other = other, side
        lines.append(
            f"{', '.join(seen.one_sided)} are called like parts of a split that are {side}, and none is {other}: "
            "all is divided anew, and their names are no classes"
            + (", unless you add --set folders=labels" if kind == "images" else "")
        )
    if seen.empty:
        lines.append(
            f"nothing is in {', '.join(seen.empty)}"
            + ("" if seen.parts else ", so there is no split by folders, and all is divided anew")
        )
    if seen.loose:
        lines.append(f"images beside the folders of classes, and so without a label: {seen.loose:,}")
    if seen.unused_depth is not None:
        files, bits = seen.unused_depth
        lines.append(
            f"{files:,} images have 16-bit values that all fit {bits} bits, and look almost black; if white is {2**bits - 1:,}, "
            f"add them with --set depth={bits} (depth=16 states that they are dark)"
        )
    if seen.others:
        lines.append(f"other files, left alone: {counts(seen.others)}")
    return lines
