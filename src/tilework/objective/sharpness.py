"""Mean absolute error of local sharpness: of how strong fine detail is, wherever exactly it lies."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from tilework.objective.contract import LossTerm, Outcome, TermConfig
from tilework.objective.fine.laplacian import laplacian

_WINDOW = 8
_SMALL = 1e-4


class SharpnessError(LossTerm):
    """|s(x) - s(recon)|, mean over windows, for s = sqrt(mean of the squared Laplacian in the window + 1e-4).

    Windows are 8 pixels on a side (fewer in smaller images) and overlap by half. Where a line may lie in two places, errors of
    pixels are least for a blur of both; here a line in either place costs nothing and the blur does. Alone it draws noise: use
    it with a weight far below that of a reconstruction term.
    """

    def forward(self, outcome: Outcome) -> Tensor:
        fine = [laplacian(images) for images in (outcome.x, outcome.recon)]
        if not fine[0].numel():
            return outcome.recon.new_zeros(())
        window = (min(_WINDOW, fine[0].shape[2]), min(_WINDOW, fine[0].shape[3]))
        stride = (max(1, window[0] // 2), max(1, window[1] // 2))
        # Inside the root: at a window without any detail the gradient of a bare root is infinite.
        x, recon = ((F.avg_pool2d(f.square(), window, stride) + _SMALL).sqrt() for f in fine)
        return (recon - x).abs().mean()


class Config(TermConfig):
    """Mean absolute error of local sharpness, so that what cannot be placed exactly is drawn sharp and not blurred."""

    kind: Literal["sharpness"] = "sharpness"

    def build(self) -> LossTerm:
        return SharpnessError()
