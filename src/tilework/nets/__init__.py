"""Encoders and decoders; one file per kind."""

from tilework.nets.contract import DecoderConfig, EncoderConfig

__all__ = ["DecoderConfig", "EncoderConfig"]
