"""One optimiser step: forward, losses, backward, clipping, update. Nothing here waits for the device."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from tilework.engine.compute import Compute
from tilework.engine.muon import Muon, grouped
from tilework.engine.tasks.contract import Losses, Task
from tilework.spec import OptimizerSettings


@dataclass(frozen=True)
class StepResult:
    """What one optimiser step measured, on the device."""

    values: dict[str, Tensor]
    """`loss`, what the task measured, `grad_norm`; means over the micro-batches."""
    kept: tuple[Any, ...]
    """What the task kept of each micro-batch (for whoever watches)."""


def make_optimizer(settings: OptimizerSettings, model: nn.Module, device: torch.device) -> torch.optim.Optimizer:
    """What the spec asks for, for all of a model that is trained; fused into one kernel where torch has one for the
    device."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    kind: Callable[..., torch.optim.Optimizer] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}.get(
        settings.kind, Muon
    )
    fused = settings.fused and device.type in {"cpu", "cuda", "mps"} and all(p.is_floating_point() for p in parameters)
    moved: Any = parameters
    if settings.kind == "muon":
        # On a GPU a flag makes a fused step leave the weights alone, and matrices ignore it.
        moved, fused = grouped(model, parameters), fused and device.type != "cuda"
    return kind(
        moved,
        lr=settings.lr.start_value,
        betas=settings.betas,
        eps=settings.eps,
        weight_decay=settings.weight_decay,
        fused=fused,
    )


MOST_FAR = 6
"""Steps in a row that are refused for the size of their gradient alone. More of them are no odd batches: what the weights or the
data have become, the loss must show."""


class Stepper:
    """Takes optimiser steps; refuses those whose loss or gradient is not finite, or whose gradient is beyond `norm_limit`.

    Such a step changes no weight, no moment and no codebook: it is skipped and counted. `skipped_in_row` (a device
    tensor) counts how many in a row, not 0 where the newest step was refused.
    """

    def __init__(
        self, compute: Compute, model: nn.Module, task: Task, optimizer: torch.optim.Optimizer, clip_norm: float | None
    ) -> None:
        self.compute, self.model, self.task, self.clip_norm = compute, model, task, clip_norm
        self.optimizer = optimizer
        self.inner = cast(torch.optim.Optimizer, getattr(optimizer, "optimizer", optimizer))
        """torch's own optimiser, inside of Accelerate's."""
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.skipped_in_row = torch.zeros((), device=compute.device)
        self.norm_limit = math.inf
        """Of the next step. Whoever sets it knows what gradients are usual; not for losses that are scaled (fp16)."""
        self.far_in_row = torch.zeros((), device=compute.device)
        """Steps in a row whose gradient was beyond their limit, refused or not."""
        self.look_at_gradients: Callable[[], None] | None = None
        """Called between the backward pass and the clearing of the gradients, where somebody wants to see them."""

    def step(self, micro_batches: Sequence[Any], weights: Mapping[str, float], lr: float) -> StepResult:
        """One update from one or more micro-batches whose gradients are averaged."""
        for group in self.inner.param_groups:
            group["lr"] = lr
        measured: list[dict[str, Tensor]] = []
        kept: list[Any] = []
        for number, batch in enumerate(micro_batches):
            with self._synchronised(number == len(micro_batches) - 1):
                found = self.task.losses(self.model, batch, weights)
                loss = self._reaching_all(found)
                self.compute.backward(loss if len(micro_batches) == 1 else loss / len(micro_batches))
            measured.append({"loss": loss.detach(), **found.values})
            kept.append(found.kept)
        values = measured[0]
        if len(measured) > 1:
            values = {k: torch.stack([m[k] for m in measured]).mean(0) for k in values}
        values["grad_norm"] = self._update()
        self.task.after_step(kept, self.skipped_in_row)
        return StepResult(values, tuple(kept))

    def _reaching_all(self, found: Losses) -> Tensor:
        """Between several processes every parameter must be part of the loss, also one whose term has weight 0 at the moment."""
        if self.compute.alone or not found.anchors:
            return found.total
        return found.total + 0.0 * torch.stack([anchor.sum() for anchor in found.anchors]).sum()

    def _synchronised(self, last: bool) -> AbstractContextManager[None]:
        return nullcontext() if last else self.compute.no_sync(self.model)

    def _update(self) -> Tensor:
        """Clip, refuse what is not finite, step; returns the gradient's L2 norm before clipping."""
        scaled = self.compute.scaler is not None
        optimizer: Any = self.optimizer if scaled else self.inner
        if scaled:
            self.compute.unscale(self.optimizer)
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        bad = ~torch.isfinite(norm)  # The gradient is the mean over all processes, so that all of them judge alike.
        if not scaled:
            far = norm > self.norm_limit
            bad = bad | (far & (self.far_in_row < MOST_FAR))
            self.far_in_row = (self.far_in_row + 1) * far
        self.skipped_in_row = (self.skipped_in_row + 1) * bad
        if self.clip_norm is not None:
            torch._foreach_mul_(gradients, (self.clip_norm / (norm + 1e-6)).clamp(max=1.0))
        if not scaled and norm.device.type == "cuda" and self.inner.defaults.get("fused"):
            # The fused kernel itself leaves the weights alone when this flag is set: no wait for the device.
            optimizer.found_inf = bad.float()
            optimizer.step()
        elif scaled or not bool(bad):
            optimizer.step()
        if self.look_at_gradients is not None:
            self.look_at_gradients()
        optimizer.zero_grad()
        return norm
