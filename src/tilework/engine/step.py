"""One optimiser step: forward, losses, backward, clipping, update. Nothing here waits for the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from torch import Tensor, nn

from tilework.bottlenecks import Bottleneck, Latent
from tilework.bottlenecks.health import flat_stats
from tilework.data import Batch
from tilework.objective import Outcome
from tilework.objective.total import Objective
from tilework.spec import OptimizerSettings


@dataclass(frozen=True)
class StepResult:
    """What one optimiser step measured, on the device."""

    values: dict[str, Tensor]
    """`loss`, every raw loss term, `grad_norm`, and the bottleneck's scalar stats; means over the micro-batches."""
    counts: Tensor | None
    """(Q, K) codes chosen in this step, or None."""
    latents: tuple[Latent, ...]
    """What the bottleneck returned for each micro-batch (for whoever watches)."""


def make_optimizer(
    settings: OptimizerSettings, parameters: Sequence[nn.Parameter], device: torch.device
) -> torch.optim.Optimizer:
    """Adam or AdamW as the spec says; fused into one kernel where torch has one for the device."""
    kind = torch.optim.Adam if settings.kind == "adam" else torch.optim.AdamW
    fused = settings.fused and device.type in {"cpu", "cuda", "mps"} and all(p.is_floating_point() for p in parameters)
    return kind(
        parameters,
        lr=settings.lr.start_value,
        betas=settings.betas,
        eps=settings.eps,
        weight_decay=settings.weight_decay,
        fused=fused,
    )


class Stepper:
    """Takes optimiser steps; owns the gradient guard.

    A step whose gradient is not finite changes no weight: it is skipped and counted. `skipped_in_row` (a device
    tensor) says how many in a row, for the loop to read when it reads anything.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        model: nn.Module,
        bottleneck: Bottleneck,
        optimizer: AcceleratedOptimizer,
        objective: Objective,
        settings: OptimizerSettings,
    ) -> None:
        self.accelerator = accelerator
        self.model = model
        self.bottleneck = bottleneck
        self.optimizer = optimizer
        self.objective = objective
        self.clip_norm = settings.clip_norm
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.skipped_in_row = torch.zeros((), device=accelerator.device)
        self.keep_code_gradient = False
        """Whether somebody wants to see what the codes' gradient is."""
        self.code_gradient: Tensor | None = None
        """(S, K) L2 norm of each code's gradient in the last step, where codes learn by gradient and it was wanted."""
        self._fused = bool(optimizer.optimizer.defaults.get("fused"))
        self._alone = accelerator.num_processes == 1

    def step(self, micro_batches: Sequence[Batch], weights: Mapping[str, float], lr: float) -> StepResult:
        """One update from one or more micro-batches whose gradients are averaged."""
        inner = cast(torch.optim.Optimizer, self.optimizer.optimizer)
        for group in inner.param_groups:
            group["lr"] = lr
        measured: list[dict[str, Tensor]] = []
        latents: list[Latent] = []
        for number, batch in enumerate(micro_batches):
            last = number == len(micro_batches) - 1
            with self._synchronised(last):
                loss, values, latent = self.losses(batch.images, weights)
                self._backward(loss if len(micro_batches) == 1 else loss / len(micro_batches))
            measured.append({"loss": loss.detach(), **values, **flat_stats(latent.stats, self.bottleneck.levels)})
            latents.append(latent)
        values = measured[0]
        if len(measured) > 1:
            values = {k: torch.stack([m[k] for m in measured]).mean(0) for k in values}
        values["grad_norm"] = self._update()
        self.bottleneck.update()
        counts = [c for c in (latent.stats.get("counts") for latent in latents) if c is not None]
        return StepResult(values, sum(counts[1:], start=counts[0]) if counts else None, tuple(latents))

    def losses(self, images: Tensor, weights: Mapping[str, float]) -> tuple[Tensor, dict[str, Tensor], Latent]:
        """(B, C, H, W) -> total loss (attached), raw terms (detached), latent."""
        recon, latent = self.model(images)
        outcome = Outcome(images, recon.float(), latent.losses, latent.inputs, self.bottleneck.codebooks())
        total, values = self.objective(outcome, weights)
        if not self._alone:
            # Every parameter must be part of the loss on every rank, also one whose term has weight 0 at the moment.
            total = total + 0.0 * torch.stack([v.sum() for v in latent.losses.values()] or [recon.sum()]).sum()
        return total, values, latent

    def _backward(self, loss: Tensor) -> None:
        if self.accelerator.scaler is None:
            torch.autograd.backward(loss)  # What Accelerate does, without its bookkeeping.
        else:
            self.accelerator.backward(loss)

    def _synchronised(self, last: bool) -> AbstractContextManager[None]:
        if last or self._alone:
            return nullcontext()
        return cast(AbstractContextManager[None], self.accelerator.no_sync(self.model))

    def _update(self) -> Tensor:
        """Clip, refuse what is not finite, step; returns the gradient's L2 norm before clipping."""
        scaled = self.accelerator.scaler is not None
        optimizer: Any = self.optimizer if scaled else self.optimizer.optimizer
        if scaled:
            self.accelerator.unscale_gradients(self.optimizer)
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        bad = ~torch.isfinite(norm)  # The gradient is the mean over all ranks, so that all of them judge alike.
        self.skipped_in_row = (self.skipped_in_row + 1) * bad
        if self.clip_norm is not None:
            torch._foreach_mul_(gradients, (self.clip_norm / (norm + 1e-6)).clamp(max=1.0))
        if not scaled and self._fused and norm.device.type == "cuda":
            # The fused kernel itself leaves the weights alone when this flag is set: no wait for the device.
            optimizer.found_inf = bad.float()
            optimizer.step()
        elif scaled or not bool(bad):
            optimizer.step()
        if self.keep_code_gradient:
            self.code_gradient = self.bottleneck.code_gradient()
        optimizer.zero_grad()
        return norm
