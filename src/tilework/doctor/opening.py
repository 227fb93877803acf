"""A run folder as a `Case`, also while the run goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tilework.doctor.case import Case
from tilework.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tilework.runs.folder import RunFolder

PROBES = "probes"
"""The fact of a run's store that keeps what probes have found."""
LEFT_OUT = "probes_left_out"
"""The same of why some were not made."""


@contextmanager
def opened(folder: RunFolder) -> Iterator[Case]:
    """The run of a folder, for as long as this block lasts. Raises UserError where there is nothing that can be read."""
    from tilework.runs.store import RunStore

    if not folder.db.is_file():
        raise UserError(
            f"{folder.id} has no run.db, so there is nothing to judge",
            why="a run writes there what it measures; without it only weights are left",
            fix=f"copy the whole run folder, or train again from its spec: {folder.spec_file}",
        )
    with RunStore.open(folder.db) as store:
        yield Case(spec_of(folder), store, store.get_meta(PROBES) or {}, store.get_meta(LEFT_OUT) or {})


def spec_of(folder: RunFolder) -> Mapping[str, Any]:
    """The spec of a run as plain values; of a damaged one its newest checkpoint's. Raises UserError where both are gone."""
    import yaml

    try:
        found = yaml.safe_load(folder.spec_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        found = None
    if isinstance(found, Mapping):
        return found
    kept = _kept_with_weights(folder)
    if kept is None:
        raise UserError(
            f"{folder.id} has no spec that can be read",
            why="spec.yaml is gone or damaged, and no checkpoint keeps a copy",
            fix="copy the run folder again, whole",
        )
    return kept


def _kept_with_weights(folder: RunFolder) -> Mapping[str, Any] | None:
    from tilework.runs.checkpoints import in_force

    newest = in_force(folder.checkpoints)
    try:
        kept = json.loads((newest / "model.json").read_text(encoding="utf-8"))["spec"] if newest else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return kept if isinstance(kept, Mapping) else None
