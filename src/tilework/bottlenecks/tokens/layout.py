"""Images of channels, (B, C, H, W), and sequences, (B, N, C), as one list of tokens (N, C), and back."""

from __future__ import annotations

from torch import Tensor

from tilework.errors import UserError


def check_channels(h: Tensor, channels: int) -> None:
    """Refuse anything but (B, C, H, W) or (B, N, C) with C = `channels`."""
    if h.ndim not in (3, 4):
        vectors = h.ndim < 3
        raise UserError(
            f"a bottleneck takes (B, C, H, W) or (B, N, C), and was given a tensor of shape {tuple(h.shape)}",
            why=f"it has {h.ndim} axes",
            fix="give h[:, :, None, None] for a batch of vectors"
            if vectors
            else "flatten all but two of the spatial axes",
        )
    found = h.shape[1] if h.ndim == 4 else h.shape[2]
    if found != channels:
        raise UserError(
            f"the bottleneck takes {channels} channels and was given {found}",
            why=f"the input has shape {tuple(h.shape)}, with its channels "
            + ("second (B, C, H, W)" if h.ndim == 4 else "last (B, N, C)"),
            fix=f"let the encoder deliver {channels} channels, or set the bottleneck's dim to fit",
        )


def to_tokens(h: Tensor, channels: int) -> tuple[Tensor, tuple[int, ...]]:
    """(B, C, H, W) or (B, N, C) -> tokens (N, C) float32 and their places: (B, H, W) or (B, N).

    Free for float32 in channels-last memory. Raises UserError for another shape, and for whole numbers.
    """
    check_channels(h, channels)
    if not h.is_floating_point():
        raise UserError(
            f"a bottleneck takes what an encoder gives, and was given a tensor of {h.dtype}",
            why="it has no gradient, and is more likely an image or a grid of codes",
            fix="give floating-point features; codes go to decode()",
        )
    h = h.float()
    if h.ndim == 4:
        h = h.permute(0, 2, 3, 1)
    return h.reshape(-1, channels), tuple(h.shape[:-1])


def from_tokens(x: Tensor, grid: tuple[int, ...]) -> Tensor:
    """Tokens (N, C) -> (B, C, H, W) (in channels-last memory) or (B, N, C)."""
    x = x.view(*grid, x.shape[-1])
    return x.permute(0, 3, 1, 2) if len(grid) == 3 else x


def codes_from_tokens(indices: Tensor, grid: tuple[int, ...]) -> Tensor:
    """(Q, N) -> (B, Q, H, W) or (B, Q, N)."""
    return indices.view(len(indices), *grid).transpose(0, 1)


def split_channels(h: Tensor) -> tuple[Tensor, Tensor]:
    """The first and the second half of the channels of (B, C, H, W) or (B, N, C)."""
    first, second = h.chunk(2, dim=1 if h.ndim == 4 else 2)
    return first, second
