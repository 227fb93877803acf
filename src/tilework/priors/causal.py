"""A GPT over tokens: each position given those before it in raster order, each level given the levels before it.

The levels of a position are one step of the main transformer and not Q of them: their vectors are added, and a small transformer
over the levels gives each its logits (RQ-Transformer, arXiv 2203.01941, section 3.2). With one level there is none of it, and
this is a plain GPT.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from tilework.priors.blocks.attention import Mix, everything_before
from tilework.priors.blocks.base import BITS, TransformerPrior, flat, item
from tilework.priors.blocks.before import before, offsets_before, places_before
from tilework.priors.blocks.block import Block, start_small
from tilework.priors.blocks.cache import Cache
from tilework.priors.blocks.codes import CodeEmbedding
from tilework.priors.blocks.heads import Evidence, MixtureHead, PlainHead
from tilework.priors.blocks.labels import with_none
from tilework.priors.blocks.rotary import Turn
from tilework.priors.blocks.settings import TransformerConfig
from tilework.priors.blocks.window import frames_before
from tilework.priors.contract import LabelMix, Loss, Sampling, TokenShape, Watch
from tilework.priors.depth.levels import Levels
from tilework.priors.drawing import draw, guided

_MOST_FOR_FULL = 2048
"""Positions of an item up to which `attention: auto` lets each see all before it."""


class Prior(TransformerPrior):
    """P(item) = the product over positions and levels of P(code | codes before it, label): exact, and one pass.

    Input i of the main transformer is the sum of the codes of position i - 1, and the label's vector for i = 0; its output i is
    what position i is drawn from.
    """

    sees_both_sides = False

    def __init__(self, config: Config, shape: TokenShape) -> None:
        super().__init__(config, shape)
        self.config: Config = config
        places = shape.frames * self.grid
        full = config.attention == "full" or (config.attention == "auto" and places <= _MOST_FOR_FULL)
        self.back = None if full or shape.frames == 1 else config.window
        """Frames that an attention reaches back; None = all."""
        self.embedding = CodeEmbedding(shape.levels, shape.codes, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.levels = Levels(config, shape.levels, config.level_depth) if shape.levels > 1 else None
        self.head: MixtureHead | PlainHead
        if config.pointer:
            labels, around = self.label.table.num_embeddings, len(offsets_before(shape.frames))
            self.head = MixtureHead(shape.levels, shape.codes, config.width, labels, around)
        else:
            self.head = PlainHead(shape.levels, shape.codes, config.width)
        start_small(self, config.depth)
        if isinstance(self.head, MixtureHead):
            self.head.start()

    def forward(self, tokens: Tensor, labels: Tensor) -> Loss:
        codes = flat(tokens)
        seen = self._evidence(codes, tokens.shape[1], self.label.left_out(labels))
        total = self._nats(seen, codes).mean()
        values = {"bits_per_token": total.detach() * BITS}
        if not self.training:  # the logits once more, which a training step would feel
            right = [self.head.right(one, codes[..., q].flatten(), q) for q, one in enumerate(seen)]
            values["accuracy"] = torch.stack(right).mean()
        return Loss(total, values)

    def bits(self, tokens: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        self.refuse(tokens, labels)
        with self.still():
            codes = flat(tokens)
            return item(self._nats(self._evidence(codes, tokens.shape[1], labels), codes), tokens) * BITS

    def logits(self, tokens: Tensor, labels: Tensor) -> Tensor:
        """Tokens (B, T, Q, h, w) -> (B, P, Q, K) float32: what each token is drawn from, given those before it."""
        codes = flat(tokens)
        seen = self._evidence(codes, tokens.shape[1], labels)
        each = [self.head(one, q).view(*codes.shape[:2], -1) for q, one in enumerate(seen)]
        return torch.stack(each, dim=2)

    def _nats(self, seen: list[Evidence], codes: Tensor) -> Tensor:
        """What is known of each code of (B, P, Q), level by level -> -ln P of each, (B, P, Q) float32."""
        each = [self.head.loss(one, codes[..., q].flatten(), q) for q, one in enumerate(seen)]
        return torch.stack(each, dim=-1).view(codes.shape)

    def _evidence(self, codes: Tensor, frames: int, labels: Tensor) -> list[Evidence]:
        """Of each level, what is known of the B x P tokens of codes (B, P, Q) from those before them."""
        inner = self._inner(codes, frames, labels).flatten(0, 1)
        rows = self.label.rows(labels).repeat_interleave(codes.shape[1])
        near = None
        if (places := self.places_before(frames, codes.device)) is not None:
            near = before(codes, places).flatten(0, 1)
        return [Evidence(inner[:, q], rows, nearby=near) for q in range(self.shape.levels)]

    def places_before(self, frames: int, device: torch.device) -> Tensor | None:
        """(P, J): the positions before each that it may repeat; None without a pointer."""
        if not self.config.pointer:
            return None
        return places_before(frames, self.shape.height, self.shape.width, self.shape.frames > 1).to(device)

    def _inner(self, codes: Tensor, frames: int, labels: Tensor) -> Tensor:
        """What the head sees of every token, (B, P, Q, C)."""
        vectors = self.embedding(codes)
        summed = vectors.squeeze(2) if self.levels is None else vectors.sum(2)
        x = torch.cat([self.label(labels)[:, None], summed[:, :-1]], dim=1)
        hidden = self._trunk(x, self._places(frames), self.turn(frames, self.grid), None)
        if self.levels is None:
            return hidden.unsqueeze(2)
        inner: Tensor = self.levels(hidden, vectors)
        return inner

    def _places(self, frames: int) -> Tensor:
        """(P, C)."""
        places: Tensor = self.positions().repeat(frames, 1)
        return places

    def _trunk(self, x: Tensor, places: Tensor, turn: Turn | None, cache: Cache | None) -> Tensor:
        """Inputs (B, n, C) and where they are -> the same shape; with a cache, what follows those that it holds."""
        x = self.drop(x + places)
        mix: Mix = everything_before if self.back is None else frames_before(self.grid, self.back)
        for number, block in enumerate(self.blocks):
            x = block(x, mix if cache is None else cache.mix(number, self._reach(cache.start)), turn)
        if cache is not None:
            cache.advance(x.shape[1])
        return x

    def _reach(self, place: int) -> int:
        """The first position that attention from `place` sees."""
        return 0 if self.back is None else max(0, place // self.grid - self.back) * self.grid

    def sample(
        self,
        given: Tensor,
        known: Tensor,
        labels: Tensor,
        sampling: Sampling,
        generator: torch.Generator,
        watch: Watch | None = None,
        mix: LabelMix | None = None,
    ) -> Tensor:
        """As in the contract. A known token is forced where its turn comes: those drawn before it have not seen it."""
        codes, there = self.begun(given, known, labels, sampling, mix)
        shown, seen = item(codes, given), item(there, given)
        if sampling.guidance:
            labels, mix = with_none(labels, mix)
        with self.still():
            walk = Walk(self, labels, given.shape[1], mix)
            prefix = _known_prefix(there)
            hidden = walk.start(codes[:, :prefix])
            for place in range(prefix, codes.shape[1]):
                if place > prefix:
                    hidden = walk.step(codes[:, place - 1])
                forced = there[:, place].all(0).tolist()
                for level in range(self.shape.levels):
                    if forced[level]:
                        continue
                    logits = walk.logits(hidden, codes, place, level)
                    drawn = draw(
                        guided(logits, sampling.guidance) if sampling.guidance else logits, sampling, generator
                    )
                    codes[:, place, level] = torch.where(there[:, place, level], codes[:, place, level], drawn)
                there[:, place] = True
                if watch is not None:
                    watch(shown, seen)
        return shown.contiguous()


class Walk:
    """From position to position with the key-value cache. Items are repeated to as many rows as there are labels (guidance)."""

    def __init__(self, prior: Prior, labels: Tensor, frames: int, mix: LabelMix | None = None) -> None:
        config = prior.config
        self.prior, self.rows, self.labels, self.mix = prior, labels.shape[0], labels, mix
        self.places, self.turn = prior._places(frames), prior.turn(frames, prior.grid)
        length = self.places.shape[0]
        self.cache = Cache(config.depth, self.rows, config.heads, length, prior.head_dim, self.places)
        self.label = prior.label.of_frames(labels, mix, (0,))
        self.before = prior.places_before(frames, self.places.device)

    def start(self, codes: Tensor) -> Tensor:
        """The codes (B, n, Q) of the first n positions, all at once -> what position n is drawn from, (rows, C)."""
        x = torch.cat([self.label, self._vectors(codes)], dim=1)[:, : self.places.shape[0]]
        # What a window reaches is the same for all positions of a frame.
        parts = (x,) if self.prior.back is None else torch.split(x, self.prior.grid, dim=1)
        return [self._follow(part) for part in parts][-1]

    def step(self, codes: Tensor) -> Tensor:
        """The codes (B, Q) of the position that has just been drawn -> what the next one is drawn from, (rows, C)."""
        return self._follow(self._vectors(codes[:, None]))

    def logits(self, hidden: Tensor, codes: Tensor, place: int, level: int) -> Tensor:
        """Logits (rows, K) of one level of a position, given the codes (B, P, Q), of which those count that come before it."""
        prior = self.prior
        if prior.levels is not None:
            vectors = self._rows(prior.embedding(codes[:, place])[:, None, :level])
            hidden = prior.levels.one(hidden[:, None], vectors)[:, 0]
        near = None
        if self.before is not None:
            near = self._rows(before(codes, self.before[place : place + 1]))
        seen = prior.label.evidence(hidden[:, None], self.labels, self.mix, (place // prior.grid,), near)
        found: Tensor = prior.head(seen, level)[:, 0]
        return found

    def _follow(self, x: Tensor) -> Tensor:
        first = self.cache.start
        stop = first + x.shape[1]
        turn = None if self.turn is None else self.turn.at(first, stop)
        return self.prior._trunk(x, self.places[first:stop], turn, self.cache)[:, -1]

    def _vectors(self, codes: Tensor) -> Tensor:
        return self._rows(self.prior.embedding.summed(codes))

    def _rows(self, x: Tensor) -> Tensor:
        return x if x.shape[0] == self.rows else x.repeat(2, *[1] * (x.ndim - 1))


def _known_prefix(there: Tensor) -> int:
    """How many leading positions of (B, P, Q) are known at every level of every item."""
    return int(there.all(2).all(0).long().cumprod(0).sum())


class Config(TransformerConfig):
    """Causal transformer: GPT in raster order."""

    kind: Literal["causal"] = "causal"
    attention: Literal["auto", "full", "window"] = Field(
        default="auto",
        description="of clips: each token sees all before it (full), or those of its frame and of a few frames before (window); "
        "auto = full up to 2,048 positions",
    )
    window: int = Field(
        default=2, ge=1, le=64, description="frames that `attention: window` reaches back in each block"
    )
    level_depth: int = Field(
        default=2,
        ge=1,
        le=16,
        description="blocks of the small transformer over the levels of a position, where there are several",
    )
    pointer: bool = Field(
        default=False,
        description="a token may also be a copy of one before it: beside or above it, of clips also in the two frames before; "
        "and codes begin at their shares under each label",
    )
