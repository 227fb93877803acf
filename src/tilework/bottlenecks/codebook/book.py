"""The codebooks of one bottleneck, with the statistics that keep them alive. Everything is state: a resumed run goes on
bit for bit.

S sets of K codes (one per level, or one for all levels where it is shared), P tokens taken per step, R kept.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tilework.bottlenecks.codebook import ema, reservoir, revival
from tilework.bottlenecks.codebook.counter import Counter
from tilework.bottlenecks.codebook.ranks import copy_from_rank_zero, sum_over_ranks, world
from tilework.bottlenecks.codebook.revival import Revival
from tilework.bottlenecks.codebook.search import nearest
from tilework.bottlenecks.codebook.settings import CodebookConfig
from tilework.bottlenecks.codebook.start import kmeans
from tilework.bottlenecks.tokens import occurrences


@dataclass
class _Pending:
    """What the forward passes since the last update collected."""

    counts: Tensor
    sums: Tensor | None
    points: Tensor | None
    owned: Tensor | None
    forwards: int = 1


class Codebook(nn.Module):
    """S x K codes of D dimensions; `collect` in the forward pass, `update` once per step."""

    codes: Tensor
    count: Tensor
    total: Tensor
    age: Tensor
    idle: Tensor
    ring: Tensor
    filled: Tensor
    step: Tensor
    seed: Tensor
    started: Tensor
    revived: Tensor

    def __init__(self, settings: CodebookConfig, *, levels: int, shared: bool) -> None:
        super().__init__()
        self.levels, self.shared = levels, shared
        self.sets = 1 if shared else levels
        self.k = settings.codes
        self.dim = settings.search_dim or settings.dim
        self.learnt = settings.codebook != "ema"
        self.unit = settings.distance == "cosine"
        self.decay, self.epsilon = settings.decay, settings.epsilon
        self.revival = settings.revival if settings.revival and settings.revival.enabled else None
        codes = torch.randn(self.sets, self.k, self.dim, dtype=torch.float32) * self.dim**-0.5
        codes = F.normalize(codes, dim=-1) if self.unit else codes
        self.mix: nn.Parameter | None = None
        if settings.codebook == "simvq":
            self.register_buffer("codes", codes)
            self.mix = nn.Parameter(torch.eye(self.dim, dtype=torch.float32).repeat(self.sets, 1, 1))
        elif self.learnt:
            self.codes = nn.Parameter(codes)
        else:
            self.register_buffer("codes", codes)
            self.register_buffer("total", codes.clone())
        if self.revival or not self.learnt:
            self.register_buffer("count", torch.ones(self.sets, self.k, dtype=torch.float32))
        self.register_buffer("idle", torch.zeros(self.sets, self.k, dtype=torch.int32))
        self.register_buffer("started", torch.tensor(settings.start == "random"))
        if self.revival:
            kept, self.slots = reservoir.room_for(self.k)
            self.register_buffer("age", torch.zeros(self.sets, self.k, dtype=torch.int32))
            self.register_buffer("ring", torch.zeros(self.sets, kept, self.dim, dtype=torch.float32))
            self.register_buffer("filled", torch.zeros(self.sets, kept, dtype=torch.bool))
            self.register_buffer("step", torch.zeros((), dtype=torch.int64))
            self.register_buffer("seed", torch.randint(2**31, ()))
            self.register_buffer("revived", torch.zeros(self.sets, dtype=torch.float32))
        self.start_note = ""
        self._pending: _Pending | None = None
        self._known_started = settings.start == "random"
        self._ranks_agree = False
        self._counter: Counter | None = None

    # The codes ---------------------------------------------------------------------------------------------------

    def vectors(self) -> Tensor:
        """(S, K, D), of norm 1 for cosine; attached to the graph where they are learnt.

        SimVQ (arXiv 2411.02038, eq. 5): fixed vectors times one learnt matrix, so that every step moves every code. Differs:
        the matrix starts as the identity and the vectors where the tokens are, and dead codes come back as elsewhere.
        """
        if self.mix is None and not (self.unit and self.learnt):
            return self.codes
        # Of a copy: `update` may write to the codes before this graph's backward pass.
        codes = self.codes.clone()
        return self._brought_to_norm(codes if self.mix is None else codes @ self.mix)

    def _kept(self, points: Tensor) -> Tensor:
        """What `codes` must hold so that `vectors` gives these points (S, P, D)."""
        if self.mix is None:
            return points
        # Damped least squares: a matrix that has almost lost its rank would ask for huge vectors, which the next step of the
        # optimiser throws far away. inv_ex, because anything that checks for errors waits for a GPU.
        mix = self.mix.detach()
        square = mix @ mix.mT
        small = 1e-6 * square.diagonal(dim1=-2, dim2=-1).mean(-1)
        damping = small[:, None, None] * torch.eye(self.dim, dtype=mix.dtype, device=mix.device)
        inverse: Tensor = torch.linalg.inv_ex(square + damping).inverse
        return points @ mix.mT @ inverse

    def set_of(self, level: int) -> int:
        """Which of the S sets a level uses."""
        return 0 if self.shared else level

    # One step ----------------------------------------------------------------------------------------------------

    def rows(self, indices: Tensor) -> Tensor:
        """(Q, N) -> (Q, N): where each code is among the S x K rows of all sets."""
        return indices if self.sets == 1 else indices + _offsets(self.levels, self.k, indices.device)

    def tally(self, indices: Tensor, usable: Tensor | None) -> Tensor:
        """How many usable tokens chose each code: indices (Q, N), usable (N,) or (Q, N) -> (Q, K) float32."""
        q, k = self.levels, self.k
        flat = indices if q == 1 else indices + _offsets(q, k, indices.device)
        # Tokens that are not usable go to one more code, which nobody reads.
        flat = flat if usable is None else torch.where(usable, flat, q * k)
        return occurrences(flat.view(-1), q * k).view(q, k)

    @torch.no_grad()
    def collect(
        self, indices: Tensor, inputs: Sequence[Tensor], usable: Tensor | None, active: Tensor | None = None
    ) -> Tensor:
        """Remember what the tokens of one forward pass chose; returns the counts (Q, K) of this pass.

        indices (Q, N); inputs: for each level (N, D); usable (N,): tokens that may enter the statistics, None = all;
        active (Q, N): levels that a token goes through, None = all.
        """
        counted = active if usable is None else usable if active is None else usable & active
        counts = self.tally(indices, counted)
        sums = points = owned = None
        if not self.learnt:
            room = self.codes.new_zeros(self.sets, self.k + 1, self.dim)
            index = indices if counted is None else torch.where(counted, indices, self.k)
            for level, x in enumerate(inputs):
                room[self.set_of(level)].index_add_(0, index[level], x.detach())
            sums = room[:, :-1]
        if self._takes_tokens:
            points, owned = self._take(inputs, usable, indices.shape[1])
        batch = _Pending(counts.sum(0, keepdim=True) if self.sets < self.levels else counts, sums, points, owned)
        self._pending = batch if self._pending is None else self._merge(self._pending, batch)
        return counts

    @property
    def _now(self) -> Counter:
        """Seed and step as numbers: read from the state once, then counted along with it."""
        if self._counter is None:
            self._counter = Counter(int(self.seed), int(self.step))
        return self._counter

    @property
    def _takes_tokens(self) -> bool:
        return self.revival is not None and self._now.step % reservoir.EVERY == 0

    def _take(self, inputs: Sequence[Tensor], usable: Tensor | None, n: int) -> tuple[Tensor, Tensor]:
        """This process's part of the step's tokens for the ring: points (S, P, D), 0 where not owned, and owned (P,)."""
        ranks, rank = world()
        token = reservoir.picks(self._now, self.slots, n * ranks, inputs[0].device)
        mine = token.div(n, rounding_mode="floor") == rank if ranks > 1 else torch.ones_like(token, dtype=torch.bool)
        token = (token - rank * n).clamp_(0, n - 1)
        if usable is not None:
            mine = mine & usable[token]
        if self.shared and self.levels > 1:
            # Slot j takes its token's input to level j mod Q.
            every = torch.stack([x.detach()[token] for x in inputs])
            slot = torch.arange(self.slots, device=token.device)
            points = every[slot % self.levels, slot].unsqueeze(0)
        else:
            points = torch.stack([x.detach()[token] for x in inputs])
        return torch.where(mine[:, None], points, 0.0), mine.float()

    def _merge(self, old: _Pending, new: _Pending) -> _Pending:
        old.counts = old.counts + new.counts
        if old.sums is not None and new.sums is not None:
            old.sums = old.sums + new.sums  # not in place: the first may have been made in inference mode
        if old.points is not None and new.points is not None and old.owned is not None and new.owned is not None:
            take = reservoir.keeps_new(self._now, self.slots, old.forwards, new.points.device)
            old.points = torch.where(take[:, None], new.points, old.points)
            old.owned = torch.where(take, new.owned, old.owned)
        old.forwards += 1
        return old

    @torch.no_grad()
    def update(self) -> None:
        """Apply what was collected: averages, ages, revival. One collective where there are many processes."""
        ranks = world()[0]
        if ranks == 1 and self._pending is None:
            return
        self.agree()
        pending = self._pending or self._nothing()
        self._pending = None
        if ranks > 1:
            parts = [t for t in (pending.counts, pending.sums, pending.points, pending.owned) if t is not None]
            summed = iter(sum_over_ranks(parts))
            pending.counts = next(summed)
            pending.sums = next(summed) if pending.sums is not None else None
            pending.points = next(summed) if pending.points is not None else None
            pending.owned = next(summed) if pending.owned is not None else None
        self.idle.add_(1).mul_(pending.counts == 0)
        if self.revival or not self.learnt:
            ema.decay_towards(self.count, pending.counts, self.decay)
        if pending.sums is not None:
            ema.decay_towards(self.total, pending.sums, self.decay)
            means = self._brought_to_norm(ema.codes_of(self.count, self.total, self.epsilon))
            moving = ema.known(self.count, self.epsilon).unsqueeze(-1)
            self.codes.copy_(torch.where(moving, means, self.codes))
        elif self.unit and self.mix is None:
            self.codes.copy_(self._brought_to_norm(self.codes))
        if pending.points is not None and pending.owned is not None:
            # A slot that no process or more than one filled (unequal shares of the batch) is left out.
            reservoir.write(self.ring, self.filled, self._now.step, pending.points, pending.owned == 1)
        if self.revival:
            self._revive(self.revival)
            self.step += 1
            self._counter = Counter(self._now.seed, self._now.step + 1)

    def _revive(self, settings: Revival) -> None:
        dead = revival.judge(self.count, self.age, settings, self._now)
        self.revived.zero_()
        # Asking costs nothing on a CPU; on a GPU it would wait, so there the whole of it runs with nobody to move.
        if dead.device.type == "cpu" and not bool(dead.any()):
            return
        who, points, real = revival.newcomers(dead, self.ring, self.filled, settings, self._now)
        points = self._brought_to_norm(points)
        bound = (settings.threshold * self.count.mean(-1, keepdim=True)).expand(real.shape)
        revival.put(self.codes.data, who, self._kept(points), real)
        revival.put(self.count, who, bound, real)
        if not self.learnt:
            revival.put(self.total, who, points * bound.unsqueeze(-1), real)
        revival.put(self.age, who, torch.full_like(who, -settings.cooldown, dtype=torch.int32), real)
        revival.put(self.idle, who, torch.zeros_like(who, dtype=torch.int32), real)
        self.revived.copy_(real.sum(-1))

    # By hand -------------------------------------------------------------------------------------------------------

    def knobs(self) -> dict[str, float]:
        """Settings that may be turned while a run goes on."""
        found = {} if self.learnt else {"decay": self.decay}
        return found | ({"revival.threshold": self.revival.threshold} if self.revival else {})

    def turn(self, name: str, value: float) -> None:
        """Turn one of `knobs`; a threshold of 0 lets dead codes be."""
        if name not in self.knobs():
            raise KeyError(name)
        if name == "decay":
            self.decay = value
        elif self.revival:
            self.revival = self.revival.model_copy(update={"threshold": value})

    @torch.no_grad()
    def make_due(self) -> int:
        """Let every code below the bound have waited long enough, whatever its cooldown; returns how many."""
        if not self.revival:
            return 0
        low = self.count < self.revival.threshold * self.count.mean(-1, keepdim=True)
        self.age.masked_fill_(low, max(1, self.revival.patience))
        return int(low.sum())

    def revived_ago(self) -> Tensor | None:
        """Steps since each code's revival (S, K), -1 where its cooldown is over; None without revival."""
        if not self.revival:
            return None
        return torch.where(self.age < 0, self.age + self.revival.cooldown, -1)

    def _brought_to_norm(self, codes: Tensor) -> Tensor:
        return F.normalize(codes, dim=-1) if self.unit else codes

    def _nothing(self) -> _Pending:
        """The part of a process that saw no token since the last update; it still takes part in the collective."""
        counts = self.codes.new_zeros(self.sets, self.k)
        sums = None if self.learnt else torch.zeros_like(self.codes)
        if not self._takes_tokens:
            return _Pending(counts, sums, None, None)
        points = counts.new_zeros(self.sets, self.slots, self.dim)
        return _Pending(counts, sums, points, counts.new_zeros(self.slots))

    def agree(self) -> None:
        """Once per life of a process: take over the state of process 0, whatever each built or seeded by itself.

        The first training forward or update calls it, whichever a process comes to first; it is the first collective
        of either, so that processes that saw no token yet still meet the others.
        """
        if not self._ranks_agree and world()[0] > 1:
            copy_from_rank_zero(self._state())
            self._ranks_agree = True
            self._counter = None

    def _state(self) -> list[Tensor]:
        return [*(weight.data for weight in self.parameters()), *self.buffers()]

    # The start ---------------------------------------------------------------------------------------------------

    @property
    def wants_start(self) -> bool:
        """True until the codes have been placed; the answer is in the state, and asked of the device only until yes."""
        if not self._known_started:
            self._known_started = bool(self.started)
        return not self._known_started

    @torch.no_grad()
    def start(self, points: Tensor, generator: torch.Generator) -> None:
        """Place all codes by points (N, D), each level by what the levels before leave. Process 0 decides for all."""
        notes = []
        if self.shared and self.levels > 1:
            first = kmeans(points, self.k, generator, unit=self.unit)
            every, left = [points], points
            for _ in range(self.levels - 1):
                left = self._left(left, first.codes)
                every.append(left)
            points = torch.cat(every)
        for level in range(self.sets):
            begun = kmeans(points, self.k, generator, unit=self.unit)
            self._place(level, begun.codes, begun.counts)
            if begun.note:
                notes.append(f"level {level + 1}: {begun.note}" if self.sets > 1 else begun.note)
            if level + 1 < self.sets:
                points = self._left(points, begun.codes)
        self.start_note = "; ".join(notes)
        self.started.fill_(True)
        copy_from_rank_zero(self._state())
        # Process 0 decides, also that there is no start yet because it saw no token.
        self._known_started, self._ranks_agree, self._counter = False, True, None

    def _left(self, points: Tensor, codes: Tensor) -> Tensor:
        return points - codes[nearest(points, codes)]

    def _place(self, level: int, codes: Tensor, counts: Tensor) -> None:
        if self.mix is not None:
            self.mix.data[level] = torch.eye(self.dim, device=codes.device)
        self.codes.data[level] = codes
        # Shares of the tokens, at a mean of one per code: m = mean x n, and young averages follow the encoder quickly.
        # An empty cluster (possible after Lloyd's last round) keeps a small count, so that m / n is its code.
        share = (counts * (self.k / counts.sum())).clamp_min(1e-3)
        if hasattr(self, "count"):
            self.count[level] = share
        if not self.learnt:
            self.total[level] = codes * share[:, None]
        if self.revival:
            self.age[level] = 0
            self.filled[level] = False
        self.idle[level] = 0

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._known_started = False
        self._counter = self._pending = None


@functools.lru_cache(maxsize=16)
def _offsets(levels: int, k: int, device: torch.device) -> Tensor:
    return (torch.arange(levels, device=device) * k).unsqueeze(1)
