"""Whether a model does the same in evaluation as in training."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tilework.engine.autoencoder.model import Autoencoder
from tilework.engine.probing import contract
from tilework.engine.probing.contract import Measured
from tilework.engine.probing.drawing import rows
from tilework.engine.probing.subject import Subject, copied


class Probe(contract.Probe):
    """Mean squared error of the same training images in three modes.

    - `evaluating`: as the model is used; `networks`: encoder and decoder in training mode (batch norms with the statistics of
      this batch); `quantiser`: the bottleneck in training mode as well, where it has codes. A Gaussian latent
      has no noise here.
    - `norms`: batch norms that the model has; `batch`: images.
    """

    order = 40

    def measure(self, subject: Subject) -> Measured:
        x = subject.trained[: max(2, subject.spec.engine.batch_size)]
        evaluating = subject.reconstruct(x)
        model = copied(subject.model)
        norms = sum(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules())
        model.encoder.train()
        model.decoder.train()
        networks = _reconstructed(model, x)
        values = {
            "evaluating": _error(evaluating, x),
            "networks": _error(networks, x),
            "norms": norms,
            "batch": len(x),
        }
        if model.bottleneck.levels:
            model.bottleneck.train()
            values["quantiser"] = _error(_reconstructed(model, x), x)
        return Measured(values, rows(x, evaluating, networks))


@torch.no_grad()
def _reconstructed(model: Autoencoder, x: Tensor) -> Tensor:
    recon: Tensor = model(x)[0].float()
    return recon


def _error(recon: Tensor, x: Tensor) -> float:
    return float((recon - x).square().mean())
