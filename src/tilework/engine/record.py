"""What a run writes down while it goes on: rows, events, snapshots, checkpoints. Only the main process has a Record."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from tilework.engine import checkpoint, snapshot
from tilework.engine.session import Session
from tilework.engine.trackers import Trackers
from tilework.engine.validate import Validation
from tilework.errors import TileworkError
from tilework.runs.atomic import atomic_write_text
from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore
from tilework.spec import dump_yaml, load_spec


class Record:
    """The run folder, open for writing: the store, the trackers, the snapshots and the checkpoints."""

    def __init__(self, session: Session, run: RunFolder, *, resumed: bool) -> None:
        self.session, self.run = session, run
        if resumed:
            self.store = RunStore.open(run.db, readonly=False)
            self.store.rewind(session.position.step)
            self._keep_spec()
        else:
            self.store = RunStore.create(run.db)
        self.trackers = Trackers(session.accelerator, session.spec, run)
        if resumed:
            self.trackers.rewind(session.position.step)
        for key, value in {"status": "running", **session.facts()}.items():
            self.store.set_meta(key, value)
        self._count_seconds()
        self.event("resumed" if resumed else "started")

    def _keep_spec(self) -> None:
        """A longer budget given at a resume holds for the next resume too."""
        if load_spec(str(self.run.spec_file)) != self.session.spec:
            atomic_write_text(self.run.spec_file, dump_yaml(self.session.spec))

    def row(self, values: Mapping[str, float], split: str) -> None:
        """One row of figures of this step, to the store and to every tracker."""
        step, epoch = self.session.position.step, self.session.epoch
        self.store.log(step, epoch, values, split)
        self.trackers.log(step, epoch, values, split)

    def event(self, kind: str, **payload: Any) -> None:
        """Something happened at this step."""
        self.store.event(kind, self.session.position.step, **payload)

    def snapshot(self, found: Validation | None) -> None:
        """The followed pictures as they come back now; with a held-out pass of this step also usage and latent map."""
        session = self.session
        with session.judged_weights():
            kinds: dict[str, dict[str, NDArray[Any]] | None] = {
                "reconstructions": snapshot.reconstructions(session.model, next(session.shown.epoch(0)).images)
            }
        if found is not None:
            kinds["usage"] = snapshot.usage(found)
            kinds["latent"] = snapshot.latent_map(found, session.model.bottleneck)
        for kind, arrays in kinds.items():
            if arrays is not None:
                name = snapshot.write(self.run.snapshots, kind, session.position.step, arrays)
                self.store.snapshot(session.position.step, session.epoch, kind, f"snapshots/{name}")

    def checkpoint(self, state: Mapping[str, Any], best: checkpoint.Best | None) -> None:
        """This step's checkpoint, and the best weights since the last one. The store is on the disk first."""
        session = self.session
        self._count_seconds()
        self.store.flush()
        keep, about = session.spec.engine.keep_checkpoints, session.about()
        if best is not None:
            checkpoint.save(
                self.run.checkpoints,
                step=best.step,
                about=about,
                model=best.model,
                average=best.average,
                state=None,
                keep=keep,
                which="best",
            )
        checkpoint.save(
            self.run.checkpoints,
            step=session.position.step,
            about=about,
            model=session.model.state_dict(),
            average=session.average.slow if session.average else None,
            state=state,
            keep=keep,
        )

    def _count_seconds(self) -> None:
        """How long was trained, and when that was so: rows that come later say how much longer it has been."""
        self.store.set_meta("seconds", self.session.position.seconds)
        self.store.set_meta("seconds_at", time.time())

    def ended(self, status: str, reason: str) -> None:
        """The run is over, in good order."""
        self.event(status, reason=reason)
        self.store.set_meta("status", status)
        self.store.flush()

    def failed(self, error: TileworkError) -> None:
        """Write down why the run ends here, if the store still takes it."""
        with contextlib.suppress(TileworkError):
            self.event("failed", what=error.what, why=error.why, fix=error.fix)
            self.store.flush()

    def close(self) -> None:
        """Let go of the store and the trackers; the one even if the other fails."""
        with contextlib.ExitStack() as held:
            held.callback(self.store.close)
            held.callback(self.trackers.close)
