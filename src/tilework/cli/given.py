"""What was given to `train` or `suggest`: a spec, or files and folders to learn from, and overrides."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tilework.spec.load import recipe_names
from tilework.spec.text import read_yaml


@dataclass(frozen=True)
class Given:
    """The words of a command, sorted by what they are."""

    spec: str = ""
    """A recipe's name or the path of a spec; empty where files and folders were given."""
    paths: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    note: str = ""
    """What the words might have meant as well."""


def parse_words(words: Sequence[str]) -> Given:
    """A recipe's name and the path of a spec are what they were; any other file or folder is something to learn from."""
    first, rest = words[0], words[1:]
    if first in recipe_names():
        note = f"{first} is a recipe; for the folder of that name write ./{first}" if Path(first).is_dir() else ""
        return Given(spec=first, overrides=tuple(rest), note=note)
    if not is_data(first):
        return Given(spec=first, overrides=tuple(rest))
    paths = [first, *(word for word in rest if "=" not in word or os.path.lexists(Path(word).expanduser()))]
    beside = [f"{spec} is a spec: tilework train {spec} trains that" for path in paths for spec in specs_in(path)]
    return Given(
        paths=tuple(paths), overrides=tuple(word for word in rest if word not in paths), note="; ".join(beside)
    )


def is_data(word: str) -> bool:
    """Whether a word is a path to learn from: a folder that is no run's, or a file that some source reads."""
    from tilework.data.catalogue.classes import class_by_content, class_of
    from tilework.data.files.archive import is_archive
    from tilework.data.files.idx import idx_shape
    from tilework.data.media.extensions import kind_of
    from tilework.data.sketch.parts import PAGES, SCRIPTS

    path = Path(word).expanduser()
    suffix = path.suffix.lower()
    if suffix in {".yaml", ".yml"} and not path.is_dir():
        return False
    if path.is_dir():
        return not ((path / "spec.yaml").is_file() and (path / "run.json").is_file())
    if not path.is_file():
        return os.sep in word and not suffix  # a folder that is not there is reported as such, and not as a recipe
    by_name = bool(class_of(path)) or suffix in SCRIPTS | PAGES or kind_of(path.name) in {"refused", "archive"}
    return by_name or is_archive(path) or idx_shape(path) is not None or bool(class_by_content(path))


def specs_in(path: str) -> list[Path]:
    """YAML files in a folder that are specs."""
    folder = Path(path).expanduser()
    if not folder.is_dir():
        return []
    return [file for file in sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))) if _is_spec(file)]


def _is_spec(file: Path) -> bool:
    from tilework.errors import UserError

    try:
        raw = read_yaml(file.read_text(encoding="utf-8-sig"), str(file))
    except (UserError, OSError, UnicodeDecodeError):
        return False
    return {"data", "bottleneck"} <= raw.keys() or {"task", "parent"} <= raw.keys()
