"""The codebooks of one bottleneck, with the statistics that keep them alive. Everything is state: a resumed run goes on
bit for bit.

How codes learn is the business of a rule (`rules/`); this is what all rules share. S sets of K codes (one per level, or one
for all levels where it is shared), P tokens taken per step, R kept.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tilework.bottlenecks.codebook import reservoir, revival
from tilework.bottlenecks.codebook.collected import Collected, Taken
from tilework.bottlenecks.codebook.counter import Counter
from tilework.bottlenecks.codebook.ranks import copy_from_rank_zero, world
from tilework.bottlenecks.codebook.revival import Revival
from tilework.bottlenecks.codebook.search import nearest
from tilework.bottlenecks.codebook.settings import CodebookConfig
from tilework.bottlenecks.codebook.start import Start, kmeans
from tilework.bottlenecks.contract import Note
from tilework.bottlenecks.tokens import occurrences
from tilework.spec import Setting


class Codebook(nn.Module, ABC):
    """S x K codes of D dimensions; `collect` in the forward pass, `update` once per step."""

    learns_by_gradient: ClassVar[bool] = False
    keeps_counts: ClassVar[bool] = False
    """Whether the rule needs moving counts also where nothing is revived."""

    codes: Tensor
    count: Tensor
    age: Tensor
    idle: Tensor
    ring: Tensor
    filled: Tensor
    step: Tensor
    seed: Tensor
    started: Tensor
    revived: Tensor

    def __init__(self, config: CodebookConfig) -> None:
        super().__init__()
        stack = config.stack
        self.levels, self.sets, self.k = stack.levels, 1 if stack.shared else stack.levels, config.codes
        self.dim = config.search_dim or config.dim
        self.unit = config.distance == "cosine"
        self.decay, self.epsilon = config.decay, config.epsilon
        self.revival = config.revival if config.revival and config.revival.enabled else None
        self._starts_random = config.start == "random"
        self._hold(torch.empty(self.sets, self.k, self.dim, dtype=torch.float32))
        if self.revival or self.keeps_counts:
            self.register_buffer("count", torch.empty(self.sets, self.k, dtype=torch.float32))
        self.register_buffer("idle", torch.empty(self.sets, self.k, dtype=torch.int32))
        self.register_buffer("started", torch.empty((), dtype=torch.bool))
        if self.revival:
            kept, self.slots = reservoir.room_for(self.k)
            self.register_buffer("age", torch.empty(self.sets, self.k, dtype=torch.int32))
            self.register_buffer("ring", torch.empty(self.sets, kept, self.dim, dtype=torch.float32))
            self.register_buffer("filled", torch.empty(self.sets, kept, dtype=torch.bool))
            self.register_buffer("step", torch.empty((), dtype=torch.int64))
            self.register_buffer("seed", torch.empty((), dtype=torch.int64))
            self.register_buffer("revived", torch.empty(self.sets, dtype=torch.float32))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Begin anew, as the constructor does: random codes, no statistics, the start still to come if there is one."""
        device = self.codes.device
        codes = torch.randn(self.sets, self.k, self.dim, dtype=torch.float32, device=device) * self.dim**-0.5
        self.codes.data.copy_(self._brought_to_norm(codes))
        self._reset()
        if "count" in self._buffers:
            self.count.fill_(1.0)
        self.idle.zero_()
        self.started.fill_(self._starts_random)
        if self.revival:
            for buffer in (self.age, self.ring, self.filled, self.step, self.revived):
                buffer.zero_()
            self.seed.copy_(torch.randint(2**31, (), device=device))
        self.notes: list[Note] = []
        self._collected: Collected | None = None
        # What the host knows of the state, so that it asks the device once and not in every step.
        self._known_started = self._starts_random
        self._ranks_agree = False
        self._counter: Counter | None = None

    # What a rule returns ---------------------------------------------------------------------------------------------

    @abstractmethod
    def _hold(self, codes: Tensor) -> None:
        """Make `codes` (S, K, D), still without values, the state of that name, as a buffer or a parameter, and add what the rule
        keeps beside."""

    def _reset(self) -> None:
        """The codes were set anew: so is what the rule keeps beside them."""
        return

    @abstractmethod
    def vectors(self, earlier: Tensor | None = None) -> Tensor:
        """(S, K, D), of norm 1 for cosine; attached to the graph where they are learnt. With `earlier`, as they were when `codes`
        had these values."""

    def _kept(self, points: Tensor) -> Tensor:
        """What `codes` must hold so that `vectors` gives these points (S, P, D)."""
        return points

    def _sums(self, indices: Tensor, inputs: Sequence[Tensor], counted: Tensor | None) -> Tensor | None:
        """What one forward pass adds up for each code, (S, K, D), where the rule learns from it; arguments as in `collect`."""
        return None

    def _learn(self, seen: Collected) -> None:
        """The rule's part of `update`; the moving counts have been updated."""
        return

    def _moved(self, who: Tensor, points: Tensor, counts: Tensor, real: Tensor) -> None:
        """Codes `who` (S, M), where `real`, were moved to `points` with these counts: the rule's own statistics follow."""
        return

    def _begun(self, level: int, codes: Tensor, counts: Tensor) -> None:
        """The codes of one set were placed at `codes` (K, D) with `counts` (K,): the rule's own statistics follow."""
        return

    def code_gradient(self) -> Tensor | None:
        """(S, K) L2 norm of each code's gradient, where codes are parameters that have one."""
        return None

    # One step --------------------------------------------------------------------------------------------------------

    def set_of(self, level: int) -> int:
        """Which of the S sets a level uses."""
        return 0 if self.sets < self.levels else level

    def rows(self, indices: Tensor) -> Tensor:
        """(Q, N) -> (Q, N): where each code is among the S x K rows of all sets."""
        return indices if self.sets == 1 else indices + _offsets(self.levels, self.k, indices.device)

    def per_level(self, of_sets: Tensor) -> Tensor:
        """(S, ...) -> (Q, ...): levels that share one set have the same."""
        return of_sets if self.sets == self.levels else of_sets.expand(self.levels, *of_sets.shape[1:])

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
        sums = self._sums(indices, inputs, counted)
        taken = self._take(inputs, usable, indices.shape[1]) if self._takes_tokens else None
        seen = Collected(counts.sum(0, keepdim=True) if self.sets < self.levels else counts, sums, taken)
        if self._collected is None:
            self._collected = seen
        else:
            self._collected.add(seen, self._now if taken is not None else None)
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

    def _take(self, inputs: Sequence[Tensor], usable: Tensor | None, n: int) -> Taken:
        """This process's part of the step's tokens for the ring."""
        ranks, rank = world()
        token = reservoir.picks(self._now, self.slots, n * ranks, inputs[0].device)
        mine = token.div(n, rounding_mode="floor") == rank if ranks > 1 else torch.ones_like(token, dtype=torch.bool)
        token = (token - rank * n).clamp_(0, n - 1)
        if usable is not None:
            mine = mine & usable[token]
        if self.sets < self.levels:
            # Slot j takes its token's input to level j mod Q.
            every = torch.stack([x.detach()[token] for x in inputs])
            slot = torch.arange(self.slots, device=token.device)
            points = every[slot % self.levels, slot].unsqueeze(0)
        else:
            points = torch.stack([x.detach()[token] for x in inputs])
        return Taken(torch.where(mine[:, None], points, 0.0), mine.float())

    @torch.no_grad()
    def update(self, refused: Tensor | None = None) -> None:
        """Apply what was collected: averages, ages, revival. One collective where there are many processes.

        `refused`: a scalar, not 0 where the step was refused: what was collected is dropped, and the state stays as it is.
        """
        if refused is None or (refused.device.type == "cpu" and not bool(refused)):
            self._apply_collected()
        elif refused.device.type == "cpu":
            self._collected = None
        else:
            # Asking would wait for the device: the state is kept and put back there. Numbers that only count go on.
            held = [tensor for tensor in self._state() if tensor.ndim]
            before = [tensor.clone() for tensor in held]
            self._apply_collected()
            for now, then in zip(held, before, strict=True):
                now.copy_(torch.where(refused != 0, then, now))

    def _apply_collected(self) -> None:
        ranks = world()[0]
        if ranks == 1 and self._collected is None:
            return
        self.ready()
        seen = self._collected or self._nothing()
        self._collected = None
        if ranks > 1:
            seen = seen.over_ranks()
        self.idle.add_(1).mul_(seen.counts == 0)
        if self.revival or self.keeps_counts:
            decay_towards(self.count, seen.counts, self.decay)
        self._learn(seen)
        if seen.taken is not None:
            # A slot that no process or more than one filled (unequal shares of the batch) is left out.
            reservoir.write(self.ring, self.filled, self._now.step, seen.taken.points, seen.taken.owned == 1)
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
        self._moved(who, points, bound, real)
        revival.put(self.age, who, torch.full_like(who, -settings.cooldown, dtype=torch.int32), real)
        revival.put(self.idle, who, torch.zeros_like(who, dtype=torch.int32), real)
        self.revived.copy_(real.sum(-1))

    def _brought_to_norm(self, codes: Tensor) -> Tensor:
        return F.normalize(codes, dim=-1) if self.unit else codes

    # By hand ---------------------------------------------------------------------------------------------------------

    def settings(self) -> list[Setting]:
        """Settings that may be changed while a run goes on."""
        return [self.revival.setting()] if self.revival else []

    def set(self, name: str, value: float) -> None:
        """Change one of `settings`; raises KeyError for any other name."""
        if name != "revival.threshold" or not self.revival:
            raise KeyError(name)
        self.revival = self.revival.model_copy(update={"threshold": value})

    @torch.no_grad()
    def make_due(self) -> int:
        """Let every code below the bound have waited long enough, whatever its cooldown; returns how many."""
        if not self.revival:
            return 0
        low = self.count < self.revival.threshold * self.count.mean(-1, keepdim=True)
        self.age.masked_fill_(low, self.revival.waits(self._now.step))
        return int(low.sum())

    def revived_ago(self) -> Tensor | None:
        """Steps since each code's revival (S, K), -1 where its cooldown is over; None without revival."""
        if not self.revival:
            return None
        return torch.where(self.age < 0, self.age + self.revival.cooldown, -1)

    # Many processes --------------------------------------------------------------------------------------------------

    def ready(self) -> None:
        """Before the first step of a process: its state becomes that of process 0, and the host reads what it must know.

        The first training forward or update calls it, whichever a process comes to first; it is the first collective
        of either, so that processes that saw no token yet still meet the others. No later call waits for the device.
        """
        if not self._ranks_agree and world()[0] > 1:
            copy_from_rank_zero(self._state())
            self._ranks_agree = True
            self._counter = None
        self._known_started = self._known_started or bool(self.started)
        if self.revival and self._counter is None:
            self._counter = Counter(int(self.seed), int(self.step))

    def _nothing(self) -> Collected:
        """The part of a process that saw no token since the last update; it still takes part in the collective."""
        counts = self.codes.new_zeros(self.sets, self.k)
        sums = self._sums(counts.new_zeros(self.levels, 0, dtype=torch.int64), (), None)
        if not self._takes_tokens:
            return Collected(counts, sums, None)
        points = counts.new_zeros(self.sets, self.slots, self.dim)
        return Collected(counts, sums, Taken(points, counts.new_zeros(self.slots)))

    def _state(self) -> list[Tensor]:
        return [*(weight.data for weight in self.parameters()), *self.buffers()]

    # The start -------------------------------------------------------------------------------------------------------

    @property
    def wants_start(self) -> bool:
        """True until the codes have been placed; the answer is in the state, and asked of the device only until yes."""
        if not self._known_started:
            self._known_started = bool(self.started)
        return not self._known_started

    @torch.no_grad()
    def start(self, points: Tensor, generator: torch.Generator) -> None:
        """Place all codes by points (N, D), each level by what the levels before leave. Process 0 decides for all."""
        if self.sets < self.levels:
            first = kmeans(points, self.k, generator, unit=self.unit)
            every, left = [points], points
            for _ in range(self.levels - 1):
                left = self._left(left, first.codes)
                every.append(left)
            points = torch.cat(every)
        self.notes = []
        for level in range(self.sets):
            begun = kmeans(points, self.k, generator, unit=self.unit)
            self._place(level, begun.codes, begun.counts)
            if begun.copies:
                self.notes.append(_copies(begun, level + 1 if self.sets > 1 else None))
            if level + 1 < self.sets:
                points = self._left(points, begun.codes)
        self.started.fill_(True)
        copy_from_rank_zero(self._state())
        # Process 0 decides, also that there is no start yet because it saw no token.
        self._known_started, self._ranks_agree, self._counter = False, True, None

    @torch.no_grad()
    def start_elsewhere(self) -> None:
        """This process has nothing to start from; where there are several it takes part in the start that they may make."""
        copy_from_rank_zero(self._state())
        self._known_started, self._ranks_agree, self._counter = False, True, None

    def _left(self, points: Tensor, codes: Tensor) -> Tensor:
        return points - codes[nearest(points, codes)]

    def _place(self, level: int, codes: Tensor, counts: Tensor) -> None:
        self.codes.data[level] = codes
        # Shares of the tokens, at a mean of one per code: m = mean x n, and young averages follow the encoder quickly.
        # An empty cluster (possible after Lloyd's last round) keeps a small count, so that m / n is its code.
        share = (counts * (self.k / counts.sum())).clamp_min(1e-3)
        if "count" in self._buffers:
            self.count[level] = share
        self._begun(level, codes, share)
        if self.revival:
            self.age[level] = 0
            self.filled[level] = False
        self.idle[level] = 0

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._known_started = False
        self._counter = self._collected = None


@torch.no_grad()
def decay_towards(average: Tensor, new: Tensor, decay: float) -> None:
    """average <- decay * average + (1 - decay) * new, in place."""
    average.lerp_(new, 1.0 - decay)


def _copies(begun: Start, level: int | None) -> Note:
    values = {"distinct": len(begun.codes) - begun.copies, "codes": len(begun.codes), "copies": begun.copies}
    return Note(
        "few-distinct-points",
        values if level is None else {"level": level, **values},
        ("" if level is None else "level {level}: ")
        + "only {distinct} distinct encoder outputs for {codes} codes: the other {copies} start as copies moved by "
        "0.01/sqrt(D) of the data's scale",
    )


@functools.lru_cache(maxsize=16)
def _offsets(levels: int, k: int, device: torch.device) -> Tensor:
    return (torch.arange(levels, device=device) * k).unsqueeze(1)
