"""How far a position of a feature map sees, or how far it paints, followed through whatever operations a network is made of.

The operations are watched as they are carried out, so that no network has to describe how it is built: a convolution
widens a field, a sum of two paths joins theirs, a dense layer sees everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import torch
from torch import Tensor

from tilework.explain.operations import Counted
from tilework.explain.span import Span, Window, enlarged, painted, painted_up, seen


class Beyond(Enum):
    """What cannot be given as an area."""

    WHOLE = auto()
    """Everything: a dense layer, attention, a mean over positions."""
    UNKNOWN = auto()
    """An operation that is not followed."""


@dataclass(frozen=True)
class Reach:
    """Rows and columns that belong to a position of a feature map."""

    rows: Span
    columns: Span
    statistics: bool = False
    """A norm on the way uses the mean and variance of the whole map (GroupNorm): through these, faintly, everything is seen."""


Found = Reach | Beyond
_KEPT = {"clone", "_to_copy", "detach", "alias", "contiguous", "dropout", "lift_fresh"}
_MIXING = {"bmm", "baddbmm", "_adaptive_avg_pool2d"}
_OVER_AXES = {"mean", "sum", "_softmax"}
"""Over channels alone they leave every position its own."""
_CHANNELS = {1, -3}
_PRODUCTS = {"mm": 0, "addmm": 1}


class Follow(Counted):  # type: ignore[no-untyped-call]
    """Within this block operations are counted, and the field of `start` (1, C, H, W) is followed; `of` is asked what was found.

    `sees`: from the image to the latent, what each position sees; else from the latent to the image, what each paints.
    """

    def __init__(self, start: Tensor, *, sees: bool) -> None:
        super().__init__()
        self.sees = sees
        self._known: dict[int, tuple[Tensor, Found]] = {id(start): (start, Reach(Span(), Span()))}

    def of(self, tensor: Tensor) -> Found | None:
        """What belongs to each position of a tensor; None where it does not depend on `start`."""
        found = self._known.get(id(tensor))
        return found[1] if found is not None else None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = super().__torch_dispatch__(func, types, args, kwargs)
        known = [found for tensor in _tensors(args) if (found := self.of(tensor)) is not None]
        if known:
            found = self._after(func, args, out, known)
            for tensor in _tensors((out,)):
                self._known[id(tensor)] = (tensor, found)  # the tensor is held, so that no other can get its id
        return out

    def _after(self, func: Any, args: Any, out: Any, known: list[Found]) -> Found:
        name = func.overloadpacket.__name__.rstrip("_")
        joined = _joined(known)
        if name in _MIXING or name.startswith("_scaled_dot_product") or joined is Beyond.WHOLE:
            return Beyond.WHOLE
        if name in _OVER_AXES:
            return joined if _axes(args) <= _CHANNELS else Beyond.WHOLE
        if name in _PRODUCTS:
            # One row is one image: all its numbers meet. More rows are positions, and which ones was lost on the way.
            return Beyond.WHOLE if args[_PRODUCTS[name]].shape[0] == 1 else Beyond.UNKNOWN
        if isinstance(joined, Beyond):
            return joined
        if name in {"convolution", "_convolution"}:
            return self._convolved(joined, args[1].shape[-2:], *args[3:7])
        if "batch_norm" in name or name in _KEPT or torch.Tag.pointwise in func.tags:
            return joined
        if "group_norm" in name:
            return Reach(joined.rows, joined.columns, True)
        if name.startswith("upsample_nearest"):
            return self._resized(joined, args[0].shape[-2:], out.shape[-2:])
        if name in {"max_pool2d_with_indices", "avg_pool2d"}:
            return self._pooled(joined, args)
        if name == "cat" and len(args) > 1 and args[1] == 1:
            return joined
        return Beyond.UNKNOWN

    def _convolved(
        self, found: Reach, kernel: Any, stride: Any, padding: Any, dilation: Any, transposed: bool
    ) -> Found:
        windows = [
            Window(k, _at(stride, axis), _at(padding, axis), _at(dilation, axis)) for axis, k in enumerate(kernel)
        ]
        if transposed:
            return Beyond.UNKNOWN if self.sees else _moved(found, windows, painted_up)
        return _moved(found, windows, seen if self.sees else painted)

    def _pooled(self, found: Reach, args: Any) -> Found:
        given = [*args[1:4], *((), (), ())[len(args) - 1 :]]
        kernel, stride, padding = given[0], given[1] or given[0], given[2] or (0, 0)
        windows = [Window(_at(kernel, axis), _at(stride, axis), _at(padding, axis)) for axis in (0, 1)]
        return _moved(found, windows, seen if self.sees else painted)

    def _resized(self, found: Reach, small: Any, large: Any) -> Found:
        factors = [big // little for little, big in zip(small, large, strict=True)]
        whole = all(big % little == 0 for little, big in zip(small, large, strict=True))
        if self.sees or not whole:
            return Beyond.UNKNOWN
        return Reach(enlarged(found.rows, factors[0]), enlarged(found.columns, factors[1]), found.statistics)


def _moved(found: Reach, windows: list[Window], step: Callable[[Span, Window], Span | None]) -> Found:
    rows, columns = step(found.rows, windows[0]), step(found.columns, windows[1])
    if rows is None or columns is None:
        return Beyond.UNKNOWN
    return Reach(rows, columns, found.statistics)


def _joined(known: list[Found]) -> Found:
    """Where several paths meet."""
    if Beyond.WHOLE in known:
        return Beyond.WHOLE
    first, *others = known
    for other in others:
        if isinstance(first, Beyond) or isinstance(other, Beyond):
            return Beyond.UNKNOWN
        rows, columns = first.rows.joined(other.rows), first.columns.joined(other.columns)
        if rows is None or columns is None:
            return Beyond.UNKNOWN
        first = Reach(rows, columns, first.statistics or other.statistics)
    return first


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)


def _axes(args: Any) -> set[int]:
    """The axes that an operation is over; all of them where it names none."""
    given = args[1] if len(args) > 1 else None
    if isinstance(given, int):
        return {given}
    return set(given) if given else {0}


def _at(values: Any, axis: int) -> int:
    """One of two lengths, or the only one."""
    return int(values[axis % len(values)]) if isinstance(values, (list, tuple)) else int(values)
