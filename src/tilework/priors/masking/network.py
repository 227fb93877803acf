"""The network of a masked prior: from codes, some of them hidden, to what is known of each of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tilework.priors.blocks.attention import everything
from tilework.priors.blocks.base import TransformerPrior, flat
from tilework.priors.blocks.block import Block, SpaceTimeBlock, start_small
from tilework.priors.blocks.codes import CodeEmbedding
from tilework.priors.blocks.heads import Evidence, MixtureHead
from tilework.priors.blocks.local import Local
from tilework.priors.blocks.nearby import nearby, offsets
from tilework.priors.blocks.patches import Patches
from tilework.priors.contract import LabelMix, TokenShape
from tilework.priors.masking.settings import MaskedConfig
from tilework.priors.masking.views import View, views

_MOST_FOR_FULL = 1024
"""Positions of an item up to which `attention: auto` lets all see all."""


class MaskedNetwork(TransformerPrior):
    """Codes -> vectors -> convolutions -> squares -> blocks -> tokens -> convolutions -> what each token may be."""

    def __init__(self, config: MaskedConfig, shape: TokenShape) -> None:
        inner = config.token_width or config.width
        patches = Patches(config.patch, shape.height, shape.width, inner, config.width)
        super().__init__(config, shape, (patches.rows, patches.columns))
        self.config: MaskedConfig = config
        self.patches = patches
        places = min(shape.frames, config.window or shape.frames) * self.grid
        full = config.attention == "full" or (config.attention == "auto" and places <= _MOST_FOR_FULL)
        self.factorised = not full and shape.frames > 1
        self.embedding = CodeEmbedding(shape.levels, shape.codes, inner, extra=1)
        self.local = Local(config.convolutions, inner, shape.frames > 1)
        make = SpaceTimeBlock if self.factorised else Block
        self.blocks = nn.ModuleList(make(config) for _ in range(config.depth))
        self.around = offsets(shape.frames) if config.pointer else ()
        self.head = MixtureHead(
            shape.levels,
            shape.codes,
            inner,
            self.label.table.num_embeddings,
            len(self.around),
            self.embedding if config.tied else None,
        )
        start_small(self, config.depth)
        patches.start()
        self.local.start()
        self.head.start()
        if config.tied:  # as large as what comes out of a norm, for products with it
            nn.init.normal_(self.embedding.table.weight)

    def begin_at(self, vectors: Sequence[Tensor], generator: torch.Generator) -> None:
        if self.config.tied:  # what comes in is also what is answered: codes that are alike are likely together
            self.embedding.begin_at(vectors, generator)

    def logits(self, tokens: Tensor, hidden: Tensor, labels: Tensor) -> Tensor:
        """Tokens, and which are hidden (bool), both (B, T, Q, h, w) -> (B, P, Q, K) float32: what each token is drawn from."""
        every = views(tokens.shape[1], None)[0]
        seen = self._evidence(flat(tokens), flat(hidden), every, labels)
        return torch.stack([self.head(seen, q) for q in range(self.shape.levels)], dim=2)

    def _evidence(
        self,
        codes: Tensor,
        hidden: Tensor,
        view: View,
        labels: Tensor,
        mix: LabelMix | None = None,
        asked: Tensor | None = None,
    ) -> Evidence:
        """Codes of a view and which are hidden, both (B, P, Q) -> what is known of each position, from those that are seen.

        With `asked` (B, P) bool, of those positions at least: the last block computes no other where nothing after the blocks
        mixes positions (of ten passes over 8 blocks 8 % of the work is left out).
        """
        grid = (-1, len(view.chosen), self.shape.height, self.shape.width)
        closed = self.shape.loop and view.closed
        x = self.embedding.summed(torch.where(hidden, self.shape.codes, codes))
        x = self.local.into(x.view(*grid, x.shape[-1]), closed)
        y = self.patches.joined(x.flatten(1, 3))
        label = self.label.of_frames(labels, mix, view.chosen, self.grid)
        y = self.drop(y + self.positions().repeat(len(view.chosen), 1) + label)
        alone = asked if self.patches.same and not self.config.convolutions else None
        y = self._space_then_time(y, view) if self.factorised else self._all_to_all(y, view, alone)
        y = self.patches.parted(y)
        vectors = self.local.out_of(y.view(x.shape), x, closed).flatten(1, 3)
        near = None
        if self.around:
            near = nearby(
                codes.view(*grid, self.shape.levels), hidden.view(*grid, self.shape.levels), self.around, closed
            )
            near = near.flatten(1, 3)
        return self.label.evidence(vectors, labels, mix, view.chosen, near)

    def _all_to_all(self, x: Tensor, view: View, asked: Tensor | None = None) -> Tensor:
        turn = self.turn(view.frames, self.grid, view.chosen)
        *most, last = self.blocks
        for block in most:
            x = block(x, everything, turn)
        if asked is None:
            return last(x, everything, turn)  # type: ignore[no-any-return]
        places = asked.to(torch.uint8).argsort(stable=True, dim=1, descending=True)[:, : int(asked.sum(1).max())]
        found: Tensor = last(x, everything, turn, places)
        return found.new_zeros(x.shape).scatter(1, places[..., None].expand_as(found), found)

    def _space_then_time(self, x: Tensor, view: View) -> Tensor:
        turn = self.turn(view.frames, 1, view.chosen)
        x = x.view(x.shape[0], len(view.chosen), self.grid, -1)
        for block in self.blocks:
            x = block(x, turn)
        return x.flatten(1, 2)
