"""Reference systems 3 and 5 as most programs write them: plain PyTorch, float32, contiguous memory, nothing clever.

The whole N x K distance matrix, one-hot codes of the same size, moving averages by matrix products with them, Adam as
PyTorch's default runs it on a CPU (one parameter after another), the images in memory as float32 batches.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
import torch.nn.functional as F
from harness.sides import Window, print_result, side_arguments
from peers.plain_lpips import PlainLPIPS
from systems import System, system
from torch import Tensor, nn


class Block(nn.Module):
    """x + conv1x1(relu(conv3x3(relu(x))))."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.conv3 = nn.Conv2d(width, hidden, 3, padding=1)
        self.conv1 = nn.Conv2d(hidden, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv1(F.relu(self.conv3(F.relu(x))))


class Quantiser(nn.Module):
    """Vector quantisation by moving averages, written from the appendix of arXiv 1711.00937 in the usual way."""

    def __init__(self, codes: int, dim: int, decay: float = 0.99, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.codes, self.dim, self.decay, self.epsilon = codes, dim, decay, epsilon
        self.register_buffer("embedding", torch.randn(codes, dim))
        self.register_buffer("count", torch.ones(codes))
        self.register_buffer("total", self.embedding.clone())

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D, H, W) -> quantised (B, D, H, W), commitment loss."""
        flat = z.permute(0, 2, 3, 1).contiguous().view(-1, self.dim)
        distances = (
            flat.pow(2).sum(1, keepdim=True)
            - 2 * flat @ self.embedding.t()
            + self.embedding.pow(2).sum(1, keepdim=True).t()
        )
        index = distances.argmin(1).unsqueeze(1)
        onehot = torch.zeros(len(flat), self.codes)
        onehot.scatter_(1, index, 1)
        rows = onehot @ self.embedding
        quantised = rows.view(z.shape[0], *z.shape[2:], self.dim).permute(0, 3, 1, 2).contiguous()
        commitment = F.mse_loss(z, quantised.detach())
        if self.training:
            with torch.no_grad():
                self.count.mul_(self.decay).add_(onehot.sum(0), alpha=1 - self.decay)
                self.total.mul_(self.decay).add_(onehot.t() @ flat, alpha=1 - self.decay)
                n = self.count.sum()
                smoothed = (self.count + self.epsilon) / (n + self.codes * self.epsilon) * n
                self.embedding.copy_(self.total / smoothed.unsqueeze(1))
        return z + (quantised - z).detach(), commitment


class PlainVQVAE(nn.Module):
    """Encoder, quantiser, decoder; (B, 3, H, W) -> reconstruction, commitment loss."""

    def __init__(self, encoder: nn.Module, quantiser: Quantiser, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.quantiser, self.decoder = encoder, quantiser, decoder

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        quantised, commitment = self.quantiser(self.encoder(x))
        return self.decoder(quantised), commitment


def naruto(codes: int) -> PlainVQVAE:
    """System 3: two stages to 128 channels, four residual layers of 32 each side, tokens of 256."""
    encoder = nn.Sequential(
        *(nn.Conv2d(3, 64, 4, 2, 1), nn.ReLU(), nn.Conv2d(64, 128, 4, 2, 1), nn.ReLU()),
        nn.Conv2d(128, 128, 3, padding=1),
        *(Block(128, 32) for _ in range(4)),
        *(nn.ReLU(), nn.Conv2d(128, 256, 1)),
    )
    decoder = nn.Sequential(
        nn.Conv2d(256, 128, 3, padding=1),
        *(Block(128, 32) for _ in range(4)),
        *(nn.ReLU(), nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(64, 3, 4, 2, 1)),
    )
    return PlainVQVAE(encoder, Quantiser(codes, 256), decoder)


def game(codes: int) -> PlainVQVAE:
    """System 5, v2.1.6: stages of 128 and 384 channels with a residual block each, tokens of 384, sigmoid."""
    encoder = nn.Sequential(
        *(nn.Conv2d(3, 128, 4, 2, 1), Block(128, 128), nn.ReLU()),
        *(nn.Conv2d(128, 384, 4, 2, 1), Block(384, 384)),
    )
    decoder = nn.Sequential(
        *(Block(384, 384), nn.ReLU(), nn.ConvTranspose2d(384, 128, 4, 2, 1)),
        *(Block(128, 128), nn.ReLU(), nn.ConvTranspose2d(128, 3, 4, 2, 1), nn.Sigmoid()),
    )
    return PlainVQVAE(encoder, Quantiser(codes, 384), decoder)


def build(chosen: System) -> tuple[PlainVQVAE, float, float]:
    """The network of a system, its commitment weight and its learning rate."""
    if chosen.recipe == "naruto":
        return naruto(chosen.codes), 0.25, 1e-4
    return game(chosen.codes), 0.05, 1e-3


class Trainer:
    """The training step: forward, losses, backward, clipping to norm 1, Adam."""

    def __init__(self, model: PlainVQVAE, commitment: float, lr: float, lpips: float = 0.0, weights: str = "") -> None:
        self.model, self.commitment, self.lpips = model, commitment, lpips
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr, foreach=False, fused=False)
        self.perceptual = PlainLPIPS(weights) if lpips else None

    def step(self, x: Tensor) -> dict[str, float]:
        """Train on one batch; returns every loss."""
        self.optimizer.zero_grad()
        recon, commitment = self.model(x)
        mse = F.mse_loss(recon, x)
        loss = mse + self.commitment * commitment
        values = {"mse": mse, "commitment": commitment}
        if self.perceptual is not None:
            values["lpips"] = self.perceptual(2 * recon - 1, 2 * x - 1).mean()
            loss = loss + self.lpips * values["lpips"]
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return {name: v.item() for name, v in {"loss": loss, **values, "grad_norm": norm}.items()}


def main() -> None:
    given = side_arguments(__doc__ or "")
    chosen = system(given.system, tiny=given.tiny)
    torch.manual_seed(0)
    model, commitment, lr = build(chosen)
    trainer = Trainer(model, commitment, lr, chosen.lpips, given.lpips)
    frames = torch.from_numpy(np.load(chosen.frames_file(given.folder))).permute(0, 3, 1, 2).float().div(255)
    ready = [part.contiguous() for part in frames.split(chosen.batch) if len(part) == chosen.batch]
    del frames
    window = Window(given.warm, given.steps)
    loss = []
    for step in range(1, window.last + 1):
        loss.append(trainer.step(ready[step % len(ready)])["loss"])
        window.passed(step)
    parameters = sum(p.numel() for p in model.parameters())
    print_result(window.result(chosen.batch, loss, parameters, precision="float32"))


if __name__ == "__main__":
    main()
