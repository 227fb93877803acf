"""Units that never answer: rectified linear units whose output is 0 for every image."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tilework.engine.probing import contract
from tilework.engine.probing.contract import Measured
from tilework.engine.probing.left_out import NotApplicable
from tilework.engine.probing.subject import Subject
from tilework.nets.blocks.residual import Residual


class Probe(contract.Probe):
    """The largest output of every channel (of a dense layer every number) behind each ReLU, over all positions of all images.

    - `units`, `dead`: how many there are, and how many of them are 0 throughout.
    - `worst`: the largest share of dead units in one layer that everything goes through, `layer` its name, `layers` how many
      there are. What lies inside of a residual block may well be dead: the block then hands on what it was given.
    - `worst_inside`: the same of layers inside of residual blocks; 0 where there are none.
    """

    order = 55

    def measure(self, subject: Subject) -> Measured:
        peaks: dict[str, Tensor] = {}

        def note(name: str) -> Any:
            def look(_: nn.Module, given: Any, output: Tensor) -> None:
                of_units = output.detach().transpose(0, 1).flatten(1).amax(1)
                peaks[name] = torch.maximum(peaks[name], of_units) if name in peaks else of_units

            return look

        found = {
            f"{part}.{name}": module
            for part, network in (("encoder", subject.model.encoder), ("decoder", subject.model.decoder))
            for name, module in network.named_modules()
            if isinstance(module, nn.ReLU)
        }
        inside = {
            id(unit)
            for block in subject.model.modules()
            if isinstance(block, Residual)
            for unit in block.modules()
        }  # fmt: skip
        hooks = [module.register_forward_hook(note(name)) for name, module in found.items()]
        try:
            subject.reconstruct(subject.trained)
        finally:
            for hook in hooks:
                hook.remove()
        if not peaks:
            raise NotApplicable
        dead = {name: int((peak <= 0).sum()) for name, peak in peaks.items()}
        shares = {name: dead[name] / len(peak) for name, peak in peaks.items()}
        through = {name: share for name, share in shares.items() if id(found[name]) not in inside}
        layer = max(through, key=lambda name: through[name], default="")
        values = {
            "units": sum(len(peak) for peak in peaks.values()),
            "dead": sum(dead.values()),
            "worst": through.get(layer, 0.0),
            "layer": layer,
            "layers": len(through),
            "worst_inside": max((share for name, share in shares.items() if name not in through), default=0.0),
        }
        return Measured(values)
