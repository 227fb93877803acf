"""One token from logits: guidance, temperature, top-k, top-p, then the inverse of the cumulative distribution."""

from __future__ import annotations

import torch
from torch import Tensor

from tilework.errors import UserError
from tilework.priors.contract import Sampling


def guided(logits: Tensor, guidance: float) -> Tensor:
    """Logits (2B, ...) with the label, then without it -> (B, ...) (arXiv 2207.12598, equation 6)."""
    with_label, without = logits.chunk(2)
    return (1 + guidance) * with_label - guidance * without


def draw(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> Tensor:
    """Logits (..., K) -> tokens (...) int64; one number of `generator`, which is on the CPU, for each.

    Raises UserError where a logit is not finite: no token can be drawn from it.
    """
    kept = narrowed(logits, sampling)
    # Inverse of the distribution: one random number for a token, where Gumbel noise would need K.
    total = kept.double().softmax(-1).cumsum(-1)
    chance = torch.rand(logits.shape[:-1], generator=generator, dtype=torch.float64, device="cpu").to(total.device)
    sought = (chance * total[..., -1]).unsqueeze(-1)
    # Rounding must not reach past the last code that has a probability.
    sought = torch.minimum(sought, torch.nextafter(total[..., -1:], torch.zeros_like(sought)))
    return torch.searchsorted(total, sought, right=True).squeeze(-1)


def narrowed(logits: Tensor, sampling: Sampling) -> Tensor:
    """Logits (..., K) divided by the temperature, float32; -infinity for the codes that top-k and top-p leave out."""
    if not bool(torch.isfinite(logits).all()):
        raise UserError(
            "the prior gives no probability for a token: its output is not finite",
            why="weights that are not finite, as a run that diverged leaves them, or a guidance far too large",
            fix="use an earlier checkpoint of the run, or a smaller --guidance",
        )
    logits = logits.float() / sampling.temperature
    codes = logits.shape[-1]
    if sampling.top_k is not None and sampling.top_k < codes:
        # The places and not the value of the k-th: of equal logits no more than k are kept.
        best = logits.topk(sampling.top_k, dim=-1)
        logits = torch.full_like(logits, float("-inf")).scatter(-1, best.indices, best.values)
    if sampling.top_p < 1:
        ordered, where = logits.sort(dim=-1, descending=True, stable=True)
        chance = ordered.double().softmax(-1)
        # The likeliest that together reach p: a code is left out where those before it do.
        out = (chance.cumsum(-1) - chance) >= sampling.top_p
        out[..., 0] = False
        logits = torch.full_like(logits, float("-inf")).scatter(-1, where, ordered.masked_fill(out, float("-inf")))
    return logits


def log_probability(logits: Tensor, tokens: Tensor) -> Tensor:
    """ln of the probability of tokens (...) under logits (..., K), float32."""
    return logits.float().log_softmax(-1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
