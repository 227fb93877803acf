"""Bottlenecks: one file per kind; each also works alone in any PyTorch model.

from tilework.bottlenecks import VQ
latent = VQ(dim=64, codes=512)(h)        # h (B, 64, H, W) or (B, N, 64); latent.z, latent.codes, latent.losses
"""

from tilework.bottlenecks.codebook import Revival
from tilework.bottlenecks.contract import Bottleneck, BottleneckConfig, Latent
from tilework.bottlenecks.fsq import FSQ
from tilework.bottlenecks.gaussian import Gaussian
from tilework.bottlenecks.lfq import LFQ
from tilework.bottlenecks.none import NoBottleneck
from tilework.bottlenecks.rq import RQ
from tilework.bottlenecks.vq import VQ

__all__ = ["FSQ", "LFQ", "RQ", "VQ", "Bottleneck", "BottleneckConfig", "Gaussian", "Latent", "NoBottleneck", "Revival"]
