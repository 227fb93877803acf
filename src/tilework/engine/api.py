"""The Python interface: as small as the command line's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.bottlenecks.tokens import refuse_nonfinite
from tilework.engine import checkpoint
from tilework.engine.applying import spec_from
from tilework.engine.autoencoder.model import Autoencoder, build_model, grid_of, source_of
from tilework.engine.device import choose_device
from tilework.engine.launch import resume as _resume
from tilework.engine.launch import train as _train
from tilework.engine.progress import Progress
from tilework.errors import UserError
from tilework.inference import DecodeCodes, DecodeZ, Encode
from tilework.runs.checkpoints import named
from tilework.runs.folder import RunFolder
from tilework.spec import AutoencoderSpec, RunSpec, load_spec
from tilework.spec.load import parse_spec
from tilework.spec.prior import PriorSpec

Images = Tensor | NDArray[Any]


class Model:
    """A trained model. Images go in as (B, C, H, W) float in [0, 1], or (B, H, W, C) uint8, as tensors or NumPy arrays.

    Everything comes back as float32 (or int64) tensors on the model's device, without gradients.
    """

    def __init__(self, model: Autoencoder, spec: AutoencoderSpec, step: int, device: torch.device) -> None:
        self.network = model.eval().to(device)
        self.spec = spec
        self.step = step
        self.device = device
        self._encode = Encode(self.network.encoder, self.network.bottleneck)
        self._decode_z = DecodeZ(self.network.decoder)
        self._decode_codes = DecodeCodes(self.network.bottleneck, self.network.decoder)

    @property
    def levels(self) -> int:
        """Q: codes per grid position; 0 where the latent is continuous."""
        return self.network.bottleneck.levels

    @property
    def codebook_size(self) -> int:
        """K: codes per level; 0 where the latent is continuous."""
        return self.network.bottleneck.codes_per_level

    @torch.no_grad()
    def encode(self, images: Images) -> Tensor:
        """Images -> z (B, D, h, w): what the decoder sees (quantised; the mean for a Gaussian latent)."""
        return self._latent(images)[1]

    @torch.no_grad()
    def codes(self, images: Images) -> Tensor:
        """Images -> codes (B, Q, h, w) int64 in [0, K). Raises UserError for a model without codes."""
        found, _ = self._latent(images)
        if found is None:
            raise UserError(
                f"{self.spec.name} has no codes",
                why=f"its bottleneck is {self.spec.bottleneck.kind}, a continuous latent",
                fix="use encode(), or train a recipe with a vq, rq or fsq bottleneck",
            )
        return found

    @torch.no_grad()
    def decode(self, latent: Images) -> Tensor:
        """Codes (B, Q, h, w) int64, or z (B, D, h, w) float -> images (B, C, H, W); the output range is the decoder's."""
        latent = _as_tensor(latent, "decode()").to(self.device)
        continuous = latent.is_floating_point()
        decoded: Tensor = self._decode_z(self._z(latent)) if continuous else self._decode_codes(self._codes(latent))
        return decoded

    @torch.no_grad()
    def reconstruct(self, images: Images) -> Tensor:
        """Images -> their reconstructions (B, C, H, W)."""
        recon: Tensor = self._decode_z(self._latent(images)[1])
        return recon

    def _latent(self, images: Images) -> tuple[Tensor | None, Tensor]:
        h = self._encode.features(self.as_input(images))
        refuse_nonfinite(h)
        return self._encode.quantise(h)

    def _codes(self, codes: Tensor) -> Tensor:
        grid = grid_of(self.spec)
        wanted = (self.levels, grid.height, grid.width)
        codes = codes.long()
        low, high = torch.stack(codes.aminmax()).tolist() if codes.numel() else (0, 0)
        if (
            not self.levels
            or codes.ndim != 4
            or tuple(codes.shape[1:]) != wanted
            or low < 0
            or high >= self.codebook_size
        ):
            raise UserError(
                f"decode() was given codes of shape {tuple(codes.shape)} from {low} to {high}",
                why=f"this model has {self.levels} level(s) of {self.codebook_size} codes on {grid} positions"
                if self.levels
                else f"the latent of this model is continuous ({self.spec.bottleneck.kind}); it has no codes",
                fix=f"pass int64 (B, {', '.join(map(str, wanted))}) in [0, {self.codebook_size}), as codes() returns it"
                if self.levels
                else "pass z as float, as encode() returns it",
            )
        return codes

    def _z(self, z: Tensor) -> Tensor:
        grid = grid_of(self.spec)
        wanted = (self.network.bottleneck.dim, grid.height, grid.width)
        if z.ndim != 4 or tuple(z.shape[1:]) != wanted:
            raise UserError(
                f"decode() was given z of shape {tuple(z.shape)}",
                why=f"the latent of this model has {wanted[0]} dimensions on {grid} positions",
                fix=f"pass float (B, {', '.join(map(str, wanted))}), as encode() returns it",
            )
        return z.float()

    def as_input(self, images: Images) -> Tensor:
        """Images -> (B, C, H, W) float32 in [0, 1] on the device. Raises UserError for those of another kind."""
        x = _as_tensor(images, "the model")
        source = source_of(self.spec)
        whole = x.dtype == torch.uint8 and x.ndim == 4 and x.shape[-1] == source.channels
        if whole:
            x = x.permute(0, 3, 1, 2).float() / 255
        wanted = (source.channels, source.size.height, source.size.width)
        if x.ndim != 4 or tuple(x.shape[1:]) != wanted or not x.is_floating_point():
            raise UserError(
                f"the model was given images of shape {tuple(x.shape)} and type {x.dtype}",
                why=f"it was trained on {source.size} with {source.channels} channel(s)",
                fix=f"pass float (B, {', '.join(map(str, wanted))}) in [0, 1], or uint8 (B, H, W, C)",
            )
        x = x.to(self.device, torch.float32)
        low, high = (0.0, 1.0) if whole or not x.numel() else torch.stack(x.aminmax()).tolist()
        # Written so that NaN is refused too. A little over is rounding; 255 is another range.
        if not (low >= -0.01 and high <= 1.01):
            raise UserError(
                f"the model was given pixels from {low:g} to {high:g}",
                why="it was trained on pixels in [0, 1]",
                fix="divide by 255, or pass uint8 (B, H, W, C)",
            )
        return x


def _as_tensor(given: Any, who: str) -> Tensor:
    try:
        return torch.as_tensor(np.require(given, requirements=["C", "W"]) if isinstance(given, np.ndarray) else given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{who} was given a {type(given).__name__} that is not a tensor of numbers",
            why=str(error).splitlines()[0],
            fix="pass a torch tensor or a NumPy array",
        ) from None


def recipe(name_or_file: str, *overrides: str) -> RunSpec:
    """A shipped recipe or a YAML file, with `section.key=value` overrides, as a RunSpec for `train`.

    Raises UserError for wrong input.
    """
    return load_spec(name_or_file, overrides)


def train(
    what: RunSpec | str | None = None,
    *overrides: str,
    runs: Path | str | None = None,
    progress: Progress | None = None,
    from_run: RunFolder | Path | str | None = None,
    apply: str = "",
    fresh: bool = False,
) -> RunFolder:
    """Train a spec (or a recipe with overrides) to its end; returns the run folder. `runs` is the folder of runs.

    With `from_run` the spec and the weights are those of that run, and all words are overrides; `apply` is the code of a finding
    of that run whose fix joins its spec, `fresh` starts with new weights. Raises UserError for wrong input.
    """
    root = Path(runs) if runs is not None else None
    if from_run is not None:
        if isinstance(what, RunSpec) or (what is not None and "=" not in what):
            raise UserError(
                "train() was given from_run and something else to train",
                why="with from_run the spec is that of the run",
                fix="pass overrides alone, for example train('engine.epochs=5', from_run='last')",
            )
        folder = from_run if isinstance(from_run, RunFolder) else RunFolder.find(str(from_run), root)
        words = (*([what] if what is not None else []), *overrides)
        root = root or folder.path.parent
        return _train(spec_from(folder, words, apply=apply, fresh=fresh, root=root), root=root, progress=progress)
    if apply or fresh:
        raise UserError(
            f"train() was given {'apply' if apply else 'fresh'} without from_run",
            why="a finding is of a run, and so are the weights that a new run may start with",
            fix="pass from_run='last', or the run's name",
        )
    if isinstance(what, RunSpec) and overrides:
        raise UserError(
            "train() was given a RunSpec and overrides",
            why="a RunSpec is complete",
            fix="pass the recipe's name with the overrides",
        )
    if not isinstance(what, (RunSpec, str)):
        raise UserError(
            "train() needs a spec" if what is None else f"train() was given a {type(what).__name__}",
            why="it takes a RunSpec, a recipe's name or a YAML file's path as text",
            fix="pass for example 'rqvae-digits'",
        )
    chosen = load_spec(what, overrides) if isinstance(what, str) else what
    return _train(chosen, root=root, progress=progress)


def resume(run: RunFolder | Path | str, *overrides: str, progress: Progress | None = None) -> RunFolder:
    """Go on with a stopped or killed run; `engine.*`, `optimizer.accumulate`, `trackers` and `data.path` may be overridden."""
    return _resume(_folder(run), progress=progress, overrides=overrides)


def load(run: RunFolder | Path | str, *, which: str = "best", device: str = "auto") -> Model:
    """A trained model from a run (its name, folder or RunFolder) or from one checkpoint folder.

    `which`: `best` (lowest held-out loss; the default), `last`, or one of the run's checkpoints by its step or its folder's name
    (`1200`, `step-00001200`). Averaged weights are used where the run keeps them. Raises UserError for a missing run, another
    format, or a checkpoint that does not fit its spec.
    """
    return load_checkpoint(run, which=which, device=device)[0]


def load_checkpoint(
    run: RunFolder | Path | str, *, which: str = "best", device: str = "auto", runs: Path | None = None
) -> tuple[Model, checkpoint.Checkpoint]:
    """As `load`, with the checkpoint that it was read from; `runs` is the folder in which a run's name is looked for."""
    if not isinstance(run, (RunFolder, Path, str)):
        raise UserError(
            f"load() was given a {type(run).__name__}",
            why="it takes a run's name, its folder, a RunFolder or one checkpoint folder",
            fix="pass for example 'last'",
        )

    def read(found: checkpoint.Checkpoint) -> tuple[Model, checkpoint.Checkpoint]:
        return _loaded(found, device), found

    if not isinstance(run, RunFolder) and (Path(run) / "model.json").is_file():
        return read(checkpoint.open_folder(Path(run)))
    checkpoints = (run if isinstance(run, RunFolder) else RunFolder.find(str(run), runs)).checkpoints
    if which in {"best", "last"}:
        return checkpoint.reading(checkpoints, which, read)
    return read(checkpoint.open_folder(named(checkpoints, which)))


def _loaded(found: checkpoint.Checkpoint, device: str) -> Model:
    chosen = parse_spec(found.spec, str(found.folder / "model.json"))
    if not isinstance(chosen, AutoencoderSpec):
        raise UserError(
            f"{found.folder} holds a model of the task {chosen.task}",
            why="an autoencoder is needed here",
            fix=f"name its autoencoder: {chosen.parent}"
            if isinstance(chosen, PriorSpec)
            else "name a run of an autoencoder",
        )
    model = build_model(chosen)
    tensors = checkpoint.read_tensors(found.folder / "model.safetensors")
    if (found.folder / "ema.safetensors").is_file():
        tensors |= checkpoint.read_tensors(found.folder / "ema.safetensors")
    checkpoint.load_weights(model, tensors, found.folder / "model.safetensors")
    return Model(model, chosen, found.step, torch.device(choose_device(device)))


def _folder(run: RunFolder | Path | str) -> RunFolder:
    return run if isinstance(run, RunFolder) else RunFolder.find(str(run))
