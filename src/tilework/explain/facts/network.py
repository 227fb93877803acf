"""The network, stage by stage: shapes, weights, parameters and operations."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Where a stage belongs."""

    IMAGE = "image"
    ENCODER = "encoder"
    LATENT = "latent"
    DECODER = "decoder"


class Kind(StrEnum):
    """What a stage does."""

    IMAGE = "image"
    DOWN = "step down"
    UP = "step up"
    CONVOLUTION = "convolution"
    BLOCK = "block"
    DENSE = "dense"
    LATENT = "latent"
    OTHER = "other"


@dataclass(frozen=True)
class Weights:
    """One convolution or dense layer."""

    kind: str
    """conv, transposed, dense."""
    inputs: int
    outputs: int
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Area:
    """Rows and columns in pixels."""

    width: int
    height: int


@dataclass(frozen=True)
class Stage:
    """One step of the network, with what follows it and changes no shape."""

    side: Side
    name: str
    """Where its weights are in a checkpoint: `encoder.stage1_conv`."""
    kind: Kind
    layer: str
    """The class that computes it."""
    shape: tuple[int, ...]
    """(C, H, W), or (C,) of a vector."""
    parameters: int = 0
    multiply_adds: int = 0
    """For one image."""
    weights: tuple[Weights, ...] = ()
    then: tuple[str, ...] = ()
    """Classes of the activations and norms that follow."""
    sees: Area | None = None
    """What one position of it sees of the image; None where that is everything, or not known."""

    @property
    def channels(self) -> int:
        """C."""
        return self.shape[0]

    @property
    def positions(self) -> tuple[int, int]:
        """(height, width), 1 x 1 of a vector."""
        return (self.shape[1], self.shape[2]) if len(self.shape) == 3 else (1, 1)


@dataclass(frozen=True)
class Part:
    """Encoder, bottleneck or decoder as a whole."""

    name: str
    parameters: int
    multiply_adds: int
    """For one image."""


@dataclass(frozen=True)
class Network:
    """The stages in order: the image, the encoder's, the latent, the decoder's. The last one is the reconstruction."""

    stages: tuple[Stage, ...]
    parts: tuple[Part, ...]
    output: str = ""
    """What makes pixels: sigmoid, tanh, linear; empty where the decoder does not give it."""
    final_relu: bool = False
    """The fault that a recipe has on purpose."""

    @property
    def parameters(self) -> int:
        """All that the optimiser moves."""
        return sum(part.parameters for part in self.parts)

    @property
    def multiply_adds(self) -> int:
        """For one image, there and back."""
        return sum(part.multiply_adds for part in self.parts)

    def of(self, side: Side) -> tuple[Stage, ...]:
        """The stages of one side."""
        return tuple(stage for stage in self.stages if stage.side is side)

    @property
    def steps_down(self) -> tuple[Stage, ...]:
        """The encoder's stages that make the map smaller."""
        return tuple(stage for stage in self.of(Side.ENCODER) if stage.kind is Kind.DOWN)

    @property
    def blocks(self) -> tuple[Stage, ...]:
        """The blocks of both sides."""
        return tuple(stage for stage in self.stages if stage.kind is Kind.BLOCK)
