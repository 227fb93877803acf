"""Forward passes that activation checkpointing repeats in the backward pass."""

from tilework.bottlenecks.repetition.passes import Pass, Passes

__all__ = ["Pass", "Passes"]
