"""The whole model: encoder, bottleneck, decoder."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from tilework.bottlenecks import Bottleneck, BottleneckConfig, Latent
from tilework.data import SourceConfig
from tilework.errors import UserError
from tilework.nets import DecoderConfig, EncoderConfig
from tilework.objective import Outcome
from tilework.spec import AutoencoderSpec, Size


class Autoencoder(nn.Module):
    """Images (B, C, H, W) in [0, 1] -> reconstruction of the same shape and the latent in between."""

    def __init__(
        self,
        encoder: nn.Module,
        bottleneck: Bottleneck,
        decoder: nn.Module,
        grid: Size = Size(1, 1),  # noqa: B008 (frozen)
    ) -> None:
        super().__init__()
        self.grid = grid
        self.encoder = encoder
        self.bottleneck = bottleneck
        self.decoder = decoder

    def forward(self, x: Tensor) -> tuple[Tensor, Latent]:
        """(B, C, H, W) -> reconstruction (B, C, H, W), Latent."""
        # Some encoders drop the memory layout on the way (a dense head does); the bottleneck flattens anyway.
        latent = self.bottleneck(self.encoder(x))
        return self.decoder(latent.z), latent


def outcome(x: Tensor, recon: Tensor, latent: Latent, bottleneck: Bottleneck) -> Outcome:
    """One forward pass of images x (B, C, H, W), as loss terms see it."""
    return Outcome(
        x, recon.float(), latent.losses, latent.inputs, bottleneck.codebooks(), bottleneck.learns_by_gradient
    )


def source_of(spec: AutoencoderSpec) -> SourceConfig:
    """The data section with its real type."""
    return cast(SourceConfig, spec.data)


def grid_of(spec: AutoencoderSpec) -> Size:
    """Positions of the latent grid; 1x1 for a vector. Raises UserError for an image size that does not fit."""
    return cast(EncoderConfig, spec.encoder).grid(source_of(spec).size)


def build_model(spec: AutoencoderSpec) -> Autoencoder:
    """A new model with initial weights drawn from torch's global generator."""
    source = source_of(spec)
    encoder, decoder = cast(EncoderConfig, spec.encoder), cast(DecoderConfig, spec.decoder)
    grid = encoder.grid(source.size)
    bottleneck = cast(BottleneckConfig, spec.bottleneck).build()
    return Autoencoder(
        encoder.build(source.size, source.channels, bottleneck.in_channels),
        bottleneck,
        decoder.build(source.size, source.channels, bottleneck.dim, encoder),
        grid,
    )


def check_tokens(spec: AutoencoderSpec, model: Autoencoder, images: int) -> None:
    """A codebook larger than the number of training tokens cannot be filled: refuse it, naming what would fit."""
    grid, codes = grid_of(spec), model.bottleneck.codes_per_level
    tokens = images * grid.width * grid.height
    if codes > tokens:
        raise UserError(
            f"bottleneck.codes is {codes:,} but the training split yields only {tokens:,} tokens",
            why=f"{images:,} training images x {grid.width}x{grid.height} positions; a code needs tokens to learn from",
            fix=f"use bottleneck.codes={max(2, tokens // 5)} or less, or bring more images",
        )


def to_points(h: Tensor) -> Tensor:
    """(B, D, h, w) -> (N, D) with N = B x h x w, in row order of the grid."""
    return h.permute(0, 2, 3, 1).reshape(-1, h.shape[1])
