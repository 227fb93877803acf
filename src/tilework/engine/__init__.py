"""The engine: trains a run from its spec, keeps it safe, and hands back models."""

from tilework.engine.launch import resume, train

__all__ = ["resume", "train"]
