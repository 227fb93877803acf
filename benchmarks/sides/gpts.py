"""The same causal transformer three times, behind one face: ours, the plainest loop, and x-transformers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from peers.plain_gpt import PlainGPT
from torch import Tensor, nn


@dataclass(frozen=True)
class Size:
    """One network and its tokens: h x w positions of K codes."""

    side: int
    codes: int
    width: int
    depth: int
    heads: int
    batch: int

    @property
    def length(self) -> int:
        return self.side * self.side


class GPT(ABC):
    """One side. `reduced`: bf16 autocast and the fused optimiser, whoever the model is by."""

    network: nn.Module

    def __init__(self, size: Size, *, reduced: bool) -> None:
        self.size, self.reduced = size, reduced

    def start(self, lr: float) -> None:
        """Make the optimiser; `fused=None` is torch's own choice."""
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=lr, fused=True if self.reduced else None)

    def step(self, tokens: Tensor) -> float:
        """One training step on tokens (B, N); its loss in nats per token."""
        self.network.train()
        with self.precision():
            loss = self.loss(tokens)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())

    def precision(self) -> AbstractContextManager[object]:
        """bf16 where this side may use it."""
        return torch.autocast("cpu", torch.bfloat16) if self.reduced else nullcontext()

    @torch.no_grad()
    def bits(self, tokens: Tensor) -> float:
        """Mean bits per token of tokens (N, length), in float32."""
        self.network.eval()
        parts = [float(self.loss(part)) * len(part) for part in tokens.split(self.size.batch)]
        return sum(parts) / len(tokens) / float(torch.tensor(2.0).log())

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.network.parameters())

    @abstractmethod
    def loss(self, tokens: Tensor) -> Tensor: ...

    @abstractmethod
    def generate(self, batch: int) -> Tensor:
        """New items (B, N)."""


class Ours(GPT):
    """tilework's causal prior with a vector for every position and no labels: GPT, weight for weight."""

    def __init__(self, size: Size, *, reduced: bool = True) -> None:
        from tilework.priors.causal import Config, Prior
        from tilework.priors.contract import TokenShape

        super().__init__(size, reduced=reduced)
        config = Config(width=size.width, depth=size.depth, heads=size.heads, dropout=0, positions="grid", labels=False)
        self.network = self.prior = Prior(config, TokenShape(1, 1, size.side, size.side, size.codes))

    def loss(self, tokens: Tensor) -> Tensor:
        return self.prior(self._items(tokens), self._labels(len(tokens))).total

    def generate(self, batch: int) -> Tensor:
        from tilework.priors.contract import Sampling

        none = torch.zeros(batch, 1, 1, self.size.side, self.size.side, dtype=torch.long)
        drawn = self.prior.sample(none, none.bool(), self._labels(batch), Sampling(), torch.Generator().manual_seed(0))
        return drawn.flatten(1)

    def _items(self, tokens: Tensor) -> Tensor:
        return tokens.view(-1, 1, 1, self.size.side, self.size.side)

    def _labels(self, count: int) -> Tensor:
        return torch.full((count,), -1)


class Plain(GPT):
    """The plainest loop."""

    def __init__(self, size: Size, *, reduced: bool = False) -> None:
        super().__init__(size, reduced=reduced)
        self.network = self.gpt = PlainGPT(size.codes, size.length, size.width, size.depth, size.heads)

    def start_as(self, ours: Ours) -> None:
        """Begin with our weights."""
        source, target = ours.prior.state_dict(), self.gpt.state_dict()
        pairs = {"norm": "head.norm", "head": "head.levels.0"}
        for number in range(self.size.depth):
            mine, its = f"blocks.{number}.", f"blocks.{number}."
            pairs |= {
                its + "ln1": mine + "norm1", its + "attn": mine + "attention.qkv", its + "proj": mine + "attention.out",
                its + "ln2": mine + "norm2", its + "up": mine + "mlp.into", its + "down": mine + "mlp.out",
            }  # fmt: skip
        for its, mine in pairs.items():
            for part in ("weight", "bias"):
                target[f"{its}.{part}"] = source[f"{mine}.{part}"]
        target["wte.weight"] = torch.cat([source["embedding.table.weight"], source["label.table.weight"]])
        target["wpe.weight"] = source["positions.table"]
        self.gpt.load_state_dict(target)

    def loss(self, tokens: Tensor) -> Tensor:
        return self.gpt.loss(tokens)

    def generate(self, batch: int) -> Tensor:
        return self.gpt.eval().generate(batch, self.size.length)


class XTransformers(GPT):
    """x-transformers' decoder with its flash attention on and biases of linear layers as it has them (in the MLP alone)."""

    def __init__(self, size: Size, *, reduced: bool = False) -> None:
        from x_transformers import AutoregressiveWrapper, Decoder, TransformerWrapper

        super().__init__(size, reduced=reduced)
        decoder = Decoder(
            dim=size.width, depth=size.depth, heads=size.heads, attn_dim_head=size.width // size.heads, attn_flash=True
        )
        inner = TransformerWrapper(num_tokens=size.codes + 1, max_seq_len=size.length + 1, attn_layers=decoder)
        self.network, self.wrapper = inner, AutoregressiveWrapper(inner)

    def loss(self, tokens: Tensor) -> Tensor:
        logits = self.network(torch.cat([self._start(len(tokens)), tokens[:, :-1]], dim=1))
        return F.cross_entropy(logits.flatten(0, 1), tokens.flatten())

    def generate(self, batch: int) -> Tensor:
        return self.wrapper.generate(self._start(batch), self.size.length, cache_kv=True)

    def _start(self, batch: int) -> Tensor:
        return torch.full((batch, 1), self.size.codes)
