"""Activation checkpointing: a block that runs again in the backward pass must do there what it did before, and count nothing.

`torch.utils.checkpoint` keeps nothing of a block but its input, and calls the block a second time when the backward pass
comes to it. Between the two calls a codebook may have moved. So a pass that may be repeated is written down, with little
more than a fingerprint of its input; before the codebook moves, the codes are kept for the passes that used them; and a pass
within a backward pass finds its first one by the input, uses the codes of that one, and neither collects nor updates.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from torch import Tensor
from torch._compile import _disable_dynamo

from tilework.bottlenecks.codebook.counter import row_keys
from tilework.errors import UserError

_F = TypeVar("_F", bound=Callable[..., Any])

# Values of the input that are kept, to know it again where a device computes the same thing a little differently.
_SAMPLED = 512
_NEAR = 0.01
# Passes that wait for their repetition, and bytes of earlier codebooks that may be kept for them (4 codebooks at least).
_MOST = 1024
_MOST_BYTES = 2**28


def _never_compiled(function: _F) -> _F:
    """Compiled code would answer for ever as it did when it was compiled."""
    apart = _disable_dynamo(function)

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        # The compiler takes seconds to load, and where nothing has loaded it nothing is compiled.
        return (apart if "torch._dynamo" in sys.modules else function)(*args, **kwargs)

    return cast(_F, called)


@dataclass(eq=False)
class Pass:
    """A pass in training that may be repeated: its input's fingerprint, and what it used that is no longer there."""

    shape: torch.Size
    key: Tensor
    sample: Tensor
    started: bool = False
    """Whether the codebook was started in it, which drew a random number."""
    used: Tensor | None = None
    """The codes that it used, where they have moved since; for LFQ what it received from the other processes."""
    repeated: bool = False


class Passes:
    """The passes of one layer that may be repeated in a backward pass, oldest first. Neither copied nor saved with the layer."""

    def __init__(self) -> None:
        self._open: list[Pass] = []

    @_never_compiled
    def note(self, x: Tensor, *, started: bool = False, used: Tensor | None = None) -> None:
        """Write down a first pass over tokens x (N, D), where something stands around it that may repeat it."""
        if not may_be_repeated():
            return
        # What was repeated is over, unless its graph was retained: until the next pass it can be repeated again.
        self._open = [one for one in self._open if not one.repeated]
        self._open.append(Pass(x.shape, _key(x), _sample(x), started, used))
        self._open = self._open[-_MOST:]
        kept = {id(one.used): one.used.nbytes for one in self._open if one.used is not None}
        while len(kept) > 4 and sum(kept.values()) > _MOST_BYTES:
            oldest = self._open.pop(0)
            if oldest.used is not None and all(one.used is not oldest.used for one in self._open):
                del kept[id(oldest.used)]

    def keep(self, codes: Tensor) -> None:
        """The codes are about to be moved: the passes that used them as they are get a copy."""
        waiting = [one for one in self._open if one.used is None]
        if waiting:
            copy = codes.detach().clone()
            for one in waiting:
                one.used = copy

    @_never_compiled
    def again(self, x: Tensor) -> Pass | None:
        """Within a backward pass, the pass that is being repeated over tokens x (N, D); None elsewhere: this is a first pass.

        Raises UserError where that cannot be determined. Waits for the device, in a backward pass only.
        """
        if not in_backward():
            return None
        alike = [one for one in self._open if one.shape == x.shape]
        key = _key(x)
        same = [one for one in alike if torch.equal(one.key, key)]
        fitting = [one for one in same if not one.repeated] or same or _nearest(x, alike)
        if not fitting:
            raise UserError(
                "a quantiser was called within a backward pass with an input that it has not seen in a forward pass",
                why="a checkpointed block is repeated there and must give the quantiser what it gave before: dropout with "
                "preserve_rng_state=False changes it, and so does a layer that was evaluating in the forward pass; "
                f"of very many forward passes before one backward pass only the last ones are known ({_MOST} at most)",
                fix="leave preserve_rng_state on, or take the quantiser out of the checkpointed block",
            )
        found = fitting[-1]
        if any(not _same(one.used, found.used) for one in fitting):
            self._open = []
            raise UserError(
                "a checkpointed block cannot be repeated: its quantiser was given the same input twice before the backward "
                "pass, and its codebook moved in between",
                why="nothing distinguishes the two passes, and each used other codes",
                fix="set the quantiser's deferred = True and call its update() after the optimiser's step",
            )
        found.repeated = True
        return found

    def __deepcopy__(self, memo: dict[int, Any]) -> Passes:
        return Passes()

    def __reduce__(self) -> tuple[type[Passes], tuple[()]]:
        return Passes, ()


def in_backward() -> bool:
    """Whether autograd is going backward in this thread: a forward pass there is the repetition of another one."""
    # The question that torch.utils.module_tracker asks too; torch has no public form of it that needs no tracker.
    return not torch.compiler.is_compiling() and torch._C._current_graph_task_id() != -1


def may_be_repeated() -> bool:
    """Whether something around this forward pass may call it again in the backward pass. Yes where torch gives no
    answer."""
    if torch.compiler.is_compiling():
        return False
    if torch.is_grad_enabled():
        # A block that is checkpointed anew (use_reentrant=False) replaces the tensors that autograd would save.
        hooks = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", None)
        return hooks is None or hooks(False) is not None
    # The other kind (use_reentrant=True) is a function of autograd, and those compute without either direction of
    # differentiation; torch.no_grad alone leaves the forward direction on.
    forward = getattr(torch._C, "_is_fwd_grad_enabled", None)
    return not torch.is_inference_mode_enabled() and (forward is None or not forward())


def _key(x: Tensor) -> Tensor:
    """One int64 of tokens (N, D): equal inputs have equal keys, others differ but for a chance of about 2^-60."""
    keys = row_keys(x)
    return (keys * (torch.arange(len(keys), device=x.device) * 2 + 1)).sum()


def _sample(x: Tensor) -> Tensor:
    flat = x.detach().flatten()
    return flat[:: max(1, len(flat) // _SAMPLED)].clone()


def _nearest(x: Tensor, passes: list[Pass]) -> list[Pass]:
    """The pass whose input was nearest to x, where that is near enough to be x up to rounding: one or none."""
    sample = _sample(x)
    off = [float((one.sample - sample).norm() / one.sample.norm().clamp_min(1e-30)) for one in passes]
    return [passes[off.index(min(off))]] if off and min(off) < _NEAR else []


def _same(a: Tensor | None, b: Tensor | None) -> bool:
    return a is b or (a is not None and b is not None and torch.equal(a, b))
