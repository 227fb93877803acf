"""Which positions of one feature map belong to a position of another: intervals, composed layer by layer.

Along one axis, position i of the one map belongs to the positions i x pitch + first to i x pitch + last of the other. Borders are
left out: what lies beyond them is padding. (Araujo 2019, doi 10.23915/distill.00021, for what a position sees.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Span:
    """An interval on one axis."""

    pitch: int = 1
    first: int = 0
    last: int = 0

    @property
    def size(self) -> int:
        """Positions in it."""
        return self.last - self.first + 1

    def joined(self, other: Span) -> Span | None:
        """Both of them, where two paths meet; None where their pitches differ."""
        if self.pitch != other.pitch:
            return None
        return replace(self, first=min(self.first, other.first), last=max(self.last, other.last))


@dataclass(frozen=True)
class Window:
    """What a layer does along one axis."""

    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @property
    def reach(self) -> int:
        """From the first tap of the kernel to the last."""
        return self.dilation * (self.kernel - 1)


def seen(span: Span, window: Window) -> Span:
    """What a position sees of the image, behind one more convolution (or pooling)."""
    first = span.first - window.padding * span.pitch
    last = span.last + (window.reach - window.padding) * span.pitch
    return Span(span.pitch * window.stride, first, last)


def painted(span: Span, window: Window) -> Span | None:
    """What a position of the latent changes of the image, behind one more convolution; None where that one has a stride."""
    if window.stride != 1:
        return None
    return Span(span.pitch, span.first + window.padding - window.reach, span.last + window.padding)


def painted_up(span: Span, window: Window) -> Span:
    """The same, behind one more transposed convolution."""
    first = span.first * window.stride - window.padding
    last = span.last * window.stride - window.padding + window.reach
    return Span(span.pitch * window.stride, first, last)


def enlarged(span: Span, factor: int) -> Span:
    """The same, behind a resize to the nearest neighbour, `factor` times as large."""
    return Span(span.pitch * factor, span.first * factor, span.last * factor + factor - 1)
