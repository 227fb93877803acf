"""A trained autoencoder as pure modules: images to codes and z, codes or z to images.

`torch.export.export` follows each of them, with any batch size. Nothing here looks at a value, so nothing is refused either:
whoever takes images or codes from outside checks them first, as `tilework.Model` does.

Shape legend: B images of C colours and H x W pixels; Q levels of codes and D channels on h x w positions (1 x 1 for a vector).
"""

from __future__ import annotations

from torch import Tensor, nn

from tilework.bottlenecks import Bottleneck


class Encode(nn.Module):
    """x (B, C, H, W) in [0, 1] -> codes (B, Q, h, w) int64, or None for a continuous latent, and z (B, D, h, w) float32.

    z is what the decoder sees: the sum of the codes, or the mean of a Gaussian. Puts both parts into evaluation mode.
    """

    def __init__(self, encoder: nn.Module, bottleneck: Bottleneck) -> None:
        super().__init__()
        self.encoder = encoder
        self.bottleneck = bottleneck
        self.eval()

    def forward(self, x: Tensor) -> tuple[Tensor | None, Tensor]:
        """(B, C, H, W) -> codes (B, Q, h, w) or None, z (B, D, h, w)."""
        return self.quantise(self.features(x))

    def features(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> what the bottleneck takes, (B, channels, h, w) float32."""
        h: Tensor = self.encoder(x)
        return h.float()

    def quantise(self, h: Tensor) -> tuple[Tensor | None, Tensor]:
        """(B, channels, h, w) -> codes (B, Q, h, w) or None, z (B, D, h, w). A token that is not finite counts as 0."""
        return self.bottleneck.infer(h)


class DecodeZ(nn.Module):
    """z (B, D, h, w) -> images (B, C, H, W) float32, in the decoder's own range. Puts the decoder into evaluation mode."""

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder
        self.eval()

    def forward(self, z: Tensor) -> Tensor:
        """(B, D, h, w) -> (B, C, H, W)."""
        x: Tensor = self.decoder(z)
        return x.float()


class DecodeCodes(nn.Module):
    """Codes (B, Q, h, w) int64 in [0, K) -> images (B, C, H, W) float32. Puts both parts into evaluation mode."""

    def __init__(self, bottleneck: Bottleneck, decoder: nn.Module) -> None:
        super().__init__()
        self.bottleneck = bottleneck
        self.decode_z = DecodeZ(decoder)
        self.eval()

    def forward(self, codes: Tensor) -> Tensor:
        """(B, Q, h, w) -> (B, C, H, W)."""
        images: Tensor = self.decode_z(self.bottleneck.lookup(codes))
        return images
