"""Folders that a page may look into, and the spec that is proposed for what lies in one."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypedDict

from tilework.protocol.run import Plain


class FolderPlace(TypedDict):
    """A folder."""

    name: Annotated[str, "as it is shown"]
    path: Annotated[str, "whole, without links: a value of `at`"]


class FoldersResponse(TypedDict):
    """What is in a folder. What is hidden is left out, and links that lead to where the page may not look."""

    path: Annotated[str, "the folder, whole and without links"]
    parent: Annotated[str | None, "the folder that it is in; null where the page may not look into that"]
    roots: Annotated[Sequence[FolderPlace], "where the page may look: the home folder, and those of `--images`"]
    folders: Annotated[Sequence[FolderPlace], "in it, in natural order"]
    images: Annotated[int, "files in it that are still images by their names"]
    moving: Annotated[int, "files in it that are clips or GIFs"]
    others: Annotated[int, "other files in it"]
    whole: Annotated[bool, "false where there are more than are listed"]


class SuggestBody(TypedDict):
    """What a spec is to be proposed for."""

    paths: Annotated[Sequence[str], "folders and files, all of one kind"]


class ProposalLine(TypedDict):
    """One line of a proposal."""

    about: Annotated[str, "`data`, `size`, `tokens` or `training`"]
    chosen: Annotated[str, "what was seen or chosen"]
    reasons: Annotated[Sequence[str], "why"]


class ProposalReason(TypedDict):
    """Why something was chosen."""

    about: Annotated[str, "the line that it belongs to"]
    code: Annotated[str, "`own-shape`, `enough-tokens`, `fills-the-time`, `left-out`, ..."]
    values: Annotated[Mapping[str, Any], "numbers and names that belong to it"]


class SuggestResponse(TypedDict):
    """A spec for what lies at some paths. Nothing has been started."""

    id: Annotated[str, "a value of `suggested` in a spec's body, until the studio ends"]
    name: Annotated[str, "what its runs are called"]
    lines: Annotated[Sequence[ProposalLine], "four, in order"]
    reasons: Annotated[Sequence[ProposalReason], "the same as values"]
    yaml: Annotated[str, "the spec as a file to be edited"]
    spec: Annotated[Plain, "the same, as far as it differs from the defaults"]
    columns: Annotated[int, "images in a row of its contact sheet; 0 where there is none"]
