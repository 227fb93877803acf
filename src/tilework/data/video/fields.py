"""Interlaced frames: two moments woven into one image, every other line."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import VideoFrame
    from av.filter import Graph


class TopField:
    """Takes the lines of one moment: half as many, which scaling brings to size.

    Filters that look at the frames around (bwdif, yadif) keep more of what stands still, but then a frame's pixels depend
    on where decoding began. Frame stores are mostly smaller than a field, and what a field lacks is lost in them anyway.
    """

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._made_for: tuple[int, int, str] | None = None

    def of(self, frame: VideoFrame) -> VideoFrame:
        """The lines 0, 2, 4, ... of the frame; half as high, where odd rounded up."""
        looks = (frame.width, frame.height, frame.format.name)
        if self._graph is None or self._made_for != looks:
            self._graph, self._made_for = _graph(frame), looks
        self._graph.vpush(frame)
        return self._graph.vpull()


def _graph(frame: VideoFrame) -> Graph:
    from av.filter import Graph

    graph = Graph()
    # Times pass through; no filter here looks at them.
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
    )
    graph.link_nodes(source, graph.add("field", "type=top"), graph.add("buffersink"))
    graph.configure()
    return graph
