"""`tilework replay`: a run once more, with everything that was changed by hand while it went on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tilework.cli.options import Run, RunsFolder
from tilework.errors import RunFailure

if TYPE_CHECKING:
    from tilework.engine.progress import Progress
    from tilework.engine.replay import Replayed
    from tilework.runs.folder import RunFolder


def replay(run: Run, runs: RunsFolder = None) -> None:
    """Repeat a run with its interventions, as a new run, and compare the weights. Bit-identical on one CPU."""
    from tilework.cli.training import run_training

    found: list[Replayed] = []

    def prepare() -> Callable[[Progress], RunFolder]:
        from tilework.runs.folder import RunFolder

        folder = RunFolder.find(run, runs)
        from tilework.engine.replay import replay as engine_replay

        def start(progress: Progress) -> RunFolder:
            found.append(engine_replay(folder, root=runs, progress=progress))
            return found[0].run

        return start

    run_training(prepare)
    if found:
        _print_result(found[0], run)


def _print_result(replayed: Replayed, run: str) -> None:
    from tilework.cli.output import console_for_text

    interventions = f"{replayed.interventions} intervention{'s' if replayed.interventions != 1 else ''}"
    console = console_for_text()
    if replayed.identical:
        console.print(
            f"\nReplayed {replayed.step:,} steps with {interventions}: all {replayed.tensors} tensors are the same, bit for bit."
        )
        return
    differences = f"{replayed.differing} of {replayed.tensors} tensors differ, by {replayed.largest:.2g} at most"
    if not replayed.explained:
        raise RunFailure(
            f"the replay of {run} is not the same: {differences}",
            why="the same spec, images and interventions on the same kind of machine should give the same bits",
            fix="see whether engine.threads or the processor differ; set engine.threads to repeat exactly",
        )
    console.print(f"\nReplayed {replayed.step:,} steps with {interventions}: {differences} ({_why(replayed)}).")


_FACTS = {
    "device": "the device", "precision": "the precision", "processes": "the number of processes", "torch": "torch",
    "content_hash": "the images' content",
}  # fmt: skip


def _why(replayed: Replayed) -> str:
    """Why the two may differ."""
    if replayed.changed:
        return "; ".join(f"{_FACTS[key]} was {was}, is {now}" for key, (was, now) in replayed.changed.items())
    if replayed.device != "cpu":
        return "a GPU may add in another order each time"
    return "the run was resumed, perhaps with other settings of engine"
