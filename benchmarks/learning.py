"""What a model learns with each quantiser: equal network, bits, steps and data. Run: uv run benchmarks/learning.py --data FOLDER

Trains a small convolutional autoencoder on MNIST (28x28, 7x7 tokens), flowers (64x64, 16x16 tokens) and ten drawn loops (64x64,
8x8 tokens) with every quantiser in turn, ours and vector-quantize-pytorch's, and measures it on held-out images: mean
squared error, codes used, perplexity, always with the number of tokens N. Results are kept run by run; a run that is
already kept is not repeated.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from harness import machine
from harness.report import RESULTS, write
from numpy.typing import NDArray
from torch import Tensor, nn

from tilework.bottlenecks import FSQ, LFQ, VQ
from tilework.data import Batches, prepare, split_by
from tilework.data.contract import SourceConfig
from tilework.nets.decoders.ladder import Config as Decoder
from tilework.nets.encoders.ladder import Config as Encoder
from tilework.spec import SOURCES

DIM = 64
Quantise = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]


@dataclass(frozen=True)
class Images:
    """One data set and the network for it. The grid has 2^-len(widths) of the image's sides."""

    source: dict[str, Any]
    widths: tuple[int, ...]
    batch: int
    folder: str = ""


SETS = {
    "mnist": Images({"kind": "mnist", "size": "28x28", "channels": 1}, (32, 64), 128, "MNIST/raw"),
    "flowers": Images(
        {"kind": "images", "size": "64x64", "channels": 3, "split": {"validation": 0.2}}, (32, 64), 32, "flowers"
    ),
    # Enough held-out tokens for 65,536 codes: a grid of half the image's side.
    "flowers-fine": Images(
        {"kind": "images", "size": "128x128", "channels": 3, "split": {"validation": 0.2}}, (32,), 8, "flowers"
    ),
    "loops": Images(
        {"kind": "loops", "size": "64x64", "channels": 1, "frames": 180, "split": {"by": "segment", "validation": 0.1}},
        (32, 64, 64), 32,
    ),
}  # fmt: skip

BITS = {512: ((8, 8, 8), 9), 4096: ((8, 8, 8, 8), 12), 65536: ((16, 16, 16, 16), 16)}


class Ours(nn.Module):
    """A tilework bottleneck with the weights of its losses."""

    def __init__(self, bottleneck: nn.Module, **weights: float) -> None:
        super().__init__()
        self.bottleneck, self.weights = bottleneck, weights

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        latent = self.bottleneck(h)
        loss = sum((w * latent.losses[name] for name, w in self.weights.items()), torch.zeros(()))
        return latent.z, latent.codes.flatten(1), loss


class Peer(nn.Module):
    """A layer of vector-quantize-pytorch; its loss weights are its own."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        z, codes, *loss = self.layer(h)
        return z, codes.flatten(1), loss[0].sum() if loss else torch.zeros(())


def projected(inner: nn.Module, dim: int) -> nn.Module:
    """A 1x1 convolution each side, for quantisers that take few channels."""

    class Projected(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.inner, self.last = nn.Conv2d(DIM, dim, 1), inner, nn.Conv2d(dim, DIM, 1)

        def forward(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            z, codes, loss = self.inner(self.first(h))
            return self.last(z), codes, loss

    return Projected()


def peer_vq(k: int, **more: Any) -> nn.Module:
    """VectorQuantize on feature maps."""
    from vector_quantize_pytorch import VectorQuantize

    return Peer(VectorQuantize(dim=DIM, codebook_size=k, accept_image_fmap=True, **more))


def peer_simvq(k: int) -> nn.Module:
    """SimVQ on feature maps."""
    from vector_quantize_pytorch import SimVQ

    return Peer(SimVQ(dim=DIM, codebook_size=k, channel_first=True))


def peer_fsq(k: int) -> nn.Module:
    """FSQ with its own projections."""
    from vector_quantize_pytorch import FSQ as Theirs

    return Peer(Theirs(list(BITS[k][0]), dim=DIM))


def ours_vq(k: int, beta: float = 0.25, **more: Any) -> nn.Module:
    """VQ with the given settings; gradient codebooks get their codebook loss."""
    weights = {"commitment": beta}
    if more.get("codebook", "ema") != "ema":
        weights["codebook"] = 1.0
    return Ours(VQ(dim=DIM, codes=k, **more), **weights)


CONFIGS: dict[str, Callable[[int], nn.Module]] = {
    "vq": lambda k: ours_vq(k),
    "vq-simvq": lambda k: ours_vq(k, codebook="simvq", search_dim=16),
    "fsq": lambda k: projected(Ours(FSQ(levels=BITS[k][0])), len(BITS[k][0])),
    "lfq": lambda k: projected(Ours(LFQ(dim=BITS[k][1]), commitment=0.25, entropy=0.3), BITS[k][1]),
    "peer-default": lambda k: peer_vq(k),
    "peer-kmeans-expiry": lambda k: peer_vq(k, decay=0.99, kmeans_init=True, threshold_ema_dead_code=2),
    "peer-cos16-rotation": lambda k: peer_vq(
        k, codebook_dim=16, use_cosine_sim=True, decay=0.99, kmeans_init=True, threshold_ema_dead_code=2, rotation_trick=True
    ),
    "peer-cos16": lambda k: peer_vq(
        k, codebook_dim=16, use_cosine_sim=True, decay=0.99, kmeans_init=True, threshold_ema_dead_code=2, rotation_trick=False
    ),
    "peer-simvq": peer_simvq,
    "peer-fsq": peer_fsq,
}  # fmt: skip


def source(name: str, folder: Path | None) -> SourceConfig:
    """The images of a set; those that are files lie in `folder`."""
    chosen = SETS[name]
    settings = dict(chosen.source)
    if chosen.folder:
        if folder is None:
            raise SystemExit(f"{name} needs --data, a folder with {chosen.folder} in it")
        settings["path"] = str(folder / chosen.folder)
    found = SOURCES.parse(settings)
    assert isinstance(found, SourceConfig)
    return found


def endless(batches: Batches) -> Iterator[Tensor]:
    """Batches, epoch after epoch."""
    epoch = 0
    while True:
        for batch in batches.epoch(epoch):
            yield batch.images
        epoch += 1


def train(name: str, config: str, codes: int, seed: int, steps: int, lr: float, folder: Path | None) -> dict[str, Any]:
    """One run and its held-out figures."""
    chosen, images = SETS[name], source(name, folder)
    store = prepare(images)
    split = split_by(store, images.split)
    torch.manual_seed(seed)
    ladder = Encoder(widths=chosen.widths, kernel=4, tail_blocks=2, residual_width=32)
    encoder = ladder.build(images.size, images.channels, DIM)
    decoder = Decoder(output="linear").build(images.size, images.channels, DIM, ladder)
    quantiser = CONFIGS[config](codes)
    model = nn.ModuleList([encoder, quantiser, decoder]).to(memory_format=torch.channels_last)
    batches = endless(Batches(store, split.train, chosen.batch, seed=seed))
    low = torch.autocast("cpu", torch.bfloat16)
    with torch.no_grad(), low:
        # Built and started as each library does it: ours by k-means over many batches, theirs in its first forward pass.
        start = torch.cat([encoder(next(batches)).float() for _ in range(16)])
    inner = getattr(quantiser, "inner", quantiser)
    bottleneck = getattr(inner, "bottleneck", None)
    if bottleneck is not None and bottleneck.wants_start:
        bottleneck.start(start.permute(0, 2, 3, 1).reshape(-1, DIM), torch.Generator().manual_seed(seed))
    optimiser = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    began = time.perf_counter()
    for _ in range(steps):
        x = next(batches)
        with low:
            h = encoder(x)
        z, _, loss = quantiser(h.float())
        with low:
            y = decoder(z)
        total = F.mse_loss(y.float(), x) + loss
        optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    seconds = time.perf_counter() - began
    model.eval()

    @torch.no_grad()
    def measure(indices: NDArray[np.int64]) -> tuple[float, Tensor]:
        """Summed squared error, and how often each code was chosen."""
        error, counts = 0.0, torch.zeros(codes, dtype=torch.int64)
        for batch in Batches(store, indices, 128, shuffle=False, drop_last=False).epoch(0):
            with low:
                h = encoder(batch.images)
            z, chosen, _ = quantiser(h.float())
            with low:
                y = decoder(z)
            error += F.mse_loss(y.float(), batch.images, reduction="sum").item()
            counts += torch.bincount(chosen.flatten().long(), minlength=codes)
        return error, counts

    error, counts = measure(split.validation)
    # A code that only training images use is not dead: held-out usage below 100 % may be a matter of the images.
    _, training = measure(split.train)
    share = counts / counts.sum()
    pixels = len(split.validation) * store.shape[0] * store.shape[1] * (store.shape[2] if len(store.shape) > 2 else 1)
    return {
        "set": name, "config": config, "codes": codes, "seed": seed, "steps": steps, "lr": lr,
        "mse": error / pixels, "used": int((counts > 0).sum()), "tokens": int(counts.sum()),
        "used_in_training": int((training > 0).sum()),
        "perplexity": float(torch.special.entr(share.double()).sum().exp()), "seconds": seconds,
    }  # fmt: skip


def key(run: dict[str, Any]) -> tuple[Any, ...]:
    """What makes a run the same run."""
    return tuple(run[name] for name in ("set", "config", "codes", "seed", "steps", "lr"))


def table(runs: list[dict[str, Any]]) -> list[str]:
    """One line for each set, codes and configuration: means over the seeds."""
    lines = []
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for run in runs:
        groups.setdefault((run["set"], run["codes"], run["config"], run["steps"]), []).append(run)
    for (name, codes, config, steps), found in sorted(
        groups.items(), key=lambda g: (g[0][:2], min(r["mse"] for r in g[1]))
    ):
        mse = statistics.mean(r["mse"] for r in found)
        used = statistics.mean(r["used"] / r["codes"] for r in found)
        spread = statistics.mean(r["perplexity"] / r["codes"] for r in found)
        lines.append(
            f"{name:8} K {codes:<6} {config:22} {steps} steps  MSE {mse:.5f}  used {used:6.1%}  perplexity/K {spread:.2f}  "
            f"N/K {found[0]['tokens'] / codes:.0f}  {len(found)} seed(s)  {statistics.mean(r['seconds'] for r in found):.0f} s"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with MNIST/raw and flowers in it")
    parser.add_argument("--sets", default="mnist,flowers,loops", help="comma-separated")
    parser.add_argument("--configs", default=",".join(CONFIGS), help="comma-separated")
    parser.add_argument("--codes", type=int, default=512, choices=sorted(BITS), help="codes K")
    parser.add_argument("--seeds", type=int, default=3, help="0 to this number, without it")
    parser.add_argument("--steps", type=int, default=1000, help="training steps")
    parser.add_argument("--lr", type=float, default=1e-3, help="learning rate of Adam")
    parser.add_argument("--cores", type=int, default=2, help="cores to use")
    parser.add_argument("--output", type=Path, default=RESULTS / "learning.json", help="results file")
    given = parser.parse_args()
    machine.keep_to_cores(given.cores)
    torch.set_num_threads(min(given.cores, len(machine.usable_cores())))
    runs: list[dict[str, Any]] = []
    if given.output.is_file():
        runs = json.loads(given.output.read_text(encoding="utf-8"))["runs"]
    kept = {key(run) for run in runs}
    for seed in range(given.seeds):
        for name in given.sets.split(","):
            for config in given.configs.split(","):
                wanted = (name, config, given.codes, seed, given.steps, given.lr)
                if wanted in kept:
                    continue
                runs.append(train(name, config, given.codes, seed, given.steps, given.lr, given.data))
                print(json.dumps(runs[-1]), file=sys.stderr)
                write(given.output, "learning", machine=machine.facts(), runs=runs)
    print("\n".join(table(runs)))


if __name__ == "__main__":
    main()
