"""What a run writes down while it goes on: rows, events, snapshots, checkpoints. Only the main process has a Record."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from tilework.doctor.opening import LEFT_OUT, PROBES
from tilework.engine import checkpoint, snapshots
from tilework.engine.describe import facts
from tilework.engine.session import Session
from tilework.engine.tasks.contract import Arrays
from tilework.engine.trackers import Trackers
from tilework.errors import TileworkError
from tilework.runs.atomic import atomic_write_text
from tilework.runs.folder import RunFolder
from tilework.runs.preflight import META, Preflight
from tilework.runs.stop_reason import StopReason
from tilework.runs.store import RunStore
from tilework.spec import dump_yaml, load_spec


class Record:
    """The run folder, open for writing: the store, the trackers, the snapshots and the checkpoints."""

    def __init__(self, session: Session, run: RunFolder, *, resumed: bool) -> None:
        self.session, self.run = session, run
        if resumed:
            self.store = RunStore.open(run.db, readonly=False)
        else:
            self.store = RunStore.create(run.db)
        try:
            self.trackers = Trackers(
                session.parts.compute.main, session.parts.spec, run, session.step if resumed else None
            )
        except BaseException:
            self.store.close()
            raise
        self._spec_kept = not resumed
        if resumed:  # nothing is written before everything could be opened
            self.store.rewind(session.step)
            self.trackers.rewind(session.step or -1)  # the first checkpoint is older than the validation of its step
            for name in (PROBES, LEFT_OUT):
                if self.store.get_meta(name):
                    self.store.set_meta(name, {})  # they are of weights that are trained on
        for key, value in {"status": "running", **facts(session.parts)}.items():
            self.store.set_meta(key, value)
        self._count_seconds()
        self.event("resumed" if resumed else "started")

    def keep_spec(self) -> None:
        """A longer budget given at a resume holds for the next resume too; from the first step on, when it is known to work."""
        if self._spec_kept:
            return
        self._spec_kept, spec = True, self.session.parts.spec
        if not self.run.spec_file.is_file() or load_spec(str(self.run.spec_file)) != spec:
            atomic_write_text(self.run.spec_file, dump_yaml(spec))

    def row(self, values: Mapping[str, float], split: str) -> None:
        """One row of metrics of this step, to the store and to every tracker."""
        step, epoch = self.session.step, self.session.epochs
        self.store.log(step, epoch, values, split)
        self.trackers.log(step, epoch, values, split)

    def event(self, kind: str, **payload: Any) -> None:
        """Something happened at this step."""
        self.store.event(kind, self.session.step, **payload)

    def checked(self, found: Preflight) -> None:
        """What the checks before the run found: all of it as a fact of the run, each warning as an event too."""
        self.store.set_meta(META, found.as_plain())
        for result in found.warnings:
            self.event("preflight-warning", **result.as_plain())

    def finding(self, code: str, severity: str, **payload: Any) -> None:
        """Something is wrong with the run at this step."""
        self.store.finding(code, severity, self.session.step, **payload)

    def snapshot(self, kinds: Mapping[str, Arrays]) -> None:
        """Arrays of this step, by kind."""
        for kind, arrays in kinds.items():
            name = snapshots.write(self.run.snapshots, kind, self.session.step, arrays)
            self.store.snapshot(self.session.step, self.session.epochs, kind, f"snapshots/{name}")

    def checkpoint(self, state: Mapping[str, Any], best: checkpoint.Best | None) -> None:
        """This step's checkpoint, and the best weights since the last one. The store is on the disk first."""
        parts = self.session.parts
        self.keep_spec()
        self._count_seconds()
        self.store.flush()
        keep, about = parts.spec.engine.keep_checkpoints, self._about()
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
            step=self.session.step,
            about=about,
            model=parts.model.state_dict(),
            average=parts.average.slow if parts.average else None,
            state=state,
            keep=keep,
        )

    def _about(self) -> dict[str, Any]:
        """What model.json holds beside the tensors."""
        from tilework import __version__

        parts = self.session.parts
        return {
            "tilework": __version__,
            "spec": parts.spec.model_dump(mode="json"),
            "epoch": self.session.state.position.epoch,
            "content_hash": parts.data.content_hash,
            "items": list(parts.data.items),
            "classes": list(parts.data.facts.get("classes", ())),
            **({"item": dict(parts.data.facts["item"])} if "item" in parts.data.facts else {}),
            **({"origin": dict(parts.data.origin)} if parts.data.origin else {}),
        }

    def _count_seconds(self) -> None:
        """How long was trained, and when that was so: rows that come later show how much longer it has been."""
        self.store.set_meta("seconds", self.session.state.position.seconds)
        self.store.set_meta("seconds_at", time.time())

    def ended(self, reason: StopReason, **values: Any) -> None:
        """The run is over, in good order."""
        status = "finished" if reason.finished else "stopped"
        self.event(status, stop=reason, **values)
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
