"""The forward pass that `vq` and `rq` share: residual levels of nearest codes, their losses and their health.

With one level it is vector quantisation (arXiv 1711.00937), with Q levels residual quantisation (arXiv 2203.01941):
level l quantises what the levels before left, r_1 = x, r_{l+1} = r_l - q_l, and the output is the sum of all q_l.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tilework.bottlenecks.codebook.gradients import rotation, straight_through
from tilework.bottlenecks.codebook.rules import rule
from tilework.bottlenecks.codebook.search import nearest, negative_half_norms
from tilework.bottlenecks.codebook.settings import CodebookConfig
from tilework.bottlenecks.contract import Bottleneck, Latent, Note
from tilework.bottlenecks.health.usage import perplexity
from tilework.bottlenecks.repetition import Pass, Passes
from tilework.bottlenecks.tokens import (
    any_usable,
    codes_from_tokens,
    finite_tokens,
    float32,
    from_tokens,
    mean_over,
    refuse_nonfinite,
    to_tokens,
    usable_only,
)
from tilework.errors import UserError
from tilework.spec import Setting


class CodebookBottleneck(Bottleneck):
    """Q levels of nearest codes. Takes (B, D, H, W) or (B, N, D); see `Latent` for what it gives.

    Losses, with r_l the input of level l and q_l its code, both (N, D), sg = no gradient:

        commitment = 1/Q sum_l mean over tokens and dimensions of (r_l - sg q_l)^2
        codebook   = 1/Q sum_l mean over tokens and dimensions of (sg r_l - q_l)^2      (gradient codebooks only)

    Neither is weighted: beta is the weight of the `commitment` term of the objective. (Papers that sum over dimensions
    have values D times as large.)
    """

    def __init__(self, config: CodebookConfig) -> None:
        super().__init__()
        self.config = config
        self.in_channels = self.dim = config.dim
        self.levels, self.codes_per_level = config.stack.levels, config.codes
        self.book = rule(config.codebook)(config)
        self.learns_by_gradient = self.book.learns_by_gradient
        inner = config.search_dim
        self.project_in = nn.Linear(config.dim, inner, dtype=torch.float32) if inner else None
        self.project_out = nn.Linear(inner, config.dim, dtype=torch.float32) if inner else None
        self.passes = Passes()
        if self.levels > 1 and config.distance == "cosine":
            raise UserError(
                "bottleneck.distance is cosine with more than one level",
                why="what a level leaves has no norm of 1, so the next level would throw its size away",
                fix="set bottleneck.distance=euclidean, or use kind vq",
                field="bottleneck.distance",
            )

    def reset_parameters(self) -> None:
        self.book.reset_parameters()
        for linear in (self.project_in, self.project_out):
            if linear is not None:
                linear.reset_parameters()
        self.passes = Passes()

    @property
    def codebook(self) -> Tensor:
        """(S, K, D): the parameter or buffer that holds the codes; S = 1 where all levels share one codebook."""
        return self.book.codes

    @property
    def bits_per_position(self) -> float:
        return self.levels * math.log2(self.codes_per_level)

    def codebooks(self) -> tuple[Tensor, ...]:
        vectors = self.book.vectors()
        return tuple(vectors[self.book.set_of(level)] for level in range(self.levels))

    @property
    def wants_start(self) -> bool:
        return self.book.wants_start

    def notes(self) -> list[Note]:
        return list(self.book.notes)

    def start(self, points: Tensor, generator: torch.Generator) -> None:
        """Place the codes by k-means of encoder outputs `points` (N, D); every process must call it, process 0 decides."""
        with torch.no_grad(), float32(points):
            points = points.detach().float()
            if points.ndim != 2 or points.shape[1] != self.in_channels:
                raise UserError(
                    f"a codebook of dim {self.in_channels} cannot start from points of shape {tuple(points.shape)}",
                    why="the points are tokens, one row each",
                    fix="give encoder outputs as (N, D), for example h.permute(0, 2, 3, 1).reshape(-1, D)",
                )
            points = points[usable_only(points)]
            if not len(points):
                raise UserError(
                    "no encoder output is finite, so the codebook cannot start",
                    why="the encoder gives NaN or infinity for every token of the first batches",
                    fix="check the images and the encoder's initial weights",
                )
            self.passes.keep(self.book.codes)
            self.book.start(self._search_space(points), generator)

    def update(self, refused: Tensor | None = None) -> None:
        self.passes.keep(self.book.codes)
        self.book.update(refused)

    def settings(self) -> list[Setting]:
        return self.book.settings()

    def set(self, name: str, value: float) -> None:
        self.book.set(name, value)

    @property
    def can_revive(self) -> bool:
        return self.book.revival is not None and self.book.revival.threshold > 0

    def revive(self) -> int:
        return self.book.make_due()

    def health(self) -> dict[str, Tensor]:
        ago = self.book.revived_ago()
        found = {"idle": self.book.idle} | ({} if ago is None else {"revived_ago": ago})
        return {name: self.book.per_level(value) for name, value in found.items()}

    def code_gradient(self) -> Tensor | None:
        return self.book.code_gradient()

    def outer(self, points: Tensor) -> Tensor:
        with float32(points):
            return self._outer_space(points)

    def forward(self, h: Tensor) -> Latent:
        with float32(h):
            x, grid = to_tokens(h, self.in_channels)
            if not self.training:
                refuse_nonfinite(x)
                return self._quantise(x, grid, None)
            past = self.passes.again(x)
            if past is None:
                self.passes.note(x, started=self._begin(x))
            elif past.started:
                # The start drew a number, and what draws next in the block must get what it got then.
                _draw()
            return self._quantise(x, grid, past)

    def _begin(self, x: Tensor) -> bool:
        """Before a first pass over tokens x (N, D) in training: the start, if it is due; returns whether that drew a number."""
        draws = False
        if self.wants_start:
            draws = bool(usable_only(x.detach()).any())
            if draws:
                self.start(x, torch.Generator().manual_seed(_draw()))
            else:
                self.book.start_elsewhere()
        self.book.ready()
        return draws

    def _quantise(self, x: Tensor, grid: tuple[int, ...], past: Pass | None) -> Latent:
        x, z_norm, usable = self._search_space_of_finite(x)
        vectors = self.book.vectors(past.used if past else None)
        fixed = vectors.detach()
        bias = negative_half_norms(fixed)
        inputs: list[Tensor] = []
        indices: list[Tensor] = []
        errors: list[Tensor] = []
        active = self._active(grid, x.device)
        counted = active if usable is None else usable if active is None else usable & active
        out: Tensor | None = None
        for level, (left, index, code) in enumerate(self._levels(x, fixed, bias, usable)):
            errors.append(_error_over(left, code, usable, None if active is None else active[level]))
            inputs.append(left)
            indices.append(index)
            out = code if out is None else out + (code if active is None else code * active[level].unsqueeze(1))
        assert out is not None
        flat = torch.stack(indices)
        error = torch.stack(errors)
        losses = {"commitment": error.mean()}
        if self.learns_by_gradient:
            losses["codebook"] = self._codebook_loss(vectors, flat, inputs, usable, active)
        # No gradient reaches what is not finite: 0 times infinity would be NaN for the whole batch.
        sound = x if usable is None else torch.where(usable[:, None], x, out)
        turned = rotation(sound, out) if self.config.gradient == "rotation" else straight_through(sound, out)
        collects = self.training and past is None and any_usable(usable)
        counts = self.book.collect(flat, inputs, usable, active) if collects else self.book.tally(flat, counted)
        if self.training and past is None and not self.deferred:
            self.update()
        return Latent(
            z=from_tokens(self._outer_space(turned), grid),
            codes=codes_from_tokens(flat, grid),
            losses=losses,
            stats=self._stats(counts, len(x) if counted is None else None, error.detach(), z_norm, bias, usable),
            inputs=tuple(inputs),
        )

    def _levels(
        self, x: Tensor, codes: Tensor, bias: Tensor, usable: Tensor | None
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """For each level: what the levels before left of tokens x (N, D), the index (N,) of its nearest code, and that code.

        codes (S, K, D) detached, bias (S, K) their `negative_half_norms`; usable (N,), None = all: the others count as 0.
        """
        left = x
        for level in range(self.levels):
            own = self.book.set_of(level)
            seen = left.detach() if usable is None else torch.where(usable[:, None], left.detach(), 0.0)
            index = nearest(seen, codes[own], bias=bias[own], chunk_mib=self.config.chunk_mib)
            code = codes[own].index_select(0, index)
            yield left, index, code
            if level + 1 < self.levels:
                left = left - code

    def infer(self, h: Tensor) -> tuple[Tensor, Tensor]:
        with float32(h):
            x, grid = to_tokens(h, self.in_channels)
            x = self._search_space(x)
            vectors = self.book.vectors().detach()
            found = self._levels(x, vectors, negative_half_norms(vectors), usable_only(x))
            codes = codes_from_tokens(torch.stack([index for _, index, _ in found]), grid)
            return codes, self.lookup(codes)

    def unquantised(self, h: Tensor) -> Tensor:
        with float32(h):
            x, grid = to_tokens(h, self.in_channels)
            return from_tokens(self._outer_space(self._search_space(x)), grid)

    def _active(self, grid: tuple[int, ...], device: torch.device) -> Tensor | None:
        """Which levels each token goes through in this forward pass: (Q, N), or None for all of them.

        Drawn for each image, so that no level's statistics ever rest (arXiv 2107.03312, section III-C, draws it likewise).
        """
        dropout = self.config.stack.dropout
        if not self.training or dropout == 0 or self.levels == 1:
            return None
        images = grid[0]
        depth = torch.randint(1, self.levels + 1, (images,), device=device)
        dropped = torch.rand(images, device=device) < dropout
        depth = torch.where(dropped, depth, self.levels).repeat_interleave(math.prod(grid[1:]))
        return depth > torch.arange(self.levels, device=device).unsqueeze(1)

    def _codebook_loss(
        self, vectors: Tensor, flat: Tensor, inputs: list[Tensor], usable: Tensor | None, active: Tensor | None
    ) -> Tensor:
        chosen = F.embedding(self.book.rows(flat), vectors.flatten(0, 1))
        target = torch.stack(inputs).detach()
        if active is None:
            return _error_over(chosen, target, usable, None)
        each = zip(chosen, target, active, strict=True)
        return torch.stack([_error_over(code, left, usable, level) for code, left, level in each]).mean()

    def _stats(
        self, counts: Tensor, tokens: int | None, error: Tensor, z_norm: Tensor, bias: Tensor, usable: Tensor | None
    ) -> dict[str, Tensor]:
        """What is worth a curve: for each level `counts` (Q, K), `perplexity` and `quantisation_error` (Q,), the mean
        squared error per dimension that the level leaves; `z_norm`, `code_norm` (mean L2 norms); `nonfinite` tokens;
        `idle` (S,), the longest time in steps that a code has won nothing; `revived` (S,) at the last update."""
        stats = {
            "counts": counts,
            "perplexity": perplexity(counts, tokens),
            "quantisation_error": error,
            "z_norm": z_norm,
            "code_norm": bias.mul(-2).sqrt_().mean(-1),
            "nonfinite": z_norm.new_zeros(()) if usable is None else (~usable).sum().float(),
            "idle": self.book.idle.amax(-1).float(),
        }
        if self.book.revival:
            stats["revived"] = self.book.revived.clone()
        return stats

    def lookup(self, codes: Tensor) -> Tensor:
        """(B, Q, H, W) or (B, Q, N) int64 -> z (B, D, H, W) or (B, N, D): the sum of each level's code, q levels or fewer."""
        flat = codes.transpose(0, 1).flatten(1)
        vectors = self.book.vectors()
        with float32(vectors):
            out = vectors[0].index_select(0, flat[0])
            for level in range(1, len(flat)):
                out = out + vectors[self.book.set_of(level)].index_select(0, flat[level])
            return from_tokens(self._outer_space(out), (codes.shape[0], *codes.shape[2:]))

    def _search_space(self, x: Tensor) -> Tensor:
        """Tokens as they are compared with codes: projected to `search_dim`, at norm 1 for cosine."""
        if self.project_in is not None:
            x = self.project_in(x)
        # The floor keeps the gradient at 0 finite and of a size that clipping can handle.
        return F.normalize(x, dim=-1, eps=1e-4) if self.book.unit else x

    def _search_space_of_finite(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """The same, with the mean norm of usable tokens and which these are, as `finite_tokens` has it.

        The others are NaN there, and no gradient passes from them to weights or to the encoder.
        """
        if self.project_in is not None or self.book.unit:
            _, finite = finite_tokens(x.detach())
            x = self._search_space(x if finite is None else torch.where(finite[:, None], x, 0.0))
            x = x if finite is None else torch.where(finite[:, None], x, torch.nan)
        return x, *finite_tokens(x.detach())

    def _outer_space(self, x: Tensor) -> Tensor:
        return x if self.project_out is None else self.project_out(x)


def _error_over(a: Tensor, b: Tensor, usable: Tensor | None, active: Tensor | None) -> Tensor:
    """Mean squared difference of (..., N, D) over tokens that are usable (N,) and active (N,), None = all; 0 where none is."""
    if usable is not None:
        # Tokens that are not finite must not pull, and NaN in a difference would be NaN in every gradient.
        sound = usable[:, None]
        a, b = torch.where(sound, a, 0.0), torch.where(sound, b, 0.0)
    if active is not None:
        return mean_over((a - b).square().mean(-1), active if usable is None else active & usable)
    if usable is None:
        return F.mse_loss(a, b)
    if not len(usable):
        return (a - b).sum()
    return F.mse_loss(a, b) * (len(usable) / usable.sum().clamp_min(1))


def _draw() -> int:
    """The seed of a start, from torch's global generator."""
    return int(torch.randint(2**31, ()))
