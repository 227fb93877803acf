"""The distance between two images in the features of a frozen network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from tilework.errors import UserError
from tilework.objective.perceptual.backbones import BACKBONES
from tilework.objective.perceptual.compare import compare

# Mean and scale of the backbones' training images, brought from [0, 1] to [-1, 1].
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)


class PerceptualDistance(nn.Module):
    """LPIPS v0.1 (arXiv 1801.03924, eq. 1): sum over layers l of the mean over positions of w_l . (f_l(x) - f_l(y))^2.

    f_l are the features (B, C_l, H_l, W_l) divided by their norm over channels, w_l >= 0 learnt weights of the C_l channels.
    Differs from the published code in the epsilon, which is inside the root of that norm.

    Weights are buffers, not parameters, and not in the state dict: no optimiser and no checkpoint sees them.
    """

    input_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    """What black and white are in the images that its networks were trained on."""

    def __init__(self, net: str, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.net = net
        self.backbone = BACKBONES[net]
        self._names = {name: name.replace(".", "_") for name in weights}
        for name, value in weights.items():
            # Channels last halves the time of these convolutions on a CPU.
            stored = value.contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value
            self.register_buffer(self._names[name], stored, persistent=False)
        self.register_buffer("shift", torch.tensor(_SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(_SCALE).view(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Images (B, C, H, W) in [-1, 1], C 1 or 3 -> distance of each pair (B,). Raises UserError for too small images.

        Features of an input without gradient are kept for no backward pass.
        """
        smallest = self.backbone.smallest
        if min(x.shape[-2:]) < smallest:
            raise UserError(
                f"objective.lpips with net {self.net} needs images of at least {smallest} x {smallest} pixels, "
                f"not {x.shape[-1]}x{x.shape[-2]}",
                why="its network halves the image until nothing is left",
                fix=f"set data.size={smallest}x{smallest} or larger, or remove the term with objective.lpips=null",
                field="objective.lpips",
                override="objective.lpips=null",
            )
        weights = {name: self.get_buffer(buffer) for name, buffer in self._names.items()}
        ours = self.backbone.features(self._prepared(x), weights)
        theirs = self.backbone.features(self._prepared(y), weights)
        total = x.new_zeros(x.shape[0])
        for level, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            total = total + compare(a, b, weights[f"lin{level}.weight"].flatten())
        return total

    def _prepared(self, x: Tensor) -> Tensor:
        prepared = (x.expand(-1, 3, -1, -1) - self.get_buffer("shift")) / self.get_buffer("scale")
        return prepared.contiguous(memory_format=torch.channels_last)
