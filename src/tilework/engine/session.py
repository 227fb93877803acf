"""One run in one process: its parts, its state, and the settings that steer it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tilework.engine.guard.guard import Guard
from tilework.engine.parts import Parts, assemble
from tilework.engine.progress import Progress
from tilework.engine.state import Judgement, RunState
from tilework.engine.steering import Steering
from tilework.engine.stopping import Patience, PlateauState
from tilework.engine.tally import Tally
from tilework.spec import Plateau, RunSpec


@dataclass(frozen=True)
class Session:
    """A run that is ready to step."""

    parts: Parts
    state: RunState
    steering: Steering
    guard: Guard

    @property
    def step(self) -> int:
        """Optimiser steps taken."""
        return self.state.position.step

    @property
    def epochs(self) -> float:
        """Passes over the training split so far, with the part of the present one."""
        return self.parts.budget.clock.epochs(self.step)


def begin(spec: RunSpec, progress: Progress, runs: Path | None = None) -> Session:
    """A session at step 0; `runs` is the folder of runs. Raises UserError for a spec that cannot run; nothing is written."""
    parts = assemble(spec, progress, runs)
    schedules = {"lr": spec.optimizer.lr, **parts.task.weights()}
    plateaus = {name: PlateauState(Patience()) for name, s in schedules.items() if isinstance(s, Plateau)}
    state = RunState(judgement=Judgement(plateaus=plateaus), tally=Tally(parts.task.metrics))
    return Session(parts, state, Steering(parts, state), Guard(parts, state))
