"""This machine's device against its CPU: the same small models, images and weights, computed twice and compared.

Each part gets the reference's input and the reference's gradient. A code that is chosen otherwise near a tie, or a rounding of
the encoder, then shows where it happens and nowhere else.
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tilework.bottlenecks import Latent
from tilework.engine.autoencoder.model import Autoencoder, build_model, outcome, source_of, to_points
from tilework.engine.device import choose_device, choose_precision
from tilework.engine.step import make_optimizer
from tilework.errors import UserError
from tilework.inference import DecodeCodes, DecodeZ, Encode
from tilework.objective.contract import TermConfig
from tilework.objective.total import Objective
from tilework.spec import AutoencoderSpec, load_spec

What = Literal["forward", "backward", "optimiser step", "code search", "decode", "all"]
Tensors = dict[str, Tensor]

BATCH = 16
_SMALL = ("data.size=32x32", "encoder.widths=[16,32]")
MODELS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "rqvae-digits": ("rqvae-digits", ()),
    "vae-digits": ("vae-digits", ()),
    "vq": ("naruto", (*_SMALL, "encoder.residual_width=8", "bottleneck.dim=16", "bottleneck.codes=64")),
    "fsq": ("p5-loops", (*_SMALL, "bottleneck={kind: fsq, levels: [8,6,5]}")),
}
"""What is compared: a recipe and overrides. Dense heads, BatchNorm and BCE; residual blocks, EMA codes; no codebook."""


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
class Row:
    """One comparison. `difference` is infinite where there is a value that is not finite, or none at all (`problem` says why)."""

    model: str
    backend: Backend
    what: What
    difference: float
    tolerance: float
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether the device may be trusted with this."""
        return self.difference <= self.tolerance


def backends() -> list[Backend]:
    """What this machine trains with: its device in float32 and in the precision that `auto` takes.

    Where there is only a CPU: all of its threads, and bf16, which `auto` takes only where the hardware multiplies in it.
    """
    device = choose_device("auto")
    if device == "cpu":
        threads = max(2, os.cpu_count() or 1)
        return [Backend("cpu", "float32", threads), Backend("cpu", "bf16", threads)]
    own = [Backend(device), Backend(device, cast(Literal["float32", "bf16", "fp16"], choose_precision("auto", device)))]
    return list(dict.fromkeys(own))


def compare(found: list[Backend]) -> Iterator[Row]:
    """Five rows for each model and backend, as soon as each is known."""
    for name, (recipe, overrides) in MODELS.items():
        case = _case(cast(AutoencoderSpec, load_spec(recipe, overrides)))
        wanted = _measure(case, REFERENCE, None)
        for backend in found:
            tolerances = _tolerances(backend, case)
            try:
                rows = _differences(_measure(case, backend, wanted), wanted)
            except (RuntimeError, NotImplementedError, UserError) as error:
                # An operation or memory that the device does not have, or values that a bottleneck refuses.
                said = str(error).splitlines()[0] if str(error) else type(error).__name__
                yield Row(name, backend, "all", math.inf, 0.0, said)
                continue
            for what, difference in rows.items():
                yield Row(name, backend, what, difference, tolerances[what])


# What is computed ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Case:
    """A model with its initial weights on the CPU, and images for it."""

    spec: AutoencoderSpec
    model: Autoencoder
    images: Tensor


@dataclass
class _Measured:
    """What one backend computed, on the CPU in float64; `excess` is relative."""

    decode: Tensors = field(default_factory=dict)
    forward: Tensors = field(default_factory=dict)
    backward: Tensors = field(default_factory=dict)
    step: Tensors = field(default_factory=dict)
    codes: Tensor | None = None
    z: Tensor | None = None
    """What is decoded: `codes`, or z where there are none."""
    excess: float = 0.0


def _case(spec: AutoencoderSpec) -> _Case:
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
    return _Case(spec, model, images)


def _measure(case: _Case, backend: Backend, given: _Measured | None) -> _Measured:
    """Everything on one backend; `given` is the reference, whose values each part starts from. None: this is the reference."""
    device = torch.device(backend.device)
    model, x = copy.deepcopy(case.model).to(device), case.images.to(device)
    found = _Measured()
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
    spec: AutoencoderSpec, model: Autoencoder, x: Tensor, backend: Backend, given: _Measured | None, found: _Measured
) -> None:
    """One training step in three parts, encoder, bottleneck and decoder, each from the reference's input and gradient."""
    device = x.device
    terms = cast(Mapping[str, TermConfig], spec.objective)
    objective = Objective(terms).to(device)
    weights = {name: term.weight.at(0, 1) for name, term in terms.items()}
    settings = spec.optimizer
    parameters = dict(model.named_parameters())
    optimizer = make_optimizer(settings, list(parameters.values()), device)

    def input_of(name: str, own: Tensor) -> Tensor:
        value = own.detach() if given is None else _there(given.forward[name], device).to(own.dtype)
        return value.requires_grad_()

    def gradient_of(own: Tensor, name: str) -> Tensor:
        assert own.grad is not None
        found.backward[name] = _here(own.grad)
        return own.grad if given is None else _there(given.backward[name], device).to(own.dtype)

    with _autocast(backend):
        h = model.encoder(x)
        h_in = input_of("h", h.float())
        latent: Latent = model.bottleneck(h_in)
        z_in = input_of("z", latent.z)
        recon = model.decoder(z_in).float()
    total, _ = objective(outcome(x, recon, latent, model.bottleneck), weights)
    found.forward = {"h": _here(h), "z": _here(latent.z), "images": _here(recon), "loss": _here(total)}
    found.excess = _excess(model, latent, given)
    # fp16 has no numbers below 6e-8, where small gradients lie: they are scaled, as in training.
    scale = 2.0**12 if backend.precision == "fp16" else 1.0
    torch.autograd.backward(total * scale, retain_graph=True)
    torch.autograd.backward(latent.z, gradient_of(z_in, "z"))
    torch.autograd.backward(h, gradient_of(h_in, "h").to(h.dtype))
    found.backward = {name: value / scale for name, value in found.backward.items()}
    for name, parameter in parameters.items():
        assert parameter.grad is not None, name
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


def _excess(model: Autoencoder, latent: Latent, given: _Measured | None) -> float:
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


# How it is compared ----------------------------------------------------------------------------------------------------


def _differences(found: _Measured, wanted: _Measured) -> dict[What, float]:
    rows: dict[What, float] = {
        "forward": _relative(_but_z(found.forward), _but_z(wanted.forward)),
        "backward": _relative(found.backward, wanted.backward),
        "optimiser step": _relative(found.step, wanted.step),
        "decode": _relative(found.decode, wanted.decode),
    }
    return rows if wanted.codes is None else {**rows, "code search": found.excess}


def _but_z(tensors: Tensors) -> Tensors:
    """z steps from code to code: the row of the code search judges it."""
    return {name: value for name, value in tensors.items() if name != "z"}


def _relative(found: Tensors, wanted: Tensors) -> float:
    """The largest of |f - w| / |w| (L2 norms) over parts: what has the same first name, such as all of the decoder's gradient.

    Not number by number: a ReLU whose input is almost 0 lets a gradient pass or not, and the gradient of a bias in front of a
    norm is 0 but for rounding.
    """
    parts: dict[str, list[str]] = {}
    for name in wanted:
        parts.setdefault(name.split(".")[0], []).append(name)
    worst = 0.0
    for names in parts.values():
        f, w = (torch.cat([side[name].flatten() for name in names]) for side in (found, wanted))
        difference = float((f - w).norm() / w.norm().clamp_min(1e-30))
        worst = max(worst, difference if math.isfinite(difference) else math.inf)
    return worst


_ROUNDING = {"float32": 2.0**-24, "tf32": 2.0**-11, "bf16": 2.0**-8, "fp16": 2.0**-11}
"""The largest relative error of one rounding, u."""


def _tolerances(backend: Backend, case: _Case) -> dict[What, float]:
    """How much each comparison may differ.

    Where sums are taken in another order, a sum of n products is off by about sqrt(n) u and at worst by n u (Higham 2002,
    section 3.1). The longest sums of these models, gradients of a convolution, have n = 2^14, and 2^10 u allows for eight such
    errors one after another. Where products are rounded to fewer bits and sums are not, errors do not grow with n, but every
    layer rounds again, and a norm divides by a small spread: 16 u forward, and 64 u backward, which goes through twice as many
    layers. A fault gives differences of about 1; two kinds of sums on one CPU gave at most a third of these.
    The code search is bounded by `bottlenecks.codebook.search.nearest`; it is float32 everywhere, and so is the optimiser.
    """
    u32 = _ROUNDING["float32"]
    # cuDNN rounds the inputs of float32 convolutions to TF32, unless it is told not to.
    short = backend.device == "cuda" and not backend.reduced and torch.backends.cudnn.allow_tf32
    u = _ROUNDING["tf32" if short else backend.precision]
    forward, backward = (2**10 * u32, 2**10 * u32) if u == u32 else (16 * u, 64 * u)
    return {
        "forward": forward,
        "decode": forward,
        "backward": backward,
        "optimiser step": 2**10 * u32,
        "code search": 4 * (case.model.bottleneck.dim + 3) * u32,
    }


# Where it is computed --------------------------------------------------------------------------------------------------


@contextmanager
def _computing(backend: Backend) -> Iterator[None]:
    """On as many threads as the backend has; as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(backend.threads or before)
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
