"""All that a running loop talks to: the run folder, whoever watches, whoever steers. On processes that write nothing down it is
mute, so that the loop need not ask."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from tilework.engine.control import Control, Line
from tilework.engine.findings import Findings
from tilework.engine.orders import Order
from tilework.engine.progress import Progress
from tilework.engine.publisher import Publisher
from tilework.engine.record import Record
from tilework.engine.rows import Rows
from tilework.engine.saving import Saver
from tilework.engine.session import Session
from tilework.engine.tasks.contract import Arrays, Validation
from tilework.errors import TileworkError
from tilework.protocol.frame import State
from tilework.runs.folder import RunFolder
from tilework.runs.guarding import STEP_SKIPPED, guard_text
from tilework.runs.preflight import Preflight
from tilework.runs.stop_reason import StopReason

_QUIET_STEPS = 100
"""Steps after a line on skipped steps in which no other is printed."""


class Desk:
    """Record, publisher and control of a run, opened together and closed whatever happens."""

    def __init__(
        self, session: Session, folder: RunFolder, progress: Progress, script: Sequence[Order], *, resumed: bool
    ) -> None:
        self.session, self.progress = session, progress
        self.record: Record | None = None
        """Only the main process writes anything down."""
        self.findings: Findings | None = None
        """None too where `engine.doctor` is off."""
        self.publisher: Publisher | None = None
        line = Line(message=self.message)
        with contextlib.ExitStack() as undo:
            if session.parts.compute.main:
                self.record = Record(session, folder, resumed=resumed)
                undo.callback(self.record.close)
                self.findings = Findings(session, self.record) if session.parts.spec.engine.doctor else None
                self.publisher = Publisher(session, folder, self.record)
                live, line = self.publisher.live, Line(lambda: live.bell, self.publisher.show, self.message)
            self.control = Control(session, self.record, line, script)
            undo.pop_all()
        self.saver = Saver(session, self.record, progress)
        self._quiet_until = 0
        self.rows = Rows(session, self.record, progress)

    # What happens ----------------------------------------------------------------------------------------------------

    def checked(self, found: Preflight | None) -> None:
        """What the checks before the run found, if there were any."""
        if self.record is not None and found is not None:
            self.record.checked(found)

    def stepped(self, kept: Sequence[Any], batches: Sequence[Any]) -> None:
        """One step was taken: frames where somebody watches, and slow motion's pace."""
        if self.record is not None:
            self.record.keep_spec()
        if self.publisher is not None and self.publisher.stepped(kept, batches):
            self.publisher.show_step(self.control.state("running"))
        self.control.stepped()

    def log(self) -> None:
        """One row of the steps since the last. Collective."""
        values = self.rows.log()
        if self.publisher is not None:
            self.publisher.header.metrics = values
        if self.findings is not None:
            self.findings.logged()

    def validated(self, found: Validation) -> None:
        """A validation has ended."""
        if self.record is not None:
            self.record.row(found.metrics, "val")
        if self.findings is not None:
            self.findings.validated()
        self.progress.validated(self.session.step, found.metrics)

    def snapshot(self, kinds: Mapping[str, Arrays]) -> None:
        """Arrays of this step, by kind."""
        if self.record is not None:
            self.record.snapshot(kinds)

    def event(self, kind: str, **payload: Any) -> None:
        """Something happened at this step."""
        if self.record is not None:
            self.record.event(kind, **payload)

    def guarded(self, kind: str, **payload: Any) -> None:
        """The guard has done something: an event, and a line for the person at the terminal."""
        self.event(kind, **payload)
        step, message = self.session.step, guard_text(kind, payload)
        if kind != STEP_SKIPPED:
            self.message(f"step {step:,}: {message}")
        elif step >= self._quiet_until:  # where every second step is skipped, one line in a while is enough
            self._quiet_until = step + _QUIET_STEPS
            self.message(str(message))

    def finding(self, code: str, severity: str, **payload: Any) -> None:
        """Something is wrong with the run at this step."""
        if self.record is not None:
            self.record.finding(code, severity, **payload)

    def message(self, text: str) -> None:
        """One line for the person at the terminal."""
        if self.session.parts.compute.main:
            self.progress.message(text)

    # Whoever watches -------------------------------------------------------------------------------------------------

    def show(self, state: State) -> None:
        """A state that is not that of the control: the run validates."""
        if self.publisher is not None:
            self.publisher.show(self.control.state(state))

    def begin_timeline(self) -> None:
        """The timeline's first frame."""
        if self.publisher is not None:
            self.publisher.begin(self.control.state("running"))

    def keep_frame(self, *, last: bool = False) -> None:
        """A frame for the timeline, of this step."""
        if self.publisher is not None:
            self.publisher.keep(self.control.state("running"), last=last)

    # The end ---------------------------------------------------------------------------------------------------------

    def judge(self, reason: StopReason) -> None:
        """The run has its last row and checkpoint: the doctor judges it. Who stopped it wants the prompt back: no probes then."""
        if self.findings is not None:
            self.findings.ended(probes=reason.finished)

    def ended(self, reason: StopReason, steps: int) -> None:
        """The run is over, in good order; `steps` is the step that the reason speaks of."""
        if self.record is not None:
            self.record.ended(reason, steps=steps)

    def failed(self, error: TileworkError) -> TileworkError:
        """Write down why the run ends here."""
        if self.record is not None:
            self.record.failed(error)
        if self.findings is not None:
            self.findings.ended(probes=False)
        return error

    def close(self, following: str | None) -> None:
        """Let go of everything; the one even if the other fails."""
        with contextlib.ExitStack() as held:
            if self.record is not None:
                held.callback(self.record.close)
            if self.publisher is not None:
                held.callback(lambda publisher: publisher.close(self.control.state("ended", following)), self.publisher)
