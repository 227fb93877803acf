"""The held-out pass: losses, PSNR and honest codebook health, on images that training never saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from tilework.bottlenecks import Bottleneck
from tilework.bottlenecks.health import Usage, duplicate_codes, flat_stats, perplexity
from tilework.data import Batches
from tilework.engine.autoencoder.error import psnr
from tilework.engine.autoencoder.model import Autoencoder, outcome
from tilework.engine.autoencoder.rolling import encoded
from tilework.engine.compute import Compute
from tilework.engine.tasks.contract import Validation
from tilework.objective.fine.laplacian import laplacian_energy
from tilework.objective.total import Objective

MOST_KL = 64
"""Dimensions up to which the KL divergence of each is logged."""
MOST_POINTS = 4000
"""Points of a two-dimensional latent that one pass keeps for its map."""

_MEASURED = frozenset({"quantisation_error", "z_norm", "code_norm"})
_FINE, _FINE_ORIGINAL = "laplacian of reconstructions", "laplacian of originals"
"""Sums of a pass from which `detail` is made; no metrics."""


@dataclass(frozen=True)
class Measured(Validation):
    """One pass over the validation split.

    `metrics`: `loss` (total with the weights given), each raw term, `mse` and `psnr` on [0, 1], `detail` (fine detail of the
    reconstructions over that of the originals; absent where the originals have none), and for every level l
    `used.l`, `perplexity.l`; with them `codes` K, `tokens` N and `tokens_per_code` N/K, without which those mean
    nothing. Of a codebook also `quantisation_error.l`, `code_norm.l` beside `z_norm`, and `duplicates.l` (codes that
    repeat another).
    """

    counts: NDArray[np.int64] | None = None
    """(Q, K) how often each code was chosen."""
    points: NDArray[np.float32] | None = None
    """(n, 2) where the encoder put each image, where the latent is one 2-D vector per image."""
    labels: NDArray[np.int64] | None = field(default=None)
    """(n,) label of each point, -1 where there is none."""


@torch.no_grad()
def validate(
    compute: Compute,
    model: Autoencoder,
    objective: Objective,
    batches: Batches,
    weights: Mapping[str, float],
) -> Measured:
    """Pass over all of `batches` in evaluation mode; changes no buffer and no random state.

    With several processes each takes every n-th batch and the sums are added up. PSNR = 10 log10(1 / MSE) of the MSE over all
    pixels of the pass. Perplexity = exp(entropy in nats) of the codes chosen.
    """
    was_training, bottleneck = model.training, model.bottleneck
    model.eval()
    images, sums, names = 0, torch.zeros(0, dtype=torch.float64), []
    usage = Usage(bottleneck.levels, bottleneck.codes_per_level) if bottleneck.levels else None
    kl_per_dim: Tensor | None = None
    points: list[Tensor] = []
    labels: list[Tensor] = []
    for number, batch in enumerate(batches.epoch(0)):
        if number % compute.world != compute.rank:
            continue
        x, size = batch.images, len(batch.images)
        recon, latent = model(x)
        recon = recon.float()
        total, values = objective(outcome(x, recon, latent, bottleneck), weights)
        squared = (recon - x).square().mean()
        health = flat_stats(latent.stats, bottleneck.levels)
        named = {**values, "loss": total, "mse": squared, **{k: v for k, v in health.items() if _base(k) in _MEASURED}}
        named |= {_FINE: laplacian_energy(recon), _FINE_ORIGINAL: laplacian_energy(x)}
        row = torch.stack([v.double() for v in named.values()]).cpu() * size
        names, sums = list(named), row if not len(sums) else sums + row
        images += size
        if usage is not None and latent.codes is not None:
            usage.add(latent.codes)
        if "kl_per_dim" in latent.losses:
            share = latent.losses["kl_per_dim"].double().cpu() * size
            kl_per_dim = share if kl_per_dim is None else kl_per_dim + share
        if bottleneck.dim == 2 and latent.z.shape[-2:] == (1, 1) and sum(map(len, points)) < MOST_POINTS:
            points.append(encoded(latent).float().cpu())
            labels.append(batch.labels.cpu())
    model.train(was_training)
    return _finish(bottleneck, images, sums, names, usage, kl_per_dim, points, labels)


def _finish(
    bottleneck: Bottleneck,
    images: int,
    sums: Tensor,
    names: list[str],
    usage: Usage | None,
    kl_per_dim: Tensor | None,
    points: list[Tensor],
    labels: list[Tensor],
) -> Measured:
    counts = usage.counts.cpu() if usage is not None else None
    if dist.is_available() and dist.is_initialized():
        gathered: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(gathered, (images, sums, names, counts, kl_per_dim))
        # A rank may have had no batch at all (few held-out images, many ranks): it brings nothing but zeros.
        full = [g for g in gathered if g[0]]
        images, names = sum(g[0] for g in full), full[0][2]
        sums = sum((g[1] for g in full[1:]), start=full[0][1])
        counts = sum((g[3] for g in full[1:]), start=full[0][3]) if full[0][3] is not None else None
        kl_per_dim = sum((g[4] for g in full[1:]), start=full[0][4]) if full[0][4] is not None else None
    metrics = dict(zip(names, (sums / images).tolist(), strict=True))
    metrics["psnr"] = psnr(metrics["mse"])
    fine, original = metrics.pop(_FINE), metrics.pop(_FINE_ORIGINAL)
    if original > 0:
        metrics["detail"] = fine / original
    if counts is not None:
        metrics |= usage_metrics(counts)
    metrics |= {f"duplicates.{q}": float(duplicate_codes(c)) for q, c in enumerate(bottleneck.codebooks(), start=1)}
    if kl_per_dim is not None:
        mean = kl_per_dim / images
        metrics["active_units"] = float((mean > 0.01).sum())
        metrics |= {f"kl.{d + 1}": v for d, v in enumerate(mean.tolist())} if len(mean) <= MOST_KL else {}
    return Measured(
        metrics,
        None if counts is None else counts.numpy().astype(np.int64),
        torch.cat(points).numpy()[:MOST_POINTS] if points else None,
        torch.cat(labels).numpy()[:MOST_POINTS] if labels else None,
    )


def _base(name: str) -> str:
    return name.partition(".")[0]


def usage_metrics(counts: Tensor) -> dict[str, float]:
    """Counts (Q, K) -> `used.l`, `perplexity.l` for every level l, and K, N, N/K."""
    tokens, codes = float(counts[0].sum()), counts.shape[1]
    metrics = {"codes": float(codes), "tokens": tokens, "tokens_per_code": tokens / codes}
    levels = zip((counts > 0).sum(-1).tolist(), perplexity(counts.double()).tolist(), strict=True)
    for level, (used, spread) in enumerate(levels, start=1):
        metrics |= {f"used.{level}": float(used), f"perplexity.{level}": spread}
    return metrics
