"""Where the images of a run are: written down whole when it starts, found again when it goes on, given anew where they moved."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from tilework.errors import UserError
from tilework.runs.folder import RunFolder
from tilework.spec import RunSpec

Spec = TypeVar("Spec", bound=RunSpec)


def with_whole_paths(spec: Spec) -> Spec:
    """The spec with `data.path` absolute, so that it means the same from every folder."""
    return _with_paths(spec, [_whole(path) for path in paths_of(spec)])


def found_again(spec: Spec, run: RunFolder) -> Spec:
    """The spec of a run, its paths absolute. Earlier versions wrote down a relative path as it was typed: it is looked for in the
    working folder, then where the run was most likely started, beside the folder of runs."""
    return _with_paths(spec, [_looked_for(path, run) for path in paths_of(spec)])


def paths_of(spec: RunSpec) -> tuple[str, ...]:
    """`data.path` of a spec; () where its data have none."""
    path = getattr(getattr(spec, "data", None), "path", None)
    return (path,) if isinstance(path, str) else tuple(path) if isinstance(path, (tuple, list)) else ()


def refuse_missing(spec: RunSpec, run: RunFolder, *, given: bool = False, command: str = "resume") -> None:
    """Raise UserError where a file or folder of images is not there; `given`: `data.path` was just typed, after `command`."""
    missing = [path for path in paths_of(spec) if not os.path.lexists(path)]
    if not missing:
        return
    if given:
        raise UserError(
            f"there is no file or folder {missing[0]}",
            why=f"data.path does not exist, seen from the folder {Path.cwd()}",
            fix="check the spelling of data.path, or write the whole path",
        )
    more = f" (and {len(missing) - 1} more of data.path)" if len(missing) > 1 else ""
    place = "[PATH, ...]" if len(paths_of(spec)) > 1 else "PATH"
    raise UserError(
        f"the images of run {run.id} are not where they were: there is no {missing[0]}{more}",
        why="they were moved, renamed or deleted, or their disk is not connected",
        fix=f"give their path: tilework {command} {run.id} data.path={place}",
    )


def by_name(overrides: Sequence[str], spec: RunSpec) -> list[str]:
    """Overrides with `data=NAME` or `data=PATH` written as the `data.path` that it stands for. Raises UserError for a name that
    is none, and for data of another kind."""
    from tilework.data.catalogue.sets import settings_of

    found = []
    for override in overrides:
        key, _, name = override.partition("=")
        if key.strip() == "data":
            settings, kind = settings_of(name.strip()), getattr(getattr(spec, "data", None), "kind", None)
            if settings is None or settings.get("kind") != kind or not settings.get("path"):
                raise UserError(
                    f"'{override}' does not hold the path of this run's images",
                    why=f"there is no data set and no path '{name}'"
                    if settings is None
                    else f"that is data of kind {settings.get('kind')}, and the run was trained on {kind}",
                    fix="write data.path=PATH with the place that its images were moved to",
                )
            override = f"data.path={json.dumps(settings['path'])}"
        found.append(override)
    return found


def _with_paths(spec: Spec, paths: list[str]) -> Spec:
    data: Any = getattr(spec, "data", None)
    if not paths or tuple(paths) == paths_of(spec):
        return spec
    moved = data.model_copy(update={"path": paths[0] if isinstance(data.path, str) else tuple(paths)})
    return spec.model_copy(update={"data": moved})


def _whole(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def _looked_for(path: str, run: RunFolder) -> str:
    plain = Path(path).expanduser()
    places = (Path.cwd(), run.path.parent.parent, run.path.parent)
    return str(next((place / plain for place in places if os.path.lexists(place / plain)), plain.absolute()))
