"""What a typed word means: a recipe, a run, or a term of the glossary.

The order is fixed, and an exact name goes before a part of one:

1. a path: a YAML file, or the folder of a run
2. the name of a shipped recipe
3. the whole name of a run, or `last`
4. a term of the glossary
5. the beginning, or the two last words, of a run's name

A word that means more than one thing takes the first; the others are listed, and are had by naming which is meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tilework.errors import UserError
from tilework.explain import glossary
from tilework.runs.folder import RunFolder, run_names
from tilework.spec.load import recipe_names


class Meaning(StrEnum):
    """What is explained."""

    RECIPE = "recipe"
    RUN = "run"
    TERM = "term"


@dataclass(frozen=True)
class Named:
    """What a word means, and what else it could."""

    word: str
    meaning: Meaning
    also: tuple[Meaning, ...] = ()


def named(word: str, runs: Path, wanted: Meaning | None = None) -> Named:
    """The meaning of `word`; runs are looked for in the folder `runs`. `wanted`: this one and no other.

    Raises UserError with the nearest names for a word that means nothing, and where several runs begin with it.
    """
    found = list(_meanings(word, runs))
    if wanted is not None:
        return Named(word, wanted)  # what opens it reports why it is not there
    if found:
        return Named(word, found[0], tuple(dict.fromkeys(one for one in found[1:] if one is not found[0])))
    if word.startswith("last") or _begun(word, runs):
        return Named(word, Meaning.RUN)
    raise _unknown(word, runs)


def _meanings(word: str, runs: Path) -> Iterator[Meaning]:
    """All that the word is the whole name of, the first one first."""
    path, term = Path(word).expanduser(), glossary.find(word) is not None
    written_as_path = len(path.parts) > 1 or path.suffix in {".yaml", ".yml"}
    if (written_as_path and (path.exists() or not term)) or (path / "run.json").is_file():
        yield Meaning.RUN if path.is_dir() else Meaning.RECIPE
        return
    if word in recipe_names():
        yield Meaning.RECIPE
    if word == "last" or word in run_names(runs):
        yield Meaning.RUN
    if term:
        yield Meaning.TERM


def _begun(word: str, runs: Path) -> bool:
    """Whether a run's name begins with the word, or ends in it."""
    return bool(word) and any(name.startswith(word) or name.endswith(f"-{word}") for name in run_names(runs))


def _unknown(word: str, runs: Path) -> UserError:
    close = _nearest(word, runs)
    return UserError(
        f"there is no recipe, run or term '{word}'",
        why=f"the nearest names are {', '.join(close)}"
        if close
        else f"it is no shipped recipe, no run in {runs} and not in the glossary",
        fix=f"tilework explain {close[0]}"
        if close
        else "tilework recipes lists the recipes, tilework runs the runs, tilework explain --terms the glossary",
    )


def _nearest(word: str, runs: Path) -> list[str]:
    """The nearest recipes, runs and terms, the nearest first."""
    every = [*recipe_names(), *run_names(runs), *glossary.nearest(word)]
    every += ["-".join(name.split("-")[-2:]) for name in run_names(runs)]
    return list(dict.fromkeys(difflib.get_close_matches(word.lower(), every, n=4, cutoff=0.5)))[:3]


def opened(word: str, runs: Path) -> RunFolder:
    """The run that a word means. Raises UserError as `RunFolder.find` does."""
    return RunFolder.find(word, runs)
