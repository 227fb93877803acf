"""The training state in memory: all that training moves, as it stood after one step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from tilework.engine.parts import Parts

_MODEL, _OPTIMIZER, _AVERAGE = "model.", "optimizer.", "average."


class Copy:
    """Weights, buffers (codebooks and their statistics among them), the optimiser's state and the averaged weights.

    It lies in the host's memory, so that it takes none of a GPU's, and is overwritten in place. What only measures or counts
    (the data position, random state, running means) is no part of it.
    """

    def __init__(self) -> None:
        self.step = -1
        self.average_steps = 0
        self.tensors: dict[str, Tensor] = {}

    @torch.no_grad()
    def take(self, parts: Parts, step: int) -> None:
        """Copy the state as it is after `step` steps. Does not wait for a GPU."""
        live = _live(parts)
        self.tensors = {name: self._room(name, tensor) for name, tensor in live.items()}
        torch._foreach_copy_(list(self.tensors.values()), list(live.values()), non_blocking=True)
        self.step = step
        self.average_steps = parts.average.steps if parts.average is not None else 0

    def _room(self, name: str, like: Tensor) -> Tensor:
        kept = self.tensors.get(name)
        if kept is not None and (kept.shape, kept.dtype, kept.is_pinned()) == (like.shape, like.dtype, like.is_cuda):
            return kept
        return torch.empty_like(like, device="cpu", pin_memory=like.is_cuda)

    @torch.no_grad()
    def put_back(self, parts: Parts) -> None:
        """Make the state what it was."""
        # Through the modules: they forget what the host knew of their state.
        parts.model.load_state_dict(
            {name: self.tensors[_MODEL + name] for name in parts.model.state_dict()}, strict=True
        )
        states = parts.stepper.inner.state
        for number, parameter in enumerate(_optimised(parts)):
            kept = {key: self.tensors.get(f"{_OPTIMIZER}{number}.{key}") for key in states.get(parameter, {})}
            if any(tensor is None for tensor in kept.values()):
                del states[parameter]  # it had none yet
                continue
            for key, tensor in kept.items():
                assert tensor is not None
                states[parameter][key].copy_(tensor)
        if parts.average is not None:
            for name, slow in parts.average.slow.items():
                # Averages that were switched on since begin with the weights of then.
                slow.copy_(self.tensors.get(_AVERAGE + name, parts.average.live[name]))
            parts.average.steps = self.average_steps

    # A checkpoint ----------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """References, no copies."""
        if any(tensor.is_pinned() for tensor in self.tensors.values()):
            torch.cuda.synchronize()  # the newest copy may still be on its way
        return {"step": self.step, "average_steps": self.average_steps, "tensors": self.tensors}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Copy:
        """Go on from a checkpoint."""
        made = cls()
        made.step, made.average_steps, made.tensors = state["step"], state["average_steps"], dict(state["tensors"])
        return made

    def misfit(self, parts: Parts) -> str:
        """What of it does not fit the model, its optimiser (which has its state already) and its averages; "" where all fits."""
        averaged = any(name.startswith(_AVERAGE) for name in self.tensors)
        for name, live in _live(parts).items():
            kept = self.tensors.get(name)
            if kept is None and name.startswith((_OPTIMIZER, *([] if averaged else [_AVERAGE]))):
                continue
            if kept is None or kept.shape != live.shape or kept.dtype != live.dtype:
                return name
        return ""


@torch.no_grad()
def all_finite(parts: Parts) -> bool:
    """Whether weights, moments and averages are finite. Waits for the device."""
    states = parts.stepper.inner.state
    moved: list[Tensor] = [p for p in parts.model.parameters() if p.requires_grad]
    moved += [t for p in _optimised(parts) for t in states.get(p, {}).values() if isinstance(t, Tensor) and t.ndim]
    moved += list(parts.average.slow.values()) if parts.average is not None else []
    # What is not finite makes its sum so, and a sum takes a CPU a quarter of the time of a largest value.
    return bool(torch.isfinite(torch.stack([tensor.sum(dtype=torch.float32) for tensor in moved])).all())


def _live(parts: Parts) -> dict[str, Tensor]:
    found = {_MODEL + name: tensor.detach() for name, tensor in parts.model.state_dict().items()}
    for number, parameter in enumerate(_optimised(parts)):
        for key, value in parts.stepper.inner.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                found[f"{_OPTIMIZER}{number}.{key}"] = value
    if parts.average is not None:
        found |= {_AVERAGE + name: slow for name, slow in parts.average.slow.items()}
    return found


def _optimised(parts: Parts) -> Iterator[nn.Parameter]:
    for group in parts.stepper.inner.param_groups:
        yield from group["params"]
