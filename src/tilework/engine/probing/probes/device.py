"""Whether the device computes what the CPU does."""

from __future__ import annotations

import torch
from torch import Tensor

from tilework.engine.autoencoder.model import Autoencoder
from tilework.engine.probing import contract
from tilework.engine.probing.contract import Measured
from tilework.engine.probing.left_out import NotApplicable
from tilework.engine.probing.subject import Subject, copied

IMAGES = 8


class Probe(contract.Probe):
    """The same images through the model on its device and on the CPU, both in float32.

    - `decoded`: how far what is decoded of the same latents is apart, as L2 norms: |device - CPU| / |CPU|; `encoded`: the same
      of what the encoder gives.
    - `mse`, `mse_cpu`: the error of the reconstructions on either. `device`: its name.
    """

    order = 80

    def measure(self, subject: Subject) -> Measured:
        if subject.device.type == "cpu":
            raise NotApplicable
        x = subject.held_out[:IMAGES]
        values = compared(subject.model, copied(subject.model).cpu(), x)
        return Measured({"device": subject.device.type, **values})


@torch.no_grad()
def compared(model: Autoencoder, reference: Autoencoder, x: Tensor) -> dict[str, float]:
    """A model against the same one on the CPU, for images x (n, C, H, W) on the model's device."""
    here = x.cpu()
    h, wanted_h = model.encoder(x).float(), reference.encoder(here).float()
    z = reference.bottleneck.infer(wanted_h)[1]
    decoded, wanted = model.decoder(z.to(x.device)).float(), reference.decoder(z).float()
    return {
        "encoded": _apart(h, wanted_h),
        "decoded": _apart(decoded, wanted),
        "mse": float((model(x)[0].float() - x).square().mean()),
        "mse_cpu": float((reference(here)[0].float() - here).square().mean()),
    }


def _apart(found: Tensor, wanted: Tensor) -> float:
    return float((found.cpu().double() - wanted.double()).norm() / wanted.double().norm().clamp_min(1e-30))
