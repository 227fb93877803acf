"""How much influence each loss term has: its gradient at the decoder's output, at the encoder's, and on the codes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tilework.engine.autoencoder.model import Autoencoder, outcome
from tilework.engine.probing import contract
from tilework.engine.probing.contract import Measured
from tilework.engine.probing.left_out import NotMeasured, Why
from tilework.engine.probing.subject import Subject, copied
from tilework.errors import UserError
from tilework.objective import Outcome

IMAGES = 16


class Probe(contract.Probe):
    """L2 norms of the gradient of each loss term that has a weight at this step, times that weight, for training images.

    - `output.TERM`: on the reconstruction; `latent.TERM`: on what the encoder gives; `codes.TERM`: on what the bottleneck
      learns.
    - `value.TERM`: the term before its weight; `weight.TERM`; `terms`: their names; `compares`: those that compare the output
      with the image.
    - `mse`: mean squared error of these images.
    """

    order = 50

    def measure(self, subject: Subject) -> Measured:
        objective = subject.objective()
        model, x = copied(subject.model), subject.trained[:IMAGES]
        learnt = list(model.bottleneck.requires_grad_(True).parameters())
        with torch.enable_grad():
            h = model.encoder(x).float().detach().requires_grad_()
            seen = _seen(model, x, h)
            terms = [name for name, weight in subject.weights.items() if weight > 0]
            values: dict[str, object] = {"terms": terms, "mse": float((seen.recon.detach() - x).square().mean())}
            for name in terms:
                weight = subject.weights[name]
                raw, _ = objective(seen, {name: 1.0})
                places = (seen.recon, h, *learnt)
                found: Sequence[Tensor | None] = (None,) * len(places)
                if raw.requires_grad:
                    found = torch.autograd.grad(weight * raw, places, retain_graph=True, allow_unused=True)
                output, latent, *codes = (0.0 if g is None else float(g.norm()) for g in found)
                values |= {
                    f"output.{name}": output,
                    f"latent.{name}": latent,
                    f"codes.{name}": sum(code**2 for code in codes) ** 0.5,
                    f"value.{name}": float(raw.detach()),
                    f"weight.{name}": float(weight),
                }
        values["compares"] = [name for name in terms if _compares(objective.settings[name])]
        return Measured(values)


def _seen(model: Autoencoder, x: Tensor, h: Tensor) -> Outcome:
    try:
        latent = model.bottleneck(h)
    except UserError as error:
        raise NotMeasured(Why.NOT_FINITE, error.what) from error
    recon = model.decoder(latent.z).float()
    return outcome(x, recon, latent, model.bottleneck)


def _compares(config: object) -> bool:
    """Whether a term compares the output with the image: one that needs nothing of the bottleneck."""
    return not getattr(config, "needs", frozenset())
