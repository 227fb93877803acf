"""The probes of a run: of the model in training at the end of a run, or of a checkpoint."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tilework.doctor.opening import spec_of
from tilework.engine.api import load_checkpoint
from tilework.engine.autoencoder.images_of import images_of
from tilework.engine.autoencoder.probe import Probe as Watched
from tilework.engine.probing.contract import Probe
from tilework.engine.probing.left_out import Why
from tilework.engine.probing.running import SECONDS, Probed, nothing, probe_all
from tilework.engine.probing.subject import Subject
from tilework.errors import TileworkError, UserError
from tilework.metrics import TRAINING
from tilework.objective import TermConfig
from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore
from tilework.spec import AutoencoderSpec

if TYPE_CHECKING:
    from tilework.engine.session import Session


def probe_session(session: Session, seconds: float = SECONDS, probes: Mapping[str, Probe] | None = None) -> Probed:
    """The probes of a run in this process, with the weights that are judged; all, or some by name. The run goes on as if nothing
    had happened. Needs memory for a second copy of the weights."""
    parts = session.parts
    if not isinstance(parts.spec, AutoencoderSpec):
        return nothing(session.step, Why.TASK)
    view = cast(Watched, parts.task.view(parts.judged_weights)).view
    weights = session.steering.weights()
    with view.judged():
        subject = Subject.of(parts.spec, view.model, session.step, weights, (view.store, view.split))
    return probe_all(subject, seconds, probes)


def probe_run(
    run: RunFolder | Path | str,
    *,
    which: str = "last",
    device: str = "auto",
    runs: Path | None = None,
    seconds: float = SECONDS,
) -> Probed:
    """The probes of a checkpoint of a run, also while it is trained. What cannot be read is in `left_out`, with its reason.

    Raises UserError where there is no such run, and for a device that is not there.
    """
    folder = run if isinstance(run, RunFolder) else RunFolder.find(str(run), runs)
    if spec_of(folder).get("task", "autoencoder") != "autoencoder":
        return nothing(0, Why.TASK)
    try:
        model, found = load_checkpoint(folder, which=which, device=device)
    except UserError as error:
        return nothing(0, Why.CHECKPOINT, error.what)
    store, split, missing = images_of(model.spec, found.about.get("content_hash"))
    images = (store, split) if store is not None and split is not None else None
    weights = _weights(folder, model.spec)
    subject = Subject.of(model.spec, model.network, found.step, weights, images, missing["what"] if missing else "")
    return probe_all(subject, seconds)


def _weights(folder: RunFolder, spec: AutoencoderSpec) -> dict[str, float]:
    """The weight of every loss term as the last row has it; where no row can be read, its largest."""
    rows: Mapping[str, float] = {}
    with contextlib.suppress(TileworkError), RunStore.open(folder.db) as store:
        rows = store.latest()["values"].get(TRAINING, {})
    terms = cast(Mapping[str, TermConfig], spec.objective)
    return {name: rows.get(f"weight.{name}", term.weight.bounds[1]) for name, term in terms.items()}
