"""`tilework train FOLDER`: the proposal for what lies there, printed with its reasons, kept in the run's folder, and trained."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tilework.cli.given import Given
from tilework.cli.suggest import proposal_lines
from tilework.errors import UserError
from tilework.spec.overrides import apply_overrides
from tilework.suggest.proposing import MINUTES, suggest
from tilework.suggest.words import yaml_text

if TYPE_CHECKING:
    from tilework.engine.progress import Finish, Plan, Progress, Tick
    from tilework.runs.folder import RunFolder

FILE = "suggested.yaml"
"""In the folder of a run: the spec as it was proposed, short and with its reasons."""


def prepared(given: Given, runs: Path | None, lines: list[str]) -> Callable[[Progress], RunFolder]:
    """What starts the training of the spec that is proposed for what was given; `lines` take the proposal in words.

    Raises UserError; nothing is written before the run has a folder.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError(
            "several processes were started to train a folder",
            why="each would measure its own time, and propose another spec",
            fix=f"tilework suggest {given.paths[0]} --out spec.yaml, then train spec.yaml with all of them",
        )
    try:
        proposal = suggest(given.paths, MINUTES)
    except UserError as error:
        if not given.note:
            raise
        raise UserError(error.what, why=error.why, fix=f"{error.fix}; and {given.note}") from None
    from tilework.spec.load import parse_spec

    proposal = replace(proposal, spec=apply_overrides(dict(proposal.spec), given.overrides))
    spec = parse_spec(dict(proposal.spec), given.paths[0])
    from tilework.engine import train as engine_train

    lines += proposal_lines(proposal)
    if given.overrides:
        lines.append(f"{'changed':<10}{' '.join(given.overrides)}")
    if given.note:
        lines.append(f"note: {given.note}")
    return lambda progress: engine_train(spec, root=runs, progress=Keeping(progress, yaml_text(proposal)))


class Keeping:
    """A listener that keeps the proposal in the run's folder as soon as there is one, and passes on what it hears."""

    def __init__(self, listener: Progress, text: str) -> None:
        self._listener, self._text = listener, text

    def started(self, plan: Plan) -> None:
        """Keep it, and print where."""
        file = plan.run.path / FILE
        file.write_text(self._text, encoding="utf-8")
        self._listener.started(plan)
        self._listener.message(f"its spec, to be changed and trained again: {file}")

    def preparing(self, what: str, done: int, total: int = 0) -> None:
        self._listener.preparing(what, done, total)

    def message(self, text: str) -> None:
        self._listener.message(text)

    def ticked(self, tick: Tick) -> None:
        self._listener.ticked(tick)

    def validated(self, step: int, values: Mapping[str, float]) -> None:
        self._listener.validated(step, values)

    def saved(self, step: int) -> None:
        self._listener.saved(step)

    def finished(self, finish: Finish) -> None:
        self._listener.finished(finish)
