"""The live display of a run in a terminal; plain lines where there is none."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from tilework.engine.progress import Finish, Plan, Tick
from tilework.metrics import AUTOENCODER, TRAINING, Metrics, values_of

QUIET_SECONDS = 10.0
"""Without a terminal, at most one line of metrics in this time."""
_COUNTED = {"images": "preparing images", "tokens": "encoding images to tokens"}
"""Stages before the first step that count what they have done."""
_NAMED = {"codes": "placing the codes among the data", "preflight": "checking the spec before the run (preflight)"}
"""Those that do not."""
AVERAGED_SECONDS = 60.0
"""Speed and time left are means over the last minute: validation passes and checkpoints are part of the way."""


class Display:
    """Shows a run: a bar, losses, codes in use, the newest validation metrics. A `Progress` of the engine."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.plan: Plan | None = None
        self.finish: Finish | None = None
        self._tick: Tick | None = None
        self._validated: Mapping[str, float] = {}
        self._stage = ""
        self._quiet_since = time.monotonic()
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=None, complete_style="yellow", finished_style="green"),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            expand=True,
            speed_estimate_period=AVERAGED_SECONDS,
        )
        self._task = self._bar.add_task("steps", total=None, rate="", visible=False)
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=8, transient=True)

    def __enter__(self) -> Display:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.console.is_terminal:
            self._live.stop()

    # Events of the engine --------------------------------------------------------------------------------------------

    def preparing(self, what: str, done: int, total: int = 0) -> None:
        """Show the stage before the first step."""
        many = f"{done:,} of {total:,}" if total else f"{done:,}"
        before, self._stage = self._stage, f"{_COUNTED[what]}: {many}" if what in _COUNTED else _NAMED.get(what, what)
        new = what not in _COUNTED and self._stage != before
        if not self.console.is_terminal and (new or (what in _COUNTED and self._silent_for_long())):
            self.console.print(self._stage)

    def started(self, plan: Plan) -> None:
        """Print what will be trained, and start the bar."""
        self.plan = plan
        self._stage = ""
        self._bar.update(self._task, total=plan.steps, completed=plan.resumed_at, visible=True)
        self.console.print(_headline(plan))

    def message(self, text: str) -> None:
        """Print a note above the bar."""
        self.console.print(Text("note: ", style="yellow") + Text(text))

    def ticked(self, tick: Tick) -> None:
        """Take a new row of training metrics."""
        self._tick = tick
        self._bar.update(self._task, completed=tick.step)
        speed = self._bar.tasks[0].speed or tick.steps_per_second
        self._bar.update(self._task, rate=f"{speed:,.1f} steps/s")
        if not self.console.is_terminal and self._silent_for_long():
            used = _usage(tick, self.plan)
            parts = [
                f"step {tick.step:,}/{self.plan.steps if self.plan else 0:,}",
                f"{speed:,.1f} steps/s",
                f"training {_losses(tick.values).plain}",
                f"{self._metrics.label('used', TRAINING)}: {used.plain.strip()}" if used else "",
            ]
            self.console.print("   ".join(p for p in parts if p), soft_wrap=True)

    def validated(self, step: int, values: Mapping[str, float]) -> None:
        """Take new validation metrics."""
        self._validated = values

    def saved(self, step: int) -> None:
        """A checkpoint needs no word."""

    def finished(self, finish: Finish) -> None:
        """Remember how it ended, for the summary."""
        self.finish = finish

    @property
    def _metrics(self) -> Metrics:
        return self.plan.metrics if self.plan else AUTOENCODER

    def _silent_for_long(self) -> bool:
        now = time.monotonic()
        if now - self._quiet_since < QUIET_SECONDS:
            return False
        self._quiet_since = now
        return True

    # How it looks ----------------------------------------------------------------------------------------------------

    def _render(self) -> RenderableType:
        if self.plan is None or self._tick is None:
            return Text(self._stage or "starting", style="dim")
        rows = Table.grid(padding=(0, 2))
        rows.add_column(style="dim", no_wrap=True)
        rows.add_column()
        rows.add_row("training", _losses(self._tick.values))
        if used := _usage(self._tick, self.plan):
            rows.add_row(self._metrics.label("used", TRAINING), used)
        if self._validated:
            rows.add_row("validation", _validation(self._validated, self._metrics))
        return Group(self._bar, rows)


def _headline(plan: Plan) -> Text:
    processes = f" x {plan.processes}" if plan.processes > 1 else ""
    text = Text.assemble((plan.run.id, "bold"), f"  {_model(plan)}, ")
    text.append(f"{plan.parameters:,} parameters on {plan.device}{processes} in {plan.precision}\n")
    text.append(
        f"{plan.train:,} {plan.unit} to train on, {plan.validation:,} held out, {plan.steps:,} steps", style="dim"
    )
    if plan.resumed_at:
        text.append(f"\nresumed at step {plan.resumed_at:,}", style="yellow")
    return text


def _model(plan: Plan) -> str:
    """What is trained: the bottleneck and its grid; of another task its name."""
    if "bottleneck" not in plan.model:
        kind = plan.model.get("prior")
        return (
            f"{plan.spec.task}, {kind}, {plan.model['tokens']:,} tokens of {plan.model['codes']:,} codes"
            if kind
            else plan.spec.task
        )
    width, height = plan.model["grid"]
    shape = f"{width}x{height} positions" if width * height > 1 else "one vector an image"
    return f"{plan.model['bottleneck']}, {shape}"


def _losses(values: Mapping[str, float]) -> Text:
    """The loss and its terms, as the spec names them."""
    shown = [name for name in values if name == "loss" or f"weight.{name}" in values]
    return Text("   ").join(Text.assemble((f"{name} ", "dim"), f"{values[name]:.4f}") for name in shown)


def _usage(tick: Tick, plan: Plan | None) -> Text:
    """Codes in use, level by level; empty where nothing is discrete."""
    metrics, codes = (plan.metrics, plan.model.get("codes", 0)) if plan else (AUTOENCODER, 0)
    levels = values_of(metrics["used"], tick.values)
    text = Text()
    for name, used in levels.items():
        text.append(f"   {metrics.part_label(name)} " if len(levels) > 1 else "", style="dim")
        text.append(f"{used:,.0f}/{codes:,}", style="" if used > codes // 2 else "yellow")
        perplexity = tick.values.get(name.replace("used", "perplexity"))
        if perplexity is not None:
            text.append(f" (perplexity {perplexity:,.1f})", style="dim")
    text.rstrip()
    return Text(text.plain.lstrip()) if not text.spans else text


def _validation(values: Mapping[str, float], metrics: Metrics) -> Text:
    """The metrics of quality that stand for the run, and the loss."""
    shown = metrics.qualities(values)
    if metrics["loss"] not in shown:
        shown.append(metrics["loss"])
    return Text("   ").join(
        Text.assemble((f"{metrics.label(name)} ", "dim"), metric.text(value))
        for metric in shown
        for name, value in values_of(metric, values).items()
    )
