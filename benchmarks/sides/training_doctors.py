"""Two general doctors of training runs, attached to ours: torchmortem (hooks, report at the end) and torch-audit (autopatch).

What of theirs is right for a fault was written down here before the first run, as generously as it can be meant: a category that
names the fault, what causes it or what it does first. A fault that is not here has nothing in their vocabulary; any finding of
theirs is wrong for it then.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from tilework.engine.loop import Loop
from tilework.engine.step import Stepper, StepResult

ANYTHING_DEAD = "dead_units gradient_flow saturation rank_collapse TA105 TA405 TA103"
TOO_FAST = "loss_dynamics gradient_flow update_ratio weight_norm TA100 TA102"
RIGHT = {
    "s5-infinite-loss": f"{TOO_FAST}",
    "s5-too-many-codes": "rank_collapse TA500",
    "s5-random-codes": "rank_collapse TA500",
    "s5-relu-before-sigmoid": "dead_units saturation gradient_flow TA105",
    "no-start-no-revival": "rank_collapse TA500",
    "more-codes-than-tokens": "rank_collapse TA500",
    "encoder-shrinks": "weight_norm rank_collapse gradient_flow",
    "no-commitment": "weight_norm TA103",
    "commitment-times-1000": "loss_dynamics rank_collapse gradient_flow",
    "codes-never-learn": "gradient_flow TA103 TA500",
    "kl-too-heavy": "rank_collapse loss_dynamics gradient_flow",
    "kl-without-weight": "weight_norm",
    "rate-times-100": TOO_FAST,
    "rate-over-1000": "update_ratio loss_dynamics",
    "clipped-at-every-step": "gradient_flow update_ratio TA102",
    "spikes": "loss_dynamics gradient_flow TA301",
    "dead-encoder": ANYTHING_DEAD,
    "dead-decoder": ANYTHING_DEAD,
    "learned-by-heart": "gradient_noise",
    "dark-images": "TA301 TA302",
}
"""Categories of torchmortem and rules of torch-audit that are right, by fault."""
AUDITED_EVERY = 50


@dataclass
class Watched:
    """What the two have found, the most severe first: (category or rule, severity), of warning and above."""

    torchmortem: list[tuple[str, str]] = field(default_factory=list)
    torch_audit: list[tuple[str, str]] = field(default_factory=list)

    def result_of(self, fault: str | None) -> dict[str, Any]:
        """In plain values, with what would be right."""
        may = sorted(RIGHT.get(fault or "", "").split())
        found = {"torchmortem": self.torchmortem, "torch-audit": self.torch_audit}
        return {name: {"may": may, "findings": all_} for name, all_ in found.items()}


@contextmanager
def watching() -> Iterator[Watched]:
    """Whatever trains meanwhile is watched by both, as their READMEs describe."""
    from torch_audit import autopatch
    from torchmortem import Autopsy

    logging.getLogger("torchmortem").setLevel(logging.CRITICAL)
    found = Watched()
    at_work: dict[Stepper, tuple[Any, Any]] = {}
    begin, step = Loop._start, Stepper.step

    def begun(self: Loop, *, resumed: bool) -> None:
        begin(self, resumed=resumed)
        stepper = self.session.parts.stepper
        for module in stepper.model.modules():
            if getattr(module, "inplace", False):
                module.inplace = False  # torchmortem's hooks forbid it; the numbers are the same
        autopsy = Autopsy(stepper.model, optimizer=stepper.inner)
        autopsy.attach()
        auditor = autopatch(
            stepper.model, optimizer=stepper.inner, every_n_steps=AUDITED_EVERY, suppress_internal_errors=True
        )
        at_work[stepper] = autopsy, auditor

    def stepped(self: Stepper, *given: Any) -> StepResult:
        result = step(self, *given)
        if self in at_work:
            at_work[self][0].step(loss=float(result.values["loss"]))
        return result

    with mock.patch.object(Loop, "_start", begun), mock.patch.object(Stepper, "step", stepped):
        yield found
    for autopsy, auditor in at_work.values():
        autopsy.detach()
        report = autopsy.get_report()
        assert report is not None
        serious = sorted((f for f in report.findings if f.severity >= 1), key=lambda f: -int(f.severity))
        found.torchmortem += [(f.category, f.severity.name.lower()) for f in serious]
        result = auditor.finish(report=False)
        auditor.unpatch()
        loud = sorted(
            (f for f in result.findings if f.severity.value != "INFO"), key=lambda f: f.severity, reverse=True
        )
        found.torch_audit += [(f.rule_id, f.severity.value.lower()) for f in loud]
