"""A CUDA device without a GPU: tensors that have a shape, a type and a device, and no values (PyTorch's FakeTensorMode).

Operations are followed as far as devices and shapes go, and whatever asks for a value (`.item()`, `bool(tensor)`, a result whose
size depends on the data) raises there: on a GPU it would wait. The backward pass does not run (autograd wants a driver).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

WAITS = (DataDependentOutputException, DynamicOutputShapeException)
"""What code raises here that would wait for a GPU to learn a value."""


class OtherDevice(AssertionError):
    """Values went between host and device, or one operation took tensors of both."""


class _OneDevice(TorchDispatchMode):
    """Refuses operations whose tensors are on the host and on the device; a number (no axes) may be on the host."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        given = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        found = {t.device.type for t in given if t.ndim or t.device.type == "cuda"}
        if found:
            found |= {t.device.type for t in tree_leaves(result) if isinstance(t, Tensor)}
        if len(found) > 1:
            raise OtherDevice(f"{func} has tensors on {' and '.join(sorted(found))}")
        return result


@contextmanager
def fake_cuda(*modules: nn.Module) -> Iterator[None]:
    """Within this block `modules` are on a CUDA device that need not exist, and so is what `device="cuda"` makes.

    What the host has learnt before (a module that has taken a real step) it still knows.
    """
    _forget_constants()
    try:
        with FakeTensorMode() as mode:
            for module in modules:
                module._apply(lambda tensor: mode.from_tensor(tensor).to("cuda"))
            yield
    finally:
        _forget_constants()


@contextmanager
def on_one_device() -> Iterator[None]:
    """Within this block no value may pass between host and device: OtherDevice."""
    with _OneDevice():
        yield


def gradients(module: nn.Module) -> None:
    """Give every parameter a gradient, as a backward pass would."""
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)


def _forget_constants() -> None:
    """Tensors that functions keep between calls belong to one world or the other."""
    for name, module in list(sys.modules.items()):
        if name.startswith("tilework."):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()
