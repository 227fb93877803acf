"""One training step and one decode of a small model on one backend, each part from the input that a reference gave it."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tilework.bottlenecks import Latent
from tilework.engine.autoencoder.model import Autoencoder, build_model, outcome, source_of, to_points
from tilework.engine.step import make_optimizer
from tilework.inference import DecodeCodes, DecodeZ, Encode
from tilework.objective.contract import TermConfig
from tilework.objective.total import Objective
from tilework.spec import AutoencoderSpec

Tensors = dict[str, Tensor]
BATCH = 16


@dataclass(frozen=True)
class Backend:
    """Where and in which arithmetic to compute; `threads` on a CPU, None = as torch chooses."""

    device: str
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    threads: int | None = None

    @property
    def reduced(self) -> bool:
        """Whether encoder and decoder compute with fewer bits than float32 has."""
        return self.precision != "float32"


REFERENCE = Backend("cpu", threads=1)


@dataclass(frozen=True)
class Case:
    """A model with its initial weights on the CPU, and images for it."""

    spec: AutoencoderSpec
    model: Autoencoder
    images: Tensor


@dataclass
class Measured:
    """What one backend computed, on the CPU in float64; `excess` is relative."""

    decode: Tensors = field(default_factory=dict)
    forward: Tensors = field(default_factory=dict)
    backward: Tensors = field(default_factory=dict)
    step: Tensors = field(default_factory=dict)
    codes: Tensor | None = None
    z: Tensor | None = None
    """What is decoded: `codes`, or z where there are none."""
    excess: float = 0.0


def case_of(spec: AutoencoderSpec) -> Case:
    source = source_of(spec)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build_model(spec)
    generator = torch.Generator().manual_seed(1)
    # Broad shapes, as images have; the latents of plain noise are all alike.
    coarse = torch.rand(BATCH, source.channels, 4, 4, generator=generator)
    images = F.interpolate(coarse, size=(source.size.height, source.size.width), mode="bicubic").clamp(0, 1)
    if model.bottleneck.wants_start:
        with torch.no_grad(), _computing(REFERENCE):
            model.bottleneck.start(to_points(model.encoder(images)), generator)
    return Case(spec, model, images)


def measure(case: Case, backend: Backend, given: Measured | None) -> Measured:
    """Everything on one backend; `given` is the reference, whose values each part starts from. None: this is the reference."""
    device = torch.device(backend.device)
    model, x = copy.deepcopy(case.model).to(device), case.images.to(device)
    found = Measured()
    with _computing(backend):
        with torch.no_grad():
            model.eval()
            if given is None:
                found.codes, found.z = Encode(model.encoder, model.bottleneck)(x)
            else:
                found.codes, found.z = given.codes, given.z
            assert found.z is not None
            found.decode["images"] = _decode(model, found.codes, found.z, backend)
        model.train()
        # A Gaussian draws its noise on the device: from other numbers than the CPU does.
        model.bottleneck.train(model.bottleneck.levels > 0)
        model.bottleneck.deferred = True
        _step(case.spec, model, x, backend, given, found)
    return found


def _decode(model: Autoencoder, codes: Tensor | None, z: Tensor, backend: Backend) -> Tensor:
    """Codes (B, Q, h, w), or z where there are none -> images (B, C, H, W)."""
    how: nn.Module = DecodeZ(model.decoder) if codes is None else DecodeCodes(model.bottleneck, model.decoder)
    with _autocast(backend):
        decoded: Tensor = how((z if codes is None else codes).to(backend.device))
    return _here(decoded)


def _step(
    spec: AutoencoderSpec, model: Autoencoder, x: Tensor, backend: Backend, given: Measured | None, found: Measured
) -> None:
    """One training step in three parts, encoder, bottleneck and decoder, each from the reference's input and gradient."""
    device = x.device
    terms = cast(Mapping[str, TermConfig], spec.objective)
    objective = Objective(terms).to(device)
    weights = {name: term.weight.at(0, 1) for name, term in terms.items()}
    settings = spec.optimizer
    parameters = dict(model.named_parameters())
    optimizer = make_optimizer(settings, model, device)

    def input_of(name: str, own: Tensor) -> Tensor:
        value = own.detach() if given is None else _there(given.forward[name], device).to(own.dtype)
        return value.requires_grad_()

    scale = 1.0
    if backend.precision == "fp16" and given is not None:
        # It has numbers from 6e-8 to 65504: gradients are scaled, as in training, the largest to about a thousand.
        scale = 2.0 ** (10 - math.ceil(math.log2(max(float(g.abs().max()) for g in given.backward.values()))))

    def gradient_of(own: Tensor, name: str) -> Tensor:
        assert own.grad is not None
        found.backward[name] = _here(own.grad)
        return own.grad if given is None else _there(given.backward[name] * scale, device).to(own.dtype)

    with _autocast(backend):
        h = model.encoder(x)
        h_in = input_of("h", h.float())
        latent: Latent = model.bottleneck(h_in)
        z_in = input_of("z", latent.z)
        recon = model.decoder(z_in).float()
    total, _ = objective(outcome(x, recon, latent, model.bottleneck), weights)
    found.forward = {"h": _here(h), "z": _here(latent.z), "images": _here(recon), "loss": _here(total)}
    found.excess = _excess(model, latent, given)
    torch.autograd.backward(total * scale, retain_graph=True)
    torch.autograd.backward(latent.z, gradient_of(z_in, "z"))
    torch.autograd.backward(h, gradient_of(h_in, "h").to(h.dtype))
    found.backward = {name: value / scale for name, value in found.backward.items()}
    for name, parameter in parameters.items():
        if parameter.grad is None:
            continue  # a term that would move it has no weight at the first step
        found.backward[name] = _here(parameter.grad) / scale
        if given is not None:
            # Adam's first step is the gradient's sign: rounding would decide where the gradient is almost 0.
            parameter.grad.copy_(given.backward[name])
    nn.utils.clip_grad_norm_(parameters.values(), settings.clip_norm or math.inf)
    optimizer.step()
    model.bottleneck.update()
    # Buffers of a norm hold means over the batch: the forward pass has been compared already.
    moved = {**parameters, **dict(model.bottleneck.named_buffers())}
    found.step = {name: _here(value) for name, value in moved.items() if value.is_floating_point()}


def _excess(model: Autoencoder, latent: Latent, given: Measured | None) -> float:
    """By how much the chosen codes are farther away than the nearest ones, relative to what is compared.

    Against distances in float64, so that a tie may go either way:

        (|x - e|^2 - min_k |x - e_k|^2) / max_k (|x||e_k| + |e_k|^2 / 2)

    Without a codebook (FSQ, LFQ) each channel's distance from its value, minus that of the reference's value.
    """
    books, worst = model.bottleneck.codebooks(), 0.0
    if latent.codes is not None and books:
        for book, tokens, codes in zip(books, latent.inputs, latent.codes.unbind(1), strict=True):
            e, x = _here(book), _here(tokens)
            distances = torch.cdist(x, e, compute_mode="donot_use_mm_for_euclid_dist").square()
            chosen = distances.gather(1, codes.cpu().flatten()[:, None])[:, 0]
            size = x.norm(dim=1) * e.norm(dim=1).amax() + e.norm(dim=1).amax().square() / 2
            worst = max(worst, float(((chosen - distances.amin(1)) / size).amax()))
    elif latent.mean is not None and latent.codes is not None and given is not None:
        place = _here(latent.mean)
        own, wanted = (_here(to_points(z)) for z in (latent.z, given.forward["z"]))
        worst = float(((place - own).abs() - (place - wanted).abs()).amax())
    return worst


@contextmanager
def _computing(backend: Backend) -> Iterator[None]:
    """On as many threads as the backend has; as before afterwards."""
    if backend.threads is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(backend.threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _autocast(backend: Backend) -> torch.autocast:
    dtype = torch.float16 if backend.precision == "fp16" else torch.bfloat16
    return torch.autocast(backend.device, dtype, enabled=backend.reduced)


def _here(value: Tensor) -> Tensor:
    return value.detach().cpu().double()


def _there(value: Tensor, device: torch.device) -> Tensor:
    return value.float().to(device)
