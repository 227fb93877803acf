"""What changes while a run goes on: how far it is, what validation has decided, what was set by hand."""

from __future__ import annotations

from dataclasses import dataclass, field

from tilework.engine.guard.slowdown import Slowdown
from tilework.engine.parts import Budget
from tilework.engine.stopping import Patience, PlateauState
from tilework.engine.tally import Tally


@dataclass
class Position:
    """How far a run is. `step` optimiser steps are done; `batch` micro-batches of epoch `epoch` are used up.

    Where the batch size changed within the epoch, the batches are counted from there: `used` items of the epoch's order lie
    before them, and `length` micro-batches are what was left of it.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    used: int = 0
    length: int = 0
    """0 = those of every epoch."""

    def to_epoch(self, budget: Budget) -> int:
        """Micro-batches from here to the end of the epoch."""
        return (self.length or budget.micro_batches_per_epoch) - self.batch

    def advance(self, micro_batches: int, budget: Budget) -> None:
        """One step was taken."""
        self.step += 1
        self.batch += micro_batches
        if self.to_epoch(budget) <= 0:
            self.epoch, self.batch, self.used, self.length = self.epoch + 1, 0, 0, 0


@dataclass
class Judgement:
    """What validation has decided so far."""

    best: Patience = field(default_factory=Patience)
    early: Patience = field(default_factory=Patience)
    plateaus: dict[str, PlateauState] = field(default_factory=dict)
    """By `lr` or the loss term's name."""

    def cuts(self) -> dict[str, int]:
        """How often each plateau schedule has been cut."""
        return {name: p.cuts for name, p in self.plateaus.items()}

    def begin_again(self) -> None:
        """What the validation loss means has changed: nothing before counts. Cuts stay."""
        self.best, self.early = Patience(), Patience()
        for plateau in self.plateaus.values():
            plateau.patience = Patience()


@dataclass
class RunState:
    """All of it; `saved_state.py` writes it down and reads it back."""

    position: Position = field(default_factory=Position)
    judgement: Judgement = field(default_factory=Judgement)
    set_by_hand: dict[str, float] = field(default_factory=dict)
    """Settings changed while the run goes on, by their path in the spec; they replace its schedules."""
    slowdown: Slowdown = field(default_factory=Slowdown)
    """What rollbacks have made of the learning rate."""
    tally: Tally = field(default_factory=Tally)
    unjudged: bool = False
    """The epoch before this one ended where the run was resumed, without its validation."""
