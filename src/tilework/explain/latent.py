"""The latent of an autoencoder: how large, how many codes, and whether its positions see features or the whole image."""

from __future__ import annotations

from tilework.explain.facts.latent import LatentSpace, Learns, Locality, Quantiser
from tilework.explain.facts.network import Area
from tilework.explain.network import Measured
from tilework.explain.reach import Beyond, Found, Reach
from tilework.spec import AutoencoderSpec, Plugin, Size


def latent_space(spec: AutoencoderSpec, found: Measured) -> LatentSpace:
    """What an image becomes."""
    bottleneck, grid = found.bottleneck, found.grid
    books, quantiser = bottleneck.codebooks(), _quantiser(spec.bottleneck)
    return LatentSpace(
        spec.bottleneck.kind,
        grid.width,
        grid.height,
        bottleneck.dim,
        bottleneck.levels,
        bottleneck.codes_per_level,
        bottleneck.bits_per_position * grid.width * grid.height,
        quantiser,
        sum(book.numel() for book in books[: 1 if quantiser.shared else None]),
    )


def _quantiser(config: Plugin) -> Quantiser:
    """What the settings define of how codes come to be; whatever a kind does not have stays None."""
    revival = getattr(config, "revival", None)
    alive = revival is not None and getattr(revival, "enabled", True)
    levels = getattr(config, "levels", ())
    return Quantiser(
        rule=getattr(config, "codebook", None),
        decay=getattr(config, "decay", None),
        start=getattr(config, "start", None),
        gradient=getattr(config, "gradient", None),
        revival=getattr(revival, "threshold", None) if alive else None,
        distance=getattr(config, "distance", None),
        shared=bool(getattr(config, "shared", False)),
        steps=tuple(levels) if isinstance(levels, tuple) else (),
    )


def locality(found: Measured, image: Size) -> Locality:
    """Features or the whole image, answered for this network."""
    sees, grid = found.sees, found.grid
    area = _area(sees)
    pitch = (sees.columns.pitch, sees.rows.pitch) if isinstance(sees, Reach) else None
    share = None
    if area is not None:
        share = min(area.width, image.width) * min(area.height, image.height) / (image.width * image.height)
    elif sees is Beyond.WHOLE:
        share = 1.0
    return Locality(
        _learns(grid, sees, share),
        area,
        pitch,
        _area(found.paints),
        isinstance(sees, Reach) and sees.statistics,
        share,
    )


def _learns(grid: Size, sees: Found | None, share: float | None) -> Learns:
    if grid.width * grid.height == 1:
        return Learns.WHOLE
    if sees is Beyond.UNKNOWN or sees is None or share is None:
        return Learns.GRID
    return Learns.WIDE_FEATURES if share >= 1 else Learns.FEATURES


def _area(found: Found | None) -> Area | None:
    return Area(found.columns.size, found.rows.size) if isinstance(found, Reach) else None
