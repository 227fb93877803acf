"""MaskGIT (arXiv 2202.04200): a network that sees both sides, and draws many tokens in each of a few passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor

from tilework.priors.blocks.base import BITS, flat, item
from tilework.priors.blocks.labels import with_none
from tilework.priors.contract import LabelMix, Loss, Sampling, Watch
from tilework.priors.drawing import draw, guided, log_probability
from tilework.priors.masking.masks import training_masks
from tilework.priors.masking.network import MaskedNetwork
from tilework.priors.masking.passes import counts_of, first_of
from tilework.priors.masking.schedule import portions
from tilework.priors.masking.settings import MaskedConfig
from tilework.priors.masking.views import View, part_of, training_view, views
from tilework.priors.orders.contract import Order
from tilework.spec import ORDERS

_PASSES = 10
"""Passes that draw up to 256 positions: MaskGIT's best results have 8 to 12 (section 4.3)."""
_GROWTH = 0.3
"""Of P positions (P / 256)^0.3 times as many: 31 of the 11,520 of a loop of 45 frames."""
BITS_PASSES = 16
"""Passes of `bits` over an item of one level."""


class Prior(MaskedNetwork):
    """P(code | whatever else of the item is there), for every missing code at once.

    Levels are drawn one after another, each over all positions before the next, so that a code always knows the coarser codes of
    its own position. Codes that are drawn in one pass do not see each other.
    """

    sees_both_sides = True

    def forward(self, tokens: Tensor, labels: Tensor) -> Loss:
        view, clips = self._seen(tokens)
        codes = view.cut(flat(tokens[:clips]))
        masks = training_masks(
            codes.shape,
            codes.device,
            frames=len(view.chosen),
            before=view.before,
            whole_frames=self.config.whole_frames,
        )
        seen = self._evidence(codes, masks.hidden, view, self.label.left_out(labels[:clips]))
        nats, right = [], []
        for level in range(self.shape.levels):
            asked = masks.asked & (masks.level == level)[:, None]
            evidence, wanted = seen.at(asked), codes[..., level][asked]
            nats.append(self.head.loss(evidence, wanted, level))
            if not self.training:  # the logits once more, which a training step would feel
                right.append(self.head.right(evidence, wanted, level))
        total = torch.cat(nats).mean()
        values = {"bits_per_token": total.detach() * BITS}
        return Loss(total, values | {"accuracy": torch.cat(right).mean()} if right else values)

    def _seen(self, tokens: Tensor) -> tuple[View, int]:
        """Which frames a step looks at, and of how many of its clips."""
        view = training_view(tokens.shape[1], self.config.window, self.shape.loop)
        numbers = self.config.frames_seen
        if not self.training or numbers is None or self.shape.frames == 1:
            return view, len(tokens)
        frames = numbers[int(torch.randint(len(numbers), (), device="cpu"))]
        view = part_of(view, frames)
        return view, max(1, len(tokens) * min(numbers) // len(view.chosen))

    def bits(self, tokens: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """The code length under a random order, which the decoder shares: an upper bound of -log2 P in the mean.

        Level by level, the positions of each item are put into a random order (uniform, from `generator`) and cut into S portions
        by the cosine schedule: S = 16, of Q > 1 levels the larger of 4 and 16 / Q each, and never more than there are positions.
        A code of portion s costs -log2 P(code | label, lower levels everywhere, this level in the portions before s), whatever
        the others of its portion are. An item that is drawn view by view is coded so: each view given those before it.

        For a given order this is -log2 of a distribution over items, which sums to 1; its mean
        over orders is at least -log2 of their mixture (Jensen). More passes would make it tighter.
        """
        self.refuse(tokens, labels)
        every = flat(tokens)
        costs = torch.zeros(every.shape, device=every.device)
        with self.still():
            for view in views(tokens.shape[1], self.config.window, self.shape.loop):
                found = self._bits_of(view, view.cut(every), labels, generator)
                view.put(view.cut(costs) + found, costs)
        return item(costs, tokens)

    def _bits_of(self, view: View, codes: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """The same of the codes (B, P, Q) of one view, (B, P, Q); those of earlier views cost nothing."""
        batch, places, levels = codes.shape
        passes = BITS_PASSES if levels == 1 else max(4, BITS_PASSES // levels)
        known = view.earlier(places // len(view.chosen), codes.device)
        hidden, cost = (~known)[None, :, None].repeat(batch, 1, levels), torch.zeros(codes.shape, device=codes.device)
        missing = int((~known).sum())
        for level in range(levels):
            order = torch.rand(batch, places, generator=generator, device="cpu").to(codes.device)
            order = order.masked_fill(known, 2).argsort(1)[:, :missing]
            first = 0
            for count in portions(missing, passes):
                now = order[:, first : first + count]
                which = torch.arange(batch, device=codes.device)[:, None].expand_as(now).flatten(), now.flatten()
                seen = self._evidence(codes, hidden, view, labels).at(which)
                nats = self.head.loss(seen, codes[..., level][which], level)
                cost[..., level].scatter_(1, now, nats.view(now.shape) * BITS)
                hidden[..., level].scatter_(1, now, False)
                first += count
        return cost

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
        """As in the contract. `sampling.steps` passes for each level; where it is None, as many as the config gives."""
        codes, there = self.begun(given, known, labels, sampling, mix)
        shown, seen = item(codes, given), item(there, given)
        ORDERS.config(sampling.order)  # refuses a kind that there is not
        with self.still():
            for view in views(given.shape[1], self.config.window, self.shape.loop):
                for now, known_now in self._drawn(view, codes, there, labels, mix, sampling, generator):
                    view.put(now, codes)
                    view.put(known_now, there)
                    if watch is not None:
                        watch(shown, seen)
        return shown.contiguous()

    def _drawn(
        self,
        view: View,
        codes: Tensor,
        there: Tensor,
        labels: Tensor,
        mix: LabelMix | None,
        sampling: Sampling,
        generator: torch.Generator,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The codes of a view and which of them are there, both (B, P, Q), after each pass."""
        codes, there = view.cut(codes).clone(), view.cut(there).clone()
        if bool(there.all()):
            return
        make = ORDERS.module(sampling.order).Order
        order: Order = make(len(codes), len(view.chosen), self.shape.height, self.shape.width, generator)
        guide, mix = with_none(labels, mix) if sampling.guidance else (labels, mix)
        for level in range(self.shape.levels):
            if level:
                order.new_level()

            def logits(asked: Tensor, level: int = level) -> Tensor:
                asked = _rows(asked, guide)
                seen = self._evidence(_rows(codes, guide), _rows(~there, guide), view, guide, mix, asked)
                found: Tensor = self.head(seen.at(asked), level)
                return guided(found, sampling.guidance) if sampling.guidance else found

            counts = counts_of(~there[..., level], sampling.steps or self._passes(codes.shape[1], level))
            for number, count in enumerate(counts):
                left = 1 - (number + 1) / len(counts)
                now, drawn = _choose(logits, ~there[..., level], order, count, left, sampling)
                codes[..., level][now] = drawn
                there[..., level] |= now
                yield codes, there

    def passes(self, frames: int, level: int = 0) -> int:
        """Where the config gives none: with P positions seen at once, (P / 256)^0.3 times as many."""
        seen = min(frames, self.config.window or frames)
        return self._passes(seen * self.shape.height * self.shape.width, level)

    def rounds(self, frames: int) -> int:
        return len(views(frames, self.config.window, self.shape.loop))

    def _passes(self, places: int, level: int) -> int:
        if self.config.passes is not None:
            return self.config.passes
        first = max(_PASSES, round(_PASSES * float((places / 256) ** _GROWTH)))
        return first if level == 0 else first // 2


def _choose(
    logits: Callable[[Tensor], Tensor], missing: Tensor, order: Order, count: Tensor, left: float, sampling: Sampling
) -> tuple[Tensor, Tensor]:
    """Which of the missing positions (B, P) are drawn in this pass, and their codes, in raster order item by item.

    `logits`: of the positions (B, P) bool that are asked for, M in all, (M, K).
    """
    count = count.to(missing.device)
    if not order.needs_drawn:
        now = first_of(order.scores(None, left).to(missing.device), missing, count)
        return now, draw(logits(now), sampling, order.generator)
    found = logits(missing)
    drawn = draw(found, sampling, order.generator)
    sure = torch.zeros(missing.shape, device=missing.device)
    sure[missing] = log_probability(found, drawn)
    now = first_of(order.scores(sure, left).to(missing.device), missing, count)
    return now, drawn[now[missing]]


def _rows(x: Tensor, labels: Tensor) -> Tensor:
    """Items repeated to as many as there are labels."""
    return x if x.shape[0] == labels.shape[0] else x.repeat(2, *[1] * (x.ndim - 1))


class Config(MaskedConfig):
    """Masked transformer: MaskGIT."""

    kind: Literal["masked"] = "masked"
