"""How much fine detail comes back, and how much of it the latent could carry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tilework.engine.probing import contract
from tilework.engine.probing.contract import Measured
from tilework.engine.probing.drawing import rows
from tilework.engine.probing.left_out import NotApplicable
from tilework.engine.probing.subject import Subject
from tilework.objective.fine.laplacian import laplacian_energy

_STEPS = 60


class Probe(contract.Probe):
    """Fine detail of held-out reconstructions over that of the images, as energy of the Laplacian.

    - `detail`: 1 = as sharp, less = blurred, more = noisy.
    - `bits`: what the codes of an image carry at most (a Gaussian latent: its KL divergence); `numbers`: how many numbers the
      latent has, where that is no matter of bits.
    - `allowed`: what would come back where the latent carried as much of a signal that has nothing but the spectrum of these
      images, coded as well as can be: reverse water-filling (Cover and Thomas 2006, section 10.3.3) over a cosine transform. A
      network knows more of its images than their spectrum, so it can do better.
    - `error`: mean squared error that such a code would have, beside `mse`, the one that was measured.
    """

    order = 60

    def measure(self, subject: Subject) -> Measured:
        x, y = subject.held_out, subject.recon
        own = float(laplacian_energy(x))
        if own < 1e-8:
            raise NotApplicable
        bottleneck, positions = subject.model.bottleneck, subject.images.positions
        bits = positions * (bottleneck.bits_per_position or _kl_bits(subject))
        numbers = bottleneck.dim * positions
        spectrum, gain = spectrum_of(x.cpu().double().numpy())
        if not float((gain * spectrum).sum()) > 0:  # one image alone shares everything with itself
            raise NotApplicable
        kept = by_bits(spectrum, bits) if bits else by_count(spectrum, numbers)
        values = {
            "detail": float(laplacian_energy(y)) / own,
            "allowed": float((gain * kept).sum() / (gain * spectrum).sum()),
            "bits": float(bits),
            "numbers": numbers,
            "error": float((spectrum - kept).mean()),
            "mse": float((y - x).square().mean()),
        }
        return Measured(values, rows(x, y))


def _kl_bits(subject: Subject) -> float:
    """Bits of a Gaussian latent at one position; 0 of others."""
    bottleneck, model = subject.model.bottleneck, subject.model
    latent = bottleneck(model.encoder(subject.held_out).float())
    return float(latent.losses["kl_per_dim"].sum() / np.log(2)) if "kl_per_dim" in latent.losses else 0.0


def spectrum_of(images: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Images (n, C, H, W) -> mean power of each coefficient of their cosine transform (C, H, W), without what all images share,
    and the gain of the Laplacian there. A cosine transform sees no jump from one side of an image to the other."""
    from scipy.fft import dctn

    power = np.square(dctn(images - images.mean(0), axes=(2, 3), norm="ortho")).mean(0)
    height, width = images.shape[2:]
    down, across = np.cos(np.pi * np.arange(height) / height), np.cos(np.pi * np.arange(width) / width)
    gain = np.square(4 - 2 * down[:, None] - 2 * across[None, :])
    return power, np.broadcast_to(gain, power.shape)


def by_bits(spectrum: NDArray[np.float64], bits: float) -> NDArray[np.float64]:
    """What of each power is kept by so many bits, shared out so that the error is least: max(power - water level, 0)."""
    low, high = -80.0, float(np.log(max(spectrum.max(), 1e-30)))
    for _ in range(_STEPS):
        water = np.exp((low + high) / 2)
        needed = 0.5 * np.log2(np.maximum(spectrum / water, 1)).sum()
        low, high = ((low + high) / 2, high) if needed > bits else (low, (low + high) / 2)
    kept: NDArray[np.float64] = np.maximum(spectrum - np.exp(high), 0)
    return kept


def by_count(spectrum: NDArray[np.float64], numbers: int) -> NDArray[np.float64]:
    """What is kept by so many numbers: the largest powers, whole."""
    if numbers >= spectrum.size:
        return spectrum
    least = np.partition(spectrum.ravel(), spectrum.size - numbers)[spectrum.size - numbers]
    kept: NDArray[np.float64] = np.where(spectrum >= least, spectrum, 0.0)
    return kept
